package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"umlab/harness/buildlog"
	"umlab/harness/kmake"
	"umlab/harness/loader"
	"umlab/harness/objtree"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// Request is one cell to build.
type Request struct {
	Cell scenario.Cell
	Jobs int // make -j; 0: for a build that has all of the Builder's CPUs to itself

	fresh bool // nothing that was built before may be the answer
}

func (r Request) name() string { return r.Cell.ID() }

// key is the identity of what a build of r over bl leaves.
func (r Request) key(kind string, bl *Baseline) string {
	return store.Key(slices.Concat([]string{kind, version, bl.Key, strings.Join(r.vars(), " ")}, r.targets(), externalKey(r.Cell))...)
}

// jobs is what make takes for r, "-j3": where it has all CPUs to itself, one more than there are.
func (b *Builder) jobs(r Request) string {
	return "-j" + strconv.Itoa(cmp.Or(r.Jobs, b.CPUs, runtime.NumCPU()+1))
}

// targets are the modules of the tree, as targets of make.
func (r Request) targets() []string {
	var t []string
	for _, m := range r.Cell.Modules {
		if m.External == nil {
			t = append(t, m.Path)
		}
	}
	return t
}

// moduleScope reports whether the flags reach nothing but modules, as none do.
func (r Request) moduleScope() bool { return r.Cell.ModulesOnly() }

func (r Request) flags() bool { return len(r.Cell.MakeVars()) > 0 }

// vars are the arguments of make that request the variant's flags.
func (r Request) vars() (vars []string) {
	for _, v := range r.Cell.MakeVars() {
		vars = append(vars, v.String())
	}
	return vars
}

// again reports whether modules of the tree are built although nothing of the
// baseline's changes: what is asked for afresh is not what lies there.
func (r Request) again() bool { return r.fresh && !r.flags() && len(r.targets()) > 0 }

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
	Path   string `json:"path"`
	Sum    string `json:"sum"`              // sha256
	Output string `json:"output,omitempty"` // regexp of the lines that its init prints when all is well, "" for none; see loader.Module.Output

	Needs []string `json:"needs,omitempty"` // names of the modules that it needs, as modinfo has them in depends
}

// Needed are those of the modules that m needs, what they need first.
func (p *Product) Needed(modules []scenario.Module, m scenario.Module) (needed []scenario.Module) {
	var add func(m scenario.Module)
	seen := map[string]bool{m.Name: true}
	add = func(m scenario.Module) {
		for _, name := range p.Modules[m.Path].Needs {
			i := slices.IndexFunc(modules, func(o scenario.Module) bool { return o.Name == name })
			if i < 0 || seen[name] {
				continue
			}
			seen[name] = true
			add(modules[i])
			needed = append(needed, modules[i])
		}
	}
	add(m)
	return needed
}

// InOrder are the modules as they can be loaded: those that need none of the
// others first, then those that need few, and so on; otherwise as they stand.
func (p *Product) InOrder(modules []scenario.Module) []scenario.Module {
	out := slices.Clone(modules)
	slices.SortStableFunc(out, func(a, b scenario.Module) int {
		return cmp.Compare(len(p.Needed(modules, a)), len(p.Needed(modules, b)))
	})
	return out
}

// Prints matches the lines that the module's init prints when all is well; nil
// for a module that prints none.
func (m Module) Prints() (*regexp.Regexp, error) {
	if m.Output == "" {
		return nil, nil
	}
	return regexp.Compile(m.Output)
}

const kindBuild = "build"

