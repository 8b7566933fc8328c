package kbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"umlab/harness/kmake"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// programVersion is raised when the same source would give another program.
const programVersion = "1"

// builtProgram is the record of one that was built.
type builtProgram struct {
	Sum string `json:"sum"`
}

// Programs are the paths of the statically linked programs that the base's compiler makes of the C
// sources of a cell's steps, by the names of those, and their sha256 in the steps' order. The error
// is a *usage.Error where one does not compile.
func (b *Builder) Programs(ctx context.Context, base kmake.Base, c scenario.Cell) (paths map[string]string, sums []string, err error) {
	paths = map[string]string{}
	for _, step := range c.Steps {
		if step.Kind != scenario.StepC {
			continue
		}
		path, sum, err := b.program(ctx, base, step.File, step.Source)
		if err != nil {
			return nil, nil, fmt.Errorf("step %s: %w", step.Name, err)
		}
		paths[step.Name], sums = path, append(sums, sum)
	}
	return paths, sums, nil
}

// program is one of them, which is called file in messages.
func (b *Builder) program(ctx context.Context, base kmake.Base, file, source string) (path, sum string, err error) {
	key := store.Key("program", programVersion, base.Toolchain.Digest, base.Compiler, base.Subarch, source)
	unlock, err := b.Store.Lock(ctx, "program-"+key)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	var kept builtProgram
	if b.Store.Get("program", key, &kept) {
		if path, ok := b.Store.Kept(kept.Sum); ok {
			return path, kept.Sum, nil
		}
	}
	task := b.Sink.Start("compile "+file, progress.Objects, 0)
	path, sum, err = b.compile(ctx, base, file, source)
	task.Done(err)
	if err != nil {
		return "", "", err
	}
	return path, sum, b.Store.Put("program", key, builtProgram{sum})
}

func (b *Builder) compile(ctx context.Context, base kmake.Base, file, source string) (path, sum string, err error) {
	tmp, remove, err := b.Store.Scratch("program")
	if err != nil {
		return "", "", err
	}
	defer remove()
	name := filepath.Base(file)
	work := filepath.Join(tmp, "build")
	if err := errors.Join(os.Mkdir(work, 0o755), os.WriteFile(filepath.Join(work, name), []byte(source), 0o644)); err != nil {
		return "", "", err
	}
	logPath := filepath.Join(tmp, "log")
	log, err := os.Create(logPath)
	if err != nil {
		return "", "", err
	}
	defer log.Close()
	args := []string{base.Compiler, "-static", "-O1", "-g", "-Wall", "-o", "program", name}
	if base.Compiler == kmake.Clang {
		args = append(args, "-fuse-ld=lld")
	}
	if base.Subarch == "i386" { // whose kernel runs no others
		args = append(args, "-m32")
	}
	err = b.Run(ctx, kmake.Job{What: "compile " + file, Base: base, Dir: buildDir, Log: log, Args: args,
		Mounts: []sandbox.Mount{{Source: work, Target: buildDir}}})
	if err != nil {
		err = b.Blame(ctx, file, err, logPath)
		if broken, ok := errors.AsType[*kmake.BuildError](err); ok {
			return "", "", usage.Errorf("%s does not compile with the %s of toolchain %s: %s (all of it: %s)",
				file, base.Compiler, base.Toolchain.Name, broken.First, broken.Log)
		}
		return "", "", err
	}
	path, sum, err = b.Store.Keep(ctx, filepath.Join(work, "program"))
	if err != nil {
		return "", "", fmt.Errorf("compile %s: %w", file, err)
	}
	return path, sum, nil
}
