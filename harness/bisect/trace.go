package bisect

import (
	"fmt"
	"math"
	"strings"
)

// Kind is what an event tells of.
type Kind string

// The kinds of events, in the order in which a search tells them.
const (
	Started Kind = "started" // span, and of Step what there is at most
	Asking  Kind = "asking"  // Step, up to Why: the probe begins
	Faulted Kind = "faulted" // Step, fault, again
	Stepped Kind = "stepped" // Step
	Ended   Kind = "ended"   // found
)

// Event is something that happened in a search.
type Event struct {
	Kind  Kind
	span  span
	Step  Step
	fault *FaultError
	again bool // it is tried again
	found *Found
	fixed bool // see Verdict.Word
}

// leastWait is from how many seconds on the time left is told.
const leastWait = 10

// Trace is the event in one line, without its end.
func Trace(e Event) string {
	s := e.Step
	most := "at most"
	if s.Rough {
		most = "about"
	}
	head := fmt.Sprintf("step %d of %s %d: %s (%s)", s.Number, most, s.Most, s.Name, s.Why)
	switch e.Kind {
	case Started:
		what := "the commits"
		if !s.Rough {
			what = fmt.Sprintf("%d candidates", e.span.candidates)
		}
		return fmt.Sprintf("bisect %s, from %s (%s) to %s (%s): %s %d steps, one more for each candidate that is skipped",
			what, e.span.good, Good.Word(e.fixed), e.span.bad, Bad.Word(e.fixed), most, s.Most)
	case Asking:
		return head
	case Faulted:
		next := "given up"
		if e.again {
			next = "tried again"
		}
		return fmt.Sprintf("%s: attempt %d failed, %s: %s", head, s.attempts, next, oneLine(e.fault.Err.Error()))
	case Stepped:
		parts := []string{s.Answer.Verdict.Word(e.fixed)}
		if s.Answer.Reason != "" {
			parts = append(parts, s.Answer.Reason)
		}
		took := "from the log"
		if !s.Replayed {
			took = duration(s.Seconds)
		}
		line := head + ": " + strings.Join(parts, ": ") + ", " + took
		if s.Ahead > 0 && s.Wait >= leastWait {
			line += "; about " + duration(math.Round(s.Wait)) + " left"
		}
		return line
	case Ended:
		f := e.found
		if f.Exact() {
			return fmt.Sprintf("%s is the first %s one; %s, just before it, is %s", f.Bad, Bad.Word(e.fixed), f.Good, Good.Word(e.fixed))
		}
		return fmt.Sprintf("the first %s one is %s, or one of the %d skipped ones between it and %s, which is %s",
			Bad.Word(e.fixed), f.Bad, len(f.Skipped), f.Good, Good.Word(e.fixed))
	}
	return ""
}

// duration is seconds for people: "0.4 s", "92 s", "3 min", "2 h 5 min".
func duration(seconds float64) string {
	switch {
	case seconds < 9.95:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds < 119.5:
		return fmt.Sprintf("%.0f s", seconds)
	}
	minutes := int(math.Round(seconds / 60))
	if minutes < 120 {
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}
