package report

import (
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// A trial is what the renderings of a verification for people have in common, in
// words: every string in it is clean.
type trial struct {
	Title      string
	Conclusion result.Conclusion
	Reason     string
	Scenario   string
	Base       string
	BaseDigest string // abbreviated
	Patches    []result.Patch
	Toolchains []string
	Alarms     []alarm
	Stock      []block
	Others     []block // cells other than stock
	Oracle     string  // how the predictions did; "" where there were none
	Limits     []string
	Untested   []string
	Evidence   []exhibit
	TestedBy   string // "" unless the conclusion is fixed
	Command    string
	Took       string
	Notes      []string
	Findings   []finding
	Digests    []digest
}

// A block is a table: what some cells with some toolchains all showed.
type block struct {
	Toolchains, Cells []string
	Rows              []contrast
}

// A contrast is one placement before and after, for some modules.
type contrast struct {
	Placement     string
	Modules       string // "" where all modules agree
	Before, After entry
}

// An exhibit is evidence from one side.
type exhibit struct {
	Side string
	evidence
}

type finding struct {
	Tool, Failed string
	Lines        []string
}

type digest struct{ Of, Value string }

func newTrial(v *result.Verification) *trial {
	pairs := sides(v)
	t := &trial{
		Conclusion: result.Conclusion(legible(string(v.Conclusion))), Reason: legible(v.Reason),
		Untested: legibles(v.Untested), Command: legible(v.Command), Took: duration(seconds(v.Seconds)), Notes: legibles(v.Notes),
	}
	for i, p := range v.Patches {
		t.Patches = append(t.Patches, result.Patch{Subject: legible(p.Subject), From: legible(p.From), PatchID: legible(p.PatchID), Digest: legible(p.Digest)})
		t.addDigest(msgPatchFile(i, len(v.Patches)), p.Digest)
	}
	t.Title = msgVerification(t)
	if t.Conclusion == result.Fixed {
		t.TestedBy = legible(v.TestedBy)
	}
	for _, f := range v.Findings {
		t.Findings = append(t.Findings, finding{legible(f.Tool), legible(f.Failed), legibles(f.Lines)})
	}
	if len(pairs) > 0 {
		first := pairs[0].Before
		t.Scenario, t.Base, t.BaseDigest = title(first.Scenario), msgBaseTree(first.Tree), msgBaseDigest(first.Tree)
		t.addDigest(msgBase, first.Tree.Digest)
	}
	for _, p := range pairs {
		t.Toolchains = append(t.Toolchains, msgToolchain(p.Before.Toolchain))
		t.addAlarms(p)
		t.addEvidence(p, len(pairs) > 1)
		for _, n := range slices.Concat(p.Before.Notes, p.After.Notes) {
			if n := legible(n); !slices.Contains(t.Notes, n) {
				t.Notes = append(t.Notes, n)
			}
		}
	}
	t.addBlocks(pairs)
	t.addLimits(pairs)
	t.addOracle(pairs)
	return t
}

// sides are the pairs of v, with empty results for a side that is missing.
func sides(v *result.Verification) []result.Pair {
	pairs := slices.Clone(list(v.Pairs))
	for i := range pairs {
		for _, side := range []**result.Results{&pairs[i].Before, &pairs[i].After} {
			if *side == nil {
				*side = &result.Results{}
			}
		}
	}
	return pairs
}

// legible is s as a line that begins and ends with something to read.
func legible(s string) string { return strings.TrimSpace(clean(s)) }

func legibles(from []string) []string {
	var to []string
	for _, s := range from {
		to = append(to, legible(s))
	}
	return to
}

func (t *trial) addDigest(of, value string) {
	algorithm, hex, ok := strings.Cut(legible(value), ":")
	if !ok {
		algorithm, hex = msgDigest, algorithm
	}
	if hex != "" {
		t.Digests = append(t.Digests, digest{msgDigestOf(algorithm, of), hex})
	}
}

// addAlarms merges the alarms of both sides under their headlines.
func (t *trial) addAlarms(p result.Pair) {
	for i, r := range []*result.Results{p.Before, p.After} {
		for _, a := range alarms(r) {
			lines := []string{msgSide(p.Before.Toolchain, i == 1) + ":"}
			for _, l := range a.Lines {
				lines = append(lines, "  "+strings.TrimPrefix(strings.TrimSpace(l), markFails+" "))
			}
			at := slices.IndexFunc(t.Alarms, func(b alarm) bool { return b.Head == a.Head })
			if at < 0 {
				at = len(t.Alarms)
				t.Alarms = append(t.Alarms, alarm{Head: a.Head})
			}
			t.Alarms[at].Lines = append(t.Alarms[at].Lines, lines...)
		}
	}
}

// addEvidence collects one line for each distinct outcome of a side. What loaded
// is evidence too: it is the better half of the proof.
func (t *trial) addEvidence(p result.Pair, named bool) {
	prefix := ""
	if named {
		prefix = clean(p.Before.Toolchain.Name) + ", "
	}
	for i, r := range []*result.Results{p.Before, p.After} {
		side := []string{msgBefore, msgAfter}[i]
		add := func(o outcome.Outcome, where string) {
			e := exhibit{side, newEvidence(o, prefix+where)}
			if !slices.ContainsFunc(t.Evidence, func(x exhibit) bool { return x.Side == side && x.Outcome == e.Outcome }) {
				t.Evidence = append(t.Evidence, e)
			}
		}
		for _, c := range r.Cells {
			if o := c.Build.Outcome; o != nil {
				add(*o, clean(c.ID))
			}
			for _, p := range c.Booted() {
				for _, tally := range p.Tallies() {
					for _, count := range tally.Counts {
						add(count.Outcome, place(c.ID, p.Name, tally.Module))
					}
				}
			}
		}
	}
	slices.SortStableFunc(t.Evidence, func(a, b exhibit) int { return strings.Compare(b.Side, a.Side) })
}

// addLimits says from which memory size on modules no longer load.
func (t *trial) addLimits(pairs []result.Pair) {
	where := map[string][]string{}
	var order []string
	for _, p := range pairs {
		for i, r := range []*result.Results{p.Before, p.After} {
			for _, c := range r.Cells {
				for _, limit := range c.Thresholds {
					s := msgLimit(c, limit)
					if where[s] == nil {
						order = append(order, s)
					}
					where[s] = append(where[s], msgSide(p.Before.Toolchain, i == 1))
				}
			}
		}
	}
	for _, s := range order {
		t.Limits = append(t.Limits, strings.Join(where[s], "; ")+": "+s)
	}
}

func (t *trial) addOracle(pairs []result.Pair) {
	loads, predicted, wrong := 0, 0, 0
	for _, p := range pairs {
		predicted += p.Before.Totals.Predicted + p.After.Totals.Predicted
		loads += p.Before.Totals.Loads + p.After.Totals.Loads
		wrong += p.Before.Totals.Disagreeing + p.After.Totals.Disagreeing
	}
	if predicted > 0 {
		t.Oracle = msgOracle(loads, predicted, wrong)
	}
}
