package report

import (
	"fmt"
	"regexp"
	"strings"

	"umlab/harness/result"
)

// The words of a delta. Its conclusion is result's.

const (
	msgEqual       = "equal"
	msgNotThere    = "not there"
	msgNotSet      = "not set"
	msgNotCompared = "not compared"
	msgBySymbol    = "by symbol"
	msgByFunction  = "by function"
	msgSameBytes   = "what is loaded is the same, byte for byte"
	msgSameTypes   = "the same relocations"
	msgOnlyGood    = "only good"
	msgOnlyBad     = "only bad"
	msgSameCounts  = "the same numbers of each type"
)

func msgDeltaTitle(d *result.Delta) string {
	return "why " + d.Cell + " changed: " + d.Good + " → " + d.Bad
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

// msgDelta is "rustc  1.85.1 → 1.96.1"; absent is what a value that is not there
// is called, and column how wide the name is set.
func msgDelta(c result.Change, absent string, column int) string {
	value := func(s string) string {
		switch {
		case s == "":
			return absent
		case longHash.MatchString(s):
			return brief(s)
		}
		return s
	}
	return fmt.Sprintf("%-*s  %s → %s", column, c.Name, value(c.Good), value(c.Bad))
}

// msgCount is "GOTPCREL 20 → 17". A type whose name is a number keeps its prefix.
func msgCount(c result.CountChange) string {
	name := strings.TrimPrefix(c.Type, "R_X86_64_")
	if strings.Trim(name, "0123456789") == "" {
		name = c.Type
	}
	return fmt.Sprintf("%s %d → %d", name, c.Good, c.Bad)
}

func msgCounts(list []result.CountChange) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, msgCount(c))
	}
	return strings.Join(parts, ", ")
}
