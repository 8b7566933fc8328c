package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func number[T any](v T) *T { return &v }

// explanation is a page with everything on it, and hostile text where foreign
// bytes can come from.
func explanation() *result.Explanation {
	overflow := outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11), Errno: 8, Value: "0xa080d070",
		Section: number(2), Index: number(1), Evidence: "subarch: overflow in relocation type 11 val a080d070 sec 2 idx 1", Offset: 2673}
	loaded := outcome.Outcome{Kind: outcome.Loaded, Address: "0xa0804000", Evidence: "rust_print 16384 0 - Live 0x00000000a0804000", Offset: 2900,
		Detail: "a detail with \x1b[31mcolour"}
	entry := func(n int, decides bool) result.RejectedLocation {
		return result.RejectedLocation{Relocation: outcome.NewRelocation(11), Entry: fmt.Sprintf(".rela.text[%d] at .text+0x%x", n, 16*n), Decides: decides,
			Symbol: ".rodata", Function: "<rust_minimal::RustMinimal as kernel::module::Module>::init", Within: uint64(n), Instruction: "mov $0x0,%rdi",
			Source: "samples/rust/rust_minimal.rs:31", Value: "0xa080d070"}
	}
	inlined := entry(2, false)
	inlined.Inlined = "core/fmt/mod.rs:593"
	data := result.RejectedLocation{Relocation: outcome.NewRelocation(11), Entry: ".rela.data[0] at .data+0x0", Symbol: "<b>&amp;", Value: "0x1", Detail: "why it is wrong"}
	flags := []result.GivenOption{
		{Option: "-Crelocation-model=static", Key: "relocation-model", Overridden: true, Origins: []string{"Makefile:628", "scripts/Makefile.lib:3"}},
		{Option: "-Crelocation-model=pie", Key: "relocation-model", Origins: []string{"arch/um/Makefile:65"}},
		{Key: "code-model", Origins: []string{}},
		{Option: "-Copt-level=2", Key: "opt-level", Origins: []string{"Makefile:945"}},
		{Option: "-Cunheard-of=1", Key: "unheard-of", Origins: []string{}},
	}
	return &result.Explanation{
		Schema: result.ExplanationSchema, Cell: "static-kernel@module", Chosen: "the first placement at which rust_minimal is not loaded",
		Placement: result.Placement{Name: "high", Mem: "1G", ASLR: true, Runs: []result.Run{{Transcript: "/store/files/49/49a2"}}},
		Command:   "go tool mage explain static-kernel@module",
		Tree:      result.Tree{Name: "debian-7.3", Version: "7.3.4"}, Toolchain: result.Toolchain{Name: "trixie", Compiler: "gcc", Identity: map[string]string{"rustc": "rustc 1.85.1", "gcc": "gcc 14.2.0"}},
		Verdict: result.AddressDependent, Reason: "loads at low, overflow at high", Requested: "RUSTFLAGS_MODULE='-Crelocation-model=pie'",
		Modules: []result.ExplainedModule{
			{
				Module: result.Module{Name: "rust_minimal", Outcome: overflow, Predicted: &overflow, Agrees: number(true)}, Path: "/store/files/bb/bb22",
				Objects:   []result.ObjectFlags{{Object: "samples/rust/rust_minimal.o", Options: flags}},
				Reasoning: []string{"vmalloc begins at 0x60000000 + 1 GiB, + 8 MiB and rounded down to 8 MiB = 0xa0800000; rust_minimal lands at 0xa0809000", "so the loader prints it"},
				Groups: []result.RejectedGroup{
					{Summary: "5 32S to 1 symbol, first in init", Entries: []result.RejectedLocation{entry(1, false), inlined, entry(3, false), entry(4, false), entry(5, true)}},
					{Summary: "1 32S", Entries: []result.RejectedLocation{data}},
				},
				Space: &result.AddressSpace{Kernel: result.AddressRange{First: "0x60000000", End: "0x60a3c000"},
					Physical: result.AddressRange{First: "0x60000000", End: "0xa0000000"}, Gap: &result.AddressRange{First: "0xa0000000", End: "0xa0600000"},
					Modules: "0xa0800000", Module: "0xa0809000",
					Reach: &result.Reach{Relocation: "R_X86_64_32S", To: "0xa080d070", Lowest: "-0x80000000", Highest: "0x7fffffff"}},
				Lines: "source lines: of a second build",
				Excerpt: []result.ConsoleLine{{Number: 58, Offset: 2640, Text: "umlab[1]: begin insmod rust_minimal"},
					{Number: 59, Offset: 2673, Text: overflow.Evidence, Evidence: true}, {Number: 60, Offset: 2740, Text: "\x1b[2J<script>alert(1)</script>"}},
			},
			{
				Module: result.Module{Name: "rust_print", Outcome: loaded, Predicted: &overflow, Agrees: number(false)}, Path: "/store/files/af/af13",
				Objects: []result.ObjectFlags{{Object: "samples/rust/rust_print.o", Options: flags}},
			},
			{Module: result.Module{Name: "c_module", Outcome: loaded}, Path: "/store/files/c", Reasoning: []string{"c_module: nothing is predicted: it has a section that is not known"}},
		},
		Scripts: []result.ExplanationScript{
			{Name: "boot", Title: "boot again what umlab built", Text: "( set -e\ncat > init <<'INIT'\npoweroff -f\nINIT\nunshare sh -c '\n  a very long line that is there to be pasted and therefore never folded, however narrow the terminal may be\n' )\n"},
			{Name: "build", Title: "build it again", Text: "make all\n", Brief: "make ARCH=um O=build\n"},
		},
		Notes: []string{"the mirror is frozen"},
	}
}

