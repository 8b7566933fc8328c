package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/parcel"
	"umlab/harness/sample"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// listsModules finds what makes a Kbuild file list modules: obj-m, obj-y of
// directories, obj-$(CONFIG_X), or another file that may.
var listsModules = regexp.MustCompile(`(?m)^[^#\n]*\bobj-(m|y|\$[({])|^[ \t]*-?include[ \t]`)

// checkDirectory says, before any work, whether a value of -modules= can be a
// directory of external modules.
func checkDirectory(user parcel.Files, dir string) error {
	if !user.IsDirectory(dir) {
		if _, err := user.Stat(dir); err != nil {
			return usage.Errorf("-modules=%s: %w", dir, err)
		}
		return usage.Errorf("-modules=%s is a file: give the directory that holds it and its Kbuild file, or a target of the tree", dir)
	}
	// Kbuild looks for them in this order.
	for _, name := range []string{"Kbuild", "Makefile"} {
		text, err := user.Read(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return usage.Errorf("-modules=%s: %w", dir, err)
		}
		if !listsModules.Match(text) {
			return usage.Errorf(`-modules=%s: its %s lists no modules: it needs a line such as "obj-m := NAME.o"`, dir, name)
		}
		return nil
	}
	return usage.Errorf(`-modules=%s has neither Kbuild nor Makefile: write one with a line such as "obj-m := NAME.o", `+
		"or give the directory below that has it", dir)
}

// Build makes the baseline of a plan. It finds out what the plan's modules are
// that only the tree, or the baseline, can tell: it takes snapshots of the user's
// directories, looks up samples and adds the options that they need, and lists the
// directories' modules. What it returns is the plan of all that, where it fails as far as
// it came; p stays as it is. The notes belong in the report.
func (p *Plan) Build(
	ctx context.Context, b *kbuild.Builder, t *tree.Tree, tc *toolchain.Toolchain,
) (q *Plan, bl *kbuild.Baseline, notes []string, err error) {
	base := p.Base(t, tc)
	var said []string
	if q, err = p.Resolve(ctx, b, tc); err != nil {
		return q, nil, nil, err
	}
	if q, base.Options, notes, err = q.withSamples(base); err != nil {
		return q, nil, notes, err
	}
	q, base.Options, said, err = q.withAll(ctx, b, base)
	if notes = append(notes, said...); err != nil {
		return q, nil, notes, err
	}
	if bl, _, err = b.Baseline(ctx, base); err != nil {
		return q, nil, notes, err
	}
	if from := bl.From(); from != "" {
		notes = append(notes, "the kernel was built on from "+from)
	}
	q, said, err = q.withDirectories(ctx, b, bl)
	return q, bl, append(notes, said...), err
}

// Resolve is the plan with what a toolchain has of the options that its variants name, and with snapshots of the user's
// directories; p stays as it is, and is returned where that fails.
func (p *Plan) Resolve(ctx context.Context, b *kbuild.Builder, tc *toolchain.Toolchain) (*Plan, error) {
	q, err := p.resolve(func() (map[string]string, error) { return tc.RustOffers(ctx, b.Store, b.Limits.Sandbox) })
	if err == nil {
		q, err = q.Snapshot(ctx, b.Store, b.Sink)
	}
	if err != nil {
		return p, err
	}
	return q, nil
}

// withSamples gives the modules that have only a name the target that the tree
// makes them by. It returns the options of base and those that they need.
func (p *Plan) withSamples(base kmake.Base) (q *Plan, options []kconfig.Option, notes []string, err error) {
	var unknown []error
	var samples []sample.Module
	targets := map[string]string{}
	for _, m := range p.Modules() {
		if !isSample(m) {
			continue
		}
		s, err := sample.Find(base.Tree.FS(), m.Name)
		if _, none := errors.AsType[*sample.UnknownError](err); none {
			unknown = append(unknown, &usage.Error{Err: err})
		} else if err != nil {
			return p, nil, nil, err
		}
		samples, targets[m.Name] = append(samples, s), s.Target
	}
	if len(unknown) > 0 {
		return p, nil, nil, errors.Join(unknown...)
	}
	options, notes = withOptions(base.Options, samples)
	return p.replaced(func(m scenario.Module) []scenario.Module {
		if isSample(m) {
			m.Path = targets[m.Name]
		}
		return []scenario.Module{m}
	}), options, notes, nil
}

// isSample reports whether a module has only a name yet.
func isSample(m scenario.Module) bool { return m.Path == "" && m.External == nil && !m.IsAll() }

// withOptions adds to the options those that samples need and nobody decided.
func withOptions(options []kconfig.Option, samples []sample.Module) (with []kconfig.Option, notes []string) {
	for _, s := range samples {
		add := kconfig.Fragment{}
		for _, o := range s.Options {
			i := slices.IndexFunc(options, func(have kconfig.Option) bool { return have.Name == o.Name })
			if i < 0 || options[i].Value == kconfig.Unset {
				add.Options = append(add.Options, o)
				notes = append(notes, fmt.Sprintf("module %s: %s=%s is added, for %s:%d", s.Name, o.Name, o.Value, o.File, o.Line))
			}
		}
		var overrides []kconfig.Note
		options, overrides = kconfig.Merge(kconfig.Fragment{Options: options}, add)
		notes = append(notes, each(overrides, kconfig.Note.String)...)
	}
	return options, notes
}

var unusual = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// withDirectories replaces every directory of a plan with Asked by the modules that
// its snapshot lists.
func (p *Plan) withDirectories(ctx context.Context, b *kbuild.Builder, bl *kbuild.Baseline) (q *Plan, notes []string, err error) {
	lists := map[string][]scenario.Module{}
	for _, m := range p.Modules() {
		if m.External == nil {
			continue
		}
		e := m.External
		paths, dropped, err := b.ExternalModules(ctx, bl.Base, bl.Build(), e)
		if err != nil {
			return p, nil, err
		}
		if len(paths) == 0 {
			why := "is an option of its obj-$(CONFIG_...) missing? add it with -fragment="
			if len(dropped) > 0 {
				why = strings.Join(dropped, "; ")
			}
			return p, nil, usage.Errorf("-modules=%s lists no module under this configuration (%s): %s", e.Given, bl.ResolvedConfig(), why)
		}
		notes = append(notes, dropped...)
		var made []scenario.Module
		for _, target := range paths {
			n := m
			n.Name, n.Path, n.External = scenario.ModuleName(path.Base(target)), target, e
			made = append(made, n)
		}
		lists[e.Given] = made
		notes = append(notes, fmt.Sprintf("modules of %s, as of digest %s: %s", e.Given, store.Short(e.Digest), strings.Join(names(made), ", ")))
	}
	q = p.replaced(func(m scenario.Module) []scenario.Module {
		if m.External != nil {
			return lists[m.External.Given]
		}
		return []scenario.Module{m}
	})
	seen := map[string]bool{}
	for _, name := range names(q.Modules()) {
		if seen[name] {
			return p, nil, usage.Errorf("-modules= names two modules %s, of which the guest can load only one at a time", name)
		}
		seen[name] = true
	}
	return q, notes, nil
}

func names(modules []scenario.Module) []string {
	return each(modules, func(m scenario.Module) string { return m.Name })
}
