package bisect

import (
	"context"
	"io"
	"time"
)

// Search looks between a good and a bad end for where the one becomes the other.
type Search struct {
	Chooser Chooser          // List or Commits
	Probe   Probe            // looks at a candidate
	Lasts   func(error) bool // faults that another attempt would meet again; nil: none
	Now     func() time.Time // nil: time.Now
	On      func(Event)      // nil: nobody is told
	Log     io.Writer        // answers are appended to it, see Record.Line; nil: none
	Replay  *Log             // answers that need not be asked for; nil: none
	Fixed   bool             // the first good candidate is looked for: the end to begin at is bad, see Verdict.Word
}

// Chooser says what lies between two ends, and which candidate is asked next: a
// List, or Commits in the order of git bisect.
type Chooser interface {
	// start begins a search.
	start(ctx context.Context) (span, error)
	// next is the candidate to be asked next, and why; its name is empty when the
	// search has come to its end. log has what need not be asked for.
	next(ctx context.Context, log *Log) (name, why string, err error)
	// mark takes in what a candidate between the ends is.
	mark(ctx context.Context, name string, v Verdict) error
	// ahead is how many more candidates between the ends are to be asked, when none
	// of them is skipped.
	ahead() int
	// found is what the marks say, once there is no next.
	found(ctx context.Context) (*Found, error)
}

// span is what is searched.
type span struct {
	good, bad  string // names of the ends
	candidates int    // ends included; 0 where that is not known, and numbers of steps are estimates
}

// Found is the answer: Good is good, Bad is bad, both asked afresh, and all of
// Skipped, which is all that lies between, were skipped.
type Found struct {
	Good, Bad string   // of commits, either may be empty where git knows of none
	Skipped   []string // names
}

// Exact reports whether Bad alone is the culprit.
func (f *Found) Exact() bool { return len(f.Skipped) == 0 }

// Step is one candidate that is asked, and what came of it.
type Step struct {
	Number   int  // 1, 2, ...
	Most     int  // steps there are at most, this and the earlier ones included, when none is skipped from here on
	Rough    bool // that number and Ahead are estimates
	Name     string
	Fresh    bool
	Why      string // why this one: "middle of 4 left"
	Answer   Answer
	attempts int     // how often it was asked, faults included; 0 where the log had it
	Seconds  float64 // wall time of all attempts, or of when the log was written
	Replayed bool    // the log had it
	Ahead    int     // steps that remain at most, when no more is skipped
	Wait     float64 // seconds that those may take by what the others took; 0 where that is not known
}

// progress is how far a search is.
type progress struct {
	*Search
	rough  bool
	number int               // steps taken
	checks int               // of the ends and of the two sides, which are yet to be made
	first  map[string]Answer // what each said at first
	sure   map[string]bool   // sides that said the same afresh

	timed   int     // answers of the probe, none of them from the log,
	seconds float64 // and how long they took in all
}

// Run searches. The error is an EndError, a FlakyError or a FaultError, that of
// the context, of the chooser, or of writing the log.
func (s *Search) Run(ctx context.Context) (*Found, error) {
	span, err := s.Chooser.start(ctx)
	if err != nil {
		return nil, err
	}
	p := &progress{Search: s, rough: span.candidates == 0, checks: 4, first: map[string]Answer{}, sure: map[string]bool{}}
	s.tell(Event{Kind: Started, span: span, Step: Step{Most: p.ahead(), Rough: p.rough}})
	for _, end := range []struct {
		name string
		want Verdict
	}{{span.good, Good}, {span.bad, Bad}} {
		got, err := p.ask(ctx, Step{Name: end.name, Why: end.want.Word(s.Fixed) + " end"}, end.want)
		if err != nil {
			return nil, err
		}
		if got.Verdict != end.want {
			return nil, &EndError{Name: end.name, Want: end.want, Got: got, Fixed: s.Fixed}
		}
	}
	for {
		name, why, err := s.Chooser.next(ctx, s.Replay)
		if err != nil {
			return nil, err
		}
		if name == "" {
			break
		}
		if _, err := p.ask(ctx, Step{Name: name, Why: why}, Unknown); err != nil {
			return nil, err
		}
	}
	var f *Found
	for settled := false; !settled; {
		if f, err = s.Chooser.found(ctx); err != nil {
			return nil, err
		}
		if settled, err = p.confirm(ctx, f); err != nil {
			return nil, err
		}
	}
	s.tell(Event{Kind: Ended, found: f})
	return f, nil
}

// confirm asks the sides of the change afresh. One of commits may never have been
// asked; where it is skipped now, the chooser has to find another, and confirm is
// false.
func (p *progress) confirm(ctx context.Context, f *Found) (bool, error) {
	p.checks = 2
	for _, side := range []struct {
		name string
		want Verdict
		why  string
	}{{f.Good, Good, "last " + Good.Word(p.Fixed)}, {f.Bad, Bad, "first " + Bad.Word(p.Fixed)}} {
		if side.name == "" || p.sure[side.name] {
			p.checks--
			continue
		}
		first, asked := p.first[side.name]
		why := side.why + ", again"
		if !asked {
			first, why = Answer{Verdict: side.want, Reason: "as git concludes from its descendants"}, side.why+", to be sure"
		}
		got, err := p.ask(ctx, Step{Name: side.name, Fresh: true, Why: why}, side.want)
		switch {
		case err != nil:
			return false, err
		case got.Verdict == Skip && !asked:
			return false, p.Chooser.mark(ctx, side.name, Skip)
		case got.Verdict != side.want:
			return false, &FlakyError{Name: side.name, First: first, Again: got, Fixed: p.Fixed,
				FirstAt: p.Replay.At(side.name, false), AgainAt: p.Replay.At(side.name, true)}
		}
		p.sure[side.name] = true
	}
	return true, nil
}

// ahead is how many steps there are at most, when no more candidate is skipped.
func (p *progress) ahead() int { return p.checks + p.Chooser.ahead() }

// ask takes a step, of which Name, Fresh and Why are set. An end and a side are
// wanted to be as they were said to be; any other candidate is marked.
func (p *progress) ask(ctx context.Context, step Step, want Verdict) (Answer, error) {
	if ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	step.Number, step.Most, step.Rough = p.number+1, p.number+p.ahead(), p.rough
	if r, ok := p.Replay.find(step.Name, step.Fresh); ok {
		step.Answer, step.Seconds, step.Replayed = r.Answer, r.Seconds, true
	} else if err := p.probe(ctx, &step); err != nil {
		return Answer{}, err
	} else { // what a log took elsewhere says nothing of here
		p.timed++
		p.seconds += step.Seconds
	}
	p.number++
	if !step.Fresh {
		p.first[step.Name] = step.Answer
	}
	var err error
	if want == Unknown {
		err = p.Chooser.mark(ctx, step.Name, step.Answer.Verdict)
	} else {
		p.checks--
	}
	if err == nil && (want == Unknown || step.Answer.Verdict == want) { // else the search ends here
		step.Ahead = p.ahead()
	}
	if p.timed > 0 {
		step.Wait = p.seconds / float64(p.timed) * float64(step.Ahead)
	}
	p.tell(Event{Kind: Stepped, Step: step})
	return step.Answer, err
}

func (s *Search) tell(e Event) {
	if e.fixed = s.Fixed; s.On != nil {
		s.On(e)
	}
}
