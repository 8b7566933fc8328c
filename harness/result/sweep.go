package result

import (
	"slices"
	"time"

	"umlab/harness/outcome"
)

// SweepSchema is the version of the JSON that Sweep marshals to.
const SweepSchema = "umlab.sweep/v1"

// Sweep is one scenario on several trees and toolchains: a column for each pair
// of them, by tree and then by toolchain.
type Sweep struct {
	Schema   string        `json:"schema"`  // SweepSchema
	Command  string        `json:"command"` // the command that repeats it
	Started  time.Time     `json:"started"`
	Seconds  float64       `json:"seconds"` // wall time of this invocation
	Scenario Scenario      `json:"scenario"`
	Columns  []SweepColumn `json:"columns"`
	Totals   SweepTotals   `json:"totals"`
	// 3 if a column proves nothing, else 1 if one differs, else 2 if all were refused, else 0; of
	// conclude.Sweep
	Exit int `json:"exit" jsonschema:"enum=0,enum=1,enum=2,enum=3"`
}

// SweepColumn is one tree with one toolchain. Exactly one of Results, Refused
// and Infra is set.
type SweepColumn struct {
	Tree string `json:"tree" jsonschema:"minLength=1"` // name of configs/trees.toml, or the source given
	// name of configs/toolchains.toml, or a member of a series ("debian-rustc:1.96.1")
	Toolchain string   `json:"toolchain" jsonschema:"minLength=1"`
	Results   *Results `json:"results,omitempty"`
	Refused   *Refusal `json:"refused,omitempty"`
	// why there are no results, where the machine or the network is at fault
	Infra string `json:"infra,omitempty" jsonschema:"minLength=1"`
}

// Refusal says why a toolchain cannot work with a tree. Nothing was built.
type Refusal struct {
	Reasons []string `json:"reasons"`                                    // a sentence each
	Nearest string   `json:"nearest,omitempty" jsonschema:"minLength=1"` // the toolchain nearest to it that would do
}

// ColumnState is what a column comes to.
type ColumnState string

// The states of a column.
const (
	ColumnExpected ColumnState = "as-expected"
	ColumnDiffers  ColumnState = "differs" // from what the scenario expects, or from what was predicted
	ColumnRefused  ColumnState = "refused" // the toolchain cannot work with the tree
	ColumnInfra    ColumnState = "infra"   // proves nothing
)

// SweepTotals are the sums over the columns.
type SweepTotals struct {
	Columns     int                 `json:"columns"`
	States      map[ColumnState]int `json:"states"`          // columns of each state
	Cells       int                 `json:"cells"`           // entries of cells, one a variant and column
	Placements  int                 `json:"placements"`      // variant × placement × column
	Loads       int                 `json:"loads"`           // modules tried, over all runs
	Steps       int                 `json:"steps,omitempty"` // steps and tests, over all runs
	Boots       int                 `json:"boots"`
	Cached      int                 `json:"cached"`      // boots answered from the store
	Differing   int                 `json:"differing"`   // entries of cells that are not what the scenario expects
	Predicted   int                 `json:"predicted"`   // loads that were predicted
	Disagreeing int                 `json:"disagreeing"` // predicted loads that went otherwise
}

// State is what c comes to.
func (c SweepColumn) State() ColumnState {
	switch {
	case c.Refused != nil:
		return ColumnRefused
	case c.Results == nil || c.Infra != "" || c.Results.Infra != "" || c.Results.Exit == ExitInfra:
		return ColumnInfra
	case c.Results.Exit != ExitExpected:
		return ColumnDiffers
	}
	return ColumnExpected
}

// SameSeen reports whether two cells showed the same: verdict, and at each
// placement the same outcomes of the same modules (outcome.Same). How often each
// came does not count, nor do addresses, binaries and thresholds.
func (c Cell) SameSeen(d Cell) bool {
	if c.Verdict != d.Verdict || (c.Build.Outcome == nil) != (d.Build.Outcome == nil) || len(c.Placements) != len(d.Placements) {
		return false
	}
	if o := c.Build.Outcome; o != nil && !o.Same(*d.Build.Outcome) {
		return false
	}
	for i, p := range c.Placements {
		q := d.Placements[i]
		if p.Name != q.Name || !subset(p, q) || !subset(q, p) {
			return false
		}
	}
	return true
}

// subset reports whether every outcome of p's modules was also seen in q.
func subset(p, q Placement) bool {
	all := q.Tallies()
	return !slices.ContainsFunc(p.Tallies(), func(t Tally) bool {
		at := slices.IndexFunc(all, func(u Tally) bool { return u.Module == t.Module })
		return at < 0 || slices.ContainsFunc(t.Counts, func(c Count) bool { return !all[at].shows(c.Outcome) })
	})
}

func (t Tally) shows(o outcome.Outcome) bool {
	return slices.ContainsFunc(t.Counts, func(c Count) bool { return c.Outcome.Same(o) })
}

// Before is the index of the column that column i is compared with, the nearest
// to its left which shares its tree or its toolchain and proves something, or -1.
// The first toolchain of a later tree begins anew.
func (s *Sweep) Before(i int) int {
	for at := i - 1; at >= 0; at-- {
		if s.Columns[at].Tree != s.Columns[i].Tree && s.Columns[at].Toolchain != s.Columns[i].Toolchain {
			return -1
		}
		if state := s.Columns[at].State(); state == ColumnExpected || state == ColumnDiffers {
			return at
		}
	}
	return -1
}
