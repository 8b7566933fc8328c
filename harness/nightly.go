package harness

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/history"
	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// NightlyOptions are the flags of `mage nightly`. Empty means a default.
type NightlyOptions struct {
	Series string // default: that of configs/toolchains.toml
	Dir    string // that the dated report goes below; default: reports/ of the store
	Zoo    bool   // all scenarios as well, each where it shows its bug
	MatrixOptions
}

// Nightly asks who is in a series now, runs the scenario with what is new, holds
// it against what was known, bisects what changed, and writes a dated report.
// Where something changed, or nothing is proved, the error is an *EndError.
func (l *Lab) Nightly(ctx context.Context, o NightlyOptions) (*result.Nightly, error) {
	series, p, err := l.planNightly(&o)
	if err != nil {
		return nil, err
	}
	var zooPlans []*plan.Plan
	zoo := ZooOptions{Jobs: o.Jobs, Command: retarget(o.Command, "zoo", nil, notOfZoo, nil)}
	if o.Zoo {
		if zooPlans, err = l.planZoo(ctx, zoo); err != nil {
			return nil, err
		}
	}
	if p, err = p.Snapshot(ctx, l.store, l.sink); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir = l.nightsOf(o.Series, p)
	}
	if err := checkNights(o.Dir); err != nil {
		return nil, err
	}
	// Two nights at once would each call the other's news old.
	unlock, err := l.store.Lock(ctx, "nightly-"+o.Series)
	if err != nil {
		return nil, err
	}
	defer unlock()
	started := l.now()
	src := l.sources.Refreshed()
	n := &result.Nightly{
		Schema: result.NightlySchema, Date: started.Format(time.DateOnly), Command: o.Command, Started: started.UTC(),
		Series: o.Series, Varies: series.Varies, Tree: o.Tree,
		Changes: []result.NightlyChange{}, Bisections: []result.Bisection{}, Notes: append([]string{}, p.OwnNotes()...),
	}
	last, nightErr := l.night(ctx, src, o, series, p, n)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case l.store.Wrong() != nil:
		return nil, l.store.Wrong()
	case nightErr != nil && ExitCode(nightErr) != result.ExitInfra:
		return nil, nightErr
	case nightErr != nil:
		n.Infra = nightErr.Error() // which a report must say as well
	}
	n.Seconds = l.now().Sub(started).Seconds()
	n.Exit = conclude.Night(n)
	n = keep(l, ofNight(), n)
	var z *result.Zoo
	if o.Zoo {
		if z, err = l.zoo(ctx, zooPlans, zoo.Command); err != nil {
			return n, err
		}
		z = keep(l, ofZoo(), z)
	}
	l.sink.Close()
	origin, err := kcidbOrigin(l.getenv)
	if err != nil {
		return n, err
	}
	dir, err := writeNight(o.Dir, origin, privacy(l.getenv), n, z)
	if err != nil {
		return n, err
	}
	// Only what was reported is known: a night that is killed before is news again.
	if nightErr == nil {
		if err := l.keepNight(o, p, last); err != nil {
			return n, err
		}
	}
	if err := doc.Terminal(l.stdout, report.Nightly(n), l.table); err != nil {
		return n, err
	}
	if z != nil {
		if _, err := fmt.Fprintln(l.stdout); err != nil {
			return n, err
		}
		if err := doc.Terminal(l.stdout, report.Zoo(z), l.table); err != nil {
			return n, err
		}
	}
	if _, err := fmt.Fprintf(l.stdout, "report: %s\n", dir); err != nil {
		return n, err
	}
	if z != nil && z.Exit > n.Exit { // of a change and what proves nothing, the latter counts
		return n, zooEnd(z)
	}
	return n, nightEnd(n)
}

// notOfZoo are the flags of nightly that zoo does not take, or that are not meant for it.
var notOfZoo = []string{"series", "dir", "zoo", "scenario", "tree", "compiler", "subarch", "scope", "cells", "axis", "placements", "mem",
	"aslr", "modules", "fragment", "repeat", "jobs"}

// night fills n, and returns what is known after it.
func (l *Lab) night(
	ctx context.Context, src *sources.Sources, o NightlyOptions, series settings.Series, p *plan.Plan, n *result.Nightly,
) (known, error) {
	members, err := src.Series(ctx, o.Series)
	if err != nil {
		return nil, err
	}
	last, err := l.lastNight(ctx, o, p, members)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, noMembers(o.Series)
	}
	for _, m := range members {
		n.Members = append(n.Members, result.NightlyMember{Name: m.Name, Version: m.Version, Detail: m.Detail, New: !last[m.Name].known()})
	}
	asked, err := l.questions(ctx, src, p, members)
	if err != nil {
		return nil, err
	}
	if err := l.sweepNight(ctx, src, o, p, tonight(series, n.Members), asked, n, last); err != nil {
		return nil, err
	}
	changes := nightChanges(n.Sweep, last)
	n.Changes = conclude.NightlyChanges(changes)
	if len(last) == 0 {
		n.Notes = append(n.Notes, "nothing was known of this series before: this is what later nights are held against")
	}
	l.bisectNight(ctx, o, n, changes)
	last.add(n.Sweep, asked)
	return last, nil
}

