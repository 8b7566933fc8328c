// Package harness is the façade of umlab: each flow (matrix, ...) is one method
// of Lab, which wires the packages below. It prints results to stdout, progress
// to stderr, and gives each end of a flow its exit code, see ExitCode.
package harness

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/kbuild"
	"umlab/harness/report"
	"umlab/harness/sandbox"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// Init must be called before anything else in a program that uses Lab: the
// sandbox runs the program again as its own init, and Init is where that copy
// goes its way.
func Init() { sandbox.Init() }

// Options say where a Lab works.
type Options struct {
	Project fs.FS               // the repository: configs/, scenarios/, rootfs/
	Getenv  func(string) string // os.Getenv
	Stdout  *os.File            // results
	Stderr  *os.File            // progress
	Now     func() time.Time    // nil: time.Now
	Forget  bool                // results do not enter the history: they are of umlab's own tests
}

// Lab is what all flows work with.
type Lab struct {
	project  fs.FS
	getenv   func(string) string
	stdout   io.Writer
	table    report.Options
	now      func() time.Time
	settings *settings.Settings
	store    *store.Store
	sink     *report.Progress
	archive  *archive.Archive
	builder  *kbuild.Builder
	trees    map[string]*tree.Tree // that a flow has read already, and does not read again; nil: none are kept
	forget   bool                  // results do not enter the history
}