// Fork returns what the variant's build makes of the baseline, building it in a
// copy-on-write overlay where the store has it not yet (or where fresh is set)
// and it cannot be taken over, see carried.
// A build that fails for a reason of the source, and one whose objects were not
// built with the variant's flags, are products with an Outcome; errors are the
// machine's. What a product names is kept under its digest, so that it stays
// what it is whoever builds the same again.
func (b *Builder) Fork(ctx context.Context, bl *Baseline, r Request, fresh bool) (p *Product, hit bool, err error) {
	key := r.key(kindBuild, bl)
	unlock, err := b.Store.Lock(ctx, kindBuild+"-"+key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	p = &Product{}
	find := func() bool { return b.Store.Get(kindBuild, key, p) && p.locate(b.Store, bl) }
	if !fresh && (find() || b.Store.Pull(ctx, kindBuild, key) && find()) {
		b.offerProduct(bl, r, key, p)
		return p.told(bl.Base, r), true, nil
	}
	if err := b.Store.Whole(ctx, bl.Dir); err != nil {
		return nil, false, err
	}
	r.fresh = fresh
	if p = b.carried(ctx, bl, r); p != nil {
		hit = true
	} else if p, err = b.forked(ctx, bl, r); err != nil {
		return nil, false, err
	}
	p.Key = key
	if err = b.Store.Put(kindBuild, key, p.kept()); err == nil {
		b.offerProduct(bl, r, key, p)
	}
	return p.told(bl.Base, r), hit, err
}

// forked builds r, and keeps what make said.
func (b *Builder) forked(ctx context.Context, bl *Baseline, r Request) (*Product, error) {
	tmp, remove, err := b.Store.Scratch("fork")
	if err != nil {
		return nil, err
	}
	defer remove()
	p, err := b.fork(ctx, bl, r, tmp)
	if err == nil {
		p.Log, _, err = b.Store.Keep(ctx, filepath.Join(tmp, "make.log"))
	}
	return p, err
}

// kept is p as it is recorded: without the paths of this machine, see locate.
func (p *Product) kept() Product {
	k := *p
	k.Linux, k.Log, k.Modules = "", filepath.Base(p.Log), maps.Clone(p.Modules)
	for target, m := range k.Modules {
		m.Path = ""
		k.Modules[target] = m
	}
	return k
}

// offerProduct gives others the product.
func (b *Builder) offerProduct(bl *Baseline, r Request, key string, p *Product) {
	o := store.Offered{Entry: store.Entry{Kind: kindBuild, Key: key}, Of: r.name() + " of " + bl.Base.Tree.Name}
	o.From = append([]string{"baseline " + bl.Key}, r.vars()...)
	o.Files = append(o.Files, filepath.Base(p.Log))
	if _, ok := b.Store.Kept(p.LinuxSum); ok && p.LinuxSum != bl.Linux {
		o.Files = append(o.Files, p.LinuxSum)
	}
	for _, m := range p.Modules {
		o.Files = append(o.Files, m.Sum)
	}
	b.Store.Offer(o)
}

// told is p with what the tools said where it was not built.
func (p *Product) told(b kmake.Base, r Request) *Product {
	if p.Outcome != nil && p.Outcome.Kind == outcome.BuildFailed && p.Outcome.Detail == "" {
		if frame, brief := b.Frame(r.Cell, p.Log); frame != nil {
			p.Outcome.Frame, p.Outcome.Detail = frame, brief
		}
	}
	return p
}

// locate sets the paths of a recorded product to where its files are now, and
// says whether all are there.
func (p *Product) locate(st *store.Store, bl *Baseline) (ok bool) {
	if p.Linux = filepath.Join(bl.Build(), "linux"); p.LinuxSum != bl.Linux {
		if p.Linux, ok = st.Kept(p.LinuxSum); !ok && p.Outcome == nil {
			return false
		}
	}
	if !locate(st, p.Modules) {
		return false
	}
	p.Log, ok = st.Kept(p.Log)
	return ok
}

func locate(st *store.Store, modules map[string]Module) (ok bool) {
	for target, m := range modules {
		if m.Path, ok = st.Kept(m.Sum); !ok {
			return false
		}
		modules[target] = m
	}
	return true
}

// fork builds r in the scratch directory dir.
func (b *Builder) fork(ctx context.Context, bl *Baseline, r Request, dir string) (*Product, error) {
	start := time.Now()
	logPath := filepath.Join(dir, "make.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &Product{Modules: map[string]Module{}, Effective: map[string][]string{}}
	built := products{kernel: bl.made()}
	if r.flags() || r.again() || len(kmake.Externals(r.Cell)) > 0 {
		task := b.Sink.Start("build "+r.name(), progress.Objects, 0)
		out := &kmake.Log{To: log, Task: task}
		var kernel *sandbox.Overlay // that external modules are built against; nil for the baseline
		if r.again() || r.flags() && (len(r.targets()) > 0 || !r.moduleScope()) {
			overlay, err := kmake.NewOverlay(dir, bl.Build(), buildDir)
			if err != nil {
				return nil, err
			}
			built.kernel.Upper = overlay.Upper
			if !r.moduleScope() {
				kernel = &overlay
			}
			p.Direct, err = b.makeFork(ctx, bl, r, overlay, out)
			if err != nil {
				task.Done(err)
				return b.unbuilt(ctx, r, p, err, logPath, start)
			}
		}
		j := kmake.Job{What: r.name(), Base: bl.Base, Log: out}
		args := append(append(bl.Base.Make(), b.jobs(r)), r.vars()...)
		built.externals, err = b.makeExternals(ctx, bl, r, j, args, kernel, dir)
		task.Done(err)
		if err != nil {
			return b.unbuilt(ctx, r, p, err, logPath, start)
		}
	}
	if err := b.collect(ctx, bl, r, built, p); err != nil {
		return nil, err
	}
	p.Seconds = time.Since(start).Seconds()
	return p, nil
}

// unbuilt is the product of a make that failed with err: build-failed where the
// source is at fault.
func (b *Builder) unbuilt(ctx context.Context, r Request, p *Product, err error, logPath string, start time.Time) (*Product, error) {
	err = b.Blame(ctx, r.name(), err, logPath)
	broken, ok := errors.AsType[*kmake.BuildError](err)
	if !ok {
		return nil, err
	}
	failed := broken.Outcome()
	p.Outcome = &failed
	p.Seconds = time.Since(start).Seconds()
	return p, nil
}

// makeFork runs make in the overlay: below Kbuild's top where only modules
// change and that is shown to be the same, else from the top.
func (b *Builder) makeFork(ctx context.Context, bl *Baseline, r Request, overlay sandbox.Overlay, out *kmake.Log) (direct bool, err error) {
	if r.direct() && bl.Direct {
		err := b.makeDirect(ctx, bl, r, overlay, out)
		if err == nil {
			return true, nil
		}
		_, exit := errors.AsType[*kmake.ExitError](err)
		_, differs := errors.AsType[*differsError](err)
		if !exit && !differs {
			return false, err
		}
		// The top Makefile has the last word on whether it builds.
		fmt.Fprintf(out.To, "%s%v\n", buildlog.Again, err)
		for _, d := range []string{overlay.Upper, overlay.Work} {
			if err := errors.Join(store.RemoveAll(d), os.Mkdir(d, 0o755)); err != nil {
				return false, err
			}
		}
	}
	args := append(append(bl.Base.Make(), b.jobs(r)), r.vars()...)
	if r.moduleScope() {
		args = append(args, r.targets()...)
	}
	j := kmake.Job{What: r.name(), Base: bl.Base, Overlays: []sandbox.Overlay{overlay}, Args: args, Log: out}
	if r.again() {
		files, err := bl.filesOf(r)
		if err != nil {
			return false, err
		}
		j.Dir, j.Args = buildDir, append([]string{"sh", "-c", `rm -f -- $made && exec "$@"`, "sh"}, args...)
		j.Env = []string{"made=" + strings.Join(files, " ")}
	}
	return false, b.Run(ctx, j)
}

// filesOf are the files that the baseline's build made of r's modules, and that must
// go for make to make them again.
func (bl *Baseline) filesOf(r Request) ([]string, error) {
	var files []string
	for _, target := range r.targets() {
		objects, err := bl.made().Objects(target)
		if err != nil {
			return nil, err
		}
		for _, o := range append(objects, strings.TrimSuffix(target, ".ko")+".o", target) {
			files = append(files, o, objtree.CmdFile(o))
		}
	}
	return files, nil
}

// collect keeps what the build made and checks that it is the build that was
// asked for.
func (b *Builder) collect(ctx context.Context, bl *Baseline, r Request, built products, p *Product) (err error) {
	p.Linux, p.LinuxSum = filepath.Join(bl.Build(), "linux"), bl.Linux
	if own, ok := built.kernel.Again().Find("linux"); ok {
		if p.Linux, p.LinuxSum, err = b.Store.Keep(ctx, own); err != nil {
			return err
		}
	}
	var wrong []string
	for _, m := range r.Cell.Modules {
		in := built.of(m)
		ko, ok := in.Find(m.Path)
		if !ok {
			p.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: m.Path,
				Detail: "make succeeded but made no " + m.Path + ": is its option in a fragment, and is it a target of this tree?"}
			if m.External != nil {
				p.Outcome.Detail = "make succeeded but made no " + in.Inside(m.Path) + " in " + m.External.Given
			}
			return nil
		}
		if p.Modules[m.Path], err = b.keep(ctx, m.Path, ko); err != nil {
			return err
		}
		rust, err := in.RustOf(m.Path)
		if err != nil {
			return err
		}
		wrong = append(wrong, p.check(r, r.Cell.Scope != scenario.ScopeKernel, rust)...)
	}
	if r.flags() && !r.moduleScope() {
		rust, err := built.kernel.Rust(kernelCrate)
		if err != nil {
			return err
		}
		if len(rust) == 0 {
			wrong = append(wrong, kernelCrate+" was not built by rustc")
		}
		wrong = append(wrong, p.check(r, true, rust)...)
	}
	more, err := built.unread(ctx, r)
	if err != nil {
		return err
	}
	if wrong = append(wrong, more...); len(wrong) > 0 {
		slices.Sort(wrong)
		p.Outcome = &outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: strings.Join(wrong, "; "),
			Detail: "the flags that the .cmd files record are not the variant's"}
	}
	return nil
}

