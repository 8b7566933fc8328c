package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/shrink"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// MinimiseOptions are the flags of `minimise`. Empty means a default.
type MinimiseOptions struct {
	Cell    string   // CELL[:PLACEMENT[:MODULE]]
	What    []string // of MinimiseParts; default: all
	Within  int      // minutes; 0: as long as it takes
	Out     string   // directory that what is left is written to
	Log     string   // file that answers are taken from and added to
	Outputs MinimiseOutputs
	MatrixOptions
}

// MinimiseOutputs are files that a minimisation is also written to.
type MinimiseOutputs struct{ JSON, HTML, Markdown string }

func (o MinimiseOutputs) formats() []format[result.Minimisation] {
	return ofMinimisation().files(map[string]string{"json": o.JSON, "html": o.HTML, "md": o.Markdown})
}

// MinimiseParts are what can be left out, in the order in which it is tried: what costs least comes first. The last, the options that
// every guest is given, is tried only where it is named: most of them make another kernel, and none says anything of the bug.
func MinimiseParts() []string {
	return []string{partSettings, partSteps, partModules, partSource, partKconfig, partGuest}
}

// errWithin ends a minimisation that has no more time.
var errWithin = errors.New("the time of -within= is over")

// Minimise leaves out of a cell all that what it shows does not need, and prints what is left. Where it was ended before
// that, what was reached is printed as well. The error is an *EndError where it is not known to be minimal.
func (l *Lab) Minimise(ctx context.Context, o MinimiseOptions) (*result.Minimisation, error) {
	formats := o.Outputs.formats()
	p, target, err := l.planMinimise(o)
	if err := usage.Join(err, checkOutputs(formats), checkOutput("log", o.Log), checkNewDirectory("out", o.Out)); err != nil {
		return nil, err
	}
	if err := l.sandboxed(ctx); err != nil {
		return nil, err
	}
	if o.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(o.Within)*time.Minute, errWithin)
		defer cancel()
	}
	started := l.now()
	m, err := l.wholeCell(ctx, p, target, o)
	if err != nil {
		return nil, err
	}
	defer m.journal.close()
	end := m.shrink(ctx, o.What)
	if end == nil {
		end = m.confirm(ctx)
	}
	m.conclude(ctx, end)
	m.result.Command = p.Flags.Command
	m.result.Started, m.result.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	err = errors.Join(m.write(o.Out), finish(l, ofMinimisation(), m.result, formats))
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errWithin):
		return m.result, context.Cause(ctx) // the user left
	case err == nil && end != nil && ctx.Err() == nil:
		return m.result, end
	}
	return m.result, cmp.Or(err, ended(m.result.Exit, "%s", m.result.Reason))
}

// planMinimise is the plan of the cell that is named, and what of it decides, as far as that is named.
func (l *Lab) planMinimise(o MinimiseOptions) (*plan.Plan, predicate.Target, error) {
	var errs []error
	for _, w := range o.What {
		if !slices.Contains(MinimiseParts(), w) {
			errs = append(errs, usage.Errorf("-what=%s: allowed are %s%s", w, strings.Join(MinimiseParts(), ", "), usage.Meant(w, MinimiseParts())))
		}
	}
	if info, err := os.Stat(o.Log); o.Fresh && err == nil && info.Size() > 0 {
		errs = append(errs, usage.Errorf("-fresh asks anew, and -log=%s has answers: name another file, or leave -fresh out", o.Log))
	}
	target, err := predicate.ParseTarget(o.Cell)
	if err != nil {
		return nil, target, usage.Join(append(errs, usage.Errorf("minimise: %w", err))...)
	}
	cell := strings.TrimSuffix(target.Cell+":"+target.Placement, ":")
	p, _, err := l.planCell(cell, o.MatrixOptions)
	if err != nil {
		return nil, target, usage.Join(append(errs, err)...)
	}
	target.Cell = p.Cells[0].ID()
	return p, target, usage.Join(errs...)
}

// wholeCell runs the cell with all that it has, and says what decides and what that shows.
func (l *Lab) wholeCell(ctx context.Context, p *plan.Plan, target predicate.Target, o MinimiseOptions) (*minimising, error) {
	t, tc, err := p.Fetch(ctx, l.sources)
	if err != nil {
		return nil, err
	}
	r, err := l.runOn(ctx, p, t, tc)
	if err != nil {
		return nil, err
	}
	l.remember(r.Results)
	if !r.Proves() {
		return nil, fmt.Errorf("%s cannot be minimised, since this run proves nothing: %s", target.Cell, cmp.Or(r.Infra, "a control misbehaves"))
	}
	target, err = deciding(r, target)
	if err != nil {
		return nil, err
	}
	seen, err := predicate.Observe(r.Results, target)
	var lacks *predicate.TargetError
	if errors.As(err, &lacks) {
		return nil, &usage.Error{Err: err}
	} else if err != nil {
		return nil, err
	}
	shows, ok := seen.One()
	var rate *predicate.Message
	if !ok && seen.Rated() {
		rate, ok = &seen, true
	}
	if !ok {
		return nil, usage.Errorf("%s cannot be minimised: there is not one outcome to hold on to: %s; -confidence=95 holds "+
			"on to rates", target, seen)
	}
	m := &minimising{lab: l, was: r, target: target, shows: shows, rate: rate, base: p.Base(t, tc), tree: t, toolchain: tc}
	m.probe = m.booted
	if r.baseline != nil {
		m.base = r.baseline.Base
	}
	cell := r.plan.Cells[0]
	m.at = cell.Placements[max(0, slices.IndexFunc(cell.Placements, func(p scenario.Placement) bool { return p.Name == target.Placement }))]
	if m.left, err = m.whole(); err != nil {
		return nil, err
	}
	m.was.plan = r.plan.Afresh(false) // what was not asked before is new anyway
	m.result = &result.Minimisation{
		Schema: result.MinimisationSchema, Scenario: p.Named(), Tree: r.Tree, Toolchain: r.Toolchain,
		Target: target.String(), Seen: shows.Brief(), Evidence: shows.Evidence, Cell: target.Cell, Parts: []result.MinimisedPart{},
		Notes: append([]string{}, r.Notes...),
	}
	if rate != nil {
		m.result.Seen = seen.String()
	}
	key, err := r.plan.Key()
	if err != nil {
		return nil, err
	}
	question := store.Key("minimise", minimiseVersion, key, t.Digest, tc.Digest, target.String(), seen.String())
	m.journal, err = l.openMinimiseJournal(question, o.Log, o.Fresh)
	return m, err
}

