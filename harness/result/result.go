// Package result holds the types of the documents that every report is made from:
// umlab.results/v1, the record of a run, and those of what is made of runs. It
// imports outcome, and never concludes (that is package conclude), builds, boots or
// prints.
package result

import (
	"cmp"
	"slices"
	"time"

	"umlab/harness/outcome"
)

// The versions of the JSON that Results marshals to: the second is the first and
// what it cannot say. See Version.
const (
	Schema   = "umlab.results/v1"
	SchemaV2 = "umlab.results/v2"
)

// Version is the least version of the JSON that can say all of r.
func (r Results) Version() string {
	if r.Search != nil || r.Tree.Subarch != "" {
		return SchemaV2
	}
	for _, c := range r.Cells {
		more := c.Base != nil || len(c.Variant.Settings) > 0 || c.Goal() || c.diagnosed()
		if more || slices.ContainsFunc(c.Booted(), Placement.later) {
			return SchemaV2
		}
	}
	return Schema
}

// diagnosed reports whether the tool that failed the build is named.
func (c Cell) diagnosed() bool { return c.Build.Outcome != nil && c.Build.Outcome.Diagnostic != nil }

// Goal reports whether c is of a scenario about the build alone: nothing of it was to be booted.
func (c Cell) Goal() bool { return c.Build.Goal != "" }

// Verdict is what a cell is, over all its placements and runs.
type Verdict string

// The verdicts.
const (
	Loads            Verdict = "loads"             // every module loaded, everywhere
	Rejected         Verdict = "rejected"          // no module loaded anywhere, and the loader said why
	AddressDependent Verdict = "address-dependent" // the same binary loads or fails with where it lands
	Mixed            Verdict = "mixed"             // stable, but not the same for all modules
	Broken           Verdict = "broken"            // oops, loaded-corrupt, init-failed, boot-failed, build-failed, timeout
	Builds           Verdict = "builds"            // the goal of a scenario about the build is made
	Flaky            Verdict = "flaky"             // runs differ, and addresses do not explain it
	Unknown          Verdict = "unknown"           // infra or config-dropped: nothing was proved
	Passes           Verdict = "passes"            // every step showed what is wanted of it, everywhere
	Fails            Verdict = "fails"             // no step did, anywhere
)

// Verdicts are all of them, in the order of every list and legend.
func Verdicts() []Verdict {
	return []Verdict{Loads, Rejected, AddressDependent, Mixed, Broken, Builds, Flaky, Unknown, Passes, Fails}
}

// Results is one run of a scenario on a tree with a toolchain.
type Results struct {
	Schema    string    `json:"schema"` // of Version
	Scenario  Scenario  `json:"scenario"`
	Question  *Question `json:"question,omitempty"` // absent in what an umlab wrote that did not record it
	Command   string    `json:"command"`            // the command that repeats it
	Next      string    `json:"next,omitempty"`     // the command that says most about why it is so
	Started   time.Time `json:"started"`
	Seconds   float64   `json:"seconds"` // wall time of this invocation
	Tree      Tree      `json:"tree"`
	Toolchain Toolchain `json:"toolchain"`
	Config    Config    `json:"config"`
	Kernel    *Kernel   `json:"kernel,omitempty"` // missing where it does not build
	Cells     []Cell    `json:"cells"`
	Controls  []Control `json:"controls"`
	Totals    Totals    `json:"totals"`
	// where sets of settings were looked for: the cells are those that were found
	Search *Search  `json:"search,omitempty" since:"v2"`
	Notes  []string `json:"notes,omitempty"`                          // what a reader must know: a frozen mirror, a dirty tree
	Infra  string   `json:"infra,omitempty" jsonschema:"minLength=1"` // set when the run as a whole proves nothing, and why
	// 0 as the scenario expects, 1 something differs, 2 usage, 3 infrastructure
	Exit int `json:"exit" jsonschema:"enum=0,enum=1,enum=2,enum=3"`
}

// Cell is the cell of that ID, or nil where r, which may be nil, has none.
func (r *Results) Cell(id string) *Cell {
	if r == nil {
		return nil
	}
	at := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.ID == id })
	if at < 0 {
		return nil
	}
	return &r.Cells[at]
}

// Scenario names the scenario file that was run.
type Scenario struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Digest string `json:"digest"` // sha256 of the file
}

