package report

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

var styles = regexp.MustCompile(`(?s)<style>.*</style>`)

var update = flag.Bool("update", false, "write testdata anew; then read the difference")

// fixtures are the results that the golden files render.
func fixtures() map[string]*result.Results {
	return map[string]*result.Results{"matrix": matrix(), "trouble": trouble(), "collapsed": collapsed(), "search": search(),
		"goals": goalRun(), "steps": steps()}
}

func TestGolden(t *testing.T) {
	type renderer func(io.Writer, *result.Results) error
	table := func(o doc.Options) renderer {
		return Form(Matrix, onTerminal(o))
	}
	renderers := map[string]renderer{
		"80.txt":    table(doc.Options{Width: 80}),
		"100.txt":   table(doc.Options{Width: 100}),
		"160.txt":   table(doc.Options{Width: 160}),
		"drawn.txt": table(doc.Options{Width: 80, Draw: true}),
		"color.txt": table(doc.Options{Width: 100, Color: true}),
		"60.txt":    table(doc.Options{Width: 60}),
		"md":        Form(Matrix, doc.Markdown), "ktap": matrixKTAP, "xml": matrixJUnit, "json": JSON[result.Results],
	}
	for name, r := range fixtures() {
		for ext, render := range renderers {
			if name != "matrix" && (ext == "xml" && name != "steps" || ext == "color.txt") {
				continue // schema and parser judge those; one to look at is enough, and package kcidb reads the JSON
			}
			t.Run(name+"."+ext, func(t *testing.T) {
				var b bytes.Buffer
				if err := render(&b, r); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+ext, b.Bytes())
			})
		}
	}
}

// golden compares got with a file of testdata, or writes that anew. The styles of a
// page are no part of it: they are a file already.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = styles.ReplaceAll(got, []byte("<style></style>"))
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it:\n%s", file, diff)
	}
}

// A writer that fails is heard of.
func TestWriteErrors(t *testing.T) {
	for name, render := range map[string]func(io.Writer, *result.Results) error{
		"table":    Form(Matrix, onTerminal(doc.Options{})),
		"markdown": Form(Matrix, doc.Markdown), "ktap": matrixKTAP, "junit": matrixJUnit, "json": JSON[result.Results], "html": Form(Matrix, doc.HTML),
	} {
		if err := render(fullDisk{}, matrix()); err == nil {
			t.Errorf("%s: a full disk went unnoticed", name)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left on device") }

// endsWith reports whether the last lines of out are totals and what to do next, wherever they
// are cut.
func endsWith(out, totals, next string) bool {
	bare := func(s string) string { return strings.NewReplacer(" ", "", "\n", "", "·", "", "\\", "").Replace(s) }
	if next != "" {
		next = msgNext + next
	}
	return strings.HasSuffix(bare(out), bare(totals)+bare(next))
}
