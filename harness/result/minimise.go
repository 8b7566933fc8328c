package result

import "time"

// MinimisationSchema is the version of the JSON that Minimisation marshals to.
const MinimisationSchema = "umlab.minimise/v1"

// MinimiseConclusion is how a minimisation ended.
type MinimiseConclusion string

// The conclusions.
const (
	Minimised       MinimiseConclusion = "minimal"   // without any one thing that is left it does not hold
	Smaller         MinimiseConclusion = "smaller"   // it ended before, or what some thing does could not be judged
	NotAgain        MinimiseConclusion = "not-again" // what is left, built and booted once more, did not show it
	NothingToShrink MinimiseConclusion = "nothing"   // there is nothing that could be left out
)

// MinimiseConclusions are all of them.
func MinimiseConclusions() []MinimiseConclusion {
	return []MinimiseConclusion{Minimised, Smaller, NotAgain, NothingToShrink}
}

// Minimisation is what is left of a cell when all goes that its outcome does not need.
type Minimisation struct {
	Schema     string             `json:"schema"`  // MinimisationSchema
	Command    string             `json:"command"` // the command that repeats it
	Started    time.Time          `json:"started"`
	Seconds    float64            `json:"seconds"` // wall time of this invocation
	Scenario   Scenario           `json:"scenario"`
	Tree       Tree               `json:"tree"`
	Toolchain  Toolchain          `json:"toolchain"`
	Target     string             `json:"target"`             // what decides: CELL:PLACEMENT:MODULE
	Seen       string             `json:"seen"`               // what it shows, in one line, and still does
	Evidence   string             `json:"evidence,omitempty"` // the line that proves it, of all of the cell
	Cell       string             `json:"cell"`               // ID of the cell that is left
	Left       string             `json:"left,omitempty"`     // the line that proves it, of what is left, built and booted once more
	Conclusion MinimiseConclusion `json:"conclusion"`
	Reason     string             `json:"reason"` // one sentence
	Parts      []MinimisedPart    `json:"parts"`  // in the order in which they were tried
	Notes      []string           `json:"notes"`
	Exit       int                `json:"exit" jsonschema:"enum=0,enum=1,enum=3"`
}

// MinimisedPart is what became of things of one kind.
type MinimisedPart struct {
	Name    string   `json:"name" jsonschema:"enum=settings,enum=steps,enum=modules,enum=source,enum=kconfig"`
	Was     int      `json:"was"`     // things that there were: settings, modules, lines, options
	Left    int      `json:"left"`    // of them
	Tried   int      `json:"tried"`   // sets of them that were asked for
	Known   int      `json:"known"`   // of these: answered by an earlier run of the same question, or by Kconfig
	Free    int      `json:"free"`    // further sets that come to one that was asked for
	Unknown int      `json:"unknown"` // of those asked for: not judged
	Minimal bool     `json:"minimal"`
	Kept    []string `json:"kept"`           // what is left; lines without blank ones
	Diff    string   `json:"diff,omitempty"` // from what was there to what is left, unified; empty where nothing could go
}

// Probes is how many sets were built or booted for the minimisation.
func (m *Minimisation) Probes() (n int) {
	for _, p := range m.Parts {
		n += p.Tried - p.Known
	}
	return n
}
