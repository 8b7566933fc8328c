package kbuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
)

const kindDebug = "debug"

// Debugged is a second build of modules, with debug information.
type Debugged struct {
	Modules map[string]Module       `json:"modules"` // by target; one that this build does not make is missing
	Objects map[string][]RustObject `json:"objects"` // by target: its Rust objects
}

// RustObject is how rustc was called for an object.
type RustObject struct {
	Name  string   `json:"name"`  // "samples/rust/rust_minimal.o"
	Given []string `json:"given"` // all -C options in their order, overridden ones too, but for the debug information's
}

// Debug builds the modules of r a second time, with debug information. Such a
// module may differ from the one that was booted: see loader.SameRelocations
// before its lines are believed. Errors are those of the machine, and of a
// source that builds only without debug information.
//
// For a scope that reaches the whole kernel, the modules are built with the
// baseline's crates: the machine code of a module is its own.
func (b *Builder) Debug(ctx context.Context, bl *Baseline, r Request) (*Debugged, error) {
	key := r.key(kindDebug, bl)
	unlock, err := b.Store.Lock(ctx, kindDebug+"-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d := &Debugged{}
	if b.Store.Get(kindDebug, key, d) && locate(b.Store, d.Modules) {
		return d, nil
	}
	tmp, remove, err := b.Store.Scratch(kindDebug)
	if err != nil {
		return nil, err
	}
	defer remove()
	if d, err = b.debug(ctx, bl, r, tmp); err != nil {
		return nil, fmt.Errorf("build %s with debug information: %w", r.name(), err)
	}
	return d, b.Store.Put(kindDebug, key, d)
}

// debugVars are the arguments of make for the modules of r, with debug information.
func debugVars(r Request) []string {
	vars := []scenario.MakeVar{{Name: rustModule}, {Name: "CFLAGS_MODULE"}}
	for _, v := range r.Cell.MakeVars() {
		switch v.Name {
		case "RUSTFLAGS_KERNEL": // does not reach modules
		case "KRUSTFLAGS", rustModule:
			vars[0].Flags = append(vars[0].Flags, v.Flags...)
		case "CFLAGS_MODULE":
			vars[1].Flags = append(vars[1].Flags, v.Flags...)
		default:
			vars = append(vars, v)
		}
	}
	vars[0].Flags, vars[1].Flags = append(vars[0].Flags, objtree.Debug), append(vars[1].Flags, "-g")
	var args []string
	for _, v := range vars {
		args = append(args, v.String())
	}
	return args
}

func (b *Builder) debug(ctx context.Context, bl *Baseline, r Request, dir string) (*Debugged, error) {
	logPath := filepath.Join(dir, "make.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	kernel, err := kmake.NewOverlay(dir, bl.Build(), buildDir)
	if err != nil {
		return nil, err
	}
	task := b.Sink.Start("build "+r.name()+" with debug information", progress.Objects, 0)
	j := kmake.Job{What: r.name() + " with debug information", Base: bl.Base, Overlays: []sandbox.Overlay{kernel},
		Log: &kmake.Log{To: log, Task: task}}
	set := debugVars(r)
	externals, err := b.makeDebug(ctx, bl, r, j, set, dir)
	task.Done(err)
	if err != nil {
		return nil, bl.Base.Told(r.Cell, b.Blame(ctx, j.What, err, logPath))
	}
	built := products{objtree.Dir{Upper: kernel.Upper, Lower: bl.Build()}, externals}
	d := &Debugged{Modules: map[string]Module{}, Objects: map[string][]RustObject{}}
	for _, m := range r.Cell.Modules {
		in := built.of(m)
		ko, ok := in.Again().Find(m.Path)
		if !ok {
			continue // it was not built again, so that it has no lines
		}
		if d.Modules[m.Path], err = b.keep(ctx, m.Path, ko); err != nil {
			return nil, err
		}
		rust, err := in.RustOf(m.Path)
		if err != nil {
			return nil, err
		}
		for _, o := range rust {
			d.Objects[m.Path] = append(d.Objects[m.Path], RustObject{o.Name, objtree.Given(o.Command)})
		}
	}
	return d, nil
}

// makeDebug runs make for the modules of the tree, in the overlay of j, and for
// each of the user's directories.
func (b *Builder) makeDebug(ctx context.Context, bl *Baseline, r Request, j kmake.Job, set []string, dir string) ([]objtree.Dir, error) {
	top := append(append(bl.Base.Make(), b.jobs(r)), set...)
	if len(r.targets()) > 0 {
		tree := j
		if bl.Direct {
			tree.Dir, tree.Env, tree.Args = buildDir, append(slices.Clone(bl.Env), set...), directArgs(r, b.jobs(r))
		} else {
			tree.Args = append(slices.Clone(top), r.targets()...)
		}
		if err := b.Run(ctx, tree); err != nil {
			return nil, err
		}
	}
	return b.makeExternals(ctx, bl, r, j, top, nil, dir)
}
