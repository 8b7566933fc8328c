package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// listsModules finds what makes a Kbuild file list modules: obj-m, or
// obj-$(CONFIG_X).
var listsModules = regexp.MustCompile(`(?m)^[^#\n]*\bobj-(m|\$[({])`)

// checkDirectory says, before any work, whether a value of -modules= can be a
// directory of external modules.
func checkDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return usagef("-modules=%s: %w", dir, err)
	}
	if !info.IsDir() {
		return usagef("-modules=%s is a file: give the directory that holds it and its Kbuild file, or a target of the tree", dir)
	}
	// Kbuild looks for them in this order.
	for _, name := range []string{"Kbuild", "Makefile"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return usagef("-modules=%s: %w", dir, err)
		}
		if !listsModules.Match(text) {
			return usagef(`-modules=%s: its %s lists no modules: it needs a line such as "obj-m := NAME.o"`, dir, name)
		}
		return nil
	}
	return usagef(`-modules=%s has neither Kbuild nor Makefile: write one with a line such as "obj-m := NAME.o", or give the directory below that has it`, dir)
}

// checkModules says, before any work, what is wrong with the directories of a plan.
func checkModules(p *scenario.Plan) error {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	if p == nil || len(p.Cells) == 0 {
		return nil
	}
	for _, m := range p.Cells[0].Modules { // the same in all
		if m.External != nil {
			errs = multierror.Append(errs, checkDirectory(m.External.Given))
		}
	}
	return errs.ErrorOrNil()
}

// baseline is the baseline of a planned matrix. It finds out what the plan's
// modules are that only the tree, or the baseline, can tell: it looks up samples
// and adds the options that they need, takes snapshots of the user's directories
// and lists their modules, and puts all that into the plan. Its notes belong in
// the report.
func (l *Lab) baseline(ctx context.Context, j *job, base kbuild.Base) (bl *kbuild.Baseline, notes []string, err error) {
	options, notes, err := j.samples(base)
	if err != nil {
		return nil, nil, err
	}
	bl, _, err = l.builder.Baseline(ctx, base)
	if err != nil {
		return nil, notes, err
	}
	options, all, err := l.allSamples(ctx, j, base, options)
	notes = append(notes, all...)
	if err != nil {
		return nil, notes, err
	}
	if bl, _, err = l.builder.Extend(ctx, bl, options); err != nil {
		return nil, notes, err
	}
	more, err := l.externals(ctx, j, bl)
	if bl.From != "" {
		notes = append(notes, fmt.Sprintf("the kernel was built on from the baseline of toolchain %s, which differs in its Rust alone", bl.From))
	}
	return bl, append(notes, more...), err
}

// samples gives the plan's modules that have only a name the target that the
// tree makes them by. It returns the options of base and those that they need.
func (j *job) samples(base kbuild.Base) (options []kconfig.Option, notes []string, err error) {
	options = base.Options
	errs := &multierror.Error{ErrorFormat: onePerLine}
	found := map[string]kbuild.Sample{}
	for _, m := range j.modules() {
		if m.Path != "" || m.External != nil || m.IsAll() {
			continue
		}
		s, err := kbuild.FindSample(os.DirFS(base.Tree.Dir), m.Name)
		var unknown *kbuild.UnknownSampleError
		switch {
		case errors.As(err, &unknown):
			errs = multierror.Append(errs, &UsageError{err})
			continue
		case err != nil:
			return nil, nil, err
		}
		found[m.Name] = s
		var more []string
		options, more = withSample(options, s)
		notes = append(notes, more...)
	}
	if err := errs.ErrorOrNil(); err != nil {
		return nil, nil, err
	}
	j.replace(func(m scenario.Module) []scenario.Module {
		if s, ok := found[m.Name]; ok && m.Path == "" && m.External == nil {
			m.Path = s.Target
		}
		return []scenario.Module{m}
	})
	return options, notes, nil
}

// withSample adds to the options those that a sample needs and nobody decided.
func withSample(options []kconfig.Option, s kbuild.Sample) (with []kconfig.Option, notes []string) {
	add := kconfig.Fragment{}
	for _, o := range s.Options {
		i := slices.IndexFunc(options, func(have kconfig.Option) bool { return have.Name == o.Name })
		if i < 0 || options[i].Value == kconfig.Unset {
			add.Options = append(add.Options, o)
			notes = append(notes, fmt.Sprintf("module %s: %s=%s is added, for %s:%d", s.Name, o.Name, o.Value, o.File, o.Line))
		}
	}
	with, overrides := kconfig.Merge(kconfig.Fragment{Options: options}, add)
	for _, n := range overrides {
		notes = append(notes, n.String())
	}
	return with, notes
}

// modules are the plan's; all cells have the same.
func (j *job) modules() []scenario.Module {
	if len(j.plan.Cells) == 0 {
		return nil
	}
	return j.plan.Cells[0].Modules
}

// replace puts what resolve says of a module where the module stood.
func (j *job) replace(resolve func(scenario.Module) []scenario.Module) {
	for i := range j.plan.Cells {
		var modules []scenario.Module
		for _, m := range j.plan.Cells[i].Modules {
			modules = append(modules, resolve(m)...)
		}
		j.plan.Cells[i].Modules = modules
	}
}

var unusual = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// externals takes a snapshot of every directory of the plan and replaces it by
// the modules that it lists.
func (l *Lab) externals(ctx context.Context, j *job, bl *kbuild.Baseline) (notes []string, err error) {
	lists := map[string][]scenario.Module{}
	for _, m := range j.modules() {
		if m.External == nil || m.External.Dir != "" {
			continue
		}
		abs, err := filepath.Abs(m.External.Given)
		if err != nil {
			return nil, err
		}
		e := &scenario.External{Given: abs, Mount: "ext/" + unusual.ReplaceAllString(filepath.Base(abs), "_")}
		if e.Dir, e.Digest, err = tree.FromModules(ctx, l.store, l.sink, abs); err != nil {
			return nil, err
		}
		paths, err := l.builder.ExternalModules(ctx, bl, e)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, usagef("-modules=%s lists no module under this configuration (%s): is an option of its obj-$(CONFIG_...) missing? add it with -fragment=", m.External.Given, bl.ResolvedConfig())
		}
		for _, p := range paths {
			n := m
			n.Name, n.Path, n.External = scenario.ModuleName(path.Base(p)), p, e
			lists[m.External.Given] = append(lists[m.External.Given], n)
		}
		notes = append(notes, fmt.Sprintf("modules of %s, as of digest %s: %s", abs, store.Short(e.Digest), strings.Join(moduleNames(lists[m.External.Given]), ", ")))
	}
	j.replace(func(m scenario.Module) []scenario.Module {
		if m.External != nil && m.External.Dir == "" {
			return lists[m.External.Given]
		}
		return []scenario.Module{m}
	})
	seen := map[string]bool{}
	for _, name := range moduleNames(j.modules()) {
		if seen[name] {
			return nil, usagef("-modules= names two modules %s, of which the guest can load only one at a time", name)
		}
		seen[name] = true
	}
	return notes, nil
}

func moduleNames(modules []scenario.Module) (names []string) {
	for _, m := range modules {
		names = append(names, m.Name)
	}
	return names
}
