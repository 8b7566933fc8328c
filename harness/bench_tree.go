package harness

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// handEdit is what a person types after an edit: make in the one build directory, then a boot. $3 is -j.
const handEdit = `set -e
make=$1 modules=$2
` + handBoot + `
$make $3
for m in $modules; do cp /build/$m $g/modules/; done
boot 64M
`

// BenchTree measures edits of an own tree: `matrix -cells=stock` of a directory, beside make and a boot by hand with the
// same tools. Both go on from what they made before. What the store got for it is removed at the end.
func (l *Lab) BenchTree(ctx context.Context) (err error) {
	base, err := l.benchBase(ctx)
	if err != nil {
		return err
	}
	tmp, remove, err := l.store.Scratch("bench-tree")
	if err != nil {
		return err
	}
	defer remove()
	t := &benchTree{Lab: *l, base: base, dir: filepath.Join(tmp, "linux"), build: filepath.Join(tmp, "build"), run: time.Now().Unix()}
	t.forget = true // a tree that nobody has
	if t.had, err = t.entries(); err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, t.drop()) }()
	return t.measure(ctx)
}

type benchTree struct {
	Lab
	base  *benched
	dir   string             // the own tree
	build string             // O= of the make by hand
	run   int64              // tells this run's edits from all others'
	had   map[[2]string]bool // see entries
}

func (t *benchTree) measure(ctx context.Context) error {
	if err := linkTree(ctx, t.dir, t.base.Base.Tree.Layers); err != nil {
		return err
	}
	mounts := []sandbox.Mount{{Source: t.base.Build(), Target: "/from", ReadOnly: true}, {Source: t.build, Target: "/build"}}
	if err := os.Mkdir(t.build, 0o755); err != nil {
		return err
	}
	if _, err := t.base.byHand(ctx, "cp -a /from/. /build", sandbox.Command{Mounts: mounts}); err != nil {
		return err
	}
	if _, err := t.byHand(ctx); err != nil { // in a copy, make has something to do once
		return err
	}
	_, first, err := t.umlab(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "own tree, read for the first time        umlab %6.2f s\n", first)
	// The first edit finds the build that umlab goes on from, and the tree that lies below the own one, on the disk; those of make by
	// hand lie in memory by now.
	const source = "arch/x86/kernel/module.c"
	if err := t.edit([]string{source}, inC); err != nil {
		return err
	}
	if _, first, err = t.umlab(ctx); err != nil {
		return err
	}
	if _, err := t.byHand(ctx); err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "the first edit of a C file               umlab %6.2f s\n", first)
	c, headers, err := t.read()
	if err != nil {
		return err
	}
	for _, e := range []struct {
		what  string
		paths []string
		text  string // %d is another number in each run, and changes what is made
	}{
		{"one C file (" + source + ")", []string{source}, inC},
		{"a sample (samples/rust/rust_print.rs)", []string{"samples/rust/rust_print.rs"}, "\n#[used]\nstatic UMLAB_%d: u8 = 1;\n"},
		{"flags of Rust (arch/um/Makefile)", []string{"arch/um/Makefile"}, "\nKBUILD_RUSTFLAGS += -Cmetadata=umlab%d\n"},
		{"a header (include/linux/module.h)", []string{"include/linux/module.h"}, inC},
		{"nothing", nil, ""},
		{fmt.Sprintf("%d files, as git checkout", len(c)+len(headers)), append(c, headers...), inC},
	} {
		if err := t.edit(e.paths, e.text); err != nil {
			return err
		}
		before, err := t.entries()
		if err != nil {
			return err
		}
		r, seconds, err := t.umlab(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", e.what, err)
		}
		bytes, err := t.added(before)
		if err != nil {
			return err
		}
		steps := r.Kernel.Steps
		if bytes == 0 {
			steps = 0 // it was there
		}
		hand, err := t.byHand(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", e.what, err)
		}
		fmt.Fprintf(t.stdout, "%-40s umlab %6.2f s   by hand %6.2f s   ratio %5.2f   %4d steps of make   store +%s\n",
			e.what, seconds, hand, seconds/hand, steps, size(bytes))
	}
	return nil
}

