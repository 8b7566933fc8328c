// Package conclude draws the conclusions: the verdict of a cell, what a patch
// does, what a change leaves as its cause, what a night comes to, and the sums and
// exit codes that follow. It imports scenario, result and outcome; it takes values, returns
// values, and never reads, builds, boots or prints.
package conclude

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// observation is one outcome of one module at one placement.
type observation struct {
	module, placement string
	outcome           outcome.Outcome
}

// Cell draws the verdict of a cell, with the reason in one sentence: from its
// build where there is nothing to boot, else from its placements.
func Cell(c result.Cell) (result.Verdict, string) {
	if o := c.Build.Outcome; o != nil && o.Kind != outcome.Loaded {
		if o.Kind == outcome.Built {
			return result.Builds, reasonBuilt(*o)
		}
		if o.Diagnostic != nil {
			return result.Broken, reasonFailed(*o)
		}
		if o.Kind.Kernel() || o.Kind == outcome.Timeout {
			return result.Broken, outcomeWithDetail(*o)
		}
		return result.Unknown, outcomeWithDetail(*o)
	}
	verdict, reason := ofPlacements(c.Placements)
	if verdict == result.AddressDependent {
		reason = reasonPlaced(reason, c)
	}
	return verdict, reason
}

// ofPlacements draws the verdict of one binary from all its placements and runs,
// with the reason in one sentence. What the runs do not prove is Unknown. The
// first rule that applies decides:
//
//   - Broken: the kernel faulted, failed to boot, loaded a module corrupt, or
//     its init failed. One sight of it is proof, whatever else is missing.
//   - Unknown: a placement without a run, a run without one of the modules,
//     infra, config-dropped.
//   - Broken: a timeout.
//   - Flaky: runs of a placement differ, and neither the addresses of each run
//     nor, where nothing was predicted from them, randomised addresses and
//     relocation types explain it.
//   - AddressDependent: a module is loaded here and overflows a relocation
//     there, or does both at one placement under random addresses.
//   - Loads, Rejected: all modules everywhere, and all steps beside them.
//   - Passes, Fails: all steps everywhere, where there are no modules.
//   - Mixed: what is left, stable but not the same for all.
func ofPlacements(placements []result.Placement) (result.Verdict, string) {
	seen := observe(placements)
	if reason, ok := brokenByKernel(seen); ok {
		return result.Broken, reason
	}
	if reason, ok := unproved(placements, seen); ok {
		return result.Unknown, reason
	}
	if i := slices.IndexFunc(seen, func(s observation) bool { return s.outcome.Kind == outcome.Timeout }); i >= 0 {
		return result.Broken, reasonOutcome(seen[i].module, seen[i].placement, seen[i].outcome)
	}
	if reason, ok := flaky(placements); ok {
		return result.Flaky, reason
	}
	if reason, ok := addressDependent(placements, seen); ok {
		return result.AddressDependent, reason
	}
	loaded := 0
	for _, s := range seen {
		if s.outcome.Kind.Good() {
			loaded++
		}
	}
	only := func(kind outcome.Kind) bool {
		return slices.ContainsFunc(seen, func(s observation) bool { return s.outcome.Kind == kind }) &&
			!slices.ContainsFunc(placements, func(p result.Placement) bool {
				return slices.ContainsFunc(p.Runs, func(r result.Run) bool { return len(r.Modules) > 0 })
			})
	}
	switch loaded {
	case len(seen):
		if only(outcome.Passed) {
			return result.Passes, reasonEach(seen) + strings.Join(names(seen, reasonDetail), "")
		}
		modules := slices.DeleteFunc(slices.Clone(seen), func(s observation) bool { return s.outcome.Kind == outcome.Passed })
		placements := names(seen, func(s observation) string { return s.placement })
		reason := strings.Join(names(modules, func(s observation) string { return s.module }), ", ") + " loaded"
		if len(modules) < len(seen) {
			reason += ", and all steps passed,"
		}
		reason += " at " + strings.Join(placements, ", ")
		return result.Loads, reason + strings.Join(names(seen, reasonDetail), "")
	case 0:
		if only(outcome.Failed) {
			return result.Fails, reasonEach(seen)
		}
		return result.Rejected, reasonEach(seen)
	}
	return result.Mixed, reasonEach(seen)
}

// observe flattens the runs to distinct outcomes per placement and module.
func observe(placements []result.Placement) []observation {
	var seen []observation
	for _, p := range placements {
		for _, t := range p.Tallies() {
			for _, c := range t.Counts {
				seen = append(seen, observation{t.Module, p.Name, c.Outcome})
			}
		}
	}
	return seen
}

func brokenByKernel(seen []observation) (string, bool) {
	for _, s := range seen {
		switch s.outcome.Kind {
		case outcome.Oops, outcome.LoadedCorrupt, outcome.InitFailed, outcome.BootFailed, outcome.BuildFailed:
			return reasonOutcome(s.module, s.placement, s.outcome), true
		}
	}
	return "", false
}

