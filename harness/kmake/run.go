package kmake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"umlab/harness/buildlog"
	"umlab/harness/sandbox"
	"umlab/harness/store"
)

// Limits bound what one make may use of the machine; zero values do not.
type Limits struct {
	Time    time.Duration
	Disk    int64 // bytes in the directories that make can write to
	Sandbox sandbox.Limits
}

// limitError says that a make was ended because it reached a limit.
type limitError struct {
	what  string // "baseline of debian-6.12"
	limit string // "time (1h0m0s)", "disk (8192 MB)"
}

func (e *limitError) Error() string {
	return fmt.Sprintf("%s: reached its limit of %s; configs/limits.toml sets it, or limits.toml of your own configuration", e.what, e.limit)
}

// machineError says that a build failed for a reason that is the machine's.
type machineError struct {
	what, line, log string
}

func (e *machineError) Error() string {
	return fmt.Sprintf("build %s: the machine failed it, not the source: %s (all of it: %s); free disk or memory, "+
		"or let a build use more of them in configs/limits.toml, and run again",
		e.what, e.line, e.log)
}

// Watching are directories inside in which it is noted what is opened: some with all below them, some without.
type Watching struct{ Below, Only []string }

// Job is one command in the sandbox with its output.
type Job struct {
	What     string // "baseline of debian-6.12"
	Base     Base
	Mounts   []sandbox.Mount
	Overlays []sandbox.Overlay
	Over     string // directory that lies over the tree; "" for none
	Dir      string // "": /
	Env      []string
	Args     []string
	Watch    Watching
	Opened   *Openings // gets what was opened of what is watched
	Log      io.Writer
	Errors   io.Writer // nil: Log
}

// Runner runs jobs on what a store has.
type Runner struct {
	Store  *store.Store
	Limits Limits
}

// Run runs j and returns nil only if it exited 0. A failure is an *ExitError; other errors are the machine's, or say that j reached
// a limit.
func (r Runner) Run(ctx context.Context, j Job) error {
	if j.Dir == "" {
		j.Dir = "/"
	}
	if j.Errors == nil {
		j.Errors = j.Log
	}
	ctx, done := r.limit(ctx, j)
	defer done()
	source := j.Base.Tree.Mount(buildlog.Source)
	if j.Over != "" {
		source.Over = append([]string{j.Over}, source.Over...)
	}
	c := j.Base.Toolchain.In(sandbox.Command{
		Mounts:   append([]sandbox.Mount{source}, j.Mounts...),
		Overlays: j.Overlays,
		Watch:    j.Watch.Below, WatchOnly: j.Watch.Only,
		Dir:    j.Dir,
		Args:   j.Args,
		Env:    j.Env,
		Stdout: j.Log,
		Stderr: j.Errors,
		Limits: r.Limits.Sandbox,
		Grace:  2 * time.Second,
	})
	read, lent := []string{c.Root}, []string(nil)
	for _, m := range c.Mounts {
		if len(m.Over) == 0 {
			lent = append(lent, m.Source)
			continue
		}
		read = append(append(read, m.Source), m.Over...)
	}
	for _, o := range c.Overlays {
		read = append(read, o.Lower)
	}
	still := r.Store.Stay(slices.Concat(read, lent)...)
	back, err := r.Store.Lend(ctx, lent...)
	if err != nil {
		return fmt.Errorf("%s: %w", j.What, err)
	}
	// The command needs not wait until all that it may read was looked at: what it makes is nothing before.
	whole := make(chan error, 1)
	go func() { whole <- r.Store.Whole(ctx, read...) }()
	status, err := sandbox.Run(ctx, c)
	if wrong := cmp.Or(<-whole, back(err != nil || !status.Success()), still()); wrong != nil && ctx.Err() == nil {
		return wrong
	}
	if status.Opened != nil {
		j.Opened.add(status.Opened)
	}
	if limit, ok := errors.AsType[*limitError](context.Cause(ctx)); ok {
		return limit
	}
	if err != nil {
		return fmt.Errorf("%s: %w", j.What, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", j.What, context.Cause(ctx))
	}
	if !status.Success() {
		return &ExitError{j.What, status}
	}
	return nil
}

// ExitError says that a command failed.
type ExitError struct {
	what   string
	status sandbox.Status
}

func (e *ExitError) Error() string { return fmt.Sprintf("%s: %s", e.what, e.status) }

// Openings collects what several commands opened.
type Openings struct {
	Files map[string]bool // absolute paths inside the sandbox
	Dirs  map[string]bool // that were watched
	Lost  bool            // there were more
}

func (o *Openings) add(more *sandbox.Opened) {
	for _, name := range more.Files {
		o.Files[name] = true
	}
	for _, dir := range more.Dirs {
		o.Dirs[dir] = true
	}
	o.Lost = o.Lost || more.Lost
}

// NewOverlay makes the directories of an overlay over lower.
func NewOverlay(dir, lower, target string) (sandbox.Overlay, error) {
	// What another user has made cannot be copied up, and tools say of each file that permission is denied.
	var st unix.Stat_t
	if user := os.Geteuid(); user != 0 && unix.Stat(lower, &st) == nil && int(st.Uid) != user {
		return sandbox.Overlay{}, fmt.Errorf("%s belongs to user %d, and user %d cannot build on it: as root, give the whole store to one "+
			"of them (chown -R), or set UMLAB_HOME to a store of its own", lower, st.Uid, user)
	}
	o := sandbox.Overlay{Lower: lower, Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work"), Target: target}
	return o, errors.Join(os.MkdirAll(o.Upper, 0o755), os.MkdirAll(o.Work, 0o755))
}
