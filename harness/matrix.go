package harness

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/kbuild"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/runner"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// MatrixOptions are the flags of `mage matrix`, which most targets share.
type MatrixOptions = plan.Flags

// Outputs are files that a run also writes its results to.
type Outputs struct{ JSON, JUnit, KTAP, HTML, Markdown string }

// Matrix runs a scenario and prints its table. Where that is not as the scenario
// expects, the error is an *EndError.
func (l *Lab) Matrix(ctx context.Context, o MatrixOptions, files Outputs) (*result.Results, error) {
	formats := []format[result.Results]{
		{"json", files.JSON, report.JSON[result.Results]}, {"junit", files.JUnit, report.Form(report.MatrixChecks, checks.JUnit)},
		{"ktap", files.KTAP, report.Form(report.MatrixChecks, checks.KTAP)},
		{"html", files.HTML, report.Form(report.Matrix, doc.HTML)}, {"md", files.Markdown, report.Form(report.Matrix, doc.Markdown)},
	}
	p, err := l.plan(o)
	if err := usage.Join(err, checkOutputs(formats)); err != nil {
		return nil, err
	}
	r, err := l.run(ctx, l.sources, p)
	if err != nil {
		return nil, err
	}
	err = publish(l, r, func(w io.Writer) error { return doc.Terminal(w, report.Matrix(r), l.table) }, formats)
	return r, cmp.Or(err, matrixEnd(r))
}

// run does what a plan says, with a tree and a toolchain of src, and enters what
// it showed into the history.
func (l *Lab) run(ctx context.Context, src *sources.Sources, p *plan.Plan) (*result.Results, error) {
	started := l.now()
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, src)
	if err != nil {
		return nil, err
	}
	r, err := l.runOn(ctx, p, t, tc)
	if err != nil {
		return nil, err
	}
	r.Started, r.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	l.remember(r.Results)
	return r.Results, nil
}

// ran is a plan that was run.
type ran struct {
	*result.Results
	plan     *plan.Plan       // with the modules that it came to
	baseline *kbuild.Baseline // nil where it does not build
}

// runOn runs the cells of a plan on a tree.
func (l *Lab) runOn(ctx context.Context, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	return l.runBy(ctx, l.builder, p, t, tc)
}

// runBy is runOn with a builder that makes the baseline.
func (l *Lab) runBy(ctx context.Context, b *kbuild.Builder, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	started := l.now()
	q, baseline, notes, err := p.Build(ctx, b, t, tc)
	return l.runBuilt(ctx, &ran{results(q, t, tc, notes), q, baseline}, started, err)
}

// runFrom runs the cells of a plan that was run on a tree that patches made of
// that one's: only what they change is built.
func (l *Lab) runFrom(ctx context.Context, was *ran, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	started := l.now()
	base := was.baseline.Base
	base.Tree = t
	baseline, _, err := l.builder.Baseline(ctx, base)
	var notes []string
	if err == nil {
		p, notes = p.Without(func(m scenario.Module) bool { return m.External == nil && baseline.Gone(m.Path, was.baseline) })
	}
	return l.runBuilt(ctx, &ran{results(p, t, tc, notes), p, baseline}, started, err)
}

// results are those of a plan before anything is built.
func results(p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain, notes []string) *result.Results {
	return &result.Results{
		Schema: result.Schema, Command: p.Flags.Command, Notes: slices.Concat(p.Notes, t.Notes, tc.Notes, notes),
		Scenario: p.Named(), Question: p.Question(t),
		Tree: result.Tree{Name: t.Name, Version: t.Version, Package: t.Package, Origin: t.Origin, Commit: t.Commit, Digest: t.Digest,
			Patches: append([]string{}, t.Patches...)},
		Toolchain: result.Toolchain{Name: tc.Name, Compiler: p.Compiler(t), Identity: tc.Identity, Digest: tc.Digest},
		Config:    result.Config{Fragments: p.Fragments},
	}
}