// unproved finds what keeps the runs from proving anything.
func unproved(placements []result.Placement, seen []observation) (string, bool) {
	if len(placements) == 0 {
		return "no run: nothing was proved", true
	}
	for _, s := range seen {
		switch {
		case s.outcome.Kind == outcome.Infra || s.outcome.Kind == outcome.ConfigDropped:
			return reasonOutcome(s.module, s.placement, s.outcome), true
		case !slices.Contains(outcome.Kinds(), s.outcome.Kind):
			return fmt.Sprintf("%s at %s: %q is no outcome", s.module, s.placement, string(s.outcome.Kind)), true
		}
	}
	modules := names(seen, func(s observation) string { return s.module })
	for _, p := range placements {
		if len(p.Runs) == 0 {
			return fmt.Sprintf("no run at %s: nothing was proved there", p.Name), true
		}
		if slices.ContainsFunc(p.Runs, func(r result.Run) bool { return len(r.Items()) == 0 }) {
			return fmt.Sprintf("a run at %s tried no module and no step", p.Name), true
		}
		tallies := p.Tallies()
		for _, m := range modules {
			n := 0
			if at := slices.IndexFunc(tallies, func(t result.Tally) bool { return t.Module == m }); at >= 0 {
				n = seenIn(tallies[at])
			}
			if n+unseen(p, m) != len(p.Runs) {
				return reasonIncomplete(m, p.Name, n, len(p.Runs)), true
			}
		}
	}
	return "", false
}

// unseen is the number of runs that say why they show nothing of a step or test.
func unseen(p result.Placement, name string) (n int) {
	for _, r := range p.Runs {
		if slices.ContainsFunc(r.Items(), func(m result.Module) bool { return m.Name == name }) {
			continue
		}
		if r.Stopped() || slices.ContainsFunc(r.Steps, func(s result.Step) bool { return s.Of() == name }) {
			n++
		}
	}
	return n
}

// flaky finds runs of one placement that differ without an address to blame.
// With random addresses the loader may meet an overflow before or after another
// relocation it rejects, so any relocation outcome may stand beside an
// overflow; without them nothing may vary.
func flaky(placements []result.Placement) (string, bool) {
	for _, p := range placements {
		for _, t := range p.Tallies() {
			if len(t.Counts) > 1 && !explained(p, t) {
				return fmt.Sprintf("%s at %s: %s; addresses do not explain it", t.Module, p.Name, rates(t.Module, p)), true
			}
		}
	}
	return "", false
}

// explained reports whether addresses explain that the runs of a placement
// differ: where every run was predicted from its own addresses, they must have
// gone as predicted, and alike where they were predicted alike.
func explained(p result.Placement, t result.Tally) bool {
	var modules []result.Module
	for _, run := range p.Runs {
		for _, m := range run.Items() {
			if m.Name == t.Module {
				modules = append(modules, m)
			}
		}
	}
	for _, m := range modules {
		if m.Predicted == nil || m.Agrees == nil {
			return p.ASLR && addressExplains(t)
		}
	}
	for i, m := range modules {
		if !*m.Agrees {
			return false
		}
		for _, n := range modules[:i] {
			if m.Predicted.Same(*n.Predicted) && !m.Outcome.Same(n.Outcome) {
				return false
			}
		}
	}
	return true
}

func addressExplains(t result.Tally) bool {
	for _, c := range t.Counts {
		switch c.Outcome.Kind {
		case outcome.Loaded, outcome.Passed, outcome.RelocationOverflow, outcome.RelocationUnknown:
		default:
			return false
		}
	}
	// A type the loader does not know is unknown at every address: it can hide
	// behind an earlier overflow, but never behind a load.
	return t.Has(outcome.RelocationOverflow) && !(loads(t) > 0 && t.Has(outcome.RelocationUnknown))
}

func addressDependent(placements []result.Placement, seen []observation) (string, bool) {
	for _, p := range placements {
		for _, t := range p.Tallies() {
			if loads(t) > 0 && t.Has(outcome.RelocationOverflow) {
				return fmt.Sprintf("%s at %s: %s with random addresses", t.Module, p.Name, shares(t)), true
			}
		}
	}
	for _, a := range seen {
		if !a.outcome.Kind.Good() {
			continue
		}
		for _, b := range seen {
			if b.module == a.module && b.outcome.Kind == outcome.RelocationOverflow {
				return fmt.Sprintf("%s loads at %s, %s at %s", a.module, a.placement, b.outcome, b.placement), true
			}
		}
	}
	return "", false
}

// seenIn is the number of runs that showed something for the module.
func seenIn(t result.Tally) (n int) {
	for _, c := range t.Counts {
		n += c.N
	}
	return n
}

// names lists the distinct values of by, in the order first seen.
func names(seen []observation, by func(observation) string) []string {
	var list []string
	for _, s := range seen {
		if n := by(s); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}
