package kbuild

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/progress"
	"umlab/harness/remake"
	"umlab/harness/sandbox"
)

// making is a build directory while make works in it.
type making struct {
	*Builder
	base   Base
	dir    string // of the store's, not yet in its place
	build  string // dir/build
	newer  string // directory of files that lie over those of the tree; "" for none
	watch  []string
	opened openings
	out    *makeLog
	log    *os.File
	start  time.Time
}

// openings collects what several commands opened.
type openings struct {
	Files map[string]bool // absolute paths inside the sandbox
	Lost  bool            // there were more
}

func (o *openings) add(more *sandbox.Opened) {
	for _, name := range more.Files {
		o.Files[name] = true
	}
	o.Lost = o.Lost || more.Lost
}

// newMake prepares to work in dir/build. What is opened below the directories watch, inside, is collected.
func (b *Builder) newMake(base Base, dir string, task progress.Task, watch ...string) (*making, error) {
	build := filepath.Join(dir, "build")
	if err := os.MkdirAll(build, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "make.log"))
	if err != nil {
		return nil, err
	}
	return &making{Builder: b, base: base, dir: dir, build: build, watch: watch, opened: openings{Files: map[string]bool{}},
		out: &makeLog{Log: log, Task: task}, log: log, start: time.Now()}, nil
}

func (m *making) close() { m.log.Close() }

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
func (m *making) job(what string, log io.Writer, args ...string) job {
	return job{what: what, base: m.base, newer: m.newer, log: log, watch: m.watch, opened: &m.opened,
		mounts: []sandbox.Mount{{Source: m.build, Target: buildDir}}, args: append(m.base.Make(), args...)}
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
	if err := m.run(ctx, m.job("baseline of "+m.base.Tree.Name, m.out, Request{}.jobs())); err != nil {
		return m.blame(ctx, "baseline", err, m.log.Name())
	}
	return m.compare(ctx, "building")
}

// takeEnv gives bl the environment of a module's recipes.
func (m *making) takeEnv(ctx context.Context, bl *Baseline) error {
	m.out.Task.Status("take the environment of a module's recipes")
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

// record is what the build read, with what more is known of the files that it goes on from.
func (m *making) record(ctx context.Context, more []string) (*remake.Record, error) {
	read := slices.Clone(more)
	for name := range m.opened.Files {
		if rel, ok := strings.CutPrefix(name, srcDir+"/"); ok {
			read = append(read, rel)
		}
	}
	slices.Sort(read)
	return remake.New(ctx, m.build, srcDir, slices.Compact(read), m.opened.Lost)
}
