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

	"golang.org/x/sys/unix"

	"umlab/harness/objtree"
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

// externalVersion is raised when the same directories would be built otherwise.
const externalVersion = "3"

// externalKey is what the directories add to the key of a build; nothing
// without any.
func externalKey(c scenario.Cell) []string {
	var parts []string
	for _, m := range c.Modules {
		if m.External != nil {
			parts = append(parts, "external", externalVersion, m.Path, m.External.Digest)
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
		out = append(out, b.ByHand(c, "M="+shell.Quote(e.Given), shell.Quote(pwd(e.Given)), "modules"))
	}
	return out
}

// makeExternals builds every directory of r: as j says, with args and what names
// the directory behind them. Each is built against the kernel that kernel, the
// overlay, holds, or, where there is none, against the baseline's.
func (b *Builder) makeExternals(
	ctx context.Context, bl *Baseline, r Request, j job, args []string, kernel *sandbox.Overlay, tmp string,
) ([]objtree.Dir, error) {
	var built []objtree.Dir
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
		own := j
		own.what += " " + e.Given
		own.overlays = []sandbox.Overlay{*base, module}
		own.args = append(slices.Clone(args), "M=/"+e.Mount, pwd("/"+e.Mount), "modules")
		if err := b.run(ctx, own); err != nil {
			return nil, err
		}
		built = append(built, objtree.Dir{Upper: module.Upper, Mount: e.Mount})
	}
	return built, nil
}

// newOverlay makes the directories of an overlay over lower.
func newOverlay(dir, lower, target string) (sandbox.Overlay, error) {
	// What another user has made cannot be copied up, and tools say of each file that permission is denied.
	var st unix.Stat_t
	if user := os.Geteuid(); user != 0 && unix.Stat(lower, &st) == nil && int(st.Uid) != user {
		return sandbox.Overlay{}, fmt.Errorf("%s belongs to user %d, and user %d cannot build on it: as root, give the whole store to one "+
			"of them (chown -R), or set UMLAB_HOME to a store of its own", lower, st.Uid, user)
	}
	o := sandbox.Overlay{Lower: lower, Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work"), Target: target}
	return o, errors.Join(os.MkdirAll(o.Upper, 0o755), os.MkdirAll(o.Work, 0o755))
}

// pwd makes $(PWD) the modules' directory, where people run make. Kbuild itself
// works elsewhere, and each shell between two makes would set it to that.
func pwd(dir string) string { return "PWD=" + dir }

// evaluate prints what a directory's Kbuild file lists, as scripts/Makefile.build
// reads it, one "VARIABLE NAME" a line: a name that ends in / is a directory. $1 is
// the directory, $2 that of the whole, $3 the SUBARCH, if one is set.
const evaluate = `set -e
cat > /tmp/umlab-list.mk <<'EOF'
srctree := ` + srcDir + `
objtree := ` + buildDir + `
src := $(dir)
obj := $(dir)
srcroot := $(top)
KERNELRELEASE := external
KBUILD_EXTMOD := $(top)
M := $(top)
-include $(objtree)/include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
include $(or $(wildcard $(dir)/Kbuild),$(dir)/Makefile)
umlab-list: ; @printf '%s\n' $(foreach v,obj-m obj-y subdir-m subdir-y,$(foreach m,$($v),'$v $(m)'))
.DEFAULT_GOAL := umlab-list
EOF
cd "$1"
exec make -s --no-print-directory -rR -f /tmp/umlab-list.mk "dir=$1" "top=$2" "PWD=$2" ARCH=um $3 SRCARCH=um umlab-list
`

// mostDirectories bounds how deep a directory of modules may nest.
const mostDirectories = 64

// ExternalModules lists the modules that the directory e builds against the
// baseline, in the order in which its Kbuild file has them, as paths below
// e.Mount. What it names that becomes no module is told in dropped, a sentence
// each. The error says what is wrong with the file.
func (b *Builder) ExternalModules(ctx context.Context, bl *Baseline, e *scenario.External) (modules, dropped []string, err error) {
	type directory struct {
		path   string
		linked bool // modules of it are linked: Kbuild came to it through obj-m or obj-y
	}
	dirs := []directory{{".", true}}
	for n := 0; len(dirs) > 0; n++ {
		if n == mostDirectories {
			return nil, nil, fmt.Errorf("%s: more than %d directories of modules", e.Given, mostDirectories)
		}
		dir := dirs[0]
		dirs = dirs[1:]
		listed, err := b.listed(ctx, bl, e, dir.path)
		if err != nil {
			return nil, nil, err
		}
		for _, l := range listed {
			name := path.Join(dir.path, l.name)
			module := path.Join(e.Mount, strings.TrimSuffix(name, ".o")+".ko")
			switch {
			case strings.HasPrefix(l.variable, "subdir-"):
				dirs = append(dirs, directory{name, false})
			case strings.HasSuffix(l.name, "/"):
				dirs = append(dirs, directory{name, dir.linked})
			case !strings.HasSuffix(l.name, ".o"):
				dropped = append(dropped, fmt.Sprintf("%s in %s of %s is no object and no directory: no module is made of it",
					l.name, l.variable, e.Given))
			case l.variable == "obj-y":
				dropped = append(dropped, fmt.Sprintf("%s is in obj-y of %s: what is built in has no kernel to go into there, so that no module "+
					"is made of it; write obj-m, or give the option that obj-$(CONFIG_...) asks for the value m", name, e.Given))
			case slices.Contains(listed, listing{"obj-y", l.name}): // told there
			case !dir.linked:
				dropped = append(dropped, fmt.Sprintf("%s is reached through subdir-y or subdir-m of %s: Kbuild compiles it and links no module "+
					"of it; name its directory in obj-m", name, e.Given))
			case !slices.Contains(modules, module):
				modules = append(modules, module)
			}
		}
	}
	return modules, dropped, nil
}

// listing is a name in one of the variables of a Kbuild file.
type listing struct{ variable, name string }

// listed evaluates the Kbuild file of dir, a directory of e.
func (b *Builder) listed(ctx context.Context, bl *Baseline, e *scenario.External, dir string) (list []listing, err error) {
	var said, log bytes.Buffer
	err = b.run(ctx, job{
		what: "read the Kbuild file of " + e.Given, base: bl.Base, log: &said, errors: &log,
		mounts: []sandbox.Mount{
			{Source: bl.Build(), Target: buildDir, ReadOnly: true},
			{Source: e.Dir, Target: "/" + e.Mount, ReadOnly: true},
		},
		args: []string{"sh", "-c", evaluate, "sh", path.Join("/"+e.Mount, dir), "/" + e.Mount, strings.Join(bl.Base.Arch()[1:], " ")},
	})
	if _, exit := errors.AsType[*exitError](err); exit {
		return nil, fmt.Errorf("%s: make cannot read its Kbuild file: %s", path.Join(e.Given, dir), strings.TrimSpace(log.String()))
	}
	for l := range strings.Lines(said.String()) {
		if variable, name, ok := strings.Cut(strings.TrimSpace(l), " "); ok {
			list = append(list, listing{variable, name})
		}
	}
	return list, err
}
