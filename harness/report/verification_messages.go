package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/result"
)

// Every sentence and label of a verification stands in this file.

const (
	msgBefore       = "before"
	msgAfter        = "after"
	msgDigest       = "digest"
	wordConclusion  = "Conclusion"
	msgCheckers     = "Checkers of the tree (they do not change the conclusion)"
	msgNothingFound = "nothing to say"
	msgTestedBy     = "Tested-by: "
)

func counted[T any](list []T, one, many string) string {
	if len(list) == 1 {
		return one
	}
	return many
}

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

// msgBase is a tree, and its digest if that is known.
func msgBase(t result.Tree) []string {
	s := strings.TrimPrefix(msgTree(t), "tree ")
	if t.Package != "" {
		s += ", " + legible(t.Package)
	}
	if d := brief(t.Digest); d != "" {
		return []string{s, msgDigest + " " + d}
	}
	return []string{s}
}

func msgPatchFile(i, n int) string {
	if n == 1 {
		return "patch"
	}
	return fmt.Sprintf("patch %d", i+1)
}

// msgSide is where something was seen: "trixie, after".
func msgSide(t result.Toolchain, after bool) string {
	side := msgBefore
	if after {
		side = msgAfter
	}
	return clean(t.Name) + ", " + side
}

// msgBlock is the heading of a table.
func msgBlock(b block) string {
	return strings.Join(b.Toolchains, ", ") + ": " + strings.Join(b.Cells, ", ")
}

func msgLimit(c result.Cell, t result.Threshold) string {
	modules := strings.Join(legibles(t.Modules), ", ")
	if modules != "" {
		modules = " (" + modules + ")"
	}
	s := fmt.Sprintf("%s fails from mem=%s on%s, where modules begin at %s: %s just below, %s there", clean(c.ID), clean(t.Mem), modules,
		clean(t.Base), short(t.Before), short(t.After))
	booted := slices.ContainsFunc(t.Probes, func(p result.Placement) bool { return len(p.Runs) > 0 })
	switch {
	case !booted:
		return s + " (computed, not booted)"
	case !t.Holds:
		return s + " (computed; THE BOOTS WENT OTHERWISE)"
	}
	return s + " (computed, and confirmed by boots)"
}

func msgOracle(loads, predicted, wrong int) string {
	switch {
	case wrong > 0:
		return fmt.Sprintf("%d of %s went OTHERWISE than predicted: see above.", wrong, plural(predicted, "predicted load", "predicted loads"))
	case predicted < loads:
		return fmt.Sprintf("%d of %s predicted from each tree's own loader, and went so.", predicted, plural(loads, "load was", "loads were"))
	}
	return fmt.Sprintf("%s, as predicted from each tree's own loader.", plural(loads, "load", "loads"))
}

// msgConcluded is the one sentence.
func msgConcluded(v *result.Verification) string {
	if reason := legible(v.Reason); reason != "" {
		return legible(string(v.Conclusion)) + ": " + reason
	}
	return legible(string(v.Conclusion))
}

func msgTook(took string) string { return "took " + took }

func msgNotRun(why string) string { return "could not be run: " + why }

// JUnit.

func msgNotLoaded(shown string) string { return "not loaded: " + shown }

func msgBeforeAfter(before, after string) string {
	return fmt.Sprintf("%s before, %s after", before, after)
}
