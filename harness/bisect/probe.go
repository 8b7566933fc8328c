package bisect

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Verdict is what a probe says of a candidate.
type Verdict string

// The verdicts. Unknown is only ever a guess, see List.Guess.
const (
	Good    Verdict = "good"
	Bad     Verdict = "bad"
	Skip    Verdict = "skip" // it says nothing of the question
	Unknown Verdict = ""
)

// Word is what a verdict is called: where the first good candidate is looked for (fixed), the end that the search begins at is bad,
// and the verdicts swap their words.
func (v Verdict) Word(fixed bool) string {
	if fixed {
		switch v {
		case Good:
			return string(Bad)
		case Bad:
			return string(Good)
		}
	}
	return string(v)
}

// Answer is a verdict, with why in one line.
type Answer struct {
	Verdict Verdict // Good, Bad or Skip
	Reason  string  // "relocation-unknown 9 GOTPCREL"
	Data    string  // what the probe wants back when the answer is taken from a log; may be empty
}

// Point is what a probe is asked for.
type Point struct {
	Name    string
	Fresh   bool // nothing that is remembered of it may answer
	Attempt int  // 1, and more after a fault
}

// Probe looks at one candidate. An error is a fault of the infrastructure and
// says nothing of the candidate.
type Probe func(ctx context.Context, p Point) (Answer, error)

// retries is how often a fault is tried again.
const retries = 2

// probe fills in what the probe says, and logs it.
func (s *Search) probe(ctx context.Context, step *Step) error {
	now := s.Now
	if now == nil {
		now = time.Now
	}
	s.tell(Event{Kind: Asking, Step: *step})
	begun := now()
	for {
		step.attempts++
		a, err := s.Probe(ctx, Point{Name: step.Name, Fresh: step.Fresh, Attempt: step.attempts})
		if err == nil && a.Verdict != Good && a.Verdict != Bad && a.Verdict != Skip {
			err = fmt.Errorf("the probe answered %q, which is no verdict", a.Verdict)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx) // whatever the probe says then is of no worth
		}
		step.Seconds = now().Sub(begun).Seconds()
		if err == nil {
			a.Reason = oneLine(a.Reason)
			step.Answer = a
			return s.write(Record{Name: step.Name, Fresh: step.Fresh, Answer: a, Seconds: step.Seconds}.Line())
		}
		fault := &FaultError{Name: step.Name, Attempts: step.attempts, Err: err}
		again := step.attempts <= retries && (s.Lasts == nil || !s.Lasts(err))
		s.tell(Event{Kind: Faulted, Step: *step, fault: fault, again: again})
		if werr := s.write(faultLine(step.Name, step.attempts, err)); werr != nil {
			return werr
		}
		if !again {
			return fault
		}
	}
}

func (s *Search) write(line string) error {
	if s.Log == nil {
		return nil
	}
	if _, err := io.WriteString(s.Log, line); err != nil {
		return fmt.Errorf("write the log of the bisection: %w", err)
	}
	return nil
}

// oneLine is text without line ends.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
