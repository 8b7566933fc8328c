package kbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/answers"
	"umlab/harness/buildlog"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/progress"
	"umlab/harness/remake"
	"umlab/harness/store"
)

// Baseline is one full build in the store.
type Baseline struct {
	Base    kmake.Base `json:"-"`
	Key     string     `json:"key"`
	Dir     string     `json:"-"`       // of the store; the build directory is Dir/build
	Seconds float64    `json:"seconds"` // of its makes, configuring included
	Steps   int        `json:"steps"`   // lines of Kbuild that made something
	Config  string     `json:"config"`  // sha256 of the resolved .config
	Linux   string     `json:"linux"`   // sha256 of the kernel
	Env     []string   `json:"env"`     // what Kbuild exports to the recipes of a module, see direct
	Direct  bool       `json:"direct"`  // Env was taken: modules can be built below Kbuild's top
	Of      identity   `json:"of"`
	On      *On        `json:"on,omitempty"` // nil for a build from nothing
}

// Gone reports whether a module that was, which is of a tree before it was changed, has made is no module of b's tree any
// more: make made none, and there is no source of it left.
func (b *Baseline) Gone(target string, was *Baseline) bool {
	if _, made := b.made().Find(target); made {
		return false
	}
	objects, err := was.made().Objects(target)
	if err != nil {
		return false // it was none before
	}
	source := b.Base.Tree.FS()
	return !slices.ContainsFunc(objects, func(object string) bool {
		of := strings.TrimSuffix(object, ".o")
		return slices.ContainsFunc([]string{".c", ".rs", ".S"}, func(ext string) bool {
			_, err := fs.Stat(source, of+ext)
			return err == nil
		})
	})
}

// identity is what a baseline was built from, as digests.
type identity struct {
	Tree      string `json:"tree"`
	Toolchain string `json:"toolchain"`
	Name      string `json:"name"` // of the toolchain
	Side      string `json:"side"` // of the toolchain without Rust; "" where that is not known or there is no Rust
	Compiler  string `json:"compiler"`
	Subarch   string `json:"subarch,omitempty"`
	Options   string `json:"options"` // kconfig.Text
}

// On says what a build went on from, and how much of it that left to make.
type On struct {
	Version   string `json:"version"`           // goOnVersion
	Key       string `json:"key"`               // of the baseline
	Toolchain string `json:"toolchain"`         // its name
	Retooled  bool   `json:"retooled"`          // by another Rust than that one's
	Tree      string `json:"tree"`              // its digest
	Files     int    `json:"files"`             // in which the trees differ
	Options   bool   `json:"options"`           // the requested options differ
	Targets   int    `json:"targets"`           // that were removed because they were made from what differs
	Sources   bool   `json:"sources,omitempty"` // nothing but sources differs, see remake.SourcesOnly
	// Copied is the time of what was copied and not made again; zero where nothing was copied.
	Copied time.Time `json:"copied,omitzero"`
	// Same says that no step of that build opened anything that differs: its build directory serves for both.
	Same bool `json:"same,omitempty"`
}

const kindBaseline = "baseline"

// Build is the build directory (O=) of the baseline. Nobody writes to it.
func (b *Baseline) Build() string { return filepath.Join(b.Dir, "build") }

// made is the build directory as make left it.
func (b *Baseline) made() objtree.Dir { return objtree.Dir{Lower: b.Build()} }

// ResolvedConfig is the path of its .config.
func (b *Baseline) ResolvedConfig() string { return filepath.Join(b.Build(), ".config") }

// From says in words what the build went on from; it is "" for one from nothing.
func (b *Baseline) From() string {
	if b.On == nil {
		return ""
	}
	var parts []string
	if b.On.Retooled {
		parts = append(parts, "another Rust")
	}
	if b.On.Options {
		parts = append(parts, "other options")
	}
	if n := b.On.Files; n > 0 || len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("%d other %s", n, kmake.Plural(n, "file")))
	}
	what := fmt.Sprintf("the baseline of toolchain %s, with %s", b.On.Toolchain, strings.Join(parts, " and "))
	if b.On.Same {
		what += " that no step of it reads"
	}
	return what
}

func (b *Builder) identity(ctx context.Context, base kmake.Base) (identity, error) {
	id := identity{Tree: base.Tree.Digest, Toolchain: base.Toolchain.Digest, Name: base.Toolchain.Name, Compiler: base.Compiler,
		Subarch: base.Subarch,
		Options: kconfig.Text(base.Options)}
	if !RequestsRust(base.Options) {
		return id, nil // nothing tells one rustc's work from another's
	}
	s, err := base.Toolchain.BesideRust(ctx, b.Store, b.Sink)
	id.Side = s.Digest
	return id, err
}

