package harness

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"umlab/harness/conclude"
	"umlab/harness/progress"
	"umlab/harness/report"
	"umlab/harness/report/checks"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
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
func (l *Lab) Sweep(ctx context.Context, o SweepOptions) (*result.Sweep, error) {
	s, err := l.sweep(ctx, o)
	if err != nil {
		return nil, err
	}
	l.sink.Close()
	if err := report.SweepTable(l.stdout, s, l.table); err != nil {
		return s, err
	}
	if err := writeOutputs(o.sweepFormats(), s); err != nil {
		return s, err
	}
	return s, sweepEnd(s)
}

// sweep is Sweep without its outputs.
func (l *Lab) sweep(ctx context.Context, o SweepOptions) (*result.Sweep, error) {
	started := l.now()
	jobs, err := l.planSweep(ctx, o, l.members)
	if err != nil {
		return nil, err
	}
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	// All columns of a tree see it as it was when the first one read it.
	sweeping := *l
	sweeping.trees = map[string]*tree.Tree{}
	s := &result.Sweep{Schema: result.SweepSchema, Command: o.Command, Started: started.UTC(),
		Scenario: jobs[0].named()}
	if s.Columns, err = columns(ctx, l.sink, jobs, sweeping.run); err != nil {
		return nil, err
	}
	s.Totals, s.Exit = conclude.Sweep(s.Columns)
	s.Seconds = l.now().Sub(started).Seconds()
	return s, nil
}

// columns runs jobs one after the other. What keeps one from having results is
// told and kept in its column; the error is that of ctx.
func columns(ctx context.Context, sink progress.Sink, jobs []*job, run func(context.Context, *job) (*result.Results, error)) (list []result.SweepColumn, err error) {
	for i, j := range jobs {
		sink.Note(fmt.Sprintf("column %d of %d: %s with %s", i+1, len(jobs), j.Tree, j.Toolchain))
		c := result.SweepColumn{Tree: j.Tree, Toolchain: j.Toolchain}
		r, err := run(ctx, j)
		var unfit *toolchain.UnfitError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &unfit):
			c.Refused = &result.Refusal{Reasons: unfit.Reasons, Nearest: unfit.Nearest}
		case err != nil:
			c.Infra = err.Error()
		default:
			c.Results = r
		}
		if err != nil {
			sink.Note(fmt.Sprintf("%s with %s: %v", j.Tree, j.Toolchain, err))
		}
		list = append(list, c)
	}
	return list, nil
}

// planSweep validates everything that can be before any work: one job a column,
// by tree and then by toolchain. A series is asked for its members last, and
// only where all else is in order.
func (l *Lab) planSweep(ctx context.Context, o SweepOptions, members func(context.Context, string) ([]string, error)) ([]*job, error) {
	errs := &mistakes{}
	if len(o.Toolchains) > 0 && o.Toolchain != "" {
		errs.add(usagef("-toolchain=%s beside -toolchains=%s: give one of them", o.Toolchain, strings.Join(o.Toolchains, ",")))
	}
	if len(o.Trees) > 0 && o.Tree != "" {
		errs.add(usagef("-tree=%s beside -trees=%s: give one of them", o.Tree, strings.Join(o.Trees, ",")))
	}
	errs.add(twice("-toolchains", o.Toolchains, func(s string) string { return s }))
	errs.add(twice("-trees", o.Trees, func(s string) string {
		if isDirectory(s) {
			return filepath.Clean(s)
		}
		return s
	}))
	plan := func(toolchains []string) (jobs []*job) {
		for _, t := range orDefault(o.Trees, o.Tree) {
			for _, tc := range toolchains {
				m := o.MatrixOptions
				m.Tree, m.Toolchain, m.Command = t, tc, o.columnCommand(t, tc)
				if l.isSeries(tc) {
					m.Toolchain = "" // what else is wrong, without a look at its members
				}
				j, err := l.plan(m)
				errs.add(err)
				jobs = append(jobs, j)
			}
		}
		return jobs
	}
	named := orDefault(o.Toolchains, o.Toolchain)
	jobs := plan(named)
	if err := errs.ErrorOrNil(); err != nil || !slices.ContainsFunc(named, l.isSeries) {
		return jobs, err
	}
	var all []string
	for _, name := range named {
		if !l.isSeries(name) {
			all = append(all, name)
			continue
		}
		list, err := members(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, &UsageError{noMembers(name)}
		}
		all = append(all, list...)
	}
	errs.add(twice("-toolchains", all, func(s string) string { return s }))
	jobs = plan(all)
	return jobs, errs.ErrorOrNil()
}

func (l *Lab) isSeries(name string) bool {
	_, ok := l.settings.Series[name]
	return ok
}

// members are the names of a series' toolchains, oldest first.
func (l *Lab) members(ctx context.Context, series string) (names []string, err error) {
	list, err := l.series(ctx, series)
	for _, m := range list {
		names = append(names, m.Name)
	}
	return names, err
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
	return usagef("%s= names %s twice: a column stands once", flag, strings.Join(again, ", "))
}

// mistakes collects errors, each text once: jobs that differ in one flag share
// what is wrong with the others.
type mistakes struct {
	list multierror.Error
}

func (m *mistakes) add(err error) {
	var several *multierror.Error
	if errors.As(err, &several) {
		for _, e := range several.Errors {
			m.add(e)
		}
		return
	}
	if err != nil && !slices.ContainsFunc(m.list.Errors, func(e error) bool { return e.Error() == err.Error() }) {
		m.list.Errors = append(m.list.Errors, err)
	}
}

// ErrorOrNil is all that was collected.
func (m *mistakes) ErrorOrNil() error {
	m.list.ErrorFormat = onePerLine
	return m.list.ErrorOrNil()
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

func (o SweepOptions) sweepFormats() []format[result.Sweep] {
	return []format[result.Sweep]{
		{"json", o.Outputs.JSON, report.SweepJSON}, {"junit", o.Outputs.JUnit, report.Form(report.SweepChecks, checks.JUnit)},
		{"ktap", o.Outputs.KTAP, report.Form(report.SweepChecks, checks.KTAP)},
		{"html", o.Outputs.HTML, report.SweepHTML}, {"md", o.Outputs.Markdown, report.SweepMarkdown},
	}
}
