package kbuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"umlab/harness/buildlog"
	"umlab/harness/kmake"
	"umlab/harness/progress"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// goalOutOfTree makes the modules of a directory beside the scenario for a kernel that is there, which another toolchain may have made.
func (b *Builder) goalOutOfTree(ctx context.Context, base kmake.Base, r GoalRequest) (g *Goal, err error) {
	start := time.Now()
	tmp, remove, err := b.Store.Scratch("goal")
	if err != nil {
		return nil, err
	}
	defer remove()
	dir := filepath.Join(tmp, "modules")
	for name, text := range r.OutOfTree.Files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, text, 0o644)); err != nil {
			return nil, err
		}
	}
	task := b.Sink.Start("make "+r.Goal+" of "+base.Tree.Name+" ("+base.Toolchain.Name+") for the kernel of toolchain "+
		r.Kernel.Base.Toolchain.Name, progress.Objects, 0)
	defer func() { task.Done(err) }()
	mk, err := b.newMake(base, filepath.Join(tmp, "log"), task, kmake.Watching{})
	if err != nil {
		return nil, err
	}
	defer mk.close()
	cell := r.Cell
	cell.Modules = []scenario.Module{{External: r.OutOfTree.External(dir)}}
	what := "make " + r.Goal
	args := append(append(base.Make(), b.jobs(Request{}), "--output-sync=target"), Request{Cell: r.Cell}.vars()...)
	built, err := b.makeExternals(ctx, r.Kernel, Request{Cell: cell}, kmake.Job{What: what, Base: base, Log: mk.out}, args, nil, tmp)
	g = &Goal{Files: map[string]string{}, Config: r.Kernel.Config}
	err = mk.Blame(ctx, what, err, mk.log.Name())
	if broken, failed := errors.AsType[*kmake.BuildError](err); failed {
		err = g.blamed(base, broken)
	}
	if err != nil {
		return nil, err
	}
	if g.Log, _, err = b.Store.Keep(ctx, mk.log.Name()); err != nil {
		return nil, err
	}
	for _, m := range built { // one; none where it failed
		log, err := os.ReadFile(g.Log)
		if err != nil {
			return nil, err
		}
		g.Warnings = buildlog.Warnings(log, base.Compiler)
		for _, name := range r.Files {
			if at, ok := m.Find(name); ok {
				if g.Files[name], err = store.SumFile(at); err != nil {
					return nil, err
				}
			}
		}
	}
	g.Seconds, g.Steps = time.Since(start).Seconds(), mk.out.Steps
	return g, nil
}
