package conclude

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// change is one module at one placement with one toolchain, before and after.
type change struct {
	where         string // "trixie stock, rust_print at high"
	before, after result.Tally
}

// loads is how many runs loaded the module, or passed the step.
func loads(t result.Tally) (n int) {
	for _, c := range t.Counts {
		if c.Outcome.Kind.Good() {
			n += c.N
		}
	}
	return n
}

// always reports whether there were runs, and each ended in one of kinds.
func always(t result.Tally, kinds ...outcome.Kind) bool {
	return len(t.Counts) > 0 && !slices.ContainsFunc(t.Counts, func(c result.Count) bool { return !slices.Contains(kinds, c.Outcome.Kind) })
}

// clean reports whether every run loaded the module or had it rejected in good
// order, leaving the kernel as it was; a step came to its end.
func clean(t result.Tally) bool {
	return always(t, outcome.Loaded, outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InsmodFailed,
		outcome.Passed, outcome.Failed)
}

// unproved reports whether a run before or after says nothing of the module.
func (c change) unproved() bool {
	return len(c.before.Counts) == 0 || len(c.after.Counts) == 0 ||
		slices.ContainsFunc(slices.Concat(c.before.Counts, c.after.Counts), func(c result.Count) bool {
			return !c.Outcome.Kind.Kernel() && c.Outcome.Kind != outcome.Timeout
		})
}

// better reports whether more runs loaded the module than before.
func (c change) better() bool { return loads(c.after) > loads(c.before) }

// worse reports whether what was in order before is not any more.
func (c change) worse() bool {
	return clean(c.before) && !clean(c.after) || loads(c.after) < loads(c.before)
}

func (c change) String() string {
	return fmt.Sprintf("%s: %s before, %s after", c.where, summary(c.before), summary(c.after))
}

// summary lists the distinct outcomes.
func summary(t result.Tally) string {
	var s []string
	for _, c := range t.Counts {
		if text := c.Outcome.String(); !slices.Contains(s, text) {
			s = append(s, text)
		}
	}
	return cmp.Or(strings.Join(s, " or "), "not run")
}

// Verification draws the conclusion from the pairs, with the reason in one sentence.
// The first rule that applies decides: no conclusion from a run that proves
// nothing; build-failed; not-reproduced, judged by the stock cell of every
// toolchain; no-effect; regressed; fixed; not-fixed; partly-fixed.
func Verification(pairs []result.Pair) (result.Conclusion, string) {
	if len(pairs) == 0 {
		return result.NoConclusion, "nothing was run"
	}
	for _, p := range pairs {
		for _, r := range []*result.Results{p.Before, p.After} {
			if r.Infra != "" {
				return result.NoConclusion, p.Before.Toolchain.Name + ": " + r.Infra
			}
		}
	}
	if list, ok := goalPairs(pairs); ok {
		return goals(list)
	}
	var changes, stock []change
	same := true
	for _, p := range pairs {
		if c, reason := incomparable(p); c != "" {
			return c, p.Before.Toolchain.Name + ": " + reason
		}
		for i, c := range p.Before.Cells {
			after := p.After.Cells[i]
			same = same && sameBinaries(c, after)
			list := changesOf(p.Before.Toolchain.Name, c, after)
			changes = append(changes, list...)
			if c.ID == "stock" {
				stock = append(stock, list...)
			}
		}
	}
	if i := slices.IndexFunc(changes, change.unproved); i >= 0 {
		return result.NoConclusion, changes[i].String()
	}
	failing, improved := 0, 0
	var fails []change // still
	for _, c := range stock {
		if !always(c.before, outcome.Loaded, outcome.Passed) {
			failing++
		}
		if c.better() {
			improved++
		}
		if !always(c.after, outcome.Loaded, outcome.Passed) {
			fails = append(fails, c)
		}
	}
	if failing == 0 {
		what := "every module of the base loads"
		if slices.ContainsFunc(stock, func(c change) bool { return c.before.Has(outcome.Passed) }) {
			what = "every step of the base passes"
		}
		return result.NotReproduced, what + " at every placement: the base does not show the bug"
	}
	if same {
		return result.NoEffect, "kernel and modules are the same, byte for byte of what is loaded"
	}
	if i := slices.IndexFunc(changes, change.worse); i >= 0 {
		return result.Regressed, changes[i].String()
	}
	if len(fails) == 0 {
		return result.Fixed, fmt.Sprintf("all %d module loads succeed, %d of which failed before", len(stock), failing)
	}
	if improved == 0 {
		return result.NotFixed, "the binaries changed, but no module loads that did not: " + fails[0].String()
	}
	return result.PartlyFixed, fmt.Sprintf("%d of %d failing loads succeed now, but not %s%s",
		improved, failing, fails[0], threshold(pairs))
}

// VerificationExit is the exit code of a conclusion: only a patch that fixes the
// bug has that of a success.
func VerificationExit(c result.Conclusion) int {
	switch c {
	case result.Fixed:
		return result.ExitExpected
	case result.NoConclusion:
		return result.ExitInfra
	}
	return result.ExitDiffers
}

// incomparable is the conclusion from a pair of which a part has
// no binaries, or "".
func incomparable(p result.Pair) (result.Conclusion, string) {
	for _, c := range p.Before.Cells {
		if o := c.Build.Outcome; o != nil {
			return result.NotReproduced, fmt.Sprintf("%s of the base has no binary: %s", c.ID, o.Evidence)
		}
	}
	for _, c := range p.After.Cells {
		if o := c.Build.Outcome; o != nil {
			return result.PatchBroken, fmt.Sprintf("%s: %s", c.ID, o.Evidence)
		}
	}
	return "", ""
}

// threshold is the address at which the patched cells stop loading, as far as it
// was found.
func threshold(pairs []result.Pair) string {
	for _, p := range pairs {
		for _, c := range p.After.Cells {
			for _, t := range c.Thresholds {
				if c.ID == "stock" {
					return fmt.Sprintf("; it fails from mem=%s on, where modules begin at %s", t.Mem, t.Base)
				}
			}
		}
	}
	return ""
}

// sameBinaries reports whether what is loaded of two cells is known to be the same.
func sameBinaries(a, b result.Cell) bool {
	before, after := a.Build.Signature, b.Build.Signature
	return len(before) > 0 && maps.Equal(before, after) && !slices.Contains(slices.Collect(maps.Values(before)), "")
}

func changesOf(toolchain string, before, after result.Cell) (list []change) {
	for i, p := range before.Placements {
		for _, t := range p.Tallies() {
			c := change{where: fmt.Sprintf("%s %s, %s at %s", toolchain, before.ID, t.Module, p.Name), before: t}
			if i < len(after.Placements) {
				all := after.Placements[i].Tallies()
				if at := slices.IndexFunc(all, func(a result.Tally) bool { return a.Module == t.Module }); at >= 0 {
					c.after = all[at]
				}
			}
			list = append(list, c)
		}
	}
	return list
}
