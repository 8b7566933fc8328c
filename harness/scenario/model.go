package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/kconfig"
)

// Stock is the id of the variant with no flag override.
const Stock = "stock"

// The scopes: where a variant's flags apply.
const (
	ScopeModule = "module" // RUSTFLAGS_MODULE
	ScopeKernel = "kernel" // RUSTFLAGS_KERNEL
	ScopeAll    = "all"    // KRUSTFLAGS
)

// Scopes lists every scope.
func Scopes() []string { return []string{ScopeModule, ScopeKernel, ScopeAll} }

// Scenario is one bug: what to build, boot and load, and what to expect.
type Scenario struct {
	OwnFile     string // path of the file, where it is the user's and not one of umlab's
	file        string // "scenarios/unknown-rela-relocation.toml"
	Digest      string // sha256 of the file, hex
	Name        string
	Title       string
	Source      []string // where the bug is known from: commits, addresses of threads
	description string
	Tree        string // default, a name of configs/trees.toml; not looked up here
	Toolchain   string // default, a name of configs/toolchains.toml; not looked up here

	FragmentNames []string           // as the file lists them
	Fragments     []kconfig.Fragment // those, read by Load, then [kconfig] as the last one
	Patches       []Patch            // in the order to apply them
	Goal          string             // target of make of a scenario about the build alone; "" for one that boots
	OutOfTree     *OutOfTree         // what Goal is made of, where that is M=DIRECTORY; else nil
	trees         versions           // kernels that it is for

	Modules      []Module // in the order to load them
	Steps        []Step   // in the order to take them, behind the modules that no step loads
	Guest        *Guest   // what the steps find in the guest; nil for what every guest has
	variants     []Variant
	axes         []axisValues // of the product, for messages and what else can be asked for
	scopes       []string
	placements   []Placement // what is booted unless the user says otherwise
	controls     []Control
	expectations []expectation
	subarch      string // see For

	known []Placement // every placement that has a name here
}

// Patch is a patch of the scenario.
type Patch struct {
	File string // path in the file system given to Load
	Text []byte // as Load read it
}

// Module is a loadable module: of the tree, or of a directory of the user's.
type Module struct {
	Name     string         // as /proc/modules shows it
	Path     string         // make target, relative to O=: "samples/rust/rust_minimal.ko"; "" for a name that the tree is yet to be asked for
	Output   *regexp.Regexp // matches a console line that the module's init prints, and only it; nil: what the built module shows decides
	Silent   bool           // the init prints nothing, as the user says
	Params   []string       // arguments of insmod: "x=1"
	External *External      // nil for a module of the tree
}

// External is a directory of the user's that holds modules and the Kbuild file
// or Makefile that lists them. Its modules have paths below Mount.
type External struct {
	Given  string // as the user wrote it
	Dir    string // the snapshot of it that is built; "" until one was taken
	Digest string // of the snapshot
	Mount  string // where the sandbox shows it, relative to its root: "ext/hello"
}

// Placement is the boot parameters that decide where modules land.
type Placement struct {
	Name    string
	Mem     int64  // bytes of physical memory
	MemText string // as on the kernel's command line: "64M"
	ASLR    bool   // address randomisation of the host left on
	Repeat  int    // boots, at least 1
	// Confidence is in percent, where it decides how many boots: see result.Placement.Settled. 0 where Repeat does.
	Confidence int `json:",omitempty"`
}

// builtin returns the placements known to every scenario.
func builtin() []Placement {
	return []Placement{
		{Name: "low", Mem: 64 << 20, MemText: "64M", Repeat: 1},
		{Name: "high", Mem: 1 << 30, MemText: "1G", ASLR: true, Repeat: 1},
		{Name: "far", Mem: 4 << 30, MemText: "4G", ASLR: true, Repeat: 1},
	}
}

// Builtin returns the placement of that name which every scenario has; ok is false where there is none.
func Builtin(name string) (p Placement, ok bool) { return named(builtin(), name) }

// same reports whether p boots as q does, however often.
func (p Placement) same(q Placement) bool {
	return p.Name == q.Name && p.Mem == q.Mem && p.ASLR == q.ASLR
}

// Control is a result known beforehand.
type Control struct {
	Name      string
	Cell      string // the cell's id, scope included
	Placement string
	Module    string // "" for one of a step
	Step      string // or of a test of KUnit, "suite/test"; "" for one of a module
	Toolchain string // of a scenario about the build: that it is built with, "" for the run's own
	Unpatched bool   // on the tree without the scenario's patches
	Wants     []Want // alternatives
}

// Of is the module or the step that the control is about.
func (c Control) Of() string { return cmp.Or(c.Step, c.Module) }

// Cell is a variant at a scope, over the placements to boot it at.
type Cell struct {
	Variant    Variant
	Scope      string // "" for stock
	Placements []Placement
	Modules    []Module
	Steps      []Step
	Guest      *Guest
}

// ID is "stock" or "static-small@module".
func (c Cell) ID() string { return cellID(c.Variant.ID, c.Scope) }

func cellID(variant, scope string) string {
	if scope == "" {
		return variant
	}
	return variant + "@" + scope
}

func (p Placement) name() string { return p.Name }
func (m Module) name() string    { return m.Name }
func (v Variant) name() string   { return v.ID }
func (c Control) name() string   { return c.Name }
func (s Step) name() string      { return s.Name }

// names are what things of the model are called.
func names[T interface{ name() string }](list []T) []string { return each(list, T.name) }

// each is what is said of all of a list; never nil.
func each[T any](list []T, say func(T) string) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = say(t)
	}
	return all
}

// named is the one of list that is called name; ok is false where there is none.
func named[T interface{ name() string }](list []T, name string) (t T, ok bool) {
	if i := slices.Index(names(list), name); i >= 0 {
		return list[i], true
	}
	return t, false
}

// What mem= may be. Below the least a kernel with Rust does not reach its
// init; above the most User-Mode Linux runs out of address space.
const (
	leastMem = 16 << 20
	mostMem  = 64 << 30
)

var memSize = regexp.MustCompile(`^([1-9][0-9]{0,14})([KMGkmg]?)$`)

// ParseMem reads a value of mem= into bytes: digits, and K, M or G. See
// memparse, lib/cmdline.c.
func ParseMem(s string) (int64, error) {
	m := memSize.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf(`%q is no memory size: write digits and K, M or G, as in "512M"`, s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no memory size: %w", s, err)
	}
	unit := map[string]int64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[strings.ToUpper(m[2])]
	if n > mostMem/unit || n*unit < leastMem {
		return 0, fmt.Errorf("mem=%s is out of range: allowed is 16M to 64G", s)
	}
	if n*unit%4096 != 0 {
		return 0, fmt.Errorf("mem=%s is no multiple of the page size, 4096", s)
	}
	return n * unit, nil
}
