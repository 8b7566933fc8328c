// Package harness is the façade of umlab: each flow (matrix, ...) is one method
// of Lab, which wires the packages below. It prints results to stdout, progress
// to stderr, and gives each end of a flow its exit code, see ExitCode.
package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"umlab/harness/archive"
	"umlab/harness/cache"
	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/progress/display"
	"umlab/harness/report/doc"
	"umlab/harness/runner"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/usage"
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
	Program string              // how umlab is called, for what it tells to type; empty: "umlab"
	Quiet   bool                // no progress
	Verbose bool                // with progress, each command that is run, and where its output lies
	Own     string              // the user's own configuration, a directory like configs/ with scenarios/ in it; "" for none
	Say     []string            // lines that progress begins with
	Engine  *Engine             // nil: no fleet
	Join    string              // the queue whose workers do the work, see QueueAt; "": this machine
	CPUs    int                 // that a build of a kernel may use; 0: all
}

// Lab is what all flows work with.
type Lab struct {
	options  Options // that it was opened with
	project  fs.FS
	getenv   func(string) string
	stdout   io.Writer
	written  *Checked // what stdout leads to
	table    doc.Options
	now      func() time.Time
	settings *settings.Settings
	store    *store.Store
	sink     sinkCloser
	sources  *sources.Sources
	builder  *kbuild.Builder
	slots    *runner.Slots // of all that runs; nil: each run has its own
	oracles  *sync.Map     // of the baselines that are run again and again, by their directories; nil: each run reads its own
	cache    *cache.Cache  // nil without UMLAB_CACHE
	forget   bool          // results do not enter the history
	program  string        // how umlab is called
}

// sinkCloser shows progress until it is closed.
type sinkCloser interface {
	progress.Sink
	Close()
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
	set, err := settings.Load(configs, parcel.Machine, o.Own)
	if err != nil {
		return nil, &usage.Error{Err: err}
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
	if home, set := os.LookupEnv("UMLAB_HOME"); set && home == "" && o.Getenv("UMLAB_HOME") == "" {
		err = errors.New("UMLAB_HOME is set and empty: set it to a directory, or unset it for the default, ~/.cache/umlab")
	}
	if err != nil {
		return nil, &usage.Error{Err: err}
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	tty, color, _ := display.Terminal(o.Stderr, o.Getenv)
	sink := display.New(o.Stderr, tty, color, o.Now)
	if o.Quiet {
		sink = display.New(io.Discard, false, false, o.Now)
	}
	st.Note = sink.Note
	for _, line := range o.Say {
		sink.Note(line)
	}
	shared, err := openCache(o, st, sink)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	tty, color, width := display.Terminal(o.Stdout, o.Getenv)
	draw := (tty || o.Getenv("COLUMNS") != "") && display.UTF8(o.Getenv)
	out := &Checked{To: o.Stdout}
	return &Lab{
		options: o, project: o.Project, getenv: o.Getenv, stdout: out, written: out, now: o.Now, forget: o.Forget, cache: shared,
		program: cmp.Or(o.Program, "umlab"),
		table:   doc.Options{Color: color, Width: width, Draw: draw}, settings: set, store: st, sink: sink,
		sources: &sources.Sources{Settings: set, Store: st, Sink: sink, Getenv: o.Getenv, Archive: &archive.Archive{
			Client: &debian.Client{HTTP: &fetch.Client{}, Keys: keys, Files: st, Progress: sink, Mirror: debian.Mirror(o.Getenv, os.DirFS("/etc")),
				SnapshotBase: o.Getenv("UMLAB_DEBIAN_SNAPSHOT"), Newest: archive.Newest(st)},
			Store: st, Sink: sink, Suites: set.Suites, Now: o.Now, Seen: &sync.Map{},
		}},
		builder: &kbuild.Builder{Runner: kmake.Runner{Store: st, Limits: buildLimits(set.Limits.Build)}, Sink: sink, CPUs: o.CPUs},
	}, nil
}

func buildLimits(l settings.BuildLimits) kmake.Limits {
	return kmake.Limits{
		Time: time.Duration(l.Minutes) * time.Minute,
		Disk: l.DiskMB << 20,
		Sandbox: sandbox.Limits{
			Processes: l.Processes, AddressSpace: l.MemoryMB << 20, FileSize: l.FileMB << 20, Disk: l.DiskMB << 20,
		},
	}
}

// Of the store, a run that takes longer than sampleAfter reads about so many bytes, here and there: see store.Sample.
const (
	sampleAfter = 2 * time.Second
	sampled     = 4 << 20
)

// mostWrong is how often a flow begins again because something in the store was not what was stored.
const mostWrong = 5

// Run opens a Lab for a flow, and returns what the flow returned; see ExitCode.
// Then the store is kept below its limit. A result that could not be printed is
// an error, whatever the result was. Where the flow found that the store does not
// hold what was stored, it begins again: what was wrong is gone.
func Run(o Options, flow func(*Lab) error) error {
	for n := 1; ; n++ {
		err := runOnce(o, flow)
		if _, wrong := errors.AsType[*store.WrongError](err); !wrong || n == mostWrong {
			return err
		}
		o.Say = []string{"store: once more, without what was wrong"}
	}
}

func runOnce(o Options, flow func(*Lab) error) error {
	l, err := Open(o)
	if err != nil {
		return err
	}
	defer l.Close()
	keep, err := l.limit()
	if err != nil {
		return err
	}
	sampling, enough := context.WithCancel(context.Background())
	over := make(chan struct{})
	sample := time.AfterFunc(sampleAfter, func() {
		defer close(over)
		l.store.Sample(sampling, sampled)
	})
	err = flow(l)
	enough()
	if !sample.Stop() {
		<-over
	}
	if wrong := l.store.Wrong(); wrong != nil && err != nil {
		err = wrong // whatever the flow made of it
	}
	if lost := l.written.Err(); lost != nil {
		err = lost
	}
	if !errors.Is(err, context.Canceled) { // else the user is leaving
		l.keepBelow(context.Background(), keep)
	}
	return err
}

// Close ends the progress display and the use of the store.
func (l *Lab) Close() {
	if l.cache != nil {
		_ = l.cache.Close() // what is not pushed by now stays here
	}
	l.sink.Close()
	_ = l.store.Close() // it was not written through this handle
}

// sandboxed finds out whether this machine lets this user have a sandbox, see sandbox.Check.
func (l *Lab) sandboxed(ctx context.Context) error {
	dir, remove, err := l.store.Scratch("check")
	if err != nil {
		return err
	}
	defer remove()
	return sandbox.Check(ctx, dir)
}

// snapshots gives plans that are compared with each other the user's directories as they are now.
func (l *Lab) snapshots(ctx context.Context, plans []*plan.Plan) (err error) {
	for i := range plans {
		if plans[i], err = plans[i].Snapshot(ctx, l.store, l.sink); err != nil {
			return err
		}
	}
	return nil
}

// library is where scenarios are looked for by name.
func (l *Lab) library() scenario.Library {
	return scenario.Library{Project: l.project, Own: l.options.Own}
}

// plan is the plan of flags.
func (l *Lab) plan(f plan.Flags) (*plan.Plan, error) {
	return plan.New(l.library(), l.sources, f)
}
