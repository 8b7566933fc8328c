package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// The words of a delta. Its conclusion is result's.

const (
	msgEqual       = "equal"
	msgNotThere    = "not there"
	msgNotSet      = "not set"
	msgNotCompared = "not compared"
	msgBySymbol    = "by symbol"
	msgSameBytes   = "what is loaded is the same, byte for byte"
	msgSameTypes   = "the same relocations"
	msgNoFlags     = "none"
	msgSameCounts  = "the same numbers of each type"
)

// msgDeltaTitle says what changed between the sides: target, the cell or a part
// of it.
func msgDeltaTitle(d *result.Delta, target string) string {
	return "why " + cmp.Or(target, d.Cell) + " changed: " + d.Good + markTo + d.Bad
}

// msgByPlace is the heading of where relocations stand: outside functions, too.
func msgByPlace(places []result.CountsOfChange) string {
	if slices.ContainsFunc(places, func(c result.CountsOfChange) bool { return strings.HasPrefix(c.Name, ".") }) {
		return "by place"
	}
	return "by function"
}

func msgMoreDeltas(n int) string { return fmt.Sprintf("and %d more, in -json=", n) }

// msgAspect is what a reader calls an aspect.
func msgAspect(aspect string) string {
	if aspect == result.AspectResolved {
		return "what rustc makes of flags and target.json (rustc --print cfg)"
	}
	return aspect
}

func msgGap(g result.Gap) string { return msgNotCompared + ": " + g.Aspect + " (" + g.Reason + ")" }

var longHash = regexp.MustCompile(`^[0-9a-f]{32,}$`)

// msgDeltaValue is a value; absent is what one is called that is not there.
func msgDeltaValue(s, absent string) string {
	switch {
	case s == "":
		return absent
	case longHash.MatchString(s):
		return brief(s)
	}
	return s
}

// msgCounts is "GOTPCREL 20 → 17, PC32 0 → 18".
func msgCounts(list []result.CountChange) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s %d → %d", outcome.Short(c.Type), c.Good, c.Bad))
	}
	return strings.Join(parts, ", ")
}