// Search is what was found of the smallest sets of settings that give a verdict.
type Search struct {
	Verdict Verdict         `json:"verdict"` // that was looked for
	Axes    string          `json:"axes"`    // with their values: "-Ccode-model=small,large"
	Most    int             `json:"most"`    // settings of the largest sets that were asked
	Asked   int             `json:"asked"`   // sets that were built and booted
	Sets    []string        `json:"sets"`    // IDs of the cells that gave the verdict; no other one that did is a part of one; never null
	Others  map[Verdict]int `json:"others"`  // what the other sets gave
}

// Base is a build with another configuration, compiler or SUBARCH than the run's.
type Base struct {
	Compiler string  `json:"compiler" jsonschema:"enum=clang,enum=gcc"`
	Subarch  string  `json:"subarch,omitempty"` // as of Tree
	Config   Config  `json:"config"`
	Kernel   *Kernel `json:"kernel,omitempty"` // missing where it does not build
}

// Kernel says how the build came about that all variants are forks of.
type Kernel struct {
	From    string  `json:"from"`    // the build that it went on from, in words; "" for one from nothing
	Files   int     `json:"files"`   // in which the trees of the two differ
	Removed int     `json:"removed"` // targets that were removed from that build because they were made from what differs
	Steps   int     `json:"steps"`   // that make took
	Seconds float64 `json:"seconds"` // of its makes, whenever that was
}

// Tree is the kernel source.
type Tree struct {
	Name    string   `json:"name"`    // of configs/trees.toml, or the path given
	Version string   `json:"version"` // make kernelversion, "6.12.107"
	Package string   `json:"package,omitempty"`
	Origin  string   `json:"origin,omitempty"` // where a tree of that name comes from, whichever version that has now
	Commit  string   `json:"commit,omitempty"` // of git, full, where the origin of the tree is one
	Digest  string   `json:"digest"`           // over names, modes and contents of all files
	Patches []string `json:"patches"`          // sha256 of each, in order; never null
	// SUBARCH that it is built for, "i386"; absent for x86_64
	Subarch string `json:"subarch,omitempty" since:"v2"`
}

// Toolchain is the compilers, by their own words.
type Toolchain struct {
	Name string `json:"name"`
	// what builds the C side; empty where no toolchain was reached
	Compiler string            `json:"compiler" jsonschema:"enum=,enum=clang,enum=gcc"`
	Identity map[string]string `json:"identity"` // rustc, rustc-llvm, rust-src, bindgen, libclang, clang, ld, gcc -> version
	Digest   string            `json:"digest"`   // over the packages it is made of
}

// Config is the kernel configuration all variants share.
type Config struct {
	Fragments []string `json:"fragments"`
	Digest    string   `json:"digest"` // sha256 of the resolved .config
	Resolved  string   `json:"resolved,omitempty"`
}

// Variant is the flags of one build; all empty for stock.
type Variant struct {
	RelocationModel string `json:"relocation_model" jsonschema:"enum=,enum=pie,enum=static,enum=pic"`
	CodeModel       string `json:"code_model" jsonschema:"enum=,enum=small,enum=kernel,enum=medium,enum=large"`
	Scope           string `json:"scope" jsonschema:"enum=,enum=module,enum=kernel,enum=all"`
	// what else the variant sets, in the order of its ID
	Settings []Setting `json:"settings,omitempty" since:"v2"`
}

// Stock reports whether nothing is set.
func (v Variant) Stock() bool {
	return v.RelocationModel == "" && v.CodeModel == "" && v.Scope == "" && len(v.Settings) == 0
}

// Setting is an axis at a value.
type Setting struct {
	Axis  string `json:"axis" jsonschema:"minLength=1"` // "-Zplt", "KCFLAGS", "CONFIG_X", "param:seccomp", "compiler"
	Value string `json:"value"`
}

// Cell is one variant over all its placements.
type Cell struct {
	ID         string      `json:"id" jsonschema:"minLength=1"` // "stock", "static-small@module"
	Variant    Variant     `json:"variant"`
	Verdict    Verdict     `json:"verdict"`
	Reason     string      `json:"reason,omitempty"`   // one sentence
	Expected   string      `json:"expected,omitempty"` // what the scenario expects
	AsExpected bool        `json:"as_expected"`        // also true where nothing is expected
	Build      Build       `json:"build"`
	Base       *Base       `json:"base,omitempty" since:"v2"` // the build that it is a fork of, where that is not the run's own
	Placements []Placement `json:"placements"`
	Thresholds []Threshold `json:"thresholds,omitempty"` // where it changes with the address
}