// runBuilt boots the cells of a baseline, or says of all of them why there is
// none, and draws the conclusions.
func (l *Lab) runBuilt(ctx context.Context, r *ran, started time.Time, err error) (*ran, error) {
	var broken *kbuild.BuildError
	var dropped *kbuild.ConfigError
	switch {
	case errors.As(err, &dropped):
		// Every cell is the same: not the build that was asked for.
		var lines []string
		for _, d := range dropped.Dropped {
			lines = append(lines, d.String())
		}
		when := "seen after " + dropped.When
		if said := strings.TrimSpace(dropped.RustAvailable); said != "" {
			when += " (make rustavailable: " + said + ")"
		}
		more := append(lines[1:], when) // each on a line of its own: see scenario.Want
		r.Cells = unbuilt(r.plan.Cells, outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: lines[0], Detail: strings.Join(more, "\n")}, "")
		r.Notes = append(r.Notes, dropped.Error())
	case errors.As(err, &broken):
		r.Cells = unbuilt(r.plan.Cells, broken.Outcome(), broken.Log)
		r.Notes = append(r.Notes, "the kernel that all variants are built on does not build, so that nothing was booted")
	case err != nil:
		return nil, err
	default:
		r.Config.Digest, r.Config.Resolved = r.baseline.Config, r.baseline.ResolvedConfig()
		r.Kernel = kernel(r.baseline)
		if err := l.boot(ctx, r); err != nil {
			return nil, err
		}
	}
	conclude.Matrix(r.Results, r.plan.Scenario, r.plan.Cells)
	r.Started, r.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	return r, nil
}

func kernel(bl *kbuild.Baseline) *result.Kernel {
	k := &result.Kernel{From: bl.From(), Steps: bl.Steps, Seconds: bl.Seconds}
	if bl.On != nil {
		k.Files, k.Removed = bl.On.Files, bl.On.Targets
	}
	return k
}

// unbuilt are cells without a binary; log is the path of make's output, or "".
func unbuilt(cells []scenario.Cell, o outcome.Outcome, log string) (out []result.Cell) {
	for _, c := range cells {
		out = append(out, result.Cell{
			ID: c.ID(), Variant: result.Variant{RelocationModel: c.Variant.RelocationModel, CodeModel: c.Variant.CodeModel, Scope: c.Scope},
			Build: result.Build{Flags: append([]string{}, c.Variant.Flags()...), Outcome: &o, Log: log},
		})
	}
	return out
}

// boot forks and boots the plan's cells, and the controls that are not among them.
func (l *Lab) boot(ctx context.Context, r *ran) error {
	guest, done, err := l.newGuest(r.baseline.Base.Toolchain)
	if err != nil {
		return err
	}
	defer done()
	identity, err := guest.Identity()
	if err != nil {
		return err
	}
	cells := slices.Clone(r.plan.Cells)
	for _, c := range r.plan.Controls {
		if !c.Selected {
			cells = append(cells, c.Shown)
		}
	}
	foresees := oracle.New(r.baseline)
	run := &runner.Runner{Builder: l.builder, Booter: guest, Oracle: foresees, Store: l.store, Sink: l.sink, Jobs: r.plan.Flags.Jobs,
		Guest: identity + " " + r.baseline.Base.Toolchain.Digest} // the kernel runs with its libc
	got, err := run.Run(ctx, runner.Job{Baseline: r.baseline, Cells: cells, Fresh: r.plan.Flags.Fresh})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.Infra = err.Error()
	}
	foresees.Chances(cells, got)
	r.Notes = append(r.Notes, foresees.Notes()...)
	r.Cells = got[:len(r.plan.Cells)]
	extra := got[len(r.plan.Cells):]
	for _, c := range r.plan.Controls {
		if c.Selected {
			r.Controls = append(r.Controls, conclude.Control(c, r.Cells))
			continue
		}
		r.Controls = append(r.Controls, conclude.Control(c, extra[:1]))
		extra = extra[1:]
	}
	return nil
}
