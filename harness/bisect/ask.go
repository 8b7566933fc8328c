package bisect

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// DefaultRetries is how often a fault is tried again.
const DefaultRetries = 2

// Inquiry asks a probe: it tries faults again, remembers answers in a log, takes
// from another log what that holds, and tells what happens. Search does so by
// itself; whoever has a list in another order, as git has one of commits, calls
// Ask.
type Inquiry struct {
	Probe   Probe
	Retries int              // of a fault; 0 is DefaultRetries, less is none
	Lasts   func(error) bool // faults that another attempt would meet again; nil: none
	Now     func() time.Time // nil: time.Now
	On      func(Event)      // nil: nobody is told
	Log     io.Writer        // answers are appended to it, see Record.Line; nil: none
	Replay  *Log             // answers that need not be asked for; nil: none

	asked   int     // probes that were timed, none of them from the log,
	seconds float64 // and how long they took in all
}

// Step is one candidate that is asked, and what came of it.
type Step struct {
	Number   int  // 1, 2, ...
	Most     int  // steps there are at most, this and the earlier ones included, when none is skipped from here on
	Rough    bool // that number and Ahead are estimates
	Index    int
	Name     string
	Fresh    bool
	Why      string // why this one: "middle of 4 left"
	Answer   Answer
	Attempts int     // how often it was asked, faults included; 0 where the log had it
	Seconds  float64 // wall time of all attempts, or of when the log was written
	Replayed bool    // the log had it
	Left     int     // candidates that can still be asked
	Ahead    int     // steps that remain at most, when no more is skipped
	Wait     float64 // seconds that those may take by what the others took; 0 where that is not known
}

// Ask asks for the candidate of step, whose first fields, up to Why, are set.
// left says what an answer leaves: candidates, and steps at most; it may be nil.
// The error is a FaultError, that of the context, or that of writing the log.
func (q *Inquiry) Ask(ctx context.Context, step Step, left func(Answer) (candidates, steps int)) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, context.Cause(ctx)
	}
	if r, ok := q.Replay.find(step.Name, step.Fresh); ok {
		step.Answer, step.Seconds, step.Replayed = r.Answer, r.Seconds, true
	} else if err := q.probe(ctx, &step); err != nil {
		return Answer{}, err
	}
	if !step.Replayed { // what a log took elsewhere says nothing of here
		q.asked++
		q.seconds += step.Seconds
	}
	if left != nil {
		step.Left, step.Ahead = left(step.Answer)
	}
	if q.asked > 0 {
		step.Wait = q.seconds / float64(q.asked) * float64(step.Ahead)
	}
	q.tell(Event{Kind: Stepped, Step: step})
	return step.Answer, nil
}

// probe fills in what the probe says.
func (q *Inquiry) probe(ctx context.Context, step *Step) error {
	now, retries := q.Now, q.Retries
	if now == nil {
		now = time.Now
	}
	if retries == 0 {
		retries = DefaultRetries
	}
	q.tell(Event{Kind: Asking, Step: *step})
	begun := now()
	for {
		step.Attempts++
		a, err := q.Probe(ctx, Point{Index: step.Index, Name: step.Name, Fresh: step.Fresh, Attempt: step.Attempts})
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
			return q.write(Record{Name: step.Name, Fresh: step.Fresh, Answer: a, Seconds: step.Seconds}.Line())
		}
		fault := &FaultError{Name: step.Name, Attempts: step.Attempts, Err: err}
		again := step.Attempts <= retries && (q.Lasts == nil || !q.Lasts(err))
		q.tell(Event{Kind: Faulted, Step: *step, Fault: fault, Again: again})
		if werr := q.write(faultLine(step.Name, step.Attempts, err)); werr != nil {
			return werr
		}
		if !again {
			return fault
		}
	}
}

func (q *Inquiry) write(line string) error {
	if q.Log == nil {
		return nil
	}
	if _, err := io.WriteString(q.Log, line); err != nil {
		return fmt.Errorf("write the log of the bisection: %w", err)
	}
	return nil
}

func (q *Inquiry) tell(e Event) {
	if q.On != nil {
		q.On(e)
	}
}

// oneLine is text without line ends.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
