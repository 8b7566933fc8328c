package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/result"
	"umlab/harness/sources"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
)

// TestRetooledIsTheSame builds kernels with another rustc both ways: on from the baseline of the toolchain that differs in
// its Rust alone.
func TestRetooledIsTheSame(t *testing.T) {
	l := longLab(t)
	for _, name := range []string{"debian-7.3", "debian-6.12"} { // gcc, clang
		t.Run(name, func(t *testing.T) {
			baselineOf(t, l, name, "trixie")
			same(t, l, baseOf(t, l, name, "trixie-backports", nil))
		})
	}
}

// baselineOf is the baseline of a tree, by whatever way.
func baselineOf(t *testing.T, l *Lab, name, toolchain string) *kbuild.Baseline {
	t.Helper()
	bl, _, err := l.builder.Baseline(t.Context(), baseOf(t, l, name, toolchain, nil))
	if err != nil {
		t.Fatal(err)
	}
	return bl
}

// baseOf is what the baseline of a tree with edits is made of.
func baseOf(t *testing.T, l *Lab, name, toolchain string, edits []edit) kmake.Base {
	t.Helper()
	ctx := t.Context()
	j, err := l.plan(MatrixOptions{Tree: name, Toolchain: toolchain})
	if err != nil {
		t.Fatal(err)
	}
	source, tc, err := l.sources.Get(ctx, j.Flags.Tree, j.Flags.Toolchain)
	if err != nil {
		t.Fatal(err)
	}
	if len(edits) > 0 {
		text := patchOf(t, source.FS(), edits)
		patches, err := patch.Read("edits", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if source, err = tree.Patched(ctx, l.store, l.sink, source, patches, sources.Git(tc)); err != nil {
			t.Fatal(err)
		}
	}
	return j.Base(source, tc)
}

// same builds base from nothing and on from what is there, and wants the same kernel, modules, configuration and
// commands, or the same failure. It returns the one from nothing, nil where that failed.
func same(t *testing.T, l *Lab, base kmake.Base) *kbuild.Baseline {
	t.Helper()
	ctx := t.Context()
	alone := *l.builder
	alone.FromNothing = true
	nothing, _, err := alone.Baseline(ctx, base)
	if err == nil { // what is there is not gone on to
		at, aside := nothing.Dir, filepath.Join(l.store.Root(), "aside-"+nothing.Key)
		if err := os.Rename(at, aside); err != nil {
			t.Fatal(err)
		}
		defer func() {
			err := os.Rename(aside, at)
			if errors.Is(err, fs.ErrExist) { // umlab built it from nothing as well
				err = os.RemoveAll(aside)
			}
			if err != nil {
				t.Error(err)
			}
		}()
		nothing.Dir = aside
	}
	on, _, onErr := l.builder.Baseline(ctx, base)
	if (err == nil) != (onErr == nil) {
		t.Fatalf("on from another: %v\nfrom nothing: %v", onErr, err)
	}
	if err != nil {
		t.Logf("on from another: %v\nfrom nothing: %v", onErr, err)
		return nil
	}
	if on.On == nil {
		t.Log("umlab built it from nothing in any case")
		return nothing
	}
	t.Logf("from nothing %.0f s, %d steps; on from %s: %.1f s, %d steps, %d targets removed, %d files", nothing.Seconds, nothing.Steps, on.From(), on.Seconds, on.Steps, on.On.Targets, on.On.Files)
	if on.Linux != nothing.Linux {
		t.Errorf("linux is %s, from nothing %s", on.Linux, nothing.Linux)
	}
	if on.Config != nothing.Config {
		t.Errorf(".config is %s, from nothing %s", on.Config, nothing.Config)
	}
	if diff := cmp.Diff(nothing.Env, on.Env); diff != "" {
		t.Errorf("the environment of a module (-nothing +on):\n%s", diff)
	}
	want, got := products(t, nothing.Build()), products(t, on.Build())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects, modules and commands (-nothing +on):\n%s", diff)
	}
	for _, kind := range []string{".ko", ".o", ".o.cmd"} {
		if n := count(want, kind); n == 0 {
			t.Errorf("no %s was compared", kind)
		}
	}
	sameModules(t, l, on)
	return nothing
}

