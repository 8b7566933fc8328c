package harness

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/runner"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// DefaultScenario is the one that `mage matrix` runs.
const DefaultScenario = "unknown-rela-relocation"

// MatrixOptions are the flags of `mage matrix`. Empty means the scenario's own
// choice.
type MatrixOptions struct {
	Scenario  string
	Tree      string // name or path
	Toolchain string
	Compiler  string   // clang or gcc
	Fragments []string // files with more kernel options
	Select    scenario.Selection
	Fresh     bool
	Jobs      int
	Outputs   Outputs
	Command   string // how this run is repeated, for the report
}

// Matrix runs a scenario and prints its table. Where that is not as the scenario
// expects, the error is an *EndError.
func (l *Lab) Matrix(ctx context.Context, o MatrixOptions) (*result.Results, error) {
	job, err := l.plan(o)
	if err != nil {
		return nil, err
	}
	r, err := l.run(ctx, job)
	if err != nil {
		return nil, err
	}
	l.sink.Close()
	if err := doc.Terminal(l.stdout, report.Matrix(r), l.table); err != nil {
		return r, err
	}
	if err := o.Outputs.write(r); err != nil {
		return r, err
	}
	return r, matrixEnd(r)
}

// job is a validated matrix: everything that a mistake of the user could spoil
// was looked at.
type job struct {
	MatrixOptions
	scenario *scenario.Scenario
	plan     *scenario.Plan
	options  []kconfig.Option
	notes    []string
	sources  []string // the fragments' names
}

func (l *Lab) plan(o MatrixOptions) (*job, error) {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	if o.Scenario == "" {
		o.Scenario = DefaultScenario
	}
	s, err := scenario.Load(l.project, o.Scenario)
	if err != nil {
		return nil, err
	}
	if len(s.Patches) > 0 {
		return nil, usagef("scenario %s names patches, which a matrix does not apply: apply them to a tree of your own and give its path with -tree=", s.Name)
	}
	if o.Tree == "" {
		o.Tree = s.Tree
	}
	if o.Toolchain == "" {
		o.Toolchain = s.Toolchain
	}
	plan, err := s.Select(o.Select)
	errs = multierror.Append(errs, err, checkModules(plan), l.checkTree(o.Tree), l.checkToolchain(o.Toolchain))
	if o.Compiler != "" && o.Compiler != kbuild.Clang && o.Compiler != kbuild.GCC {
		errs = multierror.Append(errs, usagef("unknown compiler %q: clang or gcc", o.Compiler))
	}
	if o.Jobs < 0 {
		errs = multierror.Append(errs, usagef("-jobs=%d: give a number of CPU slots, or leave it out for one per CPU", o.Jobs))
	}
	errs = multierror.Append(errs, o.Outputs.check())
	j := &job{MatrixOptions: o, scenario: s, plan: plan, sources: append([]string{}, s.FragmentNames...)}
	fragments := s.Fragments
	for _, name := range o.Fragments {
		text, err := os.ReadFile(name)
		if err != nil {
			errs = multierror.Append(errs, usagef("-fragment=%s: %w", name, err))
			continue
		}
		f, err := kconfig.ParseFragment(name, text)
		if err != nil {
			errs = multierror.Append(errs, &UsageError{err})
			continue
		}
		fragments = append(fragments, f)
		j.sources = append(j.sources, name)
	}
	if err := errs.ErrorOrNil(); err != nil {
		return nil, err
	}
	var overrides []kconfig.Note
	j.options, overrides = kconfig.Merge(fragments...)
	if isDirectory(o.Tree) && kbuild.RequestsRust(j.options) {
		version, err := tree.Version(o.Tree)
		if err == nil {
			err = (&tree.Tree{Name: o.Tree, Dir: o.Tree, Version: version}).CheckRust()
		}
		if err != nil {
			return nil, &UsageError{err}
		}
	}
	for _, n := range overrides {
		j.notes = append(j.notes, n.String())
	}
	return j, nil
}

// run does the work of a validated matrix.
func (l *Lab) run(ctx context.Context, j *job) (*result.Results, error) {
	started := l.now()
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	t, tc, err := l.fitting(ctx, j)
	if err != nil {
		return nil, err
	}
	r, _, err := l.runOn(ctx, j, t, tc, nil)
	if err != nil {
		return nil, err
	}
	r.Started, r.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	l.remember(r)
	return r, nil
}

