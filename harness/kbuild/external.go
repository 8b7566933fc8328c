package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/shell"
)

// The modules of a user's own directory are built with M= against the baseline,
// as Documentation/kbuild/modules.rst has it. The directory is the lower layer
// of an overlay: without KBUILD_EXTMOD_OUTPUT (before 6.13) all that Kbuild makes
// of it goes beside its sources.

// externals are the directories of a cell's modules, each once, in order.
func externals(c scenario.Cell) []*scenario.External {
	var out []*scenario.External
	for _, m := range c.Modules {
		if m.External != nil && !slices.ContainsFunc(out, func(e *scenario.External) bool { return e.Mount == m.External.Mount }) {
			out = append(out, m.External)
		}
	}
	return out
}

// externalKey is what the directories add to the key of a build; nothing
// without any.
func externalKey(c scenario.Cell) []string {
	var parts []string
	for _, m := range c.Modules {
		if m.External != nil {
			parts = append(parts, "external", m.Path, m.External.Digest)
		}
		if m.Output == nil && !m.Silent {
			parts = append(parts, "prints", m.Path)
		}
	}
	return parts
}

// ExternalByHand are the make commands, behind that of Base.ByHand, that build
// a cell's modules from the user's own directories.
func (b Base) ExternalByHand(c scenario.Cell) []string {
	var out []string
	for _, e := range externals(c) {
		out = append(out, b.ByHand(c, "M="+shell.Quote(e.Given), "modules"))
	}
	return out
}

// builtExternal is a directory after its build.
type builtExternal struct {
	*scenario.External
	upper string
}

// makeExternals builds every directory of r. Flags that reach nothing but
// modules leave the baseline as it is, and each directory is built against it;
// otherwise against the kernel that kernel, the overlay, holds.
func (b *Builder) makeExternals(ctx context.Context, bl *Baseline, r Request, kernel *sandbox.Overlay, tmp string, out *makeLog) ([]builtExternal, error) {
	var built []builtExternal
	for i, e := range externals(r.Cell) {
		dir := filepath.Join(tmp, "external", strconv.Itoa(i))
		module, err := newOverlay(filepath.Join(dir, "module"), e.Dir, "/"+e.Mount)
		if err != nil {
			return nil, err
		}
		base := kernel
		if base == nil {
			clean, err := newOverlay(filepath.Join(dir, "kernel"), bl.Build(), buildDir)
			if err != nil {
				return nil, err
			}
			base = &clean
		}
		jobs := r.Jobs
		if jobs == 0 {
			jobs = b.jobs()
		}
		args := append(bl.Base.Make(), "-j"+strconv.Itoa(jobs), "M=/"+e.Mount)
		if arg := r.Cell.MakeArg(); arg != "" {
			args = append(args, arg)
		}
		err = b.run(ctx, job{
			what: r.name() + " " + e.Given, base: bl.Base, overlays: []sandbox.Overlay{*base, module},
			args: append(args, "modules"), log: out,
		})
		if err != nil {
			return nil, err
		}
		built = append(built, builtExternal{e, module.Upper})
	}
	return built, nil
}

// newOverlay makes the directories of an overlay over lower.
func newOverlay(dir, lower, target string) (sandbox.Overlay, error) {
	o := sandbox.Overlay{Lower: lower, Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work"), Target: target}
	return o, errors.Join(os.MkdirAll(o.Upper, 0o755), os.MkdirAll(o.Work, 0o755))
}

// collectExternals keeps the modules of r's directories, and returns
// what differs from the flags that were asked for.
func (b *Builder) collectExternals(ctx context.Context, r Request, built []builtExternal, p *Product) (wrong []string, err error) {
	for _, m := range r.Cell.Modules {
		i := slices.IndexFunc(built, func(e builtExternal) bool { return m.External != nil && e.Mount == m.External.Mount })
		if i < 0 {
			continue
		}
		e := built[i]
		// Kbuild names the directory's files by its path, or (from 6.13 on) as
		// seen from it.
		inside := func(name string) string {
			return path.Clean(strings.TrimPrefix(strings.TrimPrefix(name, "/"), e.Mount+"/"))
		}
		read := func(name string) ([]byte, error) { return reader(e.upper, "")(inside(name)) }
		ko, ok := find(e.upper, "", inside(m.Path))
		if !ok {
			p.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: m.Path, Detail: "make succeeded but made no " + inside(m.Path) + " in " + e.Given}
			return nil, nil
		}
		if err := b.keep(ctx, p, m.Path, ko); err != nil {
			return nil, err
		}
		objects, err := objectsOf(m.Path, read)
		if err != nil {
			return nil, err
		}
		for i, o := range objects {
			objects[i] = path.Join(e.Mount, inside(o))
		}
		rust, err := rustObjects(objects, read)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, p.check(r, r.Cell.Scope != scenario.ScopeKernel, rust)...)
	}
	return wrong, nil
}

// evaluate prints the modules that a directory's Kbuild file lists, as
// scripts/Makefile.build reads it: a path of $2 that ends in / is a directory.
// $1 is the directory, $2 the make command.
const evaluate = `set -e
cat > /tmp/umlab-list.mk <<'EOF'
srctree := ` + srcDir + `
objtree := ` + buildDir + `
src := $(dir)
obj := $(dir)
KERNELRELEASE := external
KBUILD_EXTMOD := $(dir)
-include $(objtree)/include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
include $(or $(wildcard $(dir)/Kbuild),$(dir)/Makefile)
umlab-list: ; @printf '%s\n' $(foreach m,$(obj-m),'$(m)')
.DEFAULT_GOAL := umlab-list
EOF
cd "$1"
exec make -s --no-print-directory -rR -f /tmp/umlab-list.mk "dir=$1" ARCH=um SRCARCH=um umlab-list
`

// mostDirectories bounds how deep a directory of modules may nest.
const mostDirectories = 64

// ExternalModules lists the modules that the directory e builds against the
// baseline, in the order in which its Kbuild file has them, as paths below
// e.Mount. Its error says what is wrong with the file.
func (b *Builder) ExternalModules(ctx context.Context, bl *Baseline, e *scenario.External) ([]string, error) {
	var modules []string
	dirs := []string{"."}
	for n := 0; len(dirs) > 0; n++ {
		if n == mostDirectories {
			return nil, fmt.Errorf("%s: more than %d directories of modules", e.Given, mostDirectories)
		}
		dir := dirs[0]
		dirs = dirs[1:]
		var said, log bytes.Buffer
		err := b.run(ctx, job{
			what: "read the Kbuild file of " + e.Given, base: bl.Base, log: &said, errors: &log,
			mounts: []sandbox.Mount{
				{Source: bl.Build(), Target: buildDir, ReadOnly: true},
				{Source: e.Dir, Target: "/" + e.Mount, ReadOnly: true},
			},
			args: []string{"sh", "-c", evaluate, "sh", path.Join("/"+e.Mount, dir)},
		})
		if err != nil {
			var exit *exitError
			if errors.As(err, &exit) {
				return nil, fmt.Errorf("%s: make cannot read its Kbuild file: %s", e.Given, strings.TrimSpace(log.String()))
			}
			return nil, err
		}
		for _, name := range strings.Fields(said.String()) {
			switch {
			case strings.HasSuffix(name, "/"):
				dirs = append(dirs, path.Join(dir, name))
			case strings.HasSuffix(name, ".o"):
				if m := path.Join(e.Mount, dir, strings.TrimSuffix(name, ".o")+".ko"); !slices.Contains(modules, m) {
					modules = append(modules, m)
				}
			}
		}
	}
	return modules, nil
}