// sameModules builds the modules of each variant beside a baseline in two ways: as they come, which may be taken over from the
// baseline that it went on from, and anew. It returns how many variants there are, and of how many nothing was built the first time.
func sameModules(t *testing.T, l *Lab, bl *kbuild.Baseline) (variants, taken int) {
	t.Helper()
	j, err := l.plan(MatrixOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range j.Cells {
		if len(c.MakeVars()) == 0 {
			continue
		}
		variants++
		got, hit, err := l.builder.Fork(t.Context(), bl, kbuild.Request{Cell: c}, false)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := l.builder.Fork(t.Context(), bl, kbuild.Request{Cell: c}, true)
		if err != nil {
			t.Fatal(err)
		}
		if hit {
			taken++
		}
		of := func(p *kbuild.Product) kbuild.Product {
			return kbuild.Product{Key: p.Key, Linux: p.Linux, LinuxSum: p.LinuxSum, Modules: p.Modules, Effective: p.Effective, Outcome: p.Outcome}
		}
		if diff := cmp.Diff(of(want), of(got)); diff != "" {
			t.Errorf("modules of %s, taken over: %t (-anew +got):\n%s", c.ID(), hit, diff)
		}
	}
	return variants, taken
}

// TestTakenOver: the modules of a variant that nothing reaches are not built again, and those that something may reach are.
func TestTakenOver(t *testing.T) {
	l := realLab(t)
	sameModules(t, l, baselineOf(t, l, "debian-6.12", "trixie"))
	now := time.Now().UnixNano() // no build of an earlier run is to be found
	function := fmt.Sprintf("\nint umlab_%d(void);\nint umlab_%[1]d(void)\n{\n\treturn 0;\n}\n", now)
	for _, c := range []struct {
		name string
		edit edit
		want bool
	}{
		{"a source of the kernel", edit{path: "lib/kstrtox.c", text: appended(function)}, true},
		{"an exported symbol", edit{path: "lib/kstrtox.c", text: appended(function + fmt.Sprintf("EXPORT_SYMBOL(umlab_%d);\n", now))}, false},
		{"a sample", edit{path: "samples/rust/rust_print.rs", text: appended(fmt.Sprintf("// %d\n", now))}, false},
		{"a makefile", edit{path: "kernel/Makefile", text: appended(fmt.Sprintf("# %d\n", now))}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bl, _, err := l.builder.Baseline(t.Context(), baseOf(t, l, "debian-6.12", "trixie", []edit{c.edit}))
			if err != nil {
				t.Fatal(err)
			}
			if bl.On == nil {
				t.Skip("it was built from nothing")
			}
			defer func() { // which nobody asks for again
				if err := l.store.Drop("baseline", bl.Key); err != nil {
					t.Error(err)
				}
			}()
			if all, taken := sameModules(t, l, bl); (taken == all) != c.want || !c.want && taken > 0 {
				t.Errorf("%d of %d variants were taken over", taken, all)
			}
		})
	}
}

