package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// terminals is how many terminals the guest has opened before its first insmod:
// the console, see rootfs/init. Each holds a buffer in the space that modules
// are placed in.
const terminals = 1

// oracle predicts what the loader of one tree, under one configuration, does
// with the modules of a matrix. Kernels and modules are read once. It may be
// used by several goroutines.
type oracle struct {
	tree *loader.Tree // nil where nothing is predicted
	err  error        // why nothing is

	kernels sync.Map // sum and path -> func() (*loader.Kernel, error)
	modules sync.Map // sum and path -> func() (*placeable, error)

	mu       sync.Mutex
	products map[string]*kbuild.Product // by productKey
	notes    []string                   // modules that nothing is predicted for, and why
}

// placeable is a module and what the tree's kernel allocates for it.
type placeable struct {
	*loader.Module
	layout *loader.Layout
}

// newOracle reads the loader of the baseline's tree, patches included, under its
// resolved configuration. Where the source is not as the oracle knows it, it
// predicts nothing and says why in err.
func newOracle(bl *kbuild.Baseline) *oracle {
	o := &oracle{products: map[string]*kbuild.Product{}}
	config, err := os.ReadFile(bl.ResolvedConfig())
	if err == nil {
		o.tree, err = loader.ReadTree(os.DirFS(bl.Base.Tree.Dir), bl.Base.Tree.Version, config)
	}
	o.err = err
	return o
}

