package plan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/parcel"
	"umlab/harness/progress"
	"umlab/harness/sample"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// planned is the plan of flags, with the project's own configuration.
func planned(t *testing.T, f Flags) *Plan {
	t.Helper()
	set, err := settings.Load(os.DirFS("../../configs"), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(scenario.Library{Project: os.DirFS("../..")}, &sources.Sources{Settings: set, Archive: &archive.Archive{Client: &debian.Client{}}}, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text is all of a plan, to tell whether it was written to.
func text(t *testing.T, p *Plan) string {
	t.Helper()
	b, err := json.Marshal([]any{p.Plan, p.Flags, p.Options, p.Fragments, p.Notes})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// write makes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A bisection builds one plan many times from nothing, each time with the options
// that the tree's samples need.
func TestAPlanIsBuiltTwice(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"samples/Kconfig":          "menuconfig SAMPLES\n\tbool \"samples\"\nif SAMPLES\nsource \"samples/rust/Kconfig\"\nendif\n",
		"samples/Makefile":         "obj-$(CONFIG_SAMPLES_RUST) += rust/\n",
		"samples/rust/Kconfig":     "menuconfig SAMPLES_RUST\n\tbool \"Rust\"\n\tdepends on RUST\nif SAMPLES_RUST\nconfig SAMPLE_RUST_MISC_DEVICE\n\ttristate \"misc\"\n\tdepends on MISC\nendif\n",
		"samples/rust/Makefile":    "obj-$(CONFIG_SAMPLE_RUST_MISC_DEVICE) += rust_misc_device.o\n",
		"samples/rust/misc_dev.rs": "",
	})
	p := planned(t, Flags{Select: scenario.Selection{Modules: []string{"rust_misc_device"}, Cells: []string{"stock"}}})
	was := text(t, p)
	base := kmake.Base{Tree: &tree.Tree{Name: "t", Layers: []string{dir}}, Options: p.Options}
	for again := range 2 {
		q, options, _, err := p.withSamples(base)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(kconfig.Text(options), "CONFIG_SAMPLE_RUST_MISC_DEVICE=m\n") {
			t.Errorf("build %d lacks the sample's option", again+1)
		}
		if m := q.Modules()[0]; m.Path != "samples/rust/rust_misc_device.ko" {
			t.Errorf("build %d makes %+v", again+1, m)
		}
		if d := cmp.Diff(was, text(t, p)); d != "" {
			t.Fatalf("build %d has written to the plan:\n%s", again+1, d)
		}
	}
}

// Another SUBARCH is another kernel: its options come over the scenario's and under the user's, without a note of what they
// replace. x86_64 is what no SUBARCH means.
func TestSubarch(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.config")
	if err := os.WriteFile(own, []byte("CONFIG_FUTEX=n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	usual, wide := planned(t, Flags{Fragments: []string{own}}), planned(t, Flags{Subarch: "x86_64", Fragments: []string{own}})
	if a, b := text(t, usual), text(t, wide); a != b {
		t.Errorf("x86_64 is another plan:\n%s", cmp.Diff(a, b))
	}
	p := planned(t, Flags{Subarch: "i386", Fragments: []string{own}})
	if text := kconfig.Text(p.Options); !strings.Contains(text, "# CONFIG_64BIT is not set\n") || strings.Contains(text, "CONFIG_64BIT=y") ||
		!strings.Contains(text, "# CONFIG_FUTEX is not set\n") {
		t.Errorf("options:\n%s", text)
	}
	if want := []string{"uml.config", "rust.config", "samples-rust.config", "i386.config", own}; !slices.Equal(p.Fragments, want) {
		t.Errorf("fragments %v", p.Fragments)
	}
	if len(p.Notes) != 2 || !strings.Contains(p.Notes[0], "the bug is known from") || !strings.Contains(p.Notes[1], "CONFIG_FUTEX") {
		t.Errorf("notes %q", p.Notes)
	}
	a, err := usual.Key()
	b, berr := p.Key()
	if err != nil || berr != nil || a == b {
		t.Errorf("one key for both (%v, %v)", err, berr)
	}
	tr := &tree.Tree{Name: "t", Digest: "d"}
	if got := p.Base(tr, &toolchain.Toolchain{}).Arch(); !slices.Equal(got, []string{"ARCH=um", "SUBARCH=i386"}) {
		t.Errorf("%v", got)
	}
	if own := p.own(); !slices.Contains(own, "SUBARCH=i386") {
		t.Errorf("own %v", own)
	}
	set, err := settings.Load(os.DirFS("../../configs"), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(scenario.Library{Project: os.DirFS("../..")}, &sources.Sources{Settings: set, Archive: &archive.Archive{Client: &debian.Client{}}}, Flags{Subarch: "arm"})
	if err == nil || err.Error() != `unknown SUBARCH "arm": x86_64, i386` {
		t.Error(err)
	}
}

// A SUBARCH is an axis as well: of another build, with its options and its make command.
func TestSubarchAxis(t *testing.T) {
	f := Flags{Select: scenario.Selection{Axes: []string{"subarch=i386,x86_64"}}}
	p := planned(t, f)
	base := p.Base(&tree.Tree{Name: "t", Digest: "d"}, &toolchain.Toolchain{})
	seen := map[string]string{}
	for _, g := range p.Groups() {
		b := g.Base(base)
		for _, i := range g.Cells {
			seen[p.Cells[i].Variant.ID] = strings.Join(b.Arch(), " ")
			if text := kconfig.Text(b.Options); strings.Contains(text, "CONFIG_64BIT=y") != (b.Subarch == "") {
				t.Errorf("%s: %s", p.Cells[i].ID(), text)
			}
		}
	}
	for id, want := range map[string]string{"stock": "ARCH=um", "x86_64": "ARCH=um", "i386": "ARCH=um SUBARCH=i386",
		"pie-small-i386": "ARCH=um SUBARCH=i386", "pie-small-x86_64": "ARCH=um"} {
		if got, ok := seen[id]; !ok || got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	f.Subarch = "i386"
	set, err := settings.Load(os.DirFS("../../configs"), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(scenario.Library{Project: os.DirFS("../..")}, &sources.Sources{Settings: set, Archive: &archive.Archive{Client: &debian.Client{}}}, f)
	if err == nil || !strings.Contains(err.Error(), "both say what") {
		t.Error(err)
	}
}

// A control without the patches is of a build of its own, on the tree that nothing was applied to; all else stays on the plan's.
func TestUnpatchedControl(t *testing.T) {
	p := planned(t, Flags{Scenario: "sscanf-field-width"})
	origin := &tree.Tree{Name: "t", Digest: "d"}
	patched := &tree.Tree{Name: "t", Digest: "e", Before: &tree.Tree{Name: "t", Digest: "f", Before: origin}}
	base := p.Base(patched, &toolchain.Toolchain{})
	groups := p.Groups()
	if len(groups) != 2 || !groups[0].Own() || groups[1].Own() {
		t.Fatalf("%d groups", len(groups))
	}
	if g := groups[0]; g.Base(base).Tree != patched || len(g.Cells) != 1 || len(g.Controls) != 0 {
		t.Errorf("the plan's own: %+v", g)
	}
	g := groups[1]
	if g.Base(base).Tree != origin || len(g.Cells) != 0 || len(g.Controls) != 1 || p.Controls[g.Controls[0]].Name != "fixed-tree-passes" {
		t.Errorf("the other: %+v", g)
	}
	if base.Tree != patched {
		t.Error("the base was written to")
	}
}

// What is made of a plan leaves the plan alone.
func TestPlansAreNotWrittenTo(t *testing.T) {
	p := planned(t, Flags{Select: scenario.Selection{Modules: []string{"all", "rust_minimal"}}})
	was := text(t, p)
	q := p.expanded([]sample.Module{{Name: "rust_a", Target: "samples/rust/rust_a.ko"}})
	if got := names(q.Modules()); !slices.Equal(got, []string{"rust_a", "rust_minimal"}) {
		t.Errorf("%v", got)
	}
	if !p.Afresh(true).Flags.Fresh || len(p.Controls) == 0 || len(p.WithoutControls().Controls) != 0 {
		t.Error("not what was asked for")
	}
	if d := cmp.Diff(was, text(t, p)); d != "" {
		t.Error(d)
	}
}

// The key of a plan is that of its flags and of what the user's directories hold,
// in every process.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"Kbuild": "obj-m := hello.o\n", "hello.c": "int a;\n"})
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	on, also, off := true, true, false
	key := func(aslr *bool, modules ...string) string {
		t.Helper()
		p, err := planned(t, Flags{Select: scenario.Selection{Modules: modules, ASLR: aslr}}).Snapshot(t.Context(), st, progress.Discard{})
		if err != nil {
			t.Fatal(err)
		}
		key, err := p.Key()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	first := key(&on, dir)
	if again := key(&also, dir); again != first {
		t.Error("the same flags have another key")
	}
	for name, other := range map[string]string{"another aslr": key(&off, dir), "without the directory": key(&on), "with another module": key(&on, dir, "rust_minimal")} {
		if other == first {
			t.Errorf("%s has the same key", name)
		}
	}
	write(t, dir, map[string]string{"hello.c": "int b;\n"})
	if changed := key(&on, dir); changed == first {
		t.Error("another content of the directory has the same key")
	}
}

// Where a tree has not what a plan names, the plan is what there is to report of.
func TestWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"samples/Kconfig": "", "samples/Makefile": ""})
	base := kmake.Base{Tree: &tree.Tree{Name: "t", Layers: []string{dir}}}
	p := planned(t, Flags{Select: scenario.Selection{Modules: []string{"rust_nothing"}}})
	if q, _, _, err := p.withSamples(base); err == nil || q != p {
		t.Errorf("an unknown sample: %v, %v", q, err)
	}
	own := t.TempDir()
	write(t, own, map[string]string{"Kbuild": "obj-m := hello.o\n"})
	p = planned(t, Flags{Select: scenario.Selection{Modules: []string{own}}})
	if err := os.RemoveAll(own); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	q, _, _, err := p.Build(t.Context(), &kbuild.Builder{Runner: kmake.Runner{Store: st}, Sink: progress.Discard{}}, base.Tree, &toolchain.Toolchain{})
	if err == nil || q != p {
		t.Errorf("a directory that went: %v, %v", q, err)
	}
}

// What every guest is given is told from what the scenario, a SUBARCH or the user asks for, as long as nobody asks for something else.
func TestGuest(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "own.config")
	write(t, dir, map[string]string{"own.config": "CONFIG_CRC32=y\nCONFIG_EMBEDDED=y\n"})
	p := planned(t, Flags{Fragments: []string{own}})
	guest := map[string]bool{}
	for _, o := range p.Options {
		guest[o.Name] = p.Guest(o)
	}
	for name, want := range map[string]bool{"CONFIG_HOSTFS": true, "CONFIG_MODULES": true, "CONFIG_AIO": true, "CONFIG_RUST": false,
		"CONFIG_SAMPLE_RUST_MINIMAL": false, "CONFIG_CRC32": false, "CONFIG_EMBEDDED": false} {
		if got, there := guest[name]; got != want || !there {
			t.Errorf("%s: %t, %t", name, got, there)
		}
	}
	p = planned(t, Flags{Subarch: "i386"})
	for _, o := range p.Options {
		if o.Name == "CONFIG_64BIT" && !p.Guest(o) {
			t.Errorf("%s is what i386 means", o)
		}
	}
}
