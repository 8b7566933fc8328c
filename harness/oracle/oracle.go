// Package oracle predicts what the loader of a tree does with the modules of a
// matrix, and holds what boots showed against it: whether they agree, from which
// mem= on a module no longer loads, and how often random addresses let it. It may
// import kbuild, loader, kmsg, scenario, outcome and result; it never boots, and where
// the tree's source is not as loader knows it, it predicts nothing and says why.
package oracle

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"umlab/harness/kbuild"
	"umlab/harness/kmsg"
	"umlab/harness/loader"
	"umlab/harness/scenario"
)

// Oracle predicts what the loader of one tree, under one configuration, does
// with the modules of a matrix. Kernels and modules are read once. It may be
// used by several goroutines.
type Oracle struct {
	tree *loader.Tree // nil where nothing is predicted
	err  error        // why nothing is

	*read

	mu       sync.Mutex
	products map[string]*kbuild.Product // by productKey
	notes    []string                   // modules that nothing is predicted for, and why
}

// read is what was read of kernels and modules.
type read struct {
	kernels sync.Map // sum and path -> func() (*loader.Kernel, error)
	modules sync.Map // sum and path -> func() (*placeable, error)
	formats func() kmsg.Formats
}

// Anew is an oracle that knows what o has read, and nothing of what it was asked.
func (o *Oracle) Anew() *Oracle {
	return &Oracle{tree: o.tree, err: o.err, read: o.read, products: map[string]*kbuild.Product{}}
}

// placeable is a module and what the tree's kernel allocates for it.
type placeable struct {
	*loader.Module
	layout *loader.Layout
}

// New reads the loader of the baseline's tree, patches included, under its
// resolved configuration. Where the source is not as the oracle knows it, it
// predicts nothing and says why in err.
func New(bl *kbuild.Baseline) *Oracle {
	formats := sync.OnceValue(func() kmsg.Formats { return loader.Formats(bl.Base.Tree.FS()) })
	o := &Oracle{read: &read{formats: formats}, products: map[string]*kbuild.Product{}}
	config, err := os.ReadFile(bl.ResolvedConfig())
	if err == nil {
		o.tree, err = loader.ReadTree(bl.Base.Tree.FS(), bl.Base.Tree.Version, config)
	}
	o.err = err
	return o
}

// Loader names the code that is predicted: "arch/x86/um/module.c:10-80 (apply_relocate_add)";
// empty where nothing is.
func (o *Oracle) Loader() string {
	if o.tree == nil {
		return ""
	}
	r := o.tree.Rules
	return fmt.Sprintf("%s:%d-%d (%s)", r.File, r.First, r.Last, r.Function)
}

// Formats are what the loader can print, see loader.Formats.
func (o *Oracle) Formats() kmsg.Formats { return o.formats() }

// kernel is the kernel of a build, as modules see it.
func (o *Oracle) kernel(p *kbuild.Product) (*loader.Kernel, error) {
	read, _ := o.kernels.LoadOrStore(p.LinuxSum+" "+p.Linux, sync.OnceValues(func() (*loader.Kernel, error) {
		text, err := os.ReadFile(p.Linux)
		if err != nil {
			return nil, err
		}
		return loader.OpenKernel(bytes.NewReader(text))
	}))
	return read.(func() (*loader.Kernel, error))()
}

// module is a module of a build.
func (o *Oracle) module(m kbuild.Module) (*placeable, error) {
	read, _ := o.modules.LoadOrStore(m.Sum+" "+m.Path, sync.OnceValues(func() (*placeable, error) {
		ko, err := loader.OpenFile(m.Path)
		if err != nil {
			return nil, err
		}
		layout, err := o.tree.Layout(ko)
		return &placeable{ko, layout}, err
	}))
	return read.(func() (*placeable, error))()
}

// productKey tells builds of one cell apart: a control is built with fewer
// modules than the matrix.
func productKey(c scenario.Cell) string {
	var paths []string
	for _, m := range c.Modules {
		paths = append(paths, m.Path)
	}
	slices.Sort(paths) // they are tried in another order than they are named in
	return strings.Join(append([]string{c.ID()}, paths...), "\x00")
}

// note keeps a sentence for the report, once.
func (o *Oracle) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.notes, text) {
		o.notes = append(o.notes, text)
	}
}

// Notes is what a reader must know of the predictions: that there are none, or
// which are missing.
func (o *Oracle) Notes() []string {
	if o.err != nil {
		return []string{"no predictions: " + o.err.Error()}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.notes)
	return slices.Clone(o.notes)
}
