package runner

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// attempt is a run that may not count yet.
type attempt struct {
	result.Run
	cut   bool // a guest of it did not power off as it was asked to
	ready bool // a guest of it took commands
}

// mostAttempts is how often a run is tried that the host may have spoiled.
const mostAttempts = 3

// sure makes a run that counts. The host can end a guest, stop it for a minute, or
// swallow a part of its console, and what that leaves looks like the kernel's doing:
// so a run in which a guest did not end as it was asked to, or that is not as it was
// foreseen, is made again, and counts when it was seen twice. What was seen once, beside
// a run that nothing is wrong with, is kept in the run; where no two runs are alike,
// nothing is proved.
//
// Whether a guest comes to its prompt has nothing to do with the modules, and a host that
// ends one guest may end the next: where the same kernel took commands with the same
// parameters before, as boots tells, another that does not is the host's doing.
//
// foreseen reports of a run whether all of it is as it was predicted, and whether
// something contradicts a prediction.
func sure(boot func() (attempt, error), foreseen func(result.Run) (all, contradicted bool), boots func(attempt) bool) (result.Run, error) {
	var seen []result.Run
	for {
		a, err := boot()
		if err != nil {
			return a.Run, err
		}
		if boots(a) {
			unbooted(&a.Run)
		}
		twice := slices.IndexFunc(seen, func(was result.Run) bool { return alike(was, a.Run) })
		all, contradicted := foreseen(a.Run)
		if !shows(a.Run, outcome.Infra) && (twice >= 0 || all || !a.cut && !contradicted) {
			a.Discarded = discarded(seen, twice)
			return a.Run, nil
		}
		if seen = append(seen, a.Run); len(seen) == mostAttempts {
			return unproved(seen), nil
		}
	}
}

// shows reports whether something of a run came to that: BootFailed, Infra.
func shows(run result.Run, kind outcome.Kind) bool {
	return slices.ContainsFunc(run.Items(), func(m result.Module) bool { return m.Outcome.Kind == kind })
}

// unbooted takes for the host's doing that a kernel did not boot which does.
func unbooted(run *result.Run) {
	for _, o := range outcomesOf(run) {
		if o.Kind == outcome.BootFailed {
			o.Kind = outcome.Infra
			o.Detail = strings.TrimSpace("This kernel booted with the same parameters before. " + o.Detail)
		}
	}
}

// outcomesOf are the outcomes of a run's items, in their order.
func outcomesOf(run *result.Run) (list []*outcome.Outcome) {
	for i := range run.Modules {
		list = append(list, &run.Modules[i].Outcome)
	}
	for _, s := range run.Steps {
		if s.Outcome != nil {
			list = append(list, s.Outcome)
		}
	}
	return list
}

// boots reports whether the kernel of a run is known to boot with its parameters, and
// notes it where the run shows it.
func (s *session) boots(key string) func(attempt) bool {
	return func(a attempt) bool {
		var known bool
		if known = s.Store.Get("boots", key, &known) && known; a.ready && !known {
			_ = s.Store.Put("boots", key, true) // without it, one mistake more is possible
		}
		return a.ready || known
	}
}

// alike reports whether two runs show the same, but for addresses.
func alike(a, b result.Run) bool {
	return slices.EqualFunc(a.Items(), b.Items(), func(m, n result.Module) bool { return m.Name == n.Name && m.Outcome.Same(n.Outcome) })
}

// discarded are the runs that were seen besides the one of index counts (-1: all of them), but for those that the machine
// spoiled: they show nothing.
func discarded(seen []result.Run, counts int) (list []result.Discarded) {
	for i, was := range seen {
		if i != counts && !shows(was, outcome.Infra) {
			list = append(list, result.Discarded{Seen: seenIn(was), Transcript: was.Transcript})
		}
	}
	return list
}

// seenIn is what a run showed, in one line.
func seenIn(run result.Run) string {
	var all []string
	for _, m := range run.Items() {
		text := m.Name + ": " + m.Outcome.String()
		if m.Outcome.Evidence != "" {
			text += ": " + m.Outcome.Evidence
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// unproved is the last of runs of which no two are alike and none counts: where its
// modules differ from the others', nothing is known of them.
func unproved(seen []result.Run) result.Run {
	last := seen[len(seen)-1]
	items, outcomes := last.Items(), outcomesOf(&last)
	for i, m := range items {
		var ways []string
		for _, run := range seen {
			for _, same := range run.Items() {
				if same.Name == m.Name && !slices.Contains(ways, same.Outcome.String()) {
					ways = append(ways, same.Outcome.String())
				}
			}
		}
		if len(ways) > 1 || m.Outcome.Kind == outcome.Infra {
			*outcomes[i] = outcome.Outcome{Kind: outcome.Infra, Evidence: m.Outcome.Evidence, Offset: m.Outcome.Offset,
				Detail: strings.TrimSpace(fmt.Sprintf("%d boots proved nothing: %s. %s", len(seen), strings.Join(ways, ", "), m.Outcome.Detail))}
		}
	}
	last.Discarded = discarded(seen, len(seen)-1)
	return last
}

// foreseen judges a run, see sure.
func (s *session) foreseen(c scenario.Cell, p *kbuild.Product, place scenario.Placement, run result.Run) (all, contradicted bool) {
	if s.Oracle == nil || len(run.Modules) == 0 {
		return false, false
	}
	run.Modules = slices.Clone(run.Modules)
	s.Oracle.Judge(c, p, place, &run)
	all = true
	for _, m := range run.Modules {
		all = all && m.Agrees != nil && *m.Agrees
		contradicted = contradicted || m.Agrees != nil && !*m.Agrees
	}
	return all && len(run.Steps) == 0, contradicted // of steps nothing is predicted
}