// Threshold is the smallest mem= at which modules no longer load, as computed,
// with the boots that confirm it.
type Threshold struct {
	Modules []string        `json:"modules" jsonschema:"minLength=1"`
	Mem     string          `json:"mem"`                                        // as on the kernel's command line: "504M"
	Base    string          `json:"base" jsonschema:"pattern=^(0x)?[0-9a-f]+$"` // where modules begin there: "0x80000000"
	Before  outcome.Outcome `json:"before"`                                     // predicted for the first of the modules just below
	After   outcome.Outcome `json:"after"`                                      // and there
	// boots just below and there; empty where mem= cannot be had
	Probes []Placement `json:"probes"`
	Holds  bool        `json:"holds"` // the boots went as predicted
}

// Build says how the cell's binaries came to be.
type Build struct {
	Flags     []string            `json:"flags"`     // as requested: "-Crelocation-model=static"
	Effective map[string][]string `json:"effective"` // module -> -C options of its .cmd file that count
	Command   string              `json:"command"`   // the make command that builds the same by hand
	Signature map[string]string   `json:"signature"` // "linux" and module -> hash of its allocated sections
	Seconds   float64             `json:"seconds"`   // of the build that made them, also when cached
	Cached    bool                `json:"cached"`
	Outcome   *outcome.Outcome    `json:"outcome,omitempty"` // where nothing could be booted: build-failed, config-dropped, infra
	Log       string              `json:"log,omitempty"`     // path of the build log in the store
	// target of make that a scenario about the build asks for: "rust/core.o"
	Goal string `json:"goal,omitempty" since:"v2"`
	// where rustc, asked before anything was built, did not take what the tree asks of it
	Refused *Refused `json:"refused,omitempty" since:"v2"`

	// what the loader would apply: module -> "R_X86_64_GOTPCREL" -> entries in allocated sections
	Relocations map[string]map[string]int `json:"relocations,omitempty"`
}

// Refused says what rustc did not take.
type Refused struct {
	Gives   string  `json:"gives,omitempty"` // file and line of the tree that ask for it: "scripts/generate_rust_target.rs:242"
	Seconds float64 `json:"seconds"`         // that asking took
}

// Placement is one cell's runs at one set of boot parameters.
type Placement struct {
	Name string `json:"name" jsonschema:"minLength=1"` // "low"
	Mem  string `json:"mem"`                           // "64M", as on the kernel command line
	ASLR bool   `json:"aslr"`                          // address randomisation of the host left on
	Runs []Run  `json:"runs"`

	// in percent, where the number of runs follows from it: so many that each rate is known to 10 points more or less
	Confidence int `json:"confidence,omitempty" since:"v2" jsonschema:"minimum=50,maximum=99"`
	// of each outcome, where a confidence was asked for, or the cell is flaky; at that confidence, or at 95 %
	Shares []Rate `json:"rates,omitempty" since:"v2"`

	Chances []Chance `json:"chances,omitempty"` // where addresses are random
}

// Chance is how often a module loads at random addresses, as computed and as
// seen.
type Chance struct {
	Module   string  `json:"module" jsonschema:"minLength=1"`
	Computed float64 `json:"computed" jsonschema:"maximum=1"` // probability that it loads
	Range    int64   `json:"range"`                           // bytes over which the host is taken to place brk
	Loaded   int     `json:"loaded"`                          // runs in which it did
	Runs     int     `json:"runs"`
	Low      float64 `json:"low" jsonschema:"maximum=1"` // of the 95 % interval (Wilson) of loaded in runs
	High     float64 `json:"high" jsonschema:"maximum=1"`
	Holds    bool    `json:"holds"` // computed lies in the interval; even where all is right, 1 in 20 does not
}

// Run is one boot, or several where a module brought the machine down.
type Run struct {
	Modules    []Module    `json:"modules"`
	Steps      []Step      `json:"steps,omitempty" since:"v2"`               // behind the modules, in the order of the scenario
	Command    string      `json:"command"`                                  // the kernel's command line
	Transcript string      `json:"transcript"`                               // path of the console bytes in the store
	Kernel     string      `json:"kernel,omitempty"`                         // version that the guest reports
	Gap        *int64      `json:"gap,omitempty" jsonschema:"minimum=-1e18"` // bytes of exec-shield gap that the first boot's log reports
	Discarded  []Discarded `json:"discarded,omitempty" since:"v2"`           // tries that do not count
	Boots      []Boot      `json:"boots,omitempty"`                          // where it took several
	Seconds    float64     `json:"seconds"`                                  // exec to end of console
	Cached     bool        `json:"cached"`
}

