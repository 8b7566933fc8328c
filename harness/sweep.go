package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/toolchain"
	"umlab/harness/usage"
)

// SweepOptions are the flags of `mage matrix -toolchains= -trees=`. What is
// empty is the scenario's own choice, one column.
type SweepOptions struct {
	Toolchains []string // names, and series, which stand for all their members
	Trees      []string
	MatrixOptions
}

// Sweep runs a scenario on every one of the trees with every one of the
// toolchains and prints one table of it. A column that comes to nothing does not
// keep the others from being run. Where one is not as the scenario expects, the
// error is an *EndError, see conclude.Sweep.
func (l *Lab) Sweep(ctx context.Context, o SweepOptions, files Outputs) (*result.Sweep, error) {
	formats := ofSweep().files(files.paths())
	plans, err := l.planSweep(ctx, o, members(l.sources))
	if err := usage.Join(err, checkOutputs(formats)); err != nil {
		return nil, err
	}
	s, err := l.sweep(ctx, l.sources, plans, o.Command)
	if err != nil {
		return nil, err
	}
	err = finish(l, ofSweep(), s, formats)
	return s, cmp.Or(err, sweepEnd(s))
}

// sweep runs plans, one a column, with trees and toolchains of src.
func (l *Lab) sweep(ctx context.Context, src *sources.Sources, plans []*plan.Plan, command string) (s *result.Sweep, err error) {
	started := l.now()
	if err := l.snapshots(ctx, plans); err != nil {
		return nil, err
	}
	s = &result.Sweep{Schema: result.SweepSchema, Command: command, Started: started.UTC(), Scenario: plans[0].Named()}
	src = src.Once() // all columns of a tree see it as it was when the first one read it
	run, done, err := l.executor(ctx, src, plans...)
	if err != nil {
		return nil, err
	}
	defer done()
	if s.Columns, err = columns(ctx, l.sink, plans, run); err != nil {
		return nil, err
	}
	s.Totals, s.Exit = conclude.Sweep(s.Columns)
	s.Seconds = l.now().Sub(started).Seconds()
	return s, nil
}

// columns runs plans one after the other. What keeps one from having results is
// told and kept in its column; the error is that of ctx.
func columns(
	ctx context.Context, sink progress.Sink, plans []*plan.Plan, run func(context.Context, *plan.Plan) (*result.Results, error),
) (list []result.SweepColumn, err error) {
	for i, p := range plans {
		sink.Note(fmt.Sprintf("column %d of %d: %s with %s", i+1, len(plans), p.Flags.Tree, p.Flags.Toolchain))
		c, err := column(ctx, sink, p, run)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// column runs a plan, as columns does.
func column(
	ctx context.Context, sink progress.Sink, p *plan.Plan, run func(context.Context, *plan.Plan) (*result.Results, error),
) (result.SweepColumn, error) {
	c := result.SweepColumn{Tree: p.Flags.Tree, Toolchain: p.Flags.Toolchain}
	r, err := run(ctx, p)
	var unfit *toolchain.UnfitError
	var foreign *scenario.TreeError
	switch {
	case ctx.Err() != nil:
		return c, context.Cause(ctx)
	case errors.As(err, &unfit):
		c.Refused = &result.Refusal{Reasons: unfit.Reasons, Nearest: unfit.Nearest}
	case errors.As(err, &foreign):
		c.Refused = &result.Refusal{Reasons: []string{foreign.Brief()}}
	case err != nil:
		c.Infra = err.Error()
	default:
		c.Results = r
	}
	if err != nil {
		sink.Note(fmt.Sprintf("%s with %s: %v", p.Flags.Tree, p.Flags.Toolchain, err))
	}
	return c, nil
}

// planSweep validates everything that can be before any work: one plan a column,
// by tree and then by toolchain. A series is asked for its members last, and
// only where all else is in order.
func (l *Lab) planSweep(
	ctx context.Context, o SweepOptions, members func(context.Context, string) ([]string, error),
) ([]*plan.Plan, error) {
	var errs []error
	if len(o.Toolchains) > 0 && o.Toolchain != "" {
		errs = append(errs, usage.Errorf("-toolchain=%s beside -toolchains=%s: give one of them", o.Toolchain, strings.Join(o.Toolchains, ",")))
	}
	if len(o.Trees) > 0 && o.Tree != "" {
		errs = append(errs, usage.Errorf("-tree=%s beside -trees=%s: give one of them", o.Tree, strings.Join(o.Trees, ",")))
	}
	errs = append(errs, twice("-toolchains", o.Toolchains, func(s string) string { return s }))
	errs = append(errs, twice("-trees", o.Trees, func(s string) string {
		if dir, ok := sources.Directory(s); ok {
			return filepath.Clean(dir)
		}
		return s
	}))
	planned := func(toolchains []string) (plans []*plan.Plan) {
		for _, t := range orDefault(o.Trees, o.Tree) {
			for _, tc := range toolchains {
				m := o.MatrixOptions
				m.Tree, m.Toolchain, m.Command = t, tc, o.columnCommand(t, tc)
				if l.sources.IsSeries(tc) {
					m.Toolchain = "" // what else is wrong, without a look at its members
				}
				p, err := l.plan(m)
				plans, errs = append(plans, p), append(errs, err)
			}
		}
		return plans
	}
	named := orDefault(o.Toolchains, o.Toolchain)
	plans := planned(named)
	if err := usage.Join(errs...); err != nil || !slices.ContainsFunc(named, l.sources.IsSeries) {
		return plans, err
	}
	var all []string
	for _, name := range named {
		if !l.sources.IsSeries(name) {
			all = append(all, name)
			continue
		}
		list, err := members(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, &usage.Error{Err: noMembers(name)}
		}
		all = append(all, list...)
	}
	errs = append(errs, twice("-toolchains", all, func(s string) string { return s }))
	plans = planned(all)
	return plans, usage.Join(errs...)
}

// members lists the names of a series' toolchains, oldest first.
func members(src *sources.Sources) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, series string) (names []string, err error) {
		list, err := src.Series(ctx, series)
		for _, m := range list {
			names = append(names, m.Name)
		}
		return names, err
	}
}

func orDefault(names []string, one string) []string {
	if len(names) == 0 {
		return []string{one}
	}
	return names
}

// noMembers says that a series is empty, which another day it may not be.
func noMembers(series string) error {
	return fmt.Errorf("series %s has no members at present: see configs/toolchains.toml for what it asks", series)
}

// twice says which names of a flag are the same.
func twice(flag string, names []string, key func(string) string) error {
	seen := map[string]bool{}
	var again []string
	for _, n := range names {
		if k := key(n); seen[k] && !slices.Contains(again, n) {
			again = append(again, n)
		}
		seen[key(n)] = true
	}
	if len(again) == 0 {
		return nil
	}
	return usage.Errorf("%s= names %s twice: a column stands once", flag, strings.Join(again, ", "))
}

// columnCommand is how one column of o is run by itself: without the files of
// the sweep, which it would overwrite.
func (o SweepOptions) columnCommand(treeName, toolchainName string) string {
	if o.Command == "" {
		return ""
	}
	drop, add := []string{"json", "junit", "ktap", "html", "md"}, []string(nil)
	if len(o.Trees) > 0 {
		drop, add = append(drop, "trees"), append(add, "-tree="+treeName)
	}
	if len(o.Toolchains) > 0 {
		drop, add = append(drop, "toolchains"), append(add, "-toolchain="+toolchainName)
	}
	return retarget(o.Command, "matrix", nil, drop, add)
}