// kernel is the kernel of a build, as modules see it.
func (o *oracle) kernel(p *kbuild.Product) (*loader.Kernel, error) {
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
func (o *oracle) module(m kbuild.Module) (*placeable, error) {
	read, _ := o.modules.LoadOrStore(m.Sum+" "+m.Path, sync.OnceValues(func() (*placeable, error) {
		text, err := os.ReadFile(m.Path)
		if err != nil {
			return nil, err
		}
		ko, err := loader.Open(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		layout, err := o.tree.Layout(ko)
		return &placeable{ko, layout}, err
	}))
	return read.(func() (*placeable, error))()
}

// forecast is the prediction for one module in one boot.
type forecast struct {
	Module     string // its name
	Err        error  // why nothing is predicted; all below but Mem and Gap may be zero then
	Tree       *loader.Tree
	Kernel     *loader.Kernel
	Ko         *loader.Module
	Prediction loader.Prediction
	Mem        int64 // mem= of the boot, bytes
	Gap        int64 // before brk, as the boot's log says, bytes; 0 where it says nothing
}

// Sentences says the prediction with the arithmetic that decides it, and what
// it rests on.
func (f *forecast) Sentences() []string {
	if f.Err != nil {
		return []string{f.Err.Error()}
	}
	return append(loader.Explain(f.Tree, f.Kernel, f.Ko, f.Prediction, f.Mem, f.Gap), f.Prediction.Conditions...)
}

// Outcome is the prediction as an outcome, with the reasoning as its detail.
func (f *forecast) Outcome() outcome.Outcome {
	o := f.Prediction.Outcome
	o.Detail = strings.Join(f.Sentences(), "; ")
	return o
}

// forecast predicts the modules of a run, in the order of run.Modules, from
// where each of its boots began. Without modules, as in result.Run{}, it is the
// forecast of one boot of all the modules given that reports no gap.
func (o *oracle) forecast(p *kbuild.Product, modules []scenario.Module, mem int64, run result.Run) []forecast {
	boots := run.Boots
	if len(run.Modules) == 0 {
		boots = []result.Boot{{}}
		for _, m := range modules {
			boots[0].Modules = append(boots[0].Modules, m.Name)
		}
	}
	observed := map[string]outcome.Outcome{}
	for _, m := range run.Modules {
		observed[m.Name] = m.Outcome
	}
	var out []forecast
	for _, b := range boots {
		var gap int64
		if b.Gap != nil {
			gap = *b.Gap
		}
		sim, err := o.simulation(p, modules, b.Modules)
		if err != nil {
			for _, name := range b.Modules {
				out = append(out, forecast{Module: name, Err: err, Mem: mem, Gap: gap})
			}
			continue
		}
		for _, f := range sim.boot(sim.tree.Space.ModuleBase(sim.kernel.Link, mem, gap), observed) {
			f.Mem, f.Gap = mem, gap
			out = append(out, f)
		}
	}
	if len(run.Modules) == 0 {
		return out
	}
	inOrder := make([]forecast, len(run.Modules))
	for i, m := range run.Modules {
		inOrder[i] = forecast{Module: m.Name, Err: errNoBoot, Mem: mem}
		if at := slices.IndexFunc(out, func(f forecast) bool { return f.Module == m.Name }); at >= 0 {
			inOrder[i] = out[at]
		}
	}
	return inOrder
}

var errNoBoot = errors.New("it was in no boot")

// simulation is what a boot needs to be predicted at any address.
type simulation struct {
	tree    *loader.Tree
	kernel  *loader.Kernel
	modules []candidate
}

type candidate struct {
	name string
	*placeable
	err error // why it cannot be placed
}

// simulation reads what the named modules of a build are.
func (o *oracle) simulation(p *kbuild.Product, modules []scenario.Module, names []string) (*simulation, error) {
	if o.err != nil {
		return nil, o.err
	}
	kernel, err := o.kernel(p)
	if err != nil {
		return nil, err
	}
	sim := &simulation{tree: o.tree, kernel: kernel}
	for _, name := range names {
		at := slices.IndexFunc(modules, func(m scenario.Module) bool { return m.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("module %s is none of this cell", name)
		}
		m, err := o.module(p.Modules[modules[at].Path])
		sim.modules = append(sim.modules, candidate{name, m, err})
	}
	return sim, nil
}

// boot predicts the modules of one boot whose vmalloc space begins at base, one
// behind the other: what a module leaves there decides where the next one lands.
// What it leaves is as observed, and as predicted where nothing was observed.
func (s *simulation) boot(base uint64, observed map[string]outcome.Outcome) []forecast {
	arena := loader.NewArena(base)
	for range terminals {
		arena.Alloc(s.kernel.NTTY)
	}
	var lost error // since when nothing can be placed any more
	out := make([]forecast, len(s.modules))
	for i, m := range s.modules {
		f := forecast{Module: m.name, Tree: s.tree, Kernel: s.kernel, Err: errors.Join(lost, m.err)}
		if f.Err == nil {
			f.Ko = m.Module
			before := arena.Clone()
			attempt := arena.Attempt(m.layout, m.FileSize)
			f.Prediction, f.Err = loader.Predict(s.tree, s.kernel, m.Module, attempt.Placement)
			o, seen := observed[m.name]
			if f.Err == nil && (!seen || !o.Kind.Kernel()) {
				o = f.Prediction.Outcome
			} else if f.Err != nil && !seen {
				lost = f.Err
			}
			arena = leave(before, arena, attempt, m, o)
		} else if lost == nil {
			lost = fmt.Errorf("it comes behind %s, which cannot be placed", m.name)
		}
		out[i] = f
	}
	return out
}

// leave is the vmalloc space behind a module that went as o says: before is that
// in front of it, arena that in which attempt was made. busybox's insmod tries
// a second system call where the first one fails.
func leave(before, arena *loader.Arena, attempt *loader.Attempt, m candidate, o outcome.Outcome) *loader.Arena {
	inserted := o.Kind == outcome.Loaded || o.Kind == outcome.LoadedCorrupt || o.Kind == outcome.InsmodFailed && o.Address != ""
	switch {
	case inserted:
		attempt.Loaded()
		if !strings.Contains(o.Detail, "rmmod failed") {
			attempt.Unloaded()
		}
		return arena
	case o.Kind == outcome.InitFailed:
		attempt.Loaded()
		attempt.Unloaded()
		again := arena.Attempt(m.layout, m.FileSize)
		again.Loaded()
		again.Unloaded()
		return arena
	case strings.Contains(o.Evidence, ": version magic '"):
		// Refused before any memory but the copy of the file was allocated.
		for range 2 {
			before.Free(before.Alloc(uint64(m.FileSize)))
		}
		return before
	}
	attempt.Refused()
	arena.Attempt(m.layout, m.FileSize).Refused()
	return arena
}

// productKey tells builds of one cell apart: a control is built with fewer
// modules than the matrix.
func productKey(c scenario.Cell) string {
	key := c.ID()
	for _, m := range c.Modules {
		key += "\x00" + m.Path
	}
	return key
}

// note keeps a sentence for the report, once.
func (o *oracle) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Contains(o.notes, text) {
		o.notes = append(o.notes, text)
	}
}

// Notes is what a reader must know of the predictions: that there are none, or
// which are missing.
func (o *oracle) Notes() []string {
	if o.err != nil {
		return []string{"no predictions: " + o.err.Error()}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.notes)
	return slices.Clone(o.notes)
}
