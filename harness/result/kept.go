package result

import "time"

// Kept says of a run that was kept what is to be known to find it again; its result lies beside it.
type Kept struct {
	ID      string    `json:"id"`   // hex; any beginning that no other run has names it
	Flow    string    `json:"flow"` // "matrix", "sweep", "verify", "bisect", "nightly", "explain", "minimise", "zoo"
	At      time.Time `json:"at"`   // when its result was there
	Command string    `json:"command"`
	Title   string    `json:"title"` // of what it is
	Verdict string    `json:"verdict"`
	Seconds float64   `json:"seconds"` // wall time
	Exit    int       `json:"exit"`

	Scenario   string   `json:"scenario"`
	Trees      []string `json:"trees"`
	Toolchains []string `json:"toolchains"`
}

// Of notes what r is of.
func (k *Kept) Of(r *Results) {
	if r == nil {
		return
	}
	k.Scenario = r.Scenario.Name
	k.Trees, k.Toolchains = append(k.Trees, r.Tree.Name), append(k.Toolchains, r.Toolchain.Name)
}

// OfColumns notes what s, which may be nil, is of.
func (k *Kept) OfColumns(s *Sweep) {
	if s == nil {
		return
	}
	for _, c := range s.Columns {
		k.Trees, k.Toolchains = append(k.Trees, c.Tree), append(k.Toolchains, c.Toolchain)
	}
}
