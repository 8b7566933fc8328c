package settings

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// PatchCase is a patch that a scenario carries, with what verify must conclude.
type PatchCase struct {
	File       string   `toml:"file"`       // below scenarios/NAME/
	Trees      []string `toml:"trees"`      // names of configs/trees.toml, or globs of them
	Conclusion string   `toml:"conclusion"` // fixed, partly-fixed, not-fixed, no-effect, regressed, build-failed or not-reproduced
	Why        string   `toml:"why"`        // what it teaches
}

// conclusions are what verify can say of a patch.
var conclusions = [...]string{"fixed", "partly-fixed", "not-fixed", "no-effect", "regressed", "build-failed", "not-reproduced"}

// Applies reports whether the case is meant for the tree of that name.
func (c PatchCase) Applies(tree string) bool {
	return slices.ContainsFunc(c.Trees, func(glob string) bool {
		ok, err := path.Match(glob, tree)
		return ok && err == nil
	})
}

// Patches reads scenarios/NAME/patches.toml; all mistakes are reported at once,
// and so is a .patch file that it does not name.
func Patches(scenarios fs.FS, name string) ([]PatchCase, error) {
	dir, err := fs.Sub(scenarios, name)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Patch []PatchCase `toml:"patch"`
	}
	where := "scenarios/" + name + "/patches.toml"
	if err := readAs(dir, "patches.toml", where, &doc); err != nil {
		return nil, err
	}
	errs := &multierror.Error{ErrorFormat: onePerLine}
	bad := func(format string, args ...any) {
		errs = multierror.Append(errs, fmt.Errorf(where+": "+format, args...))
	}
	named := map[string]bool{}
	for i, c := range doc.Patch {
		if _, err := fs.Stat(dir, c.File); c.File == "" || err != nil {
			bad("patch %d: there is no file %q beside it", i+1, c.File)
		}
		named[c.File] = true
		if len(c.Trees) == 0 {
			bad("patch %s: trees is missing", c.File)
		}
		for _, g := range c.Trees {
			if _, err := path.Match(g, ""); err != nil {
				bad("patch %s: trees: %q: %w", c.File, g, err)
			}
		}
		if !slices.Contains(conclusions[:], c.Conclusion) {
			bad("patch %s: conclusion %q is none of %s", c.File, c.Conclusion, strings.Join(conclusions[:], ", "))
		}
		if c.Why == "" {
			bad("patch %s: why is missing", c.File)
		}
	}
	files, err := fs.Glob(dir, "*.patch")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !named[f] {
			bad("%s lies beside it and is not named", f)
		}
	}
	return doc.Patch, errs.ErrorOrNil()
}
