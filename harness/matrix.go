package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/loader"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/runner"
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
	formats := ofMatrix().files(files.paths())
	p, err := l.plan(o)
	if err := usage.Join(err, checkOutputs(formats)); err != nil {
		return nil, err
	}
	if o.Find != "" {
		r, err := l.smallest(ctx, l.sources, p)
		if err != nil {
			return nil, err
		}
		err = finish(l, ofMatrix(), r, formats)
		return r, cmp.Or(err, matrixEnd(r))
	}
	run, done, err := l.executor(ctx, l.sources, p)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := run(ctx, p)
	if err != nil {
		return nil, err
	}
	err = finish(l, ofMatrix(), r, formats)
	return r, cmp.Or(err, matrixEnd(r))
}

// run does what a plan says, with a tree and a toolchain of src, and enters what
// it showed into the history.
func (l *Lab) run(ctx context.Context, src *sources.Sources, p *plan.Plan) (*result.Results, error) {
	started := l.now()
	if err := l.sandboxed(ctx); err != nil {
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
	r.Next = next(r.Results)
	return r.Results, nil
}

// ran is a plan that was run.
type ran struct {
	*result.Results
	plan     *plan.Plan                  // with the modules that it came to
	baseline *kbuild.Baseline            // nil where it does not build
	others   map[string]*kbuild.Baseline // of cells with another configuration or compiler, by their settings
	seen     int                         // of its notes, those before anything was booted
	fault    string                      // why it proves nothing, as far as the machine said so
	wide     []result.Cell               // of a piece, the cells with chances over loader.WidestRange
	anew     bool                        // baseline was built for it
	told     *conclude.Facts             // what a worker says of its first cell, where that was asked
}

// of is the baseline that a cell is a fork of; nil where it does not build.
func (r *ran) of(c scenario.Cell) *kbuild.Baseline {
	if settings := c.Variant.Base(); len(settings) > 0 {
		return r.others[fmt.Sprint(settings)]
	}
	return r.baseline
}

// runOn runs the cells of a plan on a tree.
func (l *Lab) runOn(ctx context.Context, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	return l.runBy(ctx, l.builder, p, t, tc)
}

// runBy is runOn with a builder that makes the baseline.
func (l *Lab) runBy(ctx context.Context, b *kbuild.Builder, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	if p.Scenario.BuildOnly() {
		return l.runGoals(ctx, b, p, t, tc)
	}
	started := l.now()
	q, baseline, notes, err := p.Build(ctx, b, t, tc)
	if q.Asked == nil { // it is not even known what was asked
		return nil, err
	}
	return l.runBuilt(ctx, b, &ran{Results: results(q, t, tc, notes), plan: q.Cut(), baseline: baseline}, p.Base(t, tc), started, err)
}

// conclude ends a run of whose cells all is known. What is told of them comes in one order, whichever was looked at first.
func (r *ran) conclude() {
	told := slices.Clone(r.Notes[r.seen:])
	slices.Sort(told)
	r.Notes, r.fault = append(r.Notes[:r.seen:r.seen], slices.Compact(told)...), r.Infra
	conclude.Cells(r.Results, r.plan.Scenario, r.plan.Cells)
	if r.plan.Whole() {
		conclude.Whole(r.Results)
	}
}

// runFrom runs the cells of a plan that was run on a tree that patches made of
// that one's: only what they change is built.
func (l *Lab) runFrom(ctx context.Context, was *ran, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain) (*ran, error) {
	if p.Scenario.BuildOnly() {
		return l.runGoals(ctx, l.builder, p, t, tc)
	}
	started := l.now()
	base := was.baseline.Base
	base.Tree = t
	baseline, _, err := l.builder.Baseline(ctx, base)
	var notes []string
	if err == nil {
		p, notes = p.Without(func(m scenario.Module) bool { return m.External == nil && baseline.Gone(m.Path, was.baseline) })
	}
	return l.runBuilt(ctx, l.builder, &ran{Results: results(p, t, tc, notes), plan: p, baseline: baseline}, base, started, err)
}

// results are those of a plan before anything is built.
func results(p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain, notes []string) *result.Results {
	commit, said := t.Said()
	return &result.Results{
		Schema: result.Schema, Command: p.Flags.Command, Notes: slices.Concat(p.Notes, said, tc.Notes, notes),
		Scenario: p.Named(), Question: p.Question(t),
		Tree: result.Tree{Name: t.Name, Version: t.Version, Package: t.Package, Origin: t.Origin, Commit: commit, Digest: t.Digest,
			Patches: append([]string{}, t.Patches...), Subarch: p.Flags.Subarch},
		Toolchain: result.Toolchain{Name: tc.Name, Compiler: p.Compiler(t), Identity: tc.Identity, Digest: tc.Digest},
		Config:    result.Config{Fragments: p.Fragments},
	}
}

// runBuilt boots the cells of a plan, or says of those without a baseline why there is
// none, and draws the conclusions. lacks is why the plan's own is not there; base is what
// it was to be built from. What rests on a thing of the store that is not what was stored is no result.
func (l *Lab) runBuilt(
	ctx context.Context, b *kbuild.Builder, r *ran, base kmake.Base, started time.Time, lacks error,
) (_ *ran, err error) {
	defer func() { err = cmp.Or(l.store.Wrong(), err) }()
	r.Cells, r.others, r.seen = make([]result.Cell, len(r.plan.Cells)), map[string]*kbuild.Baseline{}, len(r.Notes)
	if r.baseline != nil {
		base = r.baseline.Base
		r.Config.Digest, r.Config.Resolved, r.Kernel = r.baseline.Config, r.baseline.ResolvedConfig(), kernel(r.baseline)
	}
	for _, group := range r.plan.Groups() {
		bl, why, on := r.baseline, lacks, (*result.Base)(nil)
		if !group.Own() {
			asked := group.Base(base)
			if r.baseline != nil || r.plan.Resolved() {
				if asked, err = l.chained(ctx, r.plan, base, asked); err != nil {
					return nil, err
				}
				bl, _, why = b.Baseline(ctx, asked)
			}
			on = &result.Base{Compiler: asked.Compiler, Subarch: asked.Subarch, Config: result.Config{Fragments: r.plan.Fragments}}
			if why == nil && !group.Unpatched {
				r.others[fmt.Sprint(group.Settings)] = bl
				on.Config.Digest, on.Config.Resolved, on.Kernel = bl.Config, bl.ResolvedConfig(), kernel(bl)
			}
		}
		switch {
		case why == nil && len(group.Cells)+len(group.Controls) == 0: // all cells are of other builds
		case why == nil:
			if err := l.boot(ctx, r, group, bl); err != nil {
				return nil, err
			}
		default:
			failed, log, note, err := withoutBaseline(why)
			if err != nil {
				return nil, err
			}
			for _, i := range group.Cells {
				r.Cells[i] = unbuilt(r.plan.Cells[i], failed, log)
			}
			if group.Unpatched {
				for _, i := range group.Controls {
					c := r.plan.Controls[i]
					r.Controls = append(r.Controls, conclude.Control(c, []result.Cell{unbuilt(c.Shown, failed, log)}))
				}
			}
			if note != "" {
				r.Notes = append(r.Notes, note)
			}
		}
		for _, i := range group.Cells {
			r.Cells[i].Base = on
		}
	}
	l.whereLogs(r.Results)
	r.conclude()
	r.Started, r.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	return r, nil
}

// chained is asked, what a variant of a plan on base is built from, with the toolchain that builds for its SUBARCH.
func (l *Lab) chained(ctx context.Context, p *plan.Plan, base, asked kmake.Base) (_ kmake.Base, err error) {
	if asked.Subarch != base.Subarch {
		asked.Toolchain, err = l.sources.For(asked.Subarch).Toolchain(ctx, p.Flags.Toolchain)
	}
	return asked, err
}

// withoutBaseline is the outcome of all cells whose baseline is not there because of
// err, which is returned where that is not the source's doing.
func withoutBaseline(err error) (o outcome.Outcome, log, note string, _ error) {
	var broken *kmake.BuildError
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
		return outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: lines[0], Detail: strings.Join(more, "\n")}, "",
			strings.Join(strings.Fields(dropped.Error()), " "), nil
	case errors.As(err, &broken):
		return broken.Outcome(), broken.Log, "the kernel that all variants are built on does not build, so that nothing was booted", nil
	}
	return o, "", "", err
}