// runOn runs the cells of j on a tree. With from, the tree is one that patches
// made of from's, and only what they change is built. The baseline is nil where
// it does not build.
func (l *Lab) runOn(ctx context.Context, j *job, t *tree.Tree, tc *toolchain.Toolchain, from *kbuild.Baseline) (*result.Results, *kbuild.Baseline, error) {
	started := l.now()
	r := &result.Results{
		Schema: result.Schema, Command: j.Command, Started: started.UTC(), Notes: slices.Clone(j.notes),
		Scenario: j.named(),
	}
	compiler := j.compiler(l, t)
	r.Notes = append(r.Notes, append(t.Notes, tc.Notes...)...)
	r.Tree = result.Tree{Name: t.Name, Version: t.Version, Package: t.Package, Commit: t.Commit, Digest: t.Digest, Patches: append([]string{}, t.Patches...)}
	r.Toolchain = result.Toolchain{Name: tc.Name, Compiler: compiler, Identity: tc.Identity, Digest: tc.Digest}
	r.Config.Fragments = j.sources

	base := kbuild.Base{Tree: t, Toolchain: tc, Compiler: compiler, Options: j.options}
	var (
		baseline *kbuild.Baseline
		notes    []string
		err      error
	)
	if from == nil {
		baseline, notes, err = l.baseline(ctx, j, base)
	} else {
		baseline, _, err = l.builder.Derive(ctx, from, t)
	}
	r.Notes = append(r.Notes, notes...)
	var broken *kbuild.BuildError
	var dropped *kbuild.ConfigError
	switch {
	case errors.As(err, &dropped):
		// Every cell is the same: not the build that was asked for.
		var lines []string
		for _, d := range dropped.Dropped {
			lines = append(lines, d.String())
		}
		// Each on a line of its own: see scenario.Want.
		more := append(lines[1:], strings.TrimSpace("seen after "+dropped.When+" "+rustSaid(dropped.RustAvailable)))
		r.Cells = unbuilt(j.plan.Cells, outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: lines[0], Detail: strings.Join(more, "\n")})
		r.Notes = append(r.Notes, dropped.Error())
	case errors.As(err, &broken):
		r.Cells = unbuilt(j.plan.Cells, outcome.Outcome{Kind: outcome.BuildFailed, Evidence: broken.First, Offset: int64(broken.Offset),
			Detail: "the baseline, which all cells are forks of, does not build; all of make's output: " + broken.Log})
	case err != nil:
		return nil, nil, err
	default:
		r.Config.Digest, r.Config.Resolved = baseline.Config, baseline.ResolvedConfig()
		if err := l.cells(ctx, j, baseline, r); err != nil {
			return nil, nil, err
		}
	}
	l.judge(j, t.Version, r)
	r.Seconds = l.now().Sub(started).Seconds()
	return r, baseline, nil
}

func rustSaid(said string) string {
	if said = strings.TrimSpace(said); said == "" {
		return ""
	}
	return "(make rustavailable: " + said + ")"
}

// compiler is what builds the C side: the user's choice, the named tree's, else
// what the tree itself allows.
func (j *job) compiler(l *Lab, t *tree.Tree) string {
	if c := l.compilerOf(j.Compiler, j.Tree); c != "" {
		return c
	}
	return t.Compiler()
}

// named is the scenario of j, as results name it.
func (j *job) named() result.Scenario {
	return result.Scenario{Name: j.scenario.Name, Title: j.scenario.Title, Digest: j.scenario.Digest}
}

// compilerOf is the user's choice of a compiler, else the named tree's; empty
// where the tree itself decides.
func (l *Lab) compilerOf(choice, treeName string) string {
	return cmp.Or(choice, l.settings.Trees[treeName].Compiler)
}

// unbuilt are cells without a binary.
func unbuilt(cells []scenario.Cell, o outcome.Outcome) (out []result.Cell) {
	for _, c := range cells {
		out = append(out, result.Cell{
			ID: c.ID(), Variant: result.Variant{RelocationModel: c.Variant.RelocationModel, CodeModel: c.Variant.CodeModel, Scope: c.Scope},
			Build: result.Build{Flags: append([]string{}, c.Variant.Flags()...), Outcome: &o},
		})
	}
	return out
}

// cells runs the plan's cells, and the controls that are not among them.
func (l *Lab) cells(ctx context.Context, j *job, baseline *kbuild.Baseline, r *result.Results) error {
	guest, closeGuest, err := l.newGuest(baseline.Base.Toolchain)
	if err != nil {
		return err
	}
	defer closeGuest()
	identity, err := guest.Identity()
	if err != nil {
		return err
	}
	identity += " " + baseline.Base.Toolchain.Digest // the kernel runs with its libc
	cells := j.plan.Cells
	var extra []int // control -> its cell behind the plan's, or -1
	for _, c := range j.plan.Controls {
		at := -1
		if !c.Selected {
			at = len(cells)
			cells = append(cells[:len(cells):len(cells)], c.Shown)
		}
		extra = append(extra, at)
	}
	foresees := oracle.New(baseline)
	run := &runner.Runner{Builder: l.builder, Booter: guest, Guest: identity, Oracle: foresees, Store: l.store, Sink: l.sink, Jobs: j.Jobs}
	got, err := run.Run(ctx, runner.Job{Baseline: baseline, Cells: cells, Fresh: j.Fresh})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.Infra = err.Error()
	}
	foresees.Chances(cells, got)
	r.Notes = append(r.Notes, foresees.Notes()...)
	r.Cells = got[:len(j.plan.Cells)]
	for i, c := range j.plan.Controls {
		from := r.Cells
		if extra[i] >= 0 {
			from = got[extra[i] : extra[i]+1]
		}
		r.Controls = append(r.Controls, control(c, from))
	}
	return nil
}
