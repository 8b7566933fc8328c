package kbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// Request is one cell to build.
type Request struct {
	Cell scenario.Cell
	Jobs int // make -j; 0: the builder's
}

func (r Request) name() string { return r.Cell.ID() }

// targets are the modules as targets of make.
func (r Request) targets() []string {
	var t []string
	for _, m := range r.Cell.Modules {
		t = append(t, m.Path)
	}
	return t
}

// moduleScope reports whether the flags reach nothing but modules.
func (r Request) moduleScope() bool { return r.Cell.Scope == scenario.ScopeModule }

// Product is what a variant's build left in the store.
type Product struct {
	Key       string              `json:"key"`
	Linux     string              `json:"linux"`     // path of the kernel
	LinuxSum  string              `json:"linux_sum"` // its sha256
	Modules   map[string]Module   `json:"modules"`   // by target
	Effective map[string][]string `json:"effective"` // Rust object -> -C options that counted
	Seconds   float64             `json:"seconds"`
	Direct    bool                `json:"direct"`  // built below Kbuild's top, and shown to be the same
	Outcome   *outcome.Outcome    `json:"outcome"` // build-failed or config-dropped: there is nothing to boot
	Log       string              `json:"log"`     // path of make's output
}

// Module is a built module.
type Module struct {
	Path string `json:"path"`
	Sum  string `json:"sum"` // sha256
}

const kindBuild = "build"

// Fork returns what the variant's build makes of the baseline, building it in a
// copy-on-write overlay where the store has it not yet (or where fresh is set).
// A build that fails for a reason of the source, and one whose objects were not
// built with the variant's flags, are products with an Outcome; errors are the
// machine's.
func (b *Builder) Fork(ctx context.Context, bl *Baseline, r Request, fresh bool) (p *Product, hit bool, err error) {
	parts := append([]string{"build", version, bl.Key, r.Cell.MakeArg()}, r.targets()...)
	key := store.Key(parts...)
	if fresh {
		unlock, err := b.Store.Lock(ctx, kindBuild+"-"+key)
		if err != nil {
			return nil, false, err
		}
		err = b.Store.Drop(kindBuild, key)
		unlock()
		if err != nil {
			return nil, false, err
		}
	}
	dir, hit, err := b.Store.Dir(ctx, kindBuild, key, func(ctx context.Context, dir string) error {
		p, err := b.fork(ctx, bl, r, dir)
		if err != nil {
			return err
		}
		p.Key = key
		text, err := json.MarshalIndent(p, "", " ")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "build.json"), text, 0o644)
	})
	if err != nil {
		return nil, false, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "build.json"))
	if err != nil {
		return nil, false, err
	}
	p = &Product{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, false, err
	}
	p.place(bl, dir)
	return p, hit, nil
}

// place makes the paths of a product absolute: in the record they are relative
// to its directory, and empty for what is the baseline's own.
func (p *Product) place(bl *Baseline, dir string) {
	if p.Linux == "" {
		p.Linux = filepath.Join(bl.Build(), "linux")
	} else {
		p.Linux = filepath.Join(dir, p.Linux)
	}
	for target, m := range p.Modules {
		m.Path = filepath.Join(dir, m.Path)
		p.Modules[target] = m
	}
	p.Log = filepath.Join(dir, "make.log")
}

// fork builds r and fills dir with what is to be kept.
func (b *Builder) fork(ctx context.Context, bl *Baseline, r Request, dir string) (*Product, error) {
	start := time.Now()
	logPath := filepath.Join(dir, "make.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	upper := ""
	p := &Product{Modules: map[string]Module{}, Effective: map[string][]string{}}
	if len(r.Cell.Variant.Flags()) > 0 {
		tmp, remove, err := b.Store.Scratch("fork")
		if err != nil {
			return nil, err
		}
		defer remove()
		upper = filepath.Join(tmp, "upper")
		work := filepath.Join(tmp, "work")
		if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)); err != nil {
			return nil, err
		}
		overlay := sandbox.Overlay{Lower: []string{bl.Build()}, Upper: upper, Work: work, Target: buildDir}
		task := b.Sink.Start("build "+r.name(), progress.Objects, 0)
		out := &makeLog{Log: log, Task: task}
		p.Direct, err = b.makeFork(ctx, bl, r, overlay, out)
		task.Done(err)
		if err != nil {
			err = b.judge(ctx, r.name(), err, logPath)
			var broken *BuildError
			if !errors.As(err, &broken) {
				return nil, err
			}
			p.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: broken.First, Offset: int64(broken.Offset),
				Detail: "make failed; the offset is that of its output"}
			p.Seconds = time.Since(start).Seconds()
			return p, nil
		}
	}
	if err := b.collect(bl, r, upper, dir, p); err != nil {
		return nil, err
	}
	p.Seconds = time.Since(start).Seconds()
	return p, nil
}

