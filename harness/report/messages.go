package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/result"
)

// The sentences of a report that more than one document has.

const (
	msgNoEvidence   = "no evidence line"
	msgNoRun        = "not run"
	msgVariant      = "variant"
	msgVerdict      = "verdict"
	msgOther        = "it fails, and not as the scenario says"
	msgBuild        = "build"
	msgControls     = "controls"
	msgASLR         = "aslr"
	msgInfra        = "INFRASTRUCTURE: this run proves nothing"
	msgDisagree     = "PREDICTION AND OBSERVATION DISAGREE"
	msgRepeat       = "repeat with"
	msgNext         = "why:"
	markDiffers     = "≠"
	markAgrees      = "✓"
	markFails       = "✗"
	separator       = " · "
	msgLegendAgrees = "✓ as the loader of this tree was predicted to do"
)

func msgExpected(expected string) string {
	if expected == "" {
		return "not as expected"
	}
	return "expected " + expected
}

// What patches are told with: before and after them.
const (
	msgBefore      = "before"
	msgAfter       = "after"
	wordConclusion = "Conclusion"
)

func msgVerification(v *result.Verification) string {
	if len(v.Patches) == 0 {
		return legible(string(v.Conclusion))
	}
	s := legible(string(v.Conclusion)) + ": " + legible(v.Patches[0].Subject)
	if n := len(v.Patches) - 1; n > 0 {
		s += " (and " + plural(n, "more patch", "more patches") + ")"
	}
	return s
}

// msgConcluded is the one sentence.
func msgConcluded(v *result.Verification) string {
	if reason := legible(v.Reason); reason != "" {
		return legible(string(v.Conclusion)) + ": " + reason
	}
	return legible(string(v.Conclusion))
}

func msgPredicted(predicted string) string { return "predicted " + predicted }
func msgNote(note string) string           { return "note: " + note }

func msgTree(t result.Tree) string {
	s := described("tree "+t.Name, t.Version)
	if n := len(t.Patches); n > 0 {
		s += " + " + plural(n, "patch", "patches")
	}
	if t.Subarch != "" {
		s += ", SUBARCH=" + legible(t.Subarch)
	}
	return s
}

// msgToolchain is "trixie: rustc 1.85.1 (LLVM 19.1.7), clang 19.1.7".
func msgToolchain(t result.Toolchain) string {
	return strings.Join(present(t.Name, msgVersions(t)), ": ")
}

// msgVersions is what a toolchain is, without its name.
func msgVersions(t result.Toolchain) string {
	parts := t.Tools()
	return strings.Join(present(described(parts[0], parts[1]), parts[2]), ", ")
}

func msgConfig(c result.Config) string {
	d := brief(c.Digest)
	if d == "" {
		return ""
	}
	return "config " + d
}

// brief is as much of a digest as a reader compares.
func brief(digest string) string {
	r := []rune(digest[strings.LastIndexByte(digest, ':')+1:])
	return string(r[:min(12, len(r))])
}

// msgTotals are the parts of the last line of every report: how it ended, then each count by itself.
func msgTotals(r *result.Results) []string {
	t := r.Totals
	variants := plural(t.Cells, "variant", "variants")
	if verdicts := msgVerdicts(t.Verdicts); len(verdicts) > 0 {
		variants += ": " + strings.Join(verdicts, ", ")
	}
	if goals(r) { // nothing was to be booted
		return []string{msgExpectation(r), variants, took(r.Seconds)}
	}
	return []string{msgExpectation(r), variants, plural(t.Placements, "cell", "cells"), msgBoots(t, probesOf(r)), msgLoads(t), took(r.Seconds)}
}

// msgVerdicts are "1 loads", "4 rejected": those that there are, in the order of every list.
func msgVerdicts(of map[result.Verdict]int) (said []string) {
	for _, v := range result.Verdicts() {
		if n := of[v]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, v))
		}
	}
	return said
}

// msgBoots is "18 boots (14 of cells, 4 at thresholds; 18 cached)".
func msgBoots(t result.Totals, probes int) string {
	said := fmt.Sprintf("%d cached", t.Cached)
	if probes > 0 {
		said = fmt.Sprintf("%d of cells, %d at thresholds; %s", t.Boots-probes, probes, said)
	}
	return fmt.Sprintf("%s (%s)", plural(t.Boots, "boot", "boots"), said)
}

// probesOf are the boots of r that confirm thresholds.
func probesOf(r *result.Results) (n int) {
	for _, c := range r.Cells {
		for _, p := range c.Booted()[len(c.Placements):] {
			for _, run := range p.Runs {
				n += run.Booted()
			}
		}
	}
	return n
}

// msgLoads is "36 module loads, all as predicted", "9 steps".
func msgLoads(t result.Totals) string {
	steps := ""
	if t.Steps > 0 {
		steps = plural(t.Steps, "step", "steps")
		if t.Loads == 0 {
			return steps
		}
		steps += ", "
	}
	loads := steps + plural(t.Loads, "module load", "module loads")
	switch {
	case t.Predicted == 0:
		return loads
	case t.Predicted == t.Loads && t.Disagreeing == 0:
		return loads + ", all as predicted"
	}
	return fmt.Sprintf("%s, %d as predicted of the %d that were", loads, t.Predicted-t.Disagreeing, t.Predicted)
}

// msgNotRun is why there is no outcome of a step or a test.
func msgNotRun(s result.Step) string {
	if s.Skipped != "" {
		return "skipped itself: " + s.Skipped
	}
	return "not run " + s.NotRun
}

func msgExpectation(r *result.Results) string {
	switch {
	case !r.Proves():
		return "nothing is proved (infrastructure)"
	case r.Totals.Differing == 1:
		return "1 differs from what the scenario expects"
	case r.Totals.Differing > 1:
		return fmt.Sprintf("%d differ from what the scenario expects", r.Totals.Differing)
	case r.Totals.Cells == 0:
		return "nothing was run"
	case r.Totals.Disagreeing > 0:
		return "not all as predicted"
	case !slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return c.Expected != "" }):
		return "nothing was expected"
	}
	return "all as expected"
}

// msgGapOf is what a boot's log reports of the gap that the host left before brk.
func msgGapOf(bytes int64) string {
	return fmt.Sprintf("%d bytes, which modules lie higher for (the kernel's log: \"Adding %d bytes to physical memory to account for "+
		"exec-shield gap\")", bytes, bytes)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// took is a number of seconds as people read it.
func took(seconds float64) string {
	return progress.Duration(time.Duration(seconds * float64(time.Second)))
}

func msgPredictedLine(o outcome.Outcome) string { return "  predicted " + withProof(o) }
func msgObservedLine(o outcome.Outcome) string  { return "  observed  " + withProof(o) }

func withProof(o outcome.Outcome) string {
	if o.Evidence == "" && o.Detail == "" {
		return long(o)
	}
	return long(o) + ": " + proof(o)
}
