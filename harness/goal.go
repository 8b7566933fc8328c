package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"umlab/harness/conclude"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/runner"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// runGoals makes the goal of a scenario about the build in each cell of a plan, and where its controls ask for it, and draws the
// conclusions. Nothing is booted.
func (l *Lab) runGoals(
	ctx context.Context, b *kbuild.Builder, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain,
) (_ *ran, err error) {
	defer func() { err = cmp.Or(l.store.Wrong(), err) }()
	started := l.now()
	if p, err = p.Resolve(ctx, b, tc); err != nil {
		return nil, err
	}
	r := &ran{Results: results(p, t, tc, nil)}
	p = p.Cut()
	r.plan = p
	r.seen = len(r.Notes)
	base := p.Base(t, tc)
	if out := p.Scenario.OutOfTree; out != nil && out.Kernel != "" {
		of, err := l.sources.Toolchain(ctx, out.Kernel)
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("the kernel that %s is made for is of toolchain %s: rustc %s", out.Dir, of.Name, of.Identity["rustc"])
		r.Notes = append(r.Notes, note)
	}
	var stock *kbuild.Goal
	if len(p.Scenario.Compared()) > 0 {
		if stock, _, err = l.goal(ctx, b, p, base, scenario.Cell{Variant: p.Scenario.Stock()}); err != nil {
			if _, _, _, err = withoutBaseline(err); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range p.Cells {
		on, err := l.chained(ctx, p, base, p.BaseOf(c.Variant, base))
		if err != nil {
			return nil, err
		}
		g, hit, err := l.goal(ctx, b, p, on, c)
		if err != nil { // of a configuration that is dropped nothing was made
			failed, log, note, err := withoutBaseline(err)
			if err != nil {
				return nil, err
			}
			cell := unbuilt(c, failed, log)
			cell.Build.Goal = p.Scenario.Goal
			r.Cells, r.Notes = append(r.Cells, cell), append(r.Notes, note)
			continue
		}
		if r.Config.Digest == "" {
			r.Config.Digest, r.Kernel = g.Config, &result.Kernel{From: g.From, Steps: g.Steps, Seconds: g.Seconds}
		}
		r.Cells = append(r.Cells, goalCell(p, on, c, g, hit, stock))
	}
	for _, c := range p.Controls {
		got, err := l.goalControl(ctx, b, p, t, tc, c)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("control %s: %w", c.Name, err)
		}
		r.Controls = append(r.Controls, conclude.Control(c, []result.Cell{got}))
	}
	r.conclude()
	r.Started, r.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	return r, nil
}

// goal makes the plan's goal in a cell.
func (l *Lab) goal(ctx context.Context, b *kbuild.Builder, p *plan.Plan, base kmake.Base, c scenario.Cell) (*kbuild.Goal, bool, error) {
	r := kbuild.GoalRequest{Cell: c, Goal: p.Scenario.Goal, Files: p.Scenario.Compared(), Whole: p.Scenario.Warnings(),
		OutOfTree: p.Scenario.OutOfTree}
	if r.OutOfTree != nil {
		var err error
		if r.Kernel, err = l.kernelOf(ctx, b, p, base, c); err != nil {
			return nil, false, err
		}
	}
	return b.Goal(ctx, base, r, p.Flags.Fresh)
}

// kernelOf is the kernel that the modules of a directory are made for, in a cell that is built from base.
func (l *Lab) kernelOf(ctx context.Context, b *kbuild.Builder, p *plan.Plan, base kmake.Base, c scenario.Cell) (*kbuild.Baseline, error) {
	if name := p.Scenario.OutOfTree.Kernel; name != "" && name != p.Flags.Toolchain {
		tc, err := l.sources.For(base.Subarch).Toolchain(ctx, name)
		if err != nil {
			return nil, err
		}
		p = p.With(name)
		if err := p.Fit(ctx, l.sources, base.Tree, tc); err != nil {
			return nil, err
		}
		base = p.BaseOf(c.Variant, p.Base(base.Tree, tc))
	}
	bl, _, err := b.Baseline(ctx, base)
	return bl, err
}

// goalControl makes the plan's goal where a control of the plan knows how that ends.
func (l *Lab) goalControl(
	ctx context.Context, b *kbuild.Builder, p *plan.Plan, t *tree.Tree, tc *toolchain.Toolchain, c scenario.PlannedControl,
) (cell result.Cell, err error) {
	if c.Unpatched {
		t = t.Unpatched()
	}
	if c.Toolchain != "" {
		if tc, err = l.sources.For(p.Flags.Subarch).Toolchain(ctx, c.Toolchain); err != nil {
			return cell, err
		}
		p = p.With(c.Toolchain)
		if err := p.Fit(ctx, l.sources, t, tc); err != nil {
			return cell, err
		}
	}
	p = p.Afresh(false)
	base := p.Base(t, tc)
	on, err := l.chained(ctx, p, base, p.BaseOf(c.Shown.Variant, base))
	if err != nil {
		return cell, err
	}
	g, hit, err := l.goal(ctx, b, p, on, c.Shown)
	if err != nil {
		failed, log, _, err := withoutBaseline(err)
		return unbuilt(c.Shown, failed, log), err
	}
	return goalCell(p, on, c.Shown, g, hit, nil), nil
}

// goalCell is what the goal came to in a cell. stock is the same of the stock cell, nil where nothing is held against it.
func goalCell(p *plan.Plan, base kmake.Base, c scenario.Cell, g *kbuild.Goal, hit bool, stock *kbuild.Goal) result.Cell {
	by := []string{p.Scenario.Goal}
	if out := p.Scenario.OutOfTree; out != nil {
		c.Modules = []scenario.Module{{External: out.External("")}}
		by = []string{"M=" + out.Dir, "modules"}
	}
	o := g.Outcome(base, c, differs(stock, g), func(o outcome.Outcome) (string, bool) { return p.Scenario.Known(c, o) })
	cell := result.Cell{ID: c.ID(),
		Variant: runner.Variant(c),
		Build: result.Build{Goal: p.Scenario.Goal, Flags: c.Variant.Requested(), Command: base.ByHand(c, by...), Signature: g.Files,
			Seconds: g.Seconds, Cached: hit, Outcome: &o, Log: g.Log}}
	if g.Refused != nil {
		cell.Build.Refused = &result.Refused{Gives: g.Refused.Gives, Seconds: g.Refused.Seconds}
	}
	return cell
}

// differs are the files that g made otherwise than stock, which may be nil.
func differs(stock, g *kbuild.Goal) (files []string) {
	if stock == nil {
		return nil
	}
	for name, sum := range g.Files {
		if was := stock.Files[name]; was != "" && was != sum {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}
