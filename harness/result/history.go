package result

import "time"

// HistorySchema is the version of the JSON that History marshals to.
const HistorySchema = "umlab.history/v1"

// History is what the recorded results say about when cells changed.
type History struct {
	Schema   string         `json:"schema"`            // HistorySchema
	Command  string         `json:"command,omitempty"` // the command that repeats it
	Results  int            `json:"results"`           // distinct results that were asked for
	Unproved int            `json:"unproved"`          // of them, those that prove nothing: recorded, never compared
	First    time.Time      `json:"first"`             // when the oldest of them was seen first
	Last     time.Time      `json:"last"`              // and the newest last
	Groups   []HistoryGroup `json:"groups"`
}

// HistoryGroup holds what can be compared: results that were asked the same, see Question, of one tree, with the same patches
// and by the same compiler of the C side.
type HistoryGroup struct {
	Scenario  string          `json:"scenario"`
	Question  string          `json:"question"` // digest; empty where none of the results says it
	Own       []string        `json:"own"`      // what is not the scenario's own choice, in words
	Tree      string          `json:"tree"`
	Compiler  string          `json:"compiler"`  // clang or gcc
	Patches   []string        `json:"patches"`   // sha256 of each
	Fragments []string        `json:"fragments"` // names of the configuration's fragments
	Versions  []string        `json:"versions"`  // of the tree, oldest first
	Columns   []HistoryColumn `json:"columns"`   // in version order
	Rows      []HistoryRow    `json:"rows"`      // one a cell, in the order of the newest result
	Changes   []HistoryChange `json:"changes"`   // along toolchains, then along time
}

// HistoryColumn is one toolchain in one version. A name whose compilers were
// replaced, as a suite does it, has several.
type HistoryColumn struct {
	Toolchain string `json:"toolchain"`
	Compiler  string `json:"compiler"` // clang or gcc
	Rustc     string `json:"rustc"`
	LLVM      string `json:"llvm"` // rustc's
}

// HistoryRow is one cell; Entries runs parallel to the group's columns.
type HistoryRow struct {
	Cell    string          `json:"cell"`
	Entries []*HistoryEntry `json:"entries"` // parallel to the group's columns; null where the cell was never run
}

// HistoryEntry is the newest that is known of a cell with a toolchain.
type HistoryEntry struct {
	Point     HistoryPoint `json:"point"`
	Reason    string       `json:"reason,omitempty"`
	Seen      []Sight      `json:"seen"`
	Sightings int          `json:"sightings"` // runs that gave this very result
	Differs   bool         `json:"differs"`   // from the toolchain before it
	Moved     bool         `json:"moved"`     // it was something else earlier with a toolchain of this name
}

// HistoryPoint is a sighting of a cell.
type HistoryPoint struct {
	When            time.Time         `json:"when"`
	Result          string            `json:"result"` // digest of the result's content
	Toolchain       HistoryColumn     `json:"toolchain"`
	ToolchainDigest string            `json:"toolchain_digest"` // as of Toolchain
	Tools           map[string]string `json:"tools"`            // likewise: identity
	TreeVersion     string            `json:"tree_version"`
	TreeDigest      string            `json:"tree_digest"`
	ConfigDigest    string            `json:"config_digest"` // of the resolved .config; empty where nothing was configured
	Verdict         Verdict           `json:"verdict"`
}

// The axes along which a cell changes.
const (
	AlongToolchains = "toolchain"
	AlongTime       = "time"
)

// HistoryChange is a cell that is not what it was.
type HistoryChange struct {
	Axis        string       `json:"axis" jsonschema:"enum=toolchain,enum=time"`
	Cell        string       `json:"cell"`
	From        HistoryPoint `json:"from"`
	To          HistoryPoint `json:"to"`
	Differences []Difference `json:"differences" jsonschema:"minItems=1"`
}

// Sight is what a placement showed for a module. A cell that was not built has
// one without placement and module.
type Sight struct {
	Placement string        `json:"placement,omitempty"`
	Mem       string        `json:"mem,omitempty"`
	ASLR      bool          `json:"aslr,omitempty"`
	Module    string        `json:"module,omitempty"`
	Outcomes  []SeenOutcome `json:"outcomes" jsonschema:"minItems=1"` // distinct ones, sorted
	Random    bool          `json:"random,omitempty"`                 // whether it loads depends on where it happened to land
}

// SeenOutcome is an outcome without what differs from boot to boot.
type SeenOutcome struct {
	Text     string `json:"text"`               // the outcome, as "relocation-unknown 9 GOTPCREL"
	Evidence string `json:"evidence,omitempty"` // the line that proved it, or a sentence
}

// Difference is one of the things that changed with a cell.
type Difference struct {
	Placement string        `json:"placement,omitempty"` // "" where one side was not built
	Module    string        `json:"module,omitempty"`
	From      []SeenOutcome `json:"from" jsonschema:"minItems=1"`
	To        []SeenOutcome `json:"to" jsonschema:"minItems=1"`
}