// keep keeps a built module, and reads what its init prints.
func (b *Builder) keep(ctx context.Context, target, ko string) (m Module, err error) {
	if m.Path, m.Sum, err = b.Store.Keep(ctx, ko); err != nil {
		return m, err
	}
	file, err := os.Open(ko)
	if err != nil {
		return m, err
	}
	defer file.Close()
	module, err := loader.Open(file)
	if err != nil {
		return m, fmt.Errorf("what does %s print: %w", target, err)
	}
	m.Output = module.Output(scenario.ModuleName(path.Base(target)))
	for _, list := range module.Info["depends"] {
		for name := range strings.SplitSeq(list, ",") {
			if name != "" {
				m.Needs = append(m.Needs, scenario.ModuleName(name))
			}
		}
	}
	return m, nil
}

// kernelCrate is the object that stands for the Rust code linked into the kernel.
const kernelCrate = "rust/kernel.o"

// check records the effective options of the objects and returns what differs
// from the variant's where the flags reach these objects.
func (p *Product) check(r Request, reached bool, rust []objtree.RustObject) (wrong []string) {
	for _, o := range rust {
		p.Effective[o.Name] = slices.Concat(o.Options, unstable(r.Cell.Variant, o))
		if reached {
			if m := mismatch(r.Cell.Variant, o); m != "" {
				wrong = append(wrong, m)
			}
		}
	}
	return wrong
}
