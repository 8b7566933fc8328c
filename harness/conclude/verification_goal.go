package conclude

import (
	"fmt"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// goalPair is what a build came to with one toolchain, before patches and with them.
type goalPair struct {
	where         string // "trixie stock"
	before, after outcome.Outcome
}

// goalPairs are those of verifications of a scenario about the build; ok is false for any other.
func goalPairs(pairs []result.Pair) (list []goalPair, ok bool) {
	for _, p := range pairs {
		for i, c := range p.Before.Cells {
			if !c.Goal() || i >= len(p.After.Cells) || p.After.Cells[i].Build.Outcome == nil {
				return nil, false
			}
			list = append(list, goalPair{p.Before.Toolchain.Name + " " + c.ID, *c.Build.Outcome, *p.After.Cells[i].Build.Outcome})
		}
	}
	return list, len(list) > 0
}

// shows reports whether o is the bug: the failure that the scenario describes, or any where it describes none; or what is wrong
// with what is built.
func shows(o outcome.Outcome) bool {
	return o.Kind == outcome.BuildFailed && !o.Other || o.Kind == outcome.Built && o.Known != "" && len(o.Warnings)+len(o.Differs) > 0
}

// goals draws the conclusion from what builds came to. Another error in the place of the one that is described is a build that
// fails, not a bug that is fixed.
func goals(list []goalPair) (result.Conclusion, string) {
	shown, still := 0, ""
	for _, p := range list {
		said := fmt.Sprintf("%s: %s before, %s after", p.where, inWords(p.before), inWords(p.after))
		switch {
		case !p.after.Kind.Kernel() || !p.before.Kind.Kernel():
			return result.NoConclusion, said
		case p.before.Other:
			return result.NotReproduced, p.where + " of the base fails, and not as the scenario says: " + inWords(p.before)
		case p.after.Kind == outcome.BuildFailed && !p.after.Same(p.before):
			if p.before.Kind == outcome.Built && !shows(p.before) {
				return result.Regressed, said
			}
			return result.PatchBroken, said + ": another error"
		case shows(p.before):
			if shown++; shows(p.after) {
				still = said
			}
		case shows(p.after):
			return result.Regressed, said
		}
	}
	switch {
	case shown == 0:
		return result.NotReproduced, "the base is built everywhere: it does not show the bug"
	case still != "":
		return result.NotFixed, still
	}
	if len(list) == 1 {
		return result.Fixed, "it is built, and was not before"
	}
	return result.Fixed, fmt.Sprintf("all %d builds come to their end as they should, %d of which did not before", len(list), shown)
}

func inWords(o outcome.Outcome) string {
	if o.Diagnostic != nil {
		return fmt.Sprintf("%s (%s)", o, o.Diagnostic.Message)
	}
	return o.String()
}
