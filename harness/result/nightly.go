package result

import "time"

// NightlySchema is the version of the JSON that Nightly marshals to.
const NightlySchema = "umlab.nightly/v1"

// Nightly is one night: what is new in a series, held against what was known.
type Nightly struct {
	Schema     string          `json:"schema"`                        // NightlySchema
	Date       string          `json:"date" jsonschema:"format=date"` // "2026-11-23", of the night
	Command    string          `json:"command"`                       // the command that repeats it
	Started    time.Time       `json:"started"`
	Seconds    float64         `json:"seconds"` // wall time
	Series     string          `json:"series"`
	Varies     string          `json:"varies"` // what the members' versions are of: rustc, llvm, snapshot
	Scenario   Scenario        `json:"scenario"`
	Tree       string          `json:"tree"`                                     // name of configs/trees.toml, or the source given
	Members    []NightlyMember `json:"members"`                                  // of the series, oldest first
	Sweep      *Sweep          `json:"sweep,omitempty"`                          // what was run; absent where nothing was
	Changes    []NightlyChange `json:"changes"`                                  // what is not as it was, the first the most telling
	Bisections []Bisection     `json:"bisections"`                               // of changes between toolchains with others between them
	Infra      string          `json:"infra,omitempty" jsonschema:"minLength=1"` // why the night as a whole proves nothing
	Notes      []string        `json:"notes"`
	Exit       int             `json:"exit" jsonschema:"enum=0,enum=1,enum=3"` // 0 unchanged, 1 something changed, 3 nothing is proved
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
	Cell string       `json:"cell" jsonschema:"minLength=1"`
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
