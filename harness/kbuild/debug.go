package kbuild

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
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
	parts := append([]string{kindDebug, version, bl.Key, r.Cell.MakeArg()}, r.targets()...)
	key := store.Key(append(parts, externalKey(r.Cell)...)...)
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

// debugFlags are the rustc flags of the modules of r, with debug information.
func debugFlags(r Request) string {
	var flags []string
	if r.Cell.Scope != scenario.ScopeKernel {
		flags = r.Cell.Variant.Flags()
	}
	return strings.Join(append(slices.Clone(flags), debugOption), " ")
}

func (b *Builder) debug(ctx context.Context, bl *Baseline, r Request, dir string) (*Debugged, error) {
	logPath := filepath.Join(dir, "make.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	kernel, err := newOverlay(dir, bl.Build(), buildDir)
	if err != nil {
		return nil, err
	}
	task := b.Sink.Start("build "+r.name()+" with debug information", progress.Objects, 0)
	j := job{what: r.name() + " with debug information", base: bl.Base, overlays: []sandbox.Overlay{kernel}, log: &makeLog{Log: log, Task: task}}
	set := []string{"RUSTFLAGS_MODULE=" + debugFlags(r), "CFLAGS_MODULE=-g"}
	built, err := b.makeDebug(ctx, bl, r, j, set, dir)
	task.Done(err)
	if err != nil {
		return nil, b.judge(ctx, j.what, err, logPath)
	}
	d := &Debugged{Modules: map[string]Module{}, Objects: map[string][]RustObject{}}
	for _, target := range r.targets() {
		// What the overlay has not was not built again, so that it has no lines.
		if ko, ok := find(kernel.Upper, "", target); ok {
			if err := b.debugged(ctx, d, target, ko, reader(kernel.Upper, bl.Build()), path.Clean); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range r.Cell.Modules {
		for _, e := range built {
			if m.External == nil || m.External.Mount != e.Mount {
				continue
			}
			inside := func(name string) string {
				return path.Clean(strings.TrimPrefix(strings.TrimPrefix(name, "/"), e.Mount+"/"))
			}
			read := func(name string) ([]byte, error) { return reader(e.upper, "")(inside(name)) }
			ko, ok := find(e.upper, "", inside(m.Path))
			if !ok {
				continue
			}
			named := func(object string) string { return path.Join(e.Mount, inside(object)) }
			if err := b.debugged(ctx, d, m.Path, ko, read, named); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// makeDebug runs make for the modules of the tree, in the overlay of j, and for
// each of the user's directories.
func (b *Builder) makeDebug(ctx context.Context, bl *Baseline, r Request, j job, set []string, dir string) ([]builtExternal, error) {
	top := append(append(bl.Base.Make(), "-j"+strconv.Itoa(b.jobs())), set...)
	if len(r.targets()) > 0 {
		tree := j
		if bl.Direct {
			tree.dir, tree.env, tree.args = buildDir, append(slices.Clone(bl.Env), set...), directArgs(r, b.jobs())
		} else {
			tree.args = append(slices.Clone(top), r.targets()...)
		}
		if err := b.run(ctx, tree); err != nil {
			return nil, err
		}
	}
	var built []builtExternal
	for i, e := range externals(r.Cell) {
		own := filepath.Join(dir, "external", strconv.Itoa(i))
		module, err := newOverlay(filepath.Join(own, "module"), e.Dir, "/"+e.Mount)
		if err != nil {
			return nil, err
		}
		kernel, err := newOverlay(filepath.Join(own, "kernel"), bl.Build(), buildDir)
		if err != nil {
			return nil, err
		}
		x := j
		x.overlays = []sandbox.Overlay{kernel, module}
		x.args = append(slices.Clone(top), "M=/"+e.Mount, "modules")
		if err := b.run(ctx, x); err != nil {
			return nil, err
		}
		built = append(built, builtExternal{e, module.Upper})
	}
	return built, nil
}

// debugged keeps a module that was built again, and notes how its Rust objects
// were. read gives a file that stands beside it, and named the name of an object
// as a Product has it.
func (b *Builder) debugged(ctx context.Context, d *Debugged, target, ko string, read func(string) ([]byte, error), named func(string) string) error {
	var m Module
	var err error
	if m.Path, m.Sum, err = b.Store.Keep(ctx, ko); err != nil {
		return err
	}
	d.Modules[target] = m
	objects, err := objectsOf(target, read)
	if err != nil {
		return err
	}
	for i, o := range objects {
		objects[i] = named(o)
	}
	rust, err := rustObjects(objects, read)
	if err != nil {
		return err
	}
	for _, o := range rust {
		d.Objects[target] = append(d.Objects[target], RustObject{o.name, given(o.command)})
	}
	return nil
}

// debugOption asks rustc for all that lines need.
const debugOption = "-Cdebuginfo=2"

// given lists the -C options of a rustc command in their order, without
// debugOption.
func given(command string) (options []string) {
	words := strings.Fields(command)
	for i := 0; i < len(words); i++ {
		word := words[i]
		if (word == "-C" || word == "--codegen") && i+1 < len(words) {
			i++
			word = "-C" + words[i]
		}
		if word = strings.Trim(word, `'"`); strings.HasPrefix(word, "-C") && word != debugOption {
			options = append(options, word)
		}
	}
	return options
}

// directArgs is the command that builds the modules of r below Kbuild's top.
func directArgs(r Request, jobs int) []string {
	var dirs, modules []string
	for _, m := range r.targets() {
		if d := path.Dir(m); !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
		modules = append(modules, strings.TrimSuffix(m, ".ko"))
	}
	return append([]string{"sh", "-c", directScript, "sh", strconv.Itoa(jobs), strings.Join(dirs, " ")}, modules...)
}
