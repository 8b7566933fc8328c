package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Forecast is the prediction for one module in one boot.
type Forecast struct {
	Module     string // its name
	Err        error  // why nothing is predicted; all below but mem and gap may be zero then
	Tree       *loader.Tree
	Kernel     *loader.Kernel
	Ko         *loader.Module
	Prediction loader.Prediction
	mem        int64 // mem= of the boot, bytes
	gap        int64 // before brk, as the boot's log says, bytes; 0 where it says nothing
}

// Sentences says the prediction with the arithmetic that decides it, and what
// it rests on.
func (f *Forecast) Sentences() []string {
	if f.Err != nil {
		return []string{f.Err.Error()}
	}
	return append(loader.Explain(f.Tree, f.Kernel, f.Ko, f.Prediction, f.mem, f.gap), f.Prediction.Conditions...)
}

// outcome is the prediction as an outcome, with the reasoning as its detail.
func (f *Forecast) outcome() outcome.Outcome {
	o := f.Prediction.Outcome
	o.Detail = strings.Join(f.Sentences(), "; ")
	return o
}

// Forecast predicts the modules of a run at mem bytes of memory, in the order of
// run.Modules, from where each of its boots began.
func (o *Oracle) Forecast(p *kbuild.Product, modules []scenario.Module, mem int64, run result.Run) []Forecast {
	observed := map[string]outcome.Outcome{}
	at := map[string]int{}
	out := make([]Forecast, len(run.Modules))
	for i, m := range run.Modules {
		observed[m.Name], at[m.Name] = m.Outcome, i
		out[i] = Forecast{Module: m.Name, Err: errNoBoot, mem: mem}
	}
	for _, b := range run.Boots {
		var gap int64
		if b.Gap != nil {
			gap = *b.Gap
		}
		booted := slices.DeleteFunc(slices.Clone(modules), func(m scenario.Module) bool { return !slices.Contains(b.Modules, m.Name) })
		sim, err := o.simulation(p, booted)
		if err != nil {
			for _, name := range b.Modules {
				out[at[name]] = Forecast{Module: name, Err: err, mem: mem, gap: gap}
			}
			continue
		}
		for _, f := range sim.boot(sim.tree.Space.ModuleBase(sim.kernel.Link, mem, gap), observed) {
			f.mem, f.gap = mem, gap
			out[at[f.Module]] = f
		}
	}
	return out
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

// simulation reads what these modules of a build are, which one boot tries in
// this order.
func (o *Oracle) simulation(p *kbuild.Product, modules []scenario.Module) (*simulation, error) {
	if o.err != nil {
		return nil, o.err
	}
	kernel, err := o.kernel(p)
	if err != nil {
		return nil, err
	}
	sim := &simulation{tree: o.tree, kernel: kernel}
	for _, m := range p.InOrder(modules) {
		read, err := o.module(p.Modules[m.Path])
		sim.modules = append(sim.modules, candidate{m.Name, read, err})
	}
	return sim, nil
}

// boot predicts the modules of one boot whose vmalloc space begins at base, one
// behind the other: what a module leaves there decides where the next one lands.
// What it leaves is as observed, and as predicted where nothing was observed.
func (s *simulation) boot(base uint64, observed map[string]outcome.Outcome) []Forecast {
	arena := loader.NewArena(base)
	for range terminals {
		arena.Alloc(s.kernel.NTTY)
	}
	var lost error // since when nothing can be placed any more
	out := make([]Forecast, len(s.modules))
	for i, m := range s.modules {
		f := Forecast{Module: m.name, Tree: s.tree, Kernel: s.kernel, Err: errors.Join(lost, m.err)}
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
		if !o.Stays {
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
	case o.VersionMagic():
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