// products are the digests of the objects and modules of a build directory, and
// the first lines of its .cmd files, which hold the commands.
func products(t *testing.T, build string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(build, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(build, p)
		if err != nil {
			return err
		}
		switch filepath.Ext(p) {
		case ".o", ".ko", ".a", ".so", ".rmeta", ".rlib":
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(text)
			all[rel] = hex.EncodeToString(sum[:])
		case ".cmd":
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			all[rel], _, _ = strings.Cut(string(text), "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func count(products map[string]string, suffix string) (n int) {
	for name := range products {
		if strings.HasSuffix(name, suffix) {
			n++
		}
	}
	return n
}

// edit is one change of a tree.
type edit struct {
	what string // for people
	path string
	to   string                  // where it is renamed to; "" for no renaming
	text func(old string) string // nil: removed, or only renamed; of a new file old is ""
}

// patchOf writes edits of a tree's files as git would.
func patchOf(t *testing.T, files fs.FS, edits []edit) string {
	t.Helper()
	var b strings.Builder
	lines := func(text string) []string {
		if text == "" {
			return nil
		}
		return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	for _, e := range edits {
		old, err := fs.ReadFile(files, e.path)
		isNew := errors.Is(err, fs.ErrNotExist)
		if err != nil && !isNew {
			t.Fatal(err)
		}
		mode := "100644"
		if info, err := fs.Stat(files, e.path); err == nil && info.Mode()&0o111 != 0 {
			mode = "100755"
		}
		to := e.path
		if e.to != "" {
			to = e.to
		}
		fmt.Fprintf(&b, "diff --git a/%s b/%s\n", e.path, to)
		var now []string
		before, after := "a/"+e.path, "b/"+to
		switch {
		case e.to != "":
			fmt.Fprintf(&b, "similarity index 100%%\nrename from %s\nrename to %s\n", e.path, e.to)
			continue
		case isNew:
			fmt.Fprintf(&b, "new file mode %s\n", mode)
			before = "/dev/null"
			now = lines(e.text(""))
		case e.text == nil:
			fmt.Fprintf(&b, "deleted file mode %s\n", mode)
			after = "/dev/null"
		default:
			now = lines(e.text(string(old)))
		}
		was := lines(string(old))
		fmt.Fprintf(&b, "--- %s\n+++ %s\n@@ -%s +%s @@\n", before, after, span(len(was)), span(len(now)))
		for _, l := range was {
			b.WriteString("-" + l + "\n")
		}
		for _, l := range now {
			b.WriteString("+" + l + "\n")
		}
	}
	return b.String()
}

func span(n int) string {
	if n == 0 {
		return "0,0"
	}
	return fmt.Sprintf("1,%d", n)
}

func appended(more string) func(string) string { return func(old string) string { return old + more } }

// replaced replaces the first occurrence; a text that lacks it makes the edit a comment, so that a list serves several trees.
func replaced(was, is string) func(string) string {
	return func(old string) string { return strings.Replace(old, was, is, 1) }
}

// TestGoingOn makes known edits of a real kernel both ways.
func TestGoingOn(t *testing.T) {
	l := longLab(t)
	for _, c := range []struct {
		name  string
		edits []edit
	}{
		{"c", []edit{{path: "arch/x86/kernel/module.c", text: replaced("Unknown rela relocation", "No such rela relocation")}}},
		{"sample", []edit{{path: "samples/rust/rust_print.rs", text: replaced("Rust printing macros sample", "Rust printing macros")}}},
		{"header", []edit{{path: "include/linux/utsname.h", text: appended("/* the end */\n")}}},
		{"unread", []edit{{path: "arch/arm/kernel/setup.c", text: appended("/* the end */\n")}}},
		{"removed source", []edit{{path: "arch/um/kernel/trap.c"}}},
		{"renamed source", []edit{{path: "arch/um/kernel/trap.c", to: "arch/um/kernel/traps.c"}}},
		{"renamed with its line", []edit{{path: "arch/um/kernel/trap.c", to: "arch/um/kernel/traps.c"},
			{path: "arch/um/kernel/Makefile", text: replaced("trap.o", "traps.o")}}},
		{"removed line", []edit{{path: "lib/Makefile", text: replaced("bcd.o ", "")}}},
		{"shadowing header", []edit{{path: "arch/um/include/asm/bug.h", text: appended("#include <asm-generic/bug.h>\n")}}},
		{"um flags", []edit{{path: "arch/um/Makefile", text: replaced("-Dsigprocmask=kernel_sigprocmask", "-Dsigprocmask=kernel_sigprocmask -DNEW=1")}}},
		{"kconfig default", []edit{{path: "init/Kconfig", text: replaced("config SYSVIPC\n\tbool", "config SYSVIPC\n\tdefault y\n\tbool")}}},
		{"script", []edit{{path: "scripts/mksysmap", text: appended("# the end\n")}}},
		{"host program", []edit{{path: "scripts/mod/modpost.c", text: appended("/* the end */\n")}}},
		{"new rust module", []edit{{path: "rust/kernel/umlab.rs", text: appended("// SPDX-License-Identifier: GPL-2.0\n//! New.\n")},
			{path: "rust/kernel/lib.rs", text: replaced("pub mod types;", "pub mod types;\npub mod umlab;")}}},
	} {
		t.Run(c.name, func(t *testing.T) { same(t, l, baseOf(t, l, "debian-6.12", "trixie", c.edits)) })
	}
}

// TestVerifyGone: what a patch takes away is not overlooked because an earlier build made something of it.
func TestVerifyGone(t *testing.T) {
	l := realLab(t)
	minimal := edit{path: "samples/rust/rust_minimal.rs"}
	for _, c := range []struct {
		name  string
		edits []edit
		want  result.Conclusion
		says  string // in the reason or a note
	}{
		{"a source", []edit{{path: "arch/um/kernel/trap.c"}}, result.PatchBroken, "No rule to make target 'arch/um/kernel/trap.o'"},
		{"a sample", []edit{minimal}, result.PatchBroken, "No rule to make target 'samples/rust/rust_minimal.o'"},
		{"a sample's name", []edit{{path: minimal.path, to: "samples/rust/rust_min.rs"}}, result.PatchBroken, "No rule to make target 'samples/rust/rust_minimal.o'"},
		{"a sample with its line", []edit{minimal,
			{path: "samples/rust/Makefile", text: replaced("obj-$(CONFIG_SAMPLE_RUST_MINIMAL)", "# obj-$(CONFIG_SAMPLE_RUST_MINIMAL)")}},
			result.NotFixed, "samples/rust/rust_minimal.ko is gone"},
		{"what nobody reads", []edit{{path: "Documentation/process/2.Process.rst"}}, result.NoEffect, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			source, _, err := l.sources.Get(t.Context(), "debian-6.12", "trixie")
			if err != nil {
				t.Fatal(err)
			}
			o := VerifyOptions{Patch: "-", Stdin: strings.NewReader(patchOf(t, source.FS(), c.edits)), MatrixOptions: MatrixOptions{Tree: "debian-6.12"}}
			v, err := l.Verify(t.Context(), o, VerifyOutputs{})
			if v == nil {
				t.Fatal(err)
			}
			said := v.Reason + strings.Join(v.Notes, "\n")
			for _, p := range v.Pairs {
				said += strings.Join(p.After.Notes, "\n")
			}
			if v.Conclusion != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s, want %s with %q: %s", v.Conclusion, c.want, c.says, said)
			}
		})
	}
}

// TestRandomEdits makes random edits of real kernels both ways, one after the other, so that each goes on from whatever
// is nearest. UMLAB_TEST_EDITS is how many of each kernel, UMLAB_TEST_SEED where they begin.
func TestRandomEdits(t *testing.T) {
	l := realLab(t)
	trees, most := []string{"debian-6.12"}, 2
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		trees, most = []string{"debian-6.12", "debian-7.3"}, 30
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	most = number("UMLAB_TEST_EDITS", most)
	first := number("UMLAB_TEST_SEED", 1)
	for _, name := range trees {
		for seed := first; seed < first+most; seed++ {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				bl := baselineOf(t, l, name, "trixie")
				edits := randomEdits(t, bl, uint64(seed))
				for _, e := range edits {
					t.Logf("%s %s %s", e.what, e.path, e.to)
				}
				if nothing := same(t, l, baseOf(t, l, name, "trixie", edits)); nothing != nil { // nobody asks for it again
					if err := l.store.Drop("baseline", nothing.Key); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// randomEdits are one to three edits of files that the build of bl reads.
func randomEdits(t *testing.T, bl *kbuild.Baseline, seed uint64) (edits []edit) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	read := sourcesOf(t, bl)
	of := func(match func(string) bool) string {
		list := slices.DeleteFunc(slices.Clone(read), func(p string) bool { return !match(p) })
		return list[r.IntN(len(list))]
	}
	ext := func(e string) func(string) bool { return func(p string) bool { return filepath.Ext(p) == e } }
	kernelC := func(p string) bool {
		return ext(".c")(p) && (strings.HasPrefix(p, "kernel/") || strings.HasPrefix(p, "mm/") || strings.HasPrefix(p, "lib/") || strings.HasPrefix(p, "fs/"))
	}
	object := func(c string) string { return strings.TrimSuffix(filepath.Base(c), ".c") + ".o" }
	beside := func(c, name string) string { return filepath.Join(filepath.Dir(c), name) }
	n := 1 + r.IntN(3)
	taken := map[string]bool{}
	for len(edits) < n {
		var more []edit
		switch c := of(kernelC); r.IntN(14) {
		case 0, 1:
			more = []edit{{what: "source", path: c, text: appended(fmt.Sprintf("\nint umlab_%d(void);\nint umlab_%d(void)\n{\n\treturn %d;\n}\n", seed, seed, seed))}}
		case 2, 3:
			more = []edit{{what: "header", path: of(ext(".h")), text: appended(fmt.Sprintf("/* umlab %d */\n", seed))}}
		case 4:
			more = []edit{{what: "deep header", path: "include/linux/" + []string{"kernel.h", "sched.h", "module.h", "list.h", "types.h"}[r.IntN(5)], text: appended(fmt.Sprintf("/* umlab %d */\n", seed))}}
		case 5:
			more = []edit{{what: "Rust", path: of(ext(".rs")), text: appended(fmt.Sprintf("// umlab %d\n", seed))}}
		case 6:
			more = []edit{{what: "flags of a directory", path: beside(c, "Makefile"), text: appended(fmt.Sprintf("\nccflags-y += -DUMLAB=%d\n", seed))}}
		case 7:
			more = []edit{{what: "flags of an object", path: beside(c, "Makefile"), text: appended(fmt.Sprintf("\nCFLAGS_%s += -DUMLAB=%d\n", object(c), seed))}}
		case 8:
			name := fmt.Sprintf("umlab%d.c", seed)
			more = []edit{{what: "new source", path: beside(c, name), text: appended("// SPDX-License-Identifier: GPL-2.0\n#include <linux/kernel.h>\n")},
				{what: "its line", path: beside(c, "Makefile"), text: appended(fmt.Sprintf("\nobj-y += umlab%d.o\n", seed))}}
		case 9:
			more = []edit{{what: "removed source", path: c}}
		case 10:
			more = []edit{{what: "renamed source", path: c, to: beside(c, "umlab_"+filepath.Base(c))}}
		case 11:
			h := of(func(p string) bool { return strings.HasPrefix(p, "include/asm-generic/") && ext(".h")(p) })
			more = []edit{{what: "a header that shadows", path: "arch/um/include/asm/" + filepath.Base(h), text: func(old string) string {
				if old == "" {
					old = fmt.Sprintf("#include <asm-generic/%s>\n", filepath.Base(h))
				}
				return old + fmt.Sprintf("/* umlab %d */\n", seed)
			}}}
		case 12:
			more = []edit{{what: "an option", path: "lib/Kconfig", text: appended(fmt.Sprintf("\nconfig UMLAB_%d\n\tdef_bool y\n", seed))}}
		case 13:
			more = []edit{{what: "an option fewer", path: "init/Kconfig", text: replaced("\tdefault y if", "\tdefault n if")}}
		}
		if slices.ContainsFunc(more, func(e edit) bool { return taken[e.path] }) {
			continue
		}
		for _, e := range more {
			taken[e.path] = true
		}
		edits = append(edits, more...)
	}
	return edits
}

// sourcesOf are the files of the tree that the commands of a build name, sorted.
func sourcesOf(t *testing.T, bl *kbuild.Baseline) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(bl.Build(), func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".cmd" {
			return err
		}
		text, err := os.ReadFile(p)
		for word := range strings.FieldsSeq(string(text)) {
			name, ok := strings.CutPrefix(word, "/src/")
			if !ok || found[name] {
				continue
			}
			if info, err := fs.Stat(bl.Base.Tree.FS(), name); err == nil && info.Mode().IsRegular() {
				found[name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}