func kernel(bl *kbuild.Baseline) *result.Kernel {
	k := &result.Kernel{From: bl.From(), Steps: bl.Steps, Seconds: bl.Seconds}
	if bl.On != nil {
		k.Files, k.Removed = bl.On.Files, bl.On.Targets
	}
	return k
}

// unbuilt is a cell without a binary; log is the path of make's output, or "".
func unbuilt(c scenario.Cell, o outcome.Outcome, log string) result.Cell {
	return result.Cell{ID: c.ID(), Variant: runner.Variant(c), Build: result.Build{Flags: c.Variant.Requested(), Outcome: &o, Log: log}}
}

// oracle predicts what the loader of a baseline does.
func (l *Lab) oracle(bl *kbuild.Baseline) *oracle.Oracle {
	if l.oracles == nil {
		return oracle.New(bl)
	}
	read, _ := l.oracles.LoadOrStore(bl.Dir, sync.OnceValue(func() *oracle.Oracle { return oracle.New(bl) }))
	return read.(func() *oracle.Oracle)().Anew()
}

// boot forks and boots the cells of a group, and the controls that are not among them.
func (l *Lab) boot(ctx context.Context, r *ran, group *plan.Group, bl *kbuild.Baseline) error {
	guest, done, err := l.newGuest(bl.Base.Toolchain)
	if err != nil {
		return err
	}
	defer done()
	identity, err := guest.Identity()
	if err != nil {
		return err
	}
	var cells []scenario.Cell
	for _, i := range group.Cells {
		cells = append(cells, r.plan.Cells[i])
	}
	for _, i := range group.Controls {
		cells = append(cells, r.plan.Controls[i].Shown)
	}
	foresees := l.oracle(bl)
	run := &runner.Runner{Builder: l.builder, Booter: guest, Oracle: foresees, Formats: foresees.Formats, Store: l.store, Sink: l.sink,
		Jobs: r.plan.Flags.Jobs, Slots: l.slots,
		Guest: identity + " " + bl.Base.Toolchain.Digest} // the kernel runs with its libc
	got, err := run.Run(ctx, runner.Job{Baseline: bl, Cells: cells, Fresh: r.plan.Flags.Fresh})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if mistake, ok := errors.AsType[*usage.Error](err); ok { // in a program of a step
		return mistake
	}
	if err != nil {
		r.Infra = err.Error()
	}
	for i := range cells {
		cells[i] = cells[i].Alone()
	}
	if !r.plan.Whole() {
		r.wide = append(r.wide, got[:len(group.Cells)]...)
		for i := range r.wide {
			r.wide[i].Placements = slices.Clone(r.wide[i].Placements)
		}
		foresees.Chances(cells[:len(r.wide)], r.wide, loader.WidestRange)
	}
	foresees.Chances(cells, got, 0)
	r.Notes = append(r.Notes, foresees.Notes()...)
	for n, i := range group.Cells {
		r.Cells[i] = got[n]
	}
	extra := got[len(group.Cells):]
	for i, c := range r.plan.Controls {
		switch n := slices.Index(group.Controls, i); {
		case n >= 0:
			r.Controls = append(r.Controls, conclude.Control(c, extra[n:n+1]))
		case c.Selected && slices.ContainsFunc(got[:len(group.Cells)], func(got result.Cell) bool { return got.ID == c.Shown.ID() }):
			r.Controls = append(r.Controls, conclude.Control(c, got[:len(group.Cells)]))
		}
	}
	return nil
}