// Open reads the configuration and opens the store.
func Open(o Options) (*Lab, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	configs, err := fs.Sub(o.Project, "configs")
	if err != nil {
		return nil, err
	}
	set, err := settings.Load(configs)
	if err != nil {
		return nil, &UsageError{err}
	}
	keyFiles, err := fs.Sub(configs, "keys")
	if err != nil {
		return nil, err
	}
	keys, err := debian.LoadKeys(keyFiles)
	if err != nil {
		return nil, fmt.Errorf("read the archive's keys: %w", err)
	}
	dir, err := store.DefaultDir(o.Getenv)
	if err != nil {
		return nil, &UsageError{err}
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	tty, color, _ := report.Terminal(o.Stderr, o.Getenv)
	sink := report.NewProgress(o.Stderr, tty, color, o.Now)
	_, color, width := report.Terminal(o.Stdout, o.Getenv)
	l := &Lab{
		project: o.Project, getenv: o.Getenv, stdout: o.Stdout, now: o.Now, forget: o.Forget,
		table: report.Options{Color: color, Width: width}, settings: set, sink: sink,
		archive: &archive.Archive{
			Client: &debian.Client{HTTP: &fetch.Client{}, Keys: keys, Progress: sink, Mirror: debian.Mirror(o.Getenv, os.DirFS("/etc")),
				SnapshotBase: o.Getenv("UMLAB_DEBIAN_SNAPSHOT")},
			Sink: sink, Suites: set.Suites, Now: o.Now, Seen: &sync.Map{},
		},
	}
	return l.in(st), nil
}

// in is l with another store, which it fetches into and builds in.
func (l *Lab) in(st *store.Store) *Lab {
	other, a, client, b := *l, *l.archive, *l.archive.Client, l.settings.Limits.Build
	client.Files, a.Client, a.Store = st, &client, st
	other.store, other.archive = st, &a
	other.builder = &kbuild.Builder{Store: st, Sink: l.sink, Limits: kbuild.Limits{
		Time: time.Duration(b.Minutes) * time.Minute,
		Disk: b.DiskMB << 20,
		Sandbox: sandbox.Limits{
			Processes: b.Processes, AddressSpace: b.MemoryMB << 20, FileSize: b.FileMB << 20, Disk: b.DiskMB << 20,
		},
	}}
	return &other
}

// Run opens a Lab for a flow, and returns what the flow returned with its exit
// code, see Exit.
func Run(o Options, flow func(*Lab) error) error {
	l, err := Open(o)
	if err != nil {
		return Exit(err)
	}
	defer l.Close()
	return Exit(flow(l))
}

// Close ends the progress display and the use of the store.
func (l *Lab) Close() {
	l.sink.Close()
	_ = l.store.Close() // it was not written through this handle
}

// toolchain returns the toolchain of that name: one of configs/toolchains.toml,
// or a member of one of its series ("debian-rustc:1.96.1").
func (l *Lab) toolchain(ctx context.Context, name string) (*toolchain.Toolchain, error) {
	c, err := l.spec(ctx, name)
	if err != nil {
		return nil, err
	}
	return l.provider().Get(ctx, name, c)
}

// spec is what the toolchain of that name is made of.
func (l *Lab) spec(ctx context.Context, name string) (settings.Toolchain, error) {
	if c, ok := l.settings.Toolchains[name]; ok {
		return c, nil
	}
	series, version, _ := toolchain.Split(name)
	members, err := l.series(ctx, series)
	if err != nil {
		return settings.Toolchain{}, err
	}
	var have []string
	for _, m := range members {
		if m.Name == name {
			return m.Spec, nil
		}
		have = append(have, m.Version)
	}
	if len(have) == 0 {
		return settings.Toolchain{}, usagef("series %s has no members at present", series)
	}
	return settings.Toolchain{}, usagef("series %s has no %q; it has %s now", series, version, strings.Join(have, ", "))
}

// series returns the members of a series of configs/toolchains.toml, oldest
// first, as the source has them now.
func (l *Lab) series(ctx context.Context, name string) ([]toolchain.Member, error) {
	s, err := l.knownSeries(name)
	if err != nil {
		return nil, err
	}
	// What must be said of the suites is said of each toolchain.
	members, _, err := l.provider().Series(ctx, name, s, l.settings.Toolchains)
	return members, err
}

// knownSeries is what configs/toolchains.toml says of a series.
func (l *Lab) knownSeries(name string) (settings.Series, error) {
	s, ok := l.settings.Series[name]
	if !ok {
		return s, usagef("unknown series %q: configs/toolchains.toml has %s", name, strings.Join(slices.Sorted(maps.Keys(l.settings.Series)), ", "))
	}
	if s.Varies == settings.VariesSnapshot && l.archive.Client.SnapshotBase == "" {
		return s, usagef("series %s reads Debian as it was: set UMLAB_DEBIAN_SNAPSHOT to where a snapshot service has its dated archives, such as https://SERVICE/archive/debian", name)
	}
	return s, nil
}

func (l *Lab) provider() *toolchain.Provider {
	return &toolchain.Provider{Archive: l.archive, HTTP: l.archive.Client.HTTP, Store: l.store, Sink: l.sink, Getenv: l.getenv}
}

// checkToolchain says whether configs/toolchains.toml knows the name, or the
// series that it is a member of.
func (l *Lab) checkToolchain(name string) error {
	if _, ok := l.settings.Toolchains[name]; ok {
		return nil
	}
	series, version, member := toolchain.Split(name)
	if _, ok := l.settings.Series[series]; ok && member && version != "" {
		return nil
	}
	if _, ok := l.settings.Series[name]; ok {
		return usagef("%s is a series: name one of its members (%s:VERSION), or all of them with matrix -toolchains=%s", name, name, name)
	}
	return usagef("unknown toolchain %q: configs/toolchains.toml has %s, and the series %s (write SERIES:VERSION)", name,
		strings.Join(slices.Sorted(maps.Keys(l.settings.Toolchains)), ", "), strings.Join(slices.Sorted(maps.Keys(l.settings.Series)), ", "))
}

// onePerLine is how several errors are told: each is a sentence of its own.
func onePerLine(errs []error) string {
	var lines []string
	for _, e := range errs {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

// StoreDir is the directory of the store that Open uses.
func StoreDir(getenv func(string) string) (string, error) { return store.DefaultDir(getenv) }