// inC changes the object of every C file that has it or includes it, also twice.
const inC = "\n#ifndef __ASSEMBLY__\nstatic int umlab_%d __attribute__((used));\n#endif\n"

// linkTree makes dir a tree of hard links to the files of layers, the topmost first.
func linkTree(ctx context.Context, dir string, layers []string) error {
	if len(layers) > 1 {
		return fmt.Errorf("the tree lies over another one in %s: clean the store", layers[1])
	}
	return store.CopyTree(ctx, dir, layers[0], func(to, from string, info fs.FileInfo) error {
		if info.IsDir() {
			return nil
		}
		return os.Link(from, to)
	})
}

// read are some C files and headers of the tree that the build reads.
func (t *benchTree) read() (c, headers []string, err error) {
	objects, err := filepath.Glob(filepath.Join(t.base.Build(), "kernel", "*.o"))
	for _, o := range objects {
		name := "kernel/" + strings.TrimSuffix(filepath.Base(o), ".o") + ".c"
		if _, err := os.Stat(filepath.Join(t.dir, name)); err == nil && len(c) < 26 {
			c = append(c, name)
		}
	}
	return c, []string{"include/linux/utsname.h", "include/linux/kthread.h", "kernel/sched/sched.h", "mm/internal.h"}, err
}

// edit appends text to files, each of which is replaced: it may be a link into the store.
func (t *benchTree) edit(paths []string, text string) error {
	for _, name := range paths {
		at := filepath.Join(t.dir, name)
		old, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		if err := os.Remove(at); err != nil {
			return err
		}
		if err := os.WriteFile(at, append(old, fmt.Sprintf(text, t.run)...), 0o644); err != nil {
			return err
		}
	}
	t.run++
	return nil
}

// umlab returns the results of stock on the own tree, which must be as expected, and the seconds that they took.
func (t *benchTree) umlab(ctx context.Context) (*result.Results, float64, error) {
	start := time.Now()
	p, err := t.plan(MatrixOptions{Tree: t.dir, Select: scenario.Selection{Cells: []string{"stock"}}})
	if err != nil {
		return nil, 0, err
	}
	r, err := t.Lab.run(ctx, t.sources, p)
	if err == nil {
		err = matrixEnd(r)
	}
	return r, time.Since(start).Seconds(), err
}

// byHand returns the seconds of make and a boot.
func (t *benchTree) byHand(ctx context.Context) (float64, error) {
	mounts := []sandbox.Mount{{Source: t.dir, Target: "/src", ReadOnly: true}, {Source: t.build, Target: "/build"}}
	return t.base.byHand(ctx, handEdit, sandbox.Command{Mounts: mounts}, fmt.Sprintf("-j%d", runtime.NumCPU()))
}

// entries are what the store has of trees and builds, by kind and key.
func (t *benchTree) entries() (map[[2]string]bool, error) {
	all := map[[2]string]bool{}
	for _, kind := range []string{"layer", "baseline"} {
		keys, err := t.store.Keys(kind)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			all[[2]string{kind, key}] = true
		}
	}
	return all, nil
}

// added is how many bytes on disk the store got since it had before.
func (t *benchTree) added(before map[[2]string]bool) (bytes int64, err error) {
	now, err := t.entries()
	for e := range now {
		if dir, ok := t.store.Peek(e[0], e[1]); ok && !before[e] {
			bytes += store.Allocated(dir)
		}
	}
	return bytes, err
}

// drop removes what the store got of this run.
func (t *benchTree) drop() error {
	now, err := t.entries()
	for e := range now {
		if !t.had[e] {
			err = cmp.Or(err, t.store.Drop(e[0], e[1]))
		}
	}
	return err
}
