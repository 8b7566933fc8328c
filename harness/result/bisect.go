package result

import (
	"slices"
	"time"
)

// BisectionSchema is the version of the JSON that Bisection marshals to.
const BisectionSchema = "umlab.bisect/v1"

// BisectionConclusion is how a bisection ended.
type BisectionConclusion string

// The conclusions.
const (
	BisectedTo    BisectionConclusion = "found"       // FirstBad is the culprit
	BisectedRange BisectionConclusion = "range"       // it is FirstBad or one of the skipped ones before it
	BisectedFlaky BisectionConclusion = "flaky"       // a candidate said something else when it was asked again
	NotBisected   BisectionConclusion = "not-between" // an end is not what it was said to be
)

// The axes along which a bisection goes.
const (
	AxisToolchain = "toolchain" // the members of a series
	AxisTree      = "tree"      // the configured trees
	AxisCommit    = "commit"    // the commits of a git repository
)

// Bisection is where a list of toolchains or kernels turns from good to bad.
type Bisection struct {
	Schema  string    `json:"schema"`  // BisectionSchema
	Command string    `json:"command"` // the command that repeats it
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // wall time of this invocation
	// what varies: the members of a series, the configured trees, or the commits of a git
	// repository
	Axis      string   `json:"axis" jsonschema:"enum=toolchain,enum=tree,enum=commit"`
	Series    string   `json:"series"` // name of the series, or the repository; else empty
	Scenario  Scenario `json:"scenario"`
	Tree      string   `json:"tree"`      // name; empty where it varies
	Toolchain string   `json:"toolchain"` // name; empty where it varies
	Target    string   `json:"target"`    // CELL[:PLACEMENT[:MODULE]], as "stock:low:rust_print"
	Until     string   `json:"until"`     // what is looked for; empty for whatever differs from the good end
	// the first good one is looked for: the good end is broken, and good and bad swap their meaning in the names of fields; verdicts
	// and sentences have the words as they are
	Fixed      bool              `json:"fixed,omitempty"`
	Good       string            `json:"good"`       // name of the good end
	Bad        string            `json:"bad"`        // name of the bad end
	Candidates []BisectCandidate `json:"candidates"` // from the good end to the bad one; of commits, those that were asked
	Steps      []BisectStep      `json:"steps"`      // in the order in which they were asked
	// found: first_bad is the culprit; range: it is first_bad or one of skipped; flaky: a
	// candidate answered differently when it was asked again; not-between: an end is not what it
	// was said to be
	Conclusion BisectionConclusion `json:"conclusion"`
	Reason     string              `json:"reason"` // one sentence
	LastGood   *Boundary           `json:"last_good,omitempty"`
	FirstBad   *Boundary           `json:"first_bad,omitempty"`
	Skipped    []string            `json:"skipped"`         // names of candidates between the two, which could not be judged; never null
	Delta      *Delta              `json:"delta,omitempty"` // what differs between last_good and first_bad
	Probed     int                 `json:"probed"`          // distinct candidates that were asked
	Bound      int                 `json:"bound"`           // that may be at most, skipped ones apart; 0 where git chooses
	Notes      []string            `json:"notes"`           // never null
	Exit       int                 `json:"exit" jsonschema:"enum=0,enum=1,enum=2"`
}

// Twice is how many candidates were asked again, to confirm them.
func (b *Bisection) Twice() int { return b.steps(func(s BisectStep) bool { return s.Fresh }) }

// Replayed is how many answers were taken from a log.
func (b *Bisection) Replayed() int { return b.steps(func(s BisectStep) bool { return s.Replayed }) }

func (b *Bisection) steps(which func(BisectStep) bool) (n int) {
	for _, s := range b.Steps {
		if which(s) {
			n++
		}
	}
	return n
}

// Candidate is the candidate of that name, nil where there is none.
func (b *Bisection) Candidate(name string) *BisectCandidate {
	i := slices.IndexFunc(b.Candidates, func(c BisectCandidate) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &b.Candidates[i]
}

// BisectCandidate is an entry of the list.
type BisectCandidate struct {
	Name    string `json:"name"`                                                    // "debian-rustc:1.96.1"
	Detail  string `json:"detail"`                                                  // where it comes from; may be empty
	Verdict string `json:"verdict" jsonschema:"enum=good,enum=bad,enum=skip,enum="` // good, bad, skip; empty where it was not asked
	Seen    string `json:"seen"`                                                    // why, in one line
}

// BisectStep is one answer.
type BisectStep struct {
	Number   int     `json:"number" jsonschema:"minimum=1"`
	Name     string  `json:"name"`
	Fresh    bool    `json:"fresh"` // a confirmation: built and booted again
	Why      string  `json:"why"`   // why this candidate: "middle of 4 left"
	Verdict  string  `json:"verdict" jsonschema:"enum=good,enum=bad,enum=skip"`
	Seen     string  `json:"seen"`
	Seconds  float64 `json:"seconds"`
	Replayed bool    `json:"replayed"` // taken from a log
}

// Boundary is one side of the change.
type Boundary struct {
	Name      string    `json:"name"`
	Detail    string    `json:"detail"`
	Seen      string    `json:"seen"`     // what it showed, in one line
	Evidence  []string  `json:"evidence"` // the lines that prove it; never null
	Tree      Tree      `json:"tree"`
	Toolchain Toolchain `json:"toolchain"`
}
