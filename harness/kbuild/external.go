package kbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
)

// The modules of a user's own directory are built with M= against the baseline,
// as Documentation/kbuild/modules.rst has it. The directory is the lower layer
// of an overlay: without KBUILD_EXTMOD_OUTPUT (before 6.13) all that Kbuild makes
// of it goes beside its sources.

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

// makeExternals builds every directory of r: as j says, with args and what names
// the directory behind them. Each is built against the kernel that kernel, the
// overlay, holds, or, where there is none, against the baseline's.
func (b *Builder) makeExternals(
	ctx context.Context, bl *Baseline, r Request, j kmake.Job, args []string, kernel *sandbox.Overlay, tmp string,
) ([]objtree.Dir, error) {
	var built []objtree.Dir
	for i, e := range kmake.Externals(r.Cell) {
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
		own.What += " " + e.Given
		own.Overlays = []sandbox.Overlay{*base, module}
		own.Args = append(slices.Clone(args), "M=/"+e.Mount, kmake.PWD("/"+e.Mount), "modules")
		if err := b.Run(ctx, own); err != nil {
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
