package result

import "time"

// ZooSchema is the version of the JSON that Zoo marshals to.
const ZooSchema = "umlab.zoo/v1"

// Zoo is many scenarios, each on trees and with toolchains.
type Zoo struct {
	Schema  string      `json:"schema"`  // ZooSchema
	Command string      `json:"command"` // the command that repeats it
	Started time.Time   `json:"started"`
	Seconds float64     `json:"seconds"` // wall time of this invocation
	Entries []ZooEntry  `json:"entries"` // by scenario, then by tree and by toolchain
	Totals  SweepTotals `json:"totals"`  // with an entry for a column
	// 3 if an entry proves nothing, else 1 if one differs, else 2 if all were skipped, else 0; of
	// conclude.Zoo
	Exit int `json:"exit" jsonschema:"enum=0,enum=1,enum=2,enum=3"`
}

// ZooEntry is a scenario on one tree with one toolchain. It is refused where the scenario is
// not for that tree, or the toolchain cannot work with it: then it was skipped.
type ZooEntry struct {
	Scenario Scenario    `json:"scenario"`
	Source   []string    `json:"source,omitempty"` // where the bug is known from: commits, addresses of threads
	Column   SweepColumn `json:"column"`
}
