package kbuild

import (
	"context"
	"errors"
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
	key := store.Key(append([]string{kindDebug, version, bl.Key, r.Cell.MakeArg()}, r.targets()...)...)
	unlock, err := b.Store.Lock(ctx, kindDebug+"-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d := &Debugged{}
	if len(r.targets()) == 0 {
		return d, nil
	}
	if b.Store.Get(kindDebug, key, d) {
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
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return nil, err
	}
	task := b.Sink.Start("build "+r.name()+" with debug information", progress.Objects, 0)
	j := job{
		what: r.name() + " with debug information", base: bl.Base,
		overlays: []sandbox.Overlay{{Lower: []string{bl.Build()}, Upper: upper, Work: work, Target: buildDir}},
		log:      &makeLog{Log: log, Task: task},
	}
	set := []string{"RUSTFLAGS_MODULE=" + debugFlags(r), "CFLAGS_MODULE=-g"}
	if bl.Direct {
		j.dir, j.env, j.args = buildDir, append(slices.Clone(bl.Env), set...), directArgs(r, b.jobs())
	} else {
		j.args = append(append(append(bl.Base.Make(), "-j"+strconv.Itoa(b.jobs())), set...), r.targets()...)
	}
	err = b.run(ctx, j)
	task.Done(err)
	if err != nil {
		return nil, b.judge(ctx, j.what, err, logPath)
	}
	return b.debugged(ctx, bl, r, upper)
}

// debugged keeps what the overlay got.
func (b *Builder) debugged(ctx context.Context, bl *Baseline, r Request, upper string) (*Debugged, error) {
	d := &Debugged{Modules: map[string]Module{}, Objects: map[string][]RustObject{}}
	read := reader(upper, bl.Build())
	for _, target := range r.targets() {
		ko, ok := find(upper, "", target)
		if !ok {
			continue // it was not built again, so that it has no lines
		}
		var m Module
		var err error
		if m.Path, m.Sum, err = b.Store.Keep(ctx, ko); err != nil {
			return nil, err
		}
		d.Modules[target] = m
		objects, err := objectsOf(target, read)
		if err != nil {
			return nil, err
		}
		rust, err := rustObjects(objects, read)
		if err != nil {
			return nil, err
		}
		for _, o := range rust {
			d.Objects[target] = append(d.Objects[target], RustObject{o.name, given(o.command)})
		}
	}
	return d, nil
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
