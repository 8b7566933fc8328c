package conclude

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// change is one module at one placement with one toolchain, before and after.
type change struct {
	where  string // "trixie stock, rust_print at high"
	before []outcome.Outcome
	after  []outcome.Outcome
}

// loaded reports whether every run loaded the module.
func loaded(o []outcome.Outcome) bool {
	return len(o) > 0 && !slices.ContainsFunc(o, func(x outcome.Outcome) bool { return x.Kind != outcome.Loaded })
}

// clean reports whether every run loaded the module or had it rejected in good
// order, leaving the kernel as it was.
func clean(o []outcome.Outcome) bool {
	return len(o) > 0 && !slices.ContainsFunc(o, func(x outcome.Outcome) bool {
		switch x.Kind {
		case outcome.Loaded, outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InsmodFailed:
			return false
		}
		return true
	})
}

// unproved reports whether a run before or after says nothing of the module.
func (c change) unproved() bool {
	return len(c.before) == 0 || len(c.after) == 0 || slices.ContainsFunc(slices.Concat(c.before, c.after), func(o outcome.Outcome) bool {
		return !o.Kind.Kernel() && o.Kind != outcome.Timeout
	})
}

// better reports whether more runs loaded the module than before.
func (c change) better() bool { return loads(c.after) > loads(c.before) }

func loads(o []outcome.Outcome) (n int) {
	for _, x := range o {
		if x.Kind == outcome.Loaded {
			n++
		}
	}
	return n
}

// worse reports whether what was in order before is not any more.
func (c change) worse() bool {
	return clean(c.before) && !clean(c.after) || loads(c.after) < loads(c.before)
}

func (c change) String() string {
	return fmt.Sprintf("%s: %s before, %s after", c.where, summary(c.before), summary(c.after))
}

// summary lists the distinct outcomes.
func summary(o []outcome.Outcome) string {
	var s []string
	for _, x := range o {
		if t := x.String(); !slices.Contains(s, t) {
			s = append(s, t)
		}
	}
	if len(s) == 0 {
		return "not run"
	}
	return strings.Join(s, " or ")
}

// Verification draws the conclusion from the pairs, with the reason in one sentence.
// The first rule that applies decides: no conclusion from a run that proves
// nothing; build-failed; not-reproduced, judged by the stock cell of every
// toolchain; no-effect; regressed; fixed; not-fixed; partly-fixed.
func Verification(pairs []result.Pair) (result.Conclusion, string) {
	if len(pairs) == 0 {
		return result.NoConclusion, "nothing was run"
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
		if !loaded(c.before) {
			failing++
		}
		if c.better() {
			improved++
		}
		if !loaded(c.after) {
			fails = append(fails, c)
		}
	}
	if failing == 0 {
		return result.NotReproduced, "every module of the base loads at every placement: the base does not show the bug"
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

// incomparable is the conclusion from a pair of which a part proves nothing or has
// no binaries, or "".
func incomparable(p result.Pair) (result.Conclusion, string) {
	for _, r := range []*result.Results{p.Before, p.After} {
		if r.Infra != "" {
			return result.NoConclusion, r.Infra
		}
	}
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

func sameBinaries(a, b result.Cell) bool {
	if len(a.Build.Signature) != len(b.Build.Signature) || len(a.Build.Signature) == 0 {
		return false
	}
	for name, sum := range a.Build.Signature {
		if sum == "" || b.Build.Signature[name] != sum {
			return false
		}
	}
	return true
}

func changesOf(toolchain string, before, after result.Cell) (list []change) {
	for i, p := range before.Placements {
		for _, m := range modulesOf(p) {
			c := change{where: fmt.Sprintf("%s %s, %s at %s", toolchain, before.ID, m, p.Name), before: outcomesOf(p, m)}
			if i < len(after.Placements) {
				c.after = outcomesOf(after.Placements[i], m)
			}
			list = append(list, c)
		}
	}
	return list
}

func modulesOf(p result.Placement) (names []string) {
	for _, r := range p.Runs {
		for _, m := range r.Modules {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

func outcomesOf(p result.Placement, module string) (o []outcome.Outcome) {
	for _, r := range p.Runs {
		for _, m := range r.Modules {
			if m.Name == module {
				o = append(o, m.Outcome)
			}
		}
	}
	return o
}