// makeFork runs make in the overlay: below Kbuild's top where only modules
// change and that is shown to be the same, else from the top.
func (b *Builder) makeFork(ctx context.Context, bl *Baseline, r Request, overlay sandbox.Overlay, out *makeLog) (direct bool, err error) {
	if r.moduleScope() && bl.Direct {
		err := b.makeDirect(ctx, bl, r, overlay, out)
		if err == nil {
			return true, nil
		}
		var exit *exitError
		var differs *differsError
		if !errors.As(err, &exit) && !errors.As(err, &differs) {
			return false, err
		}
		// The top Makefile has the last word on whether it builds.
		fmt.Fprintf(out.Log, "umlab: building from the top: %v\n", err)
		for _, d := range []string{overlay.Upper, overlay.Work} {
			if err := errors.Join(store.RemoveAll(d), os.Mkdir(d, 0o755)); err != nil {
				return false, err
			}
		}
	}
	jobs := r.Jobs
	if jobs == 0 {
		jobs = b.jobs()
	}
	args := append(bl.Base.Make(), "-j"+strconv.Itoa(jobs), r.Cell.MakeArg())
	if r.moduleScope() {
		args = append(args, r.targets()...)
	}
	return false, b.run(ctx, job{what: r.name(), base: bl.Base, overlays: []sandbox.Overlay{overlay}, args: args, log: out})
}

// collect copies what is to be kept of the build into dir and checks that it is
// the build that was asked for.
func (b *Builder) collect(bl *Baseline, r Request, upper, dir string, p *Product) error {
	read := reader(upper, bl.Build())
	if own, ok := find(upper, "", "linux"); ok {
		p.Linux = "linux"
		if err := copyTo(filepath.Join(dir, p.Linux), own); err != nil {
			return err
		}
		sum, err := fileSum(own)
		if err != nil {
			return err
		}
		p.LinuxSum = sum
	} else {
		p.LinuxSum = bl.Linux
	}
	var wrong []string
	for _, target := range r.targets() {
		ko, ok := find(upper, bl.Build(), target)
		if !ok {
			p.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: target,
				Detail: "make succeeded but made no " + target + ": is its option in a fragment, and is it a target of this tree?"}
			return nil
		}
		m := Module{Path: path.Join("modules", path.Base(target))}
		if err := copyTo(filepath.Join(dir, m.Path), ko); err != nil {
			return err
		}
		var err error
		if m.Sum, err = fileSum(ko); err != nil {
			return err
		}
		p.Modules[target] = m
		objects, err := objectsOf(target, read)
		if err != nil {
			return err
		}
		rust, err := rustObjects(objects, read)
		if err != nil {
			return err
		}
		wrong = append(wrong, p.check(r, r.Cell.Scope != scenario.ScopeKernel, rust)...)
	}
	if len(r.Cell.Variant.Flags()) > 0 && !r.moduleScope() {
		rust, err := rustObjects([]string{kernelCrate}, read)
		if err != nil {
			return err
		}
		if len(rust) == 0 {
			wrong = append(wrong, kernelCrate+" was not built by rustc")
		}
		wrong = append(wrong, p.check(r, true, rust)...)
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		p.Outcome = &outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: strings.Join(wrong, "; "),
			Detail: "the flags that the .cmd files record are not the variant's"}
	}
	return nil
}

// kernelCrate is the object that stands for the Rust code linked into the kernel.
const kernelCrate = "rust/kernel.o"

// check records the effective options of the objects and returns what differs
// from the variant's where the flags reach these objects.
func (p *Product) check(r Request, reached bool, rust []rustObject) (wrong []string) {
	for _, o := range rust {
		p.Effective[o.name] = o.options
		if reached {
			if m := mismatch(r.Cell.Variant, o); m != "" {
				wrong = append(wrong, m)
			}
		}
	}
	return wrong
}
