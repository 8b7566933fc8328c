package kbuild

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/answers"
	"umlab/harness/kmake"
	"umlab/harness/progress"
	"umlab/harness/remake"
	"umlab/harness/sandbox"
)

// making is a build directory while make works in it.
type making struct {
	*Builder
	base   kmake.Base
	dir    string // of the store's, not yet in its place
	build  string // dir/build
	over   string // directory of files that lie over those of the tree; "" for none
	watch  kmake.Watching
	opened kmake.Openings
	asks   *answers.Kconfig // of Kconfig; nil before it is asked
	out    *kmake.Log
	log    *os.File
	start  time.Time
}

// newMake prepares to work in dir/build. What is opened of what is watched is collected.
func (b *Builder) newMake(base kmake.Base, dir string, task progress.Task, watch kmake.Watching) (*making, error) {
	build := filepath.Join(dir, "build")
	if err := os.MkdirAll(build, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "make.log"))
	if err != nil {
		return nil, err
	}
	return &making{Builder: b, base: base, dir: dir, build: build, watch: watch,
		opened: kmake.Openings{Files: map[string]bool{}, Dirs: map[string]bool{}}, out: &kmake.Log{To: log, Task: task}, log: log,
		start: time.Now()}, nil
}

func (m *making) close() {
	m.log.Close()
	m.asks.Close()
}

const openedFile = "opened" // beside the build directory

// resume goes on with what a run that was ended left: what that opened counts as well. One that was killed could not say
// what that was.
func (m *making) resume() {
	if entries, err := os.ReadDir(m.build); err == nil && len(entries) == 0 {
		return
	}
	f, err := os.Open(filepath.Join(m.dir, openedFile))
	if err == nil {
		defer f.Close()
		err = gob.NewDecoder(f).Decode(&m.opened)
	}
	m.opened.Lost = m.opened.Lost || err != nil
	_ = os.Remove(filepath.Join(m.dir, openedFile)) // of a run that is killed it would tell too little
}

// pause leaves for resume what was opened.
func (m *making) pause() error {
	f, err := os.Create(filepath.Join(m.dir, openedFile))
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(m.opened), f.Close())
}

// job is a make in the build directory.
func (m *making) job(what string, log io.Writer, args ...string) kmake.Job {
	return kmake.Job{What: what, Base: m.base, Over: m.over, Log: log, Watch: m.watch, Opened: &m.opened,
		Mounts: append(m.asks.Mounts(), sandbox.Mount{Source: m.build, Target: buildDir}), Args: append(m.base.Make(), args...)}
}

// configured makes .config from nothing and holds it against what was requested.
func (m *making) configured(ctx context.Context) error {
	m.out.Task.Status("configure")
	if err := m.configure(ctx, "baseline (configure)"); err != nil {
		return err
	}
	return m.compare(ctx, "configuring")
}

// all makes the default goal, the kernel and all configured modules, and holds the .config against what was requested
// once more.
func (m *making) all(ctx context.Context) error {
	if err := m.Run(ctx, m.job("baseline of "+m.base.Tree.Name, m.out, m.jobs(Request{}))); err != nil {
		return m.Blame(ctx, "baseline", err, m.log.Name())
	}
	return m.compare(ctx, "building")
}

// takeEnv gives bl the environment of a module's recipes, and writes down what the compiler knows, see answers.NoteCompiler.
func (m *making) takeEnv(ctx context.Context, bl *Baseline) error {
	m.out.Task.Status("take the environment of a module's recipes")
	if m.over == "" {
		m.over = filepath.Join(m.dir, "over")
		defer func() { _ = os.RemoveAll(m.over); m.over = "" }() // else a few files too many lie there
	}
	if err := answers.NoteCompiler(m.base.Tree.FS(), m.over); err != nil {
		return err
	}
	env, err := m.captureEnv(ctx)
	if err == nil {
		bl.Env, bl.Direct = env, true
	} else if ctx.Err() != nil {
		return err
	} else {
		m.Sink.Note("modules of this tree are built by its top Makefile, which is slower: " + err.Error())
	}
	return nil
}

// record is what the build read. was is the record of the build that it goes on from, of which it has what was copied at
// that time; nil for none.
func (m *making) record(ctx context.Context, was *remake.Record, copied time.Time) (*remake.Record, error) {
	if was == nil {
		was = &remake.Record{}
	}
	r := &remake.Record{Read: slices.Clone(was.Read), Lost: m.opened.Lost}
	for dir := range m.opened.Dirs {
		if dir == srcDir || strings.HasPrefix(dir, srcDir+"/") {
			r.Dirs = append(r.Dirs, dir)
		}
	}
	for name := range m.opened.Files {
		if rel, ok := strings.CutPrefix(name, srcDir+"/"); ok {
			r.Read = append(r.Read, rel)
		}
	}
	slices.Sort(r.Dirs)
	slices.Sort(r.Read)
	r.Read = slices.Compact(r.Read)
	return r, r.ReadSteps(ctx, m.build, srcDir, was, func(cmd fs.FileInfo) bool { return cmd.ModTime().Equal(copied) })
}