// Baseline returns the baseline of base. Where the store has none, it goes on from the nearest one that is there, see
// goOn, or builds from nothing; a build from nothing that was killed is resumed. The error is a *ConfigError where
// Kconfig dropped a request (nothing is built then), a *kmake.BuildError where the source does not build; others are the
// machine's. What failed for a reason of the source is not tried again.
func (b *Builder) Baseline(ctx context.Context, base kmake.Base) (bl *Baseline, hit bool, err error) {
	find := func() *Baseline {
		for _, key := range b.keys(base) {
			if bl, err := b.openBaseline(ctx, base, key); err == nil {
				return bl
			}
		}
		return nil
	}
	if bl := find(); bl != nil {
		b.offer(bl)
		return bl, true, nil
	}
	ctx, done := b.Store.Sure(ctx)
	defer done()
	unlock, err := b.Store.Lock(ctx, kindBaseline+"-"+baseKey(base))
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if bl := find(); bl != nil {
		return bl, true, nil
	}
	if bl := b.pull(ctx, base, find); bl != nil {
		return bl, true, nil
	}
	if err := b.failedBefore(base); err != nil {
		return nil, true, err
	}
	if b.Found {
		return nil, false, ErrNone
	}
	if RequestsRust(base.Options) {
		if err := base.Tree.CheckRust(); err != nil {
			return nil, false, err
		}
	}
	id, err := b.identity(ctx, base)
	if err != nil {
		return nil, false, err
	}
	var why string
	if !b.FromNothing {
		from, err := b.nearest(ctx, base, id)
		if err != nil {
			return nil, false, err
		}
		if from.usable() {
			bl, err := b.goOn(ctx, base, id, from)
			var stale *staleError
			if !errors.As(err, &stale) {
				return bl, false, b.noteFailure(base, true, err)
			}
			from.m.Refused = stale.reason
		}
		why = from.refused()
	}
	bl, err = b.fromNothing(ctx, base, id, why)
	return bl, false, b.noteFailure(base, false, err)
}

// ErrNone is the error of a Builder that only finds.
var ErrNone = errors.New("there is no such baseline yet")

// keys are those under which a baseline of base may lie, in the order in which they are looked for.
func (b *Builder) keys(base kmake.Base) []string {
	if b.FromNothing {
		return []string{baseKey(base)}
	}
	return []string{baseKey(base), onKey(base)}
}

// pull takes a baseline of base from where others put it, see store.Remote; nil where there is none.
func (b *Builder) pull(ctx context.Context, base kmake.Base, find func() *Baseline) *Baseline {
	for _, key := range b.keys(base) {
		if b.Store.Pull(ctx, kindBaseline, key) {
			return find()
		}
	}
	return nil
}

// offer gives others the baseline.
func (b *Builder) offer(bl *Baseline) {
	o := store.Offered{Entry: store.Entry{Kind: kindBaseline, Key: bl.Key}, Of: fmt.Sprintf("baseline of %s (%s) by %s, %s",
		bl.Base.Tree.Name, bl.Base.Tree.Version, bl.Base.Toolchain.Name, bl.Base.Compiler)}
	o.From = []string{"tree " + bl.Of.Tree, "toolchain " + bl.Of.Toolchain, "config " + bl.Config}
	if bl.On != nil {
		o.From = append(o.From, "on from baseline "+bl.On.Key)
	}
	if bl.On != nil && bl.On.Same {
		o.Needs = []store.Entry{{Kind: kindBaseline, Key: bl.On.Key}}
	}
	b.Store.Offer(o)
}

// goOnVersion is raised when going on would give another build.
const goOnVersion = "5"

// onKey is the key of a baseline of base that went on from another.
func onKey(base kmake.Base) string { return store.Key("on", goOnVersion, baseKey(base)) }

func (b *Builder) openBaseline(ctx context.Context, base kmake.Base, key string) (*Baseline, error) {
	bl, err := readBaseline(b.Store.Lookup, key)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{key, filepath.Base(bl.Dir)} {
		if !b.Store.Intact(ctx, kindBaseline, key, "baseline.json", "make.log", "record", "build/linux", "build/.config",
			"build/Module.symvers") {
			return nil, os.ErrNotExist
		}
	}
	bl.Base = base
	return bl, nil
}