// planNightly validates what can be before any work.
func (l *Lab) planNightly(o *NightlyOptions) (settings.Series, *plan.Plan, error) {
	if o.Series == "" {
		o.Series = l.settings.DefaultSeries
	}
	series, err := l.sources.KnownSeries(o.Series)
	errs := []error{err}
	if o.Toolchain != "" {
		errs = append(errs, usage.Errorf("-toolchain=%s: a night goes over the toolchains of a series; give -series=", o.Toolchain))
		o.Toolchain = ""
	}
	_, wrong := kcidbOrigin(l.getenv)
	p, err := l.plan(o.MatrixOptions)
	if err == nil {
		o.Scenario, o.Tree = p.Flags.Scenario, p.Flags.Tree
	}
	if o.Dir != "" {
		errs = append(errs, checkNights(o.Dir))
	}
	if err := usage.Join(append(errs, wrong, err)...); err != nil {
		return series, nil, err
	}
	return series, p, nil
}

// nightsOf is where the reports of nights go that nobody gave a place for. What the user asked
// otherwise than the scenario has a place of its own, so that latest stays what it is.
func (l *Lab) nightsOf(series string, p *plan.Plan) string {
	name := series
	if len(p.Asked.Own) > 0 {
		name += "." + store.Short(p.Asked.Digest)
	}
	return filepath.Join(l.store.Root(), "reports", name)
}

// tonight are the members that are run. Where they are days, of which there are
// many, those are the newest and the newest that is known; a bisection finds its
// way between them. Else it is all of them: what is known costs a moment.
func tonight(s settings.Series, members []result.NightlyMember) (names []string) {
	if s.Varies == settings.VariesRustc || s.Varies == settings.VariesLLVM {
		for _, m := range members {
			names = append(names, m.Name)
		}
		return names
	}
	newest := len(members) - 1
	for i := newest - 1; i >= 0; i-- {
		if !members[i].New {
			names = append(names, members[i].Name)
			break
		}
	}
	return append(names, members[newest].Name)
}

// nightChanges are the cells that are not what they were: with a toolchain that
// was known then, or, with one that is new, not what both of its neighbours are
// between which it came.
func nightChanges(s *result.Sweep, last known) []result.HistoryChange {
	list := []result.HistoryChange{}
	for i, c := range s.Columns {
		if c.Results == nil {
			continue
		}
		if was := last[c.Toolchain].Results; was != nil {
			list = append(list, history.Compare(was, c.Results)...)
			continue
		}
		before := s.Before(i)
		if before < 0 || len(last) == 0 {
			continue
		}
		after := -1
		for at := range s.Columns {
			if s.Before(at) == i && last[s.Columns[at].Toolchain].Results != nil {
				after = at
			}
		}
		for _, change := range history.Compare(s.Columns[before].Results, c.Results) {
			// Between two that differ, it must be like one of them.
			same := func(d result.HistoryChange) bool { return d.Cell == change.Cell }
			if after < 0 || slices.ContainsFunc(history.Compare(c.Results, s.Columns[after].Results), same) {
				list = append(list, change)
			}
		}
	}
	return list
}

// bisectNight bisects each cell that changed from one toolchain to another. What
// goes wrong there is noted: the change stands without it.
func (l *Lab) bisectNight(ctx context.Context, o NightlyOptions, n *result.Nightly, changes []result.HistoryChange) {
	done := map[string]bool{}
	for _, c := range changes {
		from, to := c.From.Toolchain.Toolchain, c.To.Toolchain.Toolchain
		key := strings.Join([]string{c.Cell, from, to}, " ")
		if c.Axis != result.AlongToolchains || done[key] {
			continue
		}
		done[key] = true
		b := BisectOptions{Good: from, Bad: to, Series: o.Series, Cell: c.Cell, MatrixOptions: o.MatrixOptions}
		b.Select.Cells = nil
		b.Command = retarget(o.Command, "bisect", []string{from, to}, []string{"series", "dir", "cells", "scope"},
			[]string{"-series=" + o.Series, "-cell=" + c.Cell})
		got, err := l.bisect(ctx, b)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.Notes = append(n.Notes, fmt.Sprintf("%s could not be bisected between %s and %s: %v; try it with: %s",
				c.Cell, from, to, err, b.Command))
		default:
			n.Bisections = append(n.Bisections, *got)
		}
	}
}
