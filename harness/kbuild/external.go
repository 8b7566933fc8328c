package kbuild

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"

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
		module, err := kmake.NewOverlay(filepath.Join(dir, "module"), e.Dir, "/"+e.Mount)
		if err != nil {
			return nil, err
		}
		base := kernel
		if base == nil {
			clean, err := kmake.NewOverlay(filepath.Join(dir, "kernel"), bl.Build(), buildDir)
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