// deciding is where of a cell the verdict is decided: where it is named, else at the first placement and by the first module
// that is not loaded, else by the first.
func deciding(r *ran, t predicate.Target) (predicate.Target, error) {
	c := r.Cells[0]
	if c.Build.Outcome != nil {
		return predicate.Target{Cell: t.Cell}, nil
	}
	all := t
	for _, p := range c.Placements {
		if t.Placement != "" && p.Name != t.Placement {
			continue
		}
		for _, tally := range p.Tallies() {
			if t.Module != "" && tally.Module != t.Module {
				continue
			}
			if all.Placement == "" || all.Module == "" {
				all.Placement, all.Module = p.Name, tally.Module
			}
			if slices.ContainsFunc(tally.Counts, func(c result.Count) bool { return c.Outcome.Kind != outcome.Loaded }) {
				return predicate.Target{Cell: t.Cell, Placement: p.Name, Module: tally.Module}, nil
			}
		}
	}
	if all.Module == "" {
		return t, usage.Errorf("%s boots without a module: there is nothing that decides", t.Cell)
	}
	return all, nil
}

// shrink leaves out what can be, kind by kind.
func (m *minimising) shrink(ctx context.Context, what []string) error {
	for _, part := range MinimiseParts() {
		if len(what) > 0 && !slices.Contains(what, part) || len(what) == 0 && part == partGuest {
			continue
		}
		if err := m.parts()[part](ctx); err != nil {
			return err
		}
	}
	guest := slices.DeleteFunc(slices.Clone(m.left.options), func(o kconfig.Option) bool { return !m.was.plan.Guest(o) })
	if len(what) == 0 && len(guest) > 0 {
		m.result.Notes = append(m.result.Notes, fmt.Sprintf("the %d options that every guest is given (%s) were not tried: "+
			"-what=%s does, for hours", len(guest), scenario.GuestFragment, partGuest))
	}
	return nil
}

// confirm builds and boots what is left once more.
func (m *minimising) confirm(ctx context.Context) error {
	if !slices.ContainsFunc(m.result.Parts, func(p result.MinimisedPart) bool { return p.Left < p.Was }) {
		return nil
	}
	m.lab.sink.Note("what is left is built and booted once more")
	r, err := m.run(ctx, m.left, true)
	if err != nil {
		return err
	}
	m.result.Cell = r.Cells[0].ID
	a, o, seen := m.judge(r, m.left)
	switch a {
	case shrink.Unknown:
		return errors.New("what is left could not be built and booted once more: " + seen)
	case shrink.Not:
		m.result.Conclusion = result.NotAgain
		m.result.Reason = fmt.Sprintf("what is left showed %s, and %s when it was built and booted once more; -fresh asks all of it anew",
			m.result.Seen, seen)
	}
	m.result.Left = o.Evidence
	return nil
}

// conclude says how it ended; end is what ended it before.
func (m *minimising) conclude(ctx context.Context, end error) {
	r := m.result
	was, unknown, minimal := 0, 0, true
	for i := range r.Parts {
		was, unknown, minimal = was+r.Parts[i].Was, unknown+r.Parts[i].Unknown, minimal && r.Parts[i].Minimal
	}
	switch {
	case r.Conclusion != "":
		r.Exit = result.ExitDiffers
		return
	case end != nil && errors.Is(context.Cause(ctx), errWithin):
		r.Conclusion, r.Reason = result.Smaller, errWithin.Error()+"; the same command goes on from there"
	case end != nil && ctx.Err() != nil:
		r.Conclusion, r.Reason = result.Smaller, Interrupted
	case end != nil:
		r.Conclusion, r.Reason, r.Exit = result.Smaller, end.Error(), result.ExitInfra
		return
	case was == 0:
		r.Conclusion, r.Reason = result.NothingToShrink, "there is nothing that could be left out"
		return
	case !minimal:
		r.Conclusion, r.Reason = result.Smaller, fmt.Sprintf("%d sets could not be judged; the same command asks for them again", unknown)
	default:
		r.Conclusion, r.Reason = result.Minimised, "without any one thing that is left, it is not the same"
		return
	}
	r.Exit = result.ExitDiffers
}
