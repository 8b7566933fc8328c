package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// What every kind of document is held to.

// written is what render makes of v.
func written[T any](t testing.TB, render func(io.Writer, *T) error, v *T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onTerminal is the writer for a terminal with opt.
func onTerminal(opt doc.Options) func(io.Writer, *doc.Document) error {
	return func(w io.Writer, d *doc.Document) error { return doc.Terminal(w, d, opt) }
}

// roundTrip writes v as JSON and reads it: it is valid, nothing in it is null,
// what was read is written as the same bytes, and v is what it was.
func roundTrip[T any](t *testing.T, schema string, render func(io.Writer, *T) error, v *T) *T {
	t.Helper()
	before, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	data := written(t, render, v)
	if err := published(schema, data); err != nil {
		t.Error(err)
	}
	if bytes.Contains(data, []byte(": null")) {
		t.Errorf("null in\n%s", data)
	}
	back := new(T)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(back); err != nil {
		t.Fatal(err)
	}
	if again := written(t, render, back); !bytes.Equal(data, again) {
		t.Errorf("what was read is written otherwise (-written +again):\n%s", cmp.Diff(string(data), string(again)))
	}
	if after, err := json.Marshal(v); err != nil || !bytes.Equal(before, after) {
		t.Errorf("writing changed what was given: %v", err)
	}
	return back
}

// published checks a document against the published schema with that name.
func published(schema string, data []byte) error {
	check, err := Validator(schema)
	if err != nil {
		return err
	}
	return check(data)
}

// refuses holds that a valid document is none after any of the changes.
func refuses(t *testing.T, schema string, document []byte, spoils map[string]func(map[string]any)) {
	t.Helper()
	check, err := Validator(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(document); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range spoils {
		var doc map[string]any
		if err := json.Unmarshal(document, &doc); err != nil {
			t.Fatal(err)
		}
		spoil(doc)
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if check(data) == nil {
			t.Errorf("%s is valid:\n%s", name, data)
		}
	}
}

// showPage holds what checkPage does. Set UMLAB_HTML to a directory to look at it.
func showPage(t *testing.T, name string, b []byte) {
	t.Helper()
	if dir := os.Getenv("UMLAB_HTML"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkPage(t, b)
}

// A schema that is not published is asked for in vain, and said so.
func TestSchemaOfNobody(t *testing.T) {
	for _, name := range []string{"", "umlab.results/v9", "../golden_test.go", "umlab"} {
		if published(name, []byte("{}")) == nil {
			t.Errorf("{} is a valid %q", name)
		}
	}
}

// Over own modules, options and trees stands what was asked, and not what the scenario says of its own.
func TestAsked(t *testing.T) {
	sc := result.Scenario{Name: "s", Title: "Rust modules are rejected"}
	own := &result.Results{Question: &result.Question{Own: []string{"modules hello (as of 0a1b)", "fragment x.config (as of 1a)", "at low"}}}
	other := &result.Results{Question: &result.Question{Own: []string{"scenario s of s.toml (as of 0a1b)"}}}
	placed := &result.Results{Question: &result.Question{Own: []string{"at low, 512M"}}}
	tree := &result.Results{Tree: result.Tree{Name: "/home/u/linux", Origin: "directory /home/u/linux"}}
	fetched := &result.Results{Tree: result.Tree{Name: "debian-6.12", Origin: "package linux-source-6.12"}}
	for _, tt := range []struct {
		runs []*result.Results
		want string
	}{
		{nil, "Rust modules are rejected [s]"},
		{[]*result.Results{fetched, other}, "Rust modules are rejected [s]"},
		{[]*result.Results{fetched, placed}, "Rust modules are rejected [s]"},
		{[]*result.Results{own}, "modules hello (as of 0a1b), fragment x.config (as of 1a), in scenario s"},
		{[]*result.Results{fetched, tree, tree}, "on tree /home/u/linux, in scenario s"},
		{[]*result.Results{own, tree}, "modules hello (as of 0a1b), fragment x.config (as of 1a) on tree /home/u/linux, in scenario s"},
	} {
		if got := askedTitle(sc, tt.runs...); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