// Discarded is a try of a run in which a guest did not end as it was asked to, or that
// contradicts a prediction, and that was not seen again.
type Discarded struct {
	Seen       string `json:"seen"`       // what it showed, in one line
	Transcript string `json:"transcript"` // path of the console bytes in the store
}

// Boot is one of the boots of a run: a module that brings the machine down keeps
// those behind it for another one.
type Boot struct {
	Modules []string `json:"modules" jsonschema:"minLength=1"`         // that it tried, in their order
	Gap     *int64   `json:"gap,omitempty" jsonschema:"minimum=-1e18"` // bytes, as of the run
}

// Module is what a run showed for one module.
type Module struct {
	Name      string           `json:"name" jsonschema:"minLength=1"`
	Outcome   outcome.Outcome  `json:"outcome"`
	Predicted *outcome.Outcome `json:"predicted,omitempty"`
	Agrees    *bool            `json:"agrees,omitempty"` // absent where nothing was predicted, or where the run does not tell
}

// Step is what a run showed for one step of the scenario, or for one test of KUnit
// that it ran. Of outcome, not_run and skipped it has one.
type Step struct {
	Name    string           `json:"name" jsonschema:"minLength=1"` // of the scenario
	Kind    string           `json:"kind" jsonschema:"minLength=1"` // run, c, read, write, mount, insmod, rmmod, kunit, boot
	Test    string           `json:"test,omitempty"`                // of KUnit, "suite/test"; missing of the step itself
	Outcome *outcome.Outcome `json:"outcome,omitempty"`
	NotRun  string           `json:"not_run,omitempty"` // why the guest was not given it: "after oops in mount-it"
	Skipped string           `json:"skipped,omitempty"` // why the test did not run, in its own words
}

// Of is what the step is called where modules have their names: the test's name, or
// the step's.
func (s Step) Of() string { return cmp.Or(s.Test, s.Name) }

// Items are all that a run showed: its modules, then the steps and tests that were
// run, as if they were modules.
func (r Run) Items() []Module {
	if len(r.Steps) == 0 {
		return r.Modules
	}
	items := slices.Clone(r.Modules)
	for _, s := range r.Steps {
		if s.Outcome != nil {
			items = append(items, Module{Name: s.Of(), Outcome: *s.Outcome})
		}
	}
	return items
}

// later reports whether p has what the first version of the documents cannot say.
func (p Placement) later() bool {
	return p.Confidence > 0 || p.Shares != nil ||
		slices.ContainsFunc(p.Runs, func(r Run) bool { return len(r.Steps)+len(r.Discarded) > 0 })
}

// Stopped reports whether one of the steps brought the machine down, took too long, or
// lost tests of KUnit, so that not all was seen.
func (r Run) Stopped() bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool {
		return s.NotRun != "" || s.Outcome != nil && (s.Outcome.Missing == outcome.MissingTest ||
			slices.Contains([]outcome.Kind{outcome.Oops, outcome.Timeout, outcome.BootFailed}, s.Outcome.Kind))
	})
}

// Control is a cell whose result is known beforehand.
type Control struct {
	Name  string `json:"name"` // "known-reject", "known-load"
	Cell  string `json:"cell"` // "stock", with the placement: "stock:low"
	Want  string `json:"want"`
	Got   string `json:"got"`
	Holds bool   `json:"holds"`
}

// Totals are the sums of the last line.
type Totals struct {
	Cells       int             `json:"cells"`                      // entries of cells, one a variant
	Placements  int             `json:"placements"`                 // variant × placement
	Loads       int             `json:"loads"`                      // modules tried, over all runs, those that confirm thresholds included
	Steps       int             `json:"steps,omitempty" since:"v2"` // steps and tests that were run, over all runs
	Verdicts    map[Verdict]int `json:"verdicts"`
	Boots       int             `json:"boots"`
	Cached      int             `json:"cached"`      // boots answered from the store
	Differing   int             `json:"differing"`   // cells that are not what the scenario expects
	Predicted   int             `json:"predicted"`   // loads that the oracle predicted
	Disagreeing int             `json:"disagreeing"` // predicted loads that went otherwise
}