func TestExplanationGolden(t *testing.T) {
	page := func(o doc.Options) func(io.Writer, *result.Explanation) error {
		return Form(Explanation, onTerminal(o))
	}
	for name, render := range map[string]func(io.Writer, *result.Explanation) error{
		"explain.drawn.txt": page(doc.Options{Width: 80, Draw: true}), "explain.80.txt": page(doc.Options{Width: 80}), "explain.160.txt": page(doc.Options{Width: 160}),
		"explain.100.txt": page(doc.Options{Width: 100}), "explain.60.txt": page(doc.Options{Width: 60}), "explain.color.txt": page(doc.Options{Width: 100, Color: true}),
		"explain.html": Form(Explanation, doc.HTML),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := render(&b, explanation()); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
			if err := render(fullDisk{}, explanation()); err == nil {
				t.Error("a full disk went unnoticed")
			}
		})
	}
}

// A terminal of 40 rows shows at its end what was predicted and seen of each module, why, and the verdict last.
func TestExplanationEndsWithWhy(t *testing.T) {
	for _, width := range []int{80, 100, 160} {
		var b bytes.Buffer
		e := explanation()
		if err := doc.Terminal(&b, Explanation(e), doc.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		seen := strings.Join(strings.Fields(strings.Join(lines[max(0, len(lines)-39):], " ")), " ")
		for _, m := range e.Modules {
			for _, want := range append([]string{m.Name + " predicted"}, m.Reasoning...) {
				if !strings.Contains(seen, doc.Clean(want)) {
					t.Errorf("%d columns: %q does not stand in the last 39 rows:\n%s", width, want, seen)
				}
			}
		}
		if !strings.HasSuffix(seen, doc.Clean(e.Reason)) {
			t.Errorf("%d columns: it does not end with the verdict:\n%s", width, seen)
		}
	}
}

// TestExplanationSafe: console bytes neither move the cursor nor become markup,
// and scripts come out as they are to be pasted.
func TestExplanationSafe(t *testing.T) {
	var text, html bytes.Buffer
	for w, render := range map[*bytes.Buffer]func(io.Writer, *result.Explanation) error{
		&text: Form(Explanation, onTerminal(doc.Options{Width: 40})), &html: Form(Explanation, doc.HTML),
	} {
		if err := render(w, explanation()); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(text.String(), "\x1b") || strings.Contains(html.String(), "\x1b") {
		t.Error("an escape sequence of the console came through")
	}
	if strings.Contains(html.String(), "<script") || strings.Contains(html.String(), "<b>&amp;") {
		t.Error("text became markup")
	}
	if !strings.Contains(text.String(), "≠ NOT as predicted") {
		t.Error("a disagreement is not said")
	}
	roundTrip(t, result.ExplanationSchema, JSON, explanation())
}

func TestClassification(t *testing.T) {
	c := &result.Classification{Schema: result.ClassificationSchema, File: "mail\x1b.txt", Lines: 12, Kernel: "7.3.4", Gap: number(int64(8192)), Modules: []result.Classified{
		{Name: "rust_print", Line: 3, Outcome: outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(9), Errno: 8,
			Evidence: "> subarch: rust_print: Unknown rela relocation: 9\x1b[2J", Offset: 44}},
		{Name: "", Line: 9, Outcome: outcome.Outcome{Kind: outcome.Oops, Evidence: "Kernel panic", Offset: 99, Detail: "During insmod."}},
		{Name: "other"},
	}}
	var b bytes.Buffer
	if err := doc.Terminal(&b, Classification(c), doc.Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	want := `rust_print  relocation-unknown 9 R_X86_64_GOTPCREL, errno 8 ENOEXEC
    > subarch: rust_print: Unknown rela relocation: 9\x1b[2J
    line 3, byte 44
(no module named)  oops
    Kernel panic
    line 9, byte 99
    During insmod.
other  not proved by any line

mail\x1b.txt · 12 lines · kernel 7.3.4 · gap 8192 bytes before brk (the log: "exec-shield gap")
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	roundTrip(t, result.ClassificationSchema, JSON, c)
	if err := doc.Terminal(fullDisk{}, Classification(c), doc.Options{}); err == nil {
		t.Error("a full disk went unnoticed")
	}
}
