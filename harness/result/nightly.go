package result

import (
	"slices"
	"strings"
	"time"
)

// NightlySchema is the version of the JSON that Nightly marshals to.
const NightlySchema = "umlab.nightly/v1"

// Nightly is one night: what is new in a series, held against what was known.
type Nightly struct {
	Schema     string          `json:"schema"` // NightlySchema
	Date       string          `json:"date"`   // "2026-11-23", of the night
	Command    string          `json:"command"`
	Started    time.Time       `json:"started"`
	Seconds    float64         `json:"seconds"` // wall time
	Series     string          `json:"series"`
	Varies     string          `json:"varies"` // what the members' versions are of: "rustc"
	Scenario   Scenario        `json:"scenario"`
	Tree       string          `json:"tree"`
	Members    []NightlyMember `json:"members"`         // of the series, oldest first
	Sweep      *Sweep          `json:"sweep,omitempty"` // what was run; absent where nothing was
	Changes    []NightlyChange `json:"changes"`         // what is not as it was, the first the most telling
	Bisections []Bisection     `json:"bisections"`      // of changes between toolchains with others between them
	Infra      string          `json:"infra,omitempty"` // why the night as a whole proves nothing
	Notes      []string        `json:"notes"`
	Exit       int             `json:"exit"` // see Judge
}

// NightlyMember is a toolchain of the series.
type NightlyMember struct {
	Name    string `json:"name"`    // "debian-rustc:1.96.1"
	Version string `json:"version"` // "1.96.1", or a date
	Detail  string `json:"detail"`  // where it comes from; may be empty
	New     bool   `json:"new"`     // history has no result of it
}

// NightlyChange is a cell that is not what it was: with another toolchain, or
// earlier with one of the same name.
type NightlyChange struct {
	Cell string       `json:"cell"`
	From NightlyPoint `json:"from"`
	To   NightlyPoint `json:"to"`
}

// NightlyPoint is one side of a change.
type NightlyPoint struct {
	Toolchain string    `json:"toolchain"` // name
	When      time.Time `json:"when"`
	Verdict   Verdict   `json:"verdict"`
	Seen      string    `json:"seen"`     // what is other than on the other side, in one line
	Evidence  []string  `json:"evidence"` // the lines that prove it
}

// NightlyChanges says what history found in the words of a night.
func NightlyChanges(from []HistoryChange) []NightlyChange {
	list := []NightlyChange{}
	for _, c := range from {
		side := func(p HistoryPoint, of func(Difference) []SeenOutcome) NightlyPoint {
			n := NightlyPoint{Toolchain: p.Toolchain.Toolchain, When: p.When, Verdict: p.Verdict, Evidence: []string{}}
			var seen []string
			for _, d := range c.Differences {
				for _, o := range of(d) {
					if !slices.Contains(seen, o.Text) {
						seen = append(seen, o.Text)
					}
					if o.Evidence != "" && !slices.Contains(n.Evidence, o.Evidence) {
						n.Evidence = append(n.Evidence, o.Evidence)
					}
				}
			}
			n.Seen = strings.Join(seen, " or ")
			return n
		}
		list = append(list, NightlyChange{
			Cell: c.Cell,
			From: side(c.From, func(d Difference) []SeenOutcome { return d.From }),
			To:   side(c.To, func(d Difference) []SeenOutcome { return d.To }),
		})
	}
	return list
}

// Results are those of the night, in the order of its columns.
func (n *Nightly) Results() []*Results {
	var list []*Results
	if n.Sweep != nil {
		for _, c := range n.Sweep.Columns {
			if c.Results != nil {
				list = append(list, c.Results)
			}
		}
	}
	return list
}

// Judge sets n.Exit: 3 if the night proves nothing, else 1 if something changed,
// else 3 if a toolchain proved nothing, for then nobody knows, else 0. A result
// that the scenario does not expect, but that is what it was, is no change.
func (n *Nightly) Judge() {
	unproved := n.Sweep != nil && slices.ContainsFunc(n.Sweep.Columns, func(c SweepColumn) bool { return c.State() == ColumnInfra })
	switch {
	case n.Infra != "":
		n.Exit = 3
	case len(n.Changes) > 0:
		n.Exit = 1
	case unproved:
		n.Exit = 3
	default:
		n.Exit = 0
	}
}