// readBaseline reads the baseline of that key, whose Base is not known, by one of the store's ways to look it up.
func readBaseline(lookup func(kind, key string) (string, bool), key string) (*Baseline, error) {
	dir, ok := lookup(kindBaseline, key)
	if !ok {
		return nil, os.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(dir, "baseline.json"))
	if err != nil {
		return nil, err
	}
	bl := &Baseline{}
	if err := json.Unmarshal(text, bl); err != nil {
		return nil, err
	}
	if bl.Dir = dir; bl.On != nil && bl.On.Same {
		if bl.Dir, ok = lookup(kindBaseline, bl.On.Key); !ok {
			return nil, os.ErrNotExist // was cleaned away
		}
	}
	return bl, nil
}

// fromNothing builds the baseline of base by one full make. why says why it does not go on from another; "" where there
// is none.
func (b *Builder) fromNothing(ctx context.Context, base kmake.Base, id identity, why string) (bl *Baseline, err error) {
	key := baseKey(base)
	dir, err := b.Store.Partial(kindBaseline, key)
	if err != nil {
		return nil, err
	}
	var last int
	for _, by := range []string{base.Compiler, kmake.Clang, kmake.GCC} { // how many it was the last time is the best guess
		if last == 0 {
			b.Store.Get("steps", by, &last)
		}
	}
	task := b.Sink.Start(title(base), progress.Objects, int64(last))
	defer func() { task.Done(err) }()
	if why != "" {
		b.Sink.Note(fmt.Sprintf("%s is built from nothing: %s", base.Tree.Name, why))
	}
	mk, err := b.newMake(base, dir, task, kmake.Watching{Below: []string{srcDir}})
	if err != nil {
		return nil, err
	}
	defer mk.close()
	mk.resume()
	if err = mk.configured(ctx); err == nil {
		err = mk.ask(ctx, "baseline")
	}
	if err == nil {
		err = mk.all(ctx)
	}
	if err = errors.Join(err, mk.pause()); err != nil {
		if failed(err) {
			// Nothing to resume: the same inputs fail again.
			err = errors.Join(err, store.RemoveAll(dir))
		}
		return nil, err
	}
	bl = &Baseline{Key: key, Of: id}
	// Of a run that was ended: half of it would be a makefile that make does not read.
	if err := objtree.Remove(mk.build, answers.File); err != nil {
		return nil, err
	}
	if err := mk.takeEnv(ctx, bl); err != nil {
		return nil, err
	}
	if err := b.Store.Put("steps", base.Compiler, mk.out.Steps); err != nil {
		return nil, err
	}
	return b.install(ctx, mk, bl, nil, time.Time{})
}

// title is what the progress calls a build of the baseline.
func title(b kmake.Base) string {
	return fmt.Sprintf("build baseline %s (%s, %s)", b.Tree.Name, b.Toolchain.Name, b.Compiler)
}

// Forget gives back the disk of a baseline that nobody will ask for again. It does nothing while another umlab runs, which may be
// at work with it.
func (b *Builder) Forget(bl *Baseline) error {
	together, err := b.Store.Alone()
	if err != nil {
		return nil
	}
	defer together()
	return b.Store.Drop(kindBaseline, bl.Key)
}

// install puts a build that is whole into the store as bl. For was and copied see record.
func (b *Builder) install(ctx context.Context, mk *making, bl *Baseline, was *remake.Record, copied time.Time) (*Baseline, error) {
	bl.Seconds, bl.Steps = time.Since(mk.start).Seconds(), mk.out.Steps
	rec, err := mk.record(ctx, was, copied)
	if err == nil {
		err = rec.Save(mk.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("what did the build read: %w", err)
	}
	for _, name := range []string{"linux", buildlog.RustTarget} { // which go by their paths from now on
		if err := objtree.Regular(mk.build, name); err != nil && !(name == buildlog.RustTarget && errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	if bl.Linux, err = store.SumFile(filepath.Join(mk.build, "linux")); err != nil {
		return nil, err
	}
	config, err := readConfig(mk.build)
	if err != nil {
		return nil, err
	}
	bl.Config = config.Digest()
	return b.put(ctx, mk.base, mk.dir, bl)
}

// put installs dir as the directory of bl.
func (b *Builder) put(ctx context.Context, base kmake.Base, dir string, bl *Baseline) (*Baseline, error) {
	text, err := json.MarshalIndent(bl, "", " ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "baseline.json"), text, 0o644); err != nil {
		return nil, err
	}
	if err := b.Store.Install(dir, kindBaseline, bl.Key); err != nil {
		return nil, err
	}
	bl, err = b.openBaseline(ctx, base, bl.Key)
	if err == nil {
		b.offer(bl)
	}
	return bl, err
}
