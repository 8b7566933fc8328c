package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// minimisations are what the golden files render.
func minimisations() map[string]*result.Minimisation {
	whole := result.Minimisation{
		Command: "umlab minimise stock -modules=./hello", Started: time.Unix(1800000000, 0).UTC(), Seconds: 61,
		Scenario: result.Scenario{Name: "unknown-rela-relocation", Title: "Rust modules on UML are rejected"},
		Tree:     result.Tree{Name: "debian-6.12", Version: "6.12.107", Package: "linux-source-6.12 6.12.107-1", Digest: "0123456789abcdef"},
		Toolchain: result.Toolchain{Name: "trixie", Compiler: "clang",
			Identity: map[string]string{"rustc": "1.85.1", "rustc-llvm": "19.1.7", "clang": "19.1.7"}},
		Target: "stock:low:hello", Seen: "init-failed errno 74", Cell: "stock",
		Evidence: "insmod: can't insert '/modules/hello.ko': Bad message \x1b[2J <b>bold</b>", Left: "insmod: can't insert '/modules/hello.ko': Bad message",
	}
	minimal, smaller, again, none := whole, whole, whole, whole
	minimal.Conclusion, minimal.Reason = result.Minimised, "without any one thing that is left, it is not the same"
	minimal.Parts = []result.MinimisedPart{
		{Name: "modules", Was: 2, Left: 1, Tried: 1, Minimal: true, Kept: []string{"hello"}, Diff: "--- a/modules\n+++ b/modules\n@@ -1,2 +1,1 @@\n hello\n-other\n"},
		{Name: "source", Was: 4, Left: 2, Tried: 7, Known: 2, Minimal: true, Kept: []string{"#include <linux/module.h>", "\x1b[31m<b>`"},
			Diff: "--- a/ext/hello/hello.c\n+++ b/ext/hello/hello.c\n@@ -1,4 +1,2 @@\n #include <linux/module.h>\n-int a;\n-int b;\n \x1b[31m<b>`\n"},
		{Name: "settings", Was: 1, Left: 0, Tried: 1, Minimal: true, Diff: "--- a/settings\n+++ b/settings\n@@ -1,1 +0,0 @@\n--Zplt=no\n"},
	}
	smaller.Conclusion, smaller.Reason, smaller.Exit, smaller.Left = result.Smaller, "the time of -within= is over; the same command goes on from there", 1, ""
	smaller.Parts = []result.MinimisedPart{{Name: "kconfig", Was: 63, Left: 63, Tried: 3, Free: 30, Unknown: 1, Kept: []string{"CONFIG_RUST=y", "# CONFIG_AIO is not set"}}}
	smaller.Notes = []string{"the mirror of sid is frozen"}
	again.Conclusion, again.Reason, again.Exit = result.NotAgain, "what is left showed init-failed errno 74, and loaded when it was built and booted once more", 1
	none.Conclusion, none.Reason = result.NothingToShrink, "there is nothing that could be left out"
	return map[string]*result.Minimisation{"minimal": &minimal, "smaller": &smaller, "again": &again, "none": &none}
}

func TestMinimisationGolden(t *testing.T) {
	for name, m := range minimisations() {
		roundTrip(t, result.MinimisationSchema, JSON, m)
		for ext, render := range map[string]func(io.Writer, *result.Minimisation) error{
			"80.txt": Form(Minimisation, onTerminal(doc.Options{Width: 80})), "md": Form(Minimisation, doc.Markdown), "html": Form(Minimisation, doc.HTML),
		} {
			t.Run(name+"."+ext, func(t *testing.T) {
				var out bytes.Buffer
				if err := render(&out, m); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsRune(out.String(), 0x1b) || strings.Contains(out.String(), "<b>bold") && ext == "html" {
					t.Error("what came from a console or a source reached the format")
				}
				golden(t, "minimise."+name+"."+ext, out.Bytes())
			})
		}
	}
}
