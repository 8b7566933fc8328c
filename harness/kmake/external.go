package kmake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
)

// evaluate prints what a directory's Kbuild file lists, as scripts/Makefile.build
// reads it, one "VARIABLE NAME" a line: a name that ends in / is a directory. $1 is
// the directory, $2 that of the whole, $3 the SUBARCH, if one is set.
const evaluate = `set -e
cat > /tmp/umlab-list.mk <<'EOF'
srctree := ` + buildlog.Source + `
objtree := ` + buildlog.Build + `
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

// ExternalModules lists the modules that the directory e builds against a
// kernel of base, of which build is the output directory, in the order in which
// its Kbuild file has them, as paths below e.Mount. What it names that becomes no module is told in dropped, a sentence
// each. The error says what is wrong with the file.
func (r Runner) ExternalModules(
	ctx context.Context, base Base, build string, e *scenario.External,
) (modules, dropped []string, err error) {
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
		listed, err := r.listed(ctx, base, build, e, dir.path)
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
func (r Runner) listed(ctx context.Context, base Base, build string, e *scenario.External, dir string) (list []listing, err error) {
	var said, log bytes.Buffer
	err = r.Run(ctx, Job{
		What: "read the Kbuild file of " + e.Given, Base: base, Log: &said, Errors: &log,
		Mounts: []sandbox.Mount{
			{Source: build, Target: buildlog.Build, ReadOnly: true},
			{Source: e.Dir, Target: "/" + e.Mount, ReadOnly: true},
		},
		Args: []string{"sh", "-c", evaluate, "sh", path.Join("/"+e.Mount, dir), "/" + e.Mount, strings.Join(base.Arch()[1:], " ")},
	})
	if _, exit := errors.AsType[*ExitError](err); exit {
		return nil, fmt.Errorf("%s: make cannot read its Kbuild file: %s", path.Join(e.Given, dir), strings.TrimSpace(log.String()))
	}
	for l := range strings.Lines(said.String()) {
		if variable, name, ok := strings.Cut(strings.TrimSpace(l), " "); ok {
			list = append(list, listing{variable, name})
		}
	}
	return list, err
}
