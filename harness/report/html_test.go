package report

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"umlab/harness/report/doc"
)

func TestHTML(t *testing.T) {
	for name, r := range fixtures() {
		var b bytes.Buffer
		if err := doc.HTML(&b, Matrix(r)); err != nil {
			t.Fatal(err)
		}
		showPage(t, name, b.Bytes())
		for _, want := range []string{strings.Join(msgTotals(r), separator), title(r.Scenario)} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
	}
}

// checkPage holds what makes a page self-contained and accessible.
func checkPage(t testing.TB, page []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, links := map[string]bool{}, []string{}
	headings, lang := 0, ""
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch n.Data {
		case "script", "iframe", "img", "link", "object", "base", "form":
			t.Errorf("the page has a <%s>", n.Data)
		case "html":
			lang = attr["lang"]
		case "h1":
			headings++
		case "th":
			if attr["scope"] == "" {
				t.Error("a <th> has no scope")
			}
		case "details":
			if n.FirstChild == nil || n.FirstChild.Data != "summary" {
				t.Error("a <details> does not begin with its <summary>")
			}
		}
		for k, v := range attr {
			switch {
			case k == "id" && ids[v]:
				t.Errorf("two elements have the id %q", v)
			case k == "id":
				ids[v] = true
			case k == "href":
				links = append(links, v)
			case k == "src", k == "style", strings.HasPrefix(k, "on"):
				t.Errorf("<%s %s=…>", n.Data, k)
			}
		}
	}
	for _, l := range links {
		if !strings.HasPrefix(l, "#") || !ids[l[1:]] {
			t.Errorf("the link %q leads out of the page", l)
		}
	}
	if lang == "" || headings != 1 {
		t.Errorf("lang=%q, %d <h1>", lang, headings)
	}
}
