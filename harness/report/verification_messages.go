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
	msgBase         = "base tree"
	msgDigest       = "digest"
	msgPlacement    = "placement"
	msgModules      = "modules"
	msgCheckers     = "Checkers of the tree (they do not change the conclusion)"
	msgNothingFound = "nothing to say"
	msgTestedBy     = "Tested-by: "
)

// verificationWords are the headings of a verification, in every format.
type verificationWords struct {
	Scenario, Base, Patch, From, PatchID, Toolchain, Results, Others, Limits, Conclusion, Untested, Evidence, TestedBy, Repeat, Notes,
	Checkers, Digests, Before, After, Placement, Modules, NothingFound string
}

func newVerificationWords(t *trial) verificationWords {
	return verificationWords{
		Scenario: "Scenario", Base: "Base tree", Patch: counted(t.Patches, "Patch", "Patches, in this order"), From: "From", PatchID: "patch-id",
		Toolchain: counted(t.Toolchains, "Toolchain", "Toolchains"), Results: "Before and after", Others: "Other variants", Limits: "Thresholds", Conclusion: "Conclusion",
		Untested: "Not tested", Evidence: "Evidence", TestedBy: strings.TrimSuffix(msgTestedBy, ": "), Repeat: "Repeat with", Notes: "Notes",
		Checkers: msgCheckers, Digests: "Digests in full",
		Before: msgBefore, After: msgAfter, Placement: msgPlacement, Modules: msgModules, NothingFound: msgNothingFound,
	}
}

func counted[T any](list []T, one, many string) string {
	if len(list) == 1 {
		return one
	}
	return many
}

func msgVerification(t *trial) string {
	if len(t.Patches) == 0 {
		return string(t.Conclusion)
	}
	s := string(t.Conclusion) + ": " + t.Patches[0].Subject
	if n := len(t.Patches) - 1; n > 0 {
		s += " (and " + plural(n, "more patch", "more patches") + ")"
	}
	return s
}

func msgBaseTree(t result.Tree) string {
	s := strings.TrimPrefix(msgTree(t), "tree ")
	if t.Package != "" {
		s += ", " + legible(t.Package)
	}
	return s
}

func msgBaseDigest(t result.Tree) string {
	if d := brief(t.Digest); d != "" {
		return msgDigest + " " + d
	}
	return ""
}

func msgPatchFile(i, n int) string {
	if n == 1 {
		return "patch"
	}
	return fmt.Sprintf("patch %d", i+1)
}

func msgDigestOf(algorithm, of string) string { return algorithm + " of " + of }

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
func msgConcluded(t *trial) string {
	if t.Reason == "" {
		return string(t.Conclusion)
	}
	return string(t.Conclusion) + ": " + t.Reason
}

func msgTook(took string) string { return "took " + took }

func msgNotRun(why string) string { return "could not be run: " + why }

// JUnit.

func msgNotLoaded(shown string) string { return "not loaded: " + shown }

func msgBeforeAfter(before, after string) string {
	return fmt.Sprintf("%s before, %s after", before, after)
}
