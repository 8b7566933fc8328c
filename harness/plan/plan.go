// Package plan makes of flags, a scenario, a tree and a toolchain what is to be
// built and booted. A plan is never written to once it is made: what the tree
// tells of its modules makes another one. It may import kbuild, scenario, sources
// and what lies below them; it boots and prints nothing.
package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"

	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/parcel"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// DefaultScenario is the one that is run where none is named.
const DefaultScenario = "unknown-rela-relocation"

// Flags choose what is run. Empty means the scenario's own choice.
type Flags struct {
	Scenario  string
	Tree      string // name or path
	Toolchain string
	Compiler  string   // clang or gcc
	Subarch   string   // SUBARCH of the kernel: "i386"; "" is x86_64
	Fragments []string // files with more kernel options
	Select    scenario.Selection
	Fresh     bool
	Jobs      int
	Find      string // a verdict: the smallest sets of settings that give it are looked for
	Command   string // how this run is repeated, for the report
}

// Plan is what flags mean: everything that a mistake of the user could spoil was
// looked at.
type Plan struct {
	scenario.Plan
	Flags     Flags // with the scenario's own choices
	Scenario  *scenario.Scenario
	Options   []kconfig.Option // of all fragments together
	Fragments []string         // their names
	Notes     []string         // for the report
	Asked     *result.Question // see Snapshot; nil before

	guest         []kconfig.Option            // see Guest
	compiler      string                      // "" where the tree decides
	usualCompiler string                      // the same without the user's choice
	ownConfig     []settings.Own              // that the tree and the toolchain rest on
	fragmentSums  []string                    // short digests of the user's fragments
	named         map[string]kconfig.Fragment // that variants name, by path
	subarches     map[string]kconfig.Fragment // that variants name, by SUBARCH
	patches       []patch.Patch
	read          *parcel.Record               // all that was read of the user's files
	taken         map[string]scenario.External // see scenario.Library
	cut           *cut                         // nil: all of it is done
}

func knownFrom(s *scenario.Scenario) string { return "the bug is known from " + s.KnownFrom() }

// AmongOthers is the plan where a report of many scenarios says itself where each is known from; command repeats it alone.
func (p *Plan) AmongOthers(command string) *Plan {
	return p.but(func(q *Plan) {
		q.Flags.Command = command
		q.Notes = slices.DeleteFunc(slices.Clone(p.Notes), func(n string) bool { return n == knownFrom(p.Scenario) })
	})
}

// but is a copy of the plan that is not in one thing what p is, which stays.
func (p *Plan) but(change func(q *Plan)) *Plan {
	q := *p
	change(&q)
	return &q
}

// New makes the plan of flags, with one of the scenarios. It looks at nothing
// beyond this machine; the error has all that is wrong, one a line.
func New(scenarios scenario.Library, src *sources.Sources, f Flags) (*Plan, error) {
	f.Scenario = cmp.Or(f.Scenario, DefaultScenario)
	read := &parcel.Record{From: scenarios.User()}
	scenarios.Files = read.Files
	s, err := scenarios.Load(f.Scenario)
	if err != nil {
		return nil, err
	}
	f.Subarch = subarch(f.Subarch)
	unknown := src.CheckSubarch(f.Subarch)
	if unknown != nil {
		f.Subarch = "" // it has no fragment to read
	}
	f.Tree, f.Toolchain = cmp.Or(f.Tree, s.Tree), cmp.Or(f.Toolchain, s.Toolchain)
	s = s.For(f.Subarch)
	p := &Plan{Flags: f, Scenario: s, compiler: src.Compiler(f.Compiler, f.Tree), usualCompiler: src.Compiler("", f.Tree), read: read,
		taken: scenarios.Taken}
	selected, err := s.Select(f.Select)
	errs := []error{err}
	if err == nil {
		p.Plan = *selected
		for _, m := range p.Modules() {
			if m.External != nil {
				errs = append(errs, checkDirectory(read.Files, m.External.Given))
			}
		}
	}
	errs = append(errs, src.CheckTree(f.Tree), src.CheckToolchain(f.Toolchain), unknown)
	for _, c := range p.Controls {
		if c.Toolchain != "" {
			errs = append(errs, src.CheckToolchain(c.Toolchain))
		}
	}
	if f.Compiler != "" && f.Compiler != kmake.Clang && f.Compiler != kmake.GCC {
		errs = append(errs, usage.Errorf("unknown compiler %q: clang or gcc", f.Compiler))
	}
	if f.Jobs < 0 {
		errs = append(errs, usage.Errorf("-jobs=%d: give a number of CPU slots, or leave it out for one per CPU", f.Jobs))
	}
	p.ownConfig = src.Settings.OwnOf(f.Tree, f.Toolchain, f.Subarch)
	if p.Notes = p.OwnNotes(); len(s.Source) > 0 {
		p.Notes = append(p.Notes, knownFrom(s))
	}
	errs = append(errs, p.merge(scenarios), p.readNamed(scenarios), p.readPatches())
	if err := usage.Join(errs...); err != nil {
		return nil, err
	}
	return p, p.checkRust()
}

// OwnNotes say which entries of the user's own configuration the plan rests on.
func (p *Plan) OwnNotes() (notes []string) {
	for _, o := range p.ownConfig {
		notes = append(notes, "of your own configuration: "+o.String())
	}
	if p.Scenario.OwnFile != "" {
		notes = append(notes, fmt.Sprintf("of your own: scenario %s of %s", p.Scenario.Name, p.Scenario.OwnFile))
	}
	return notes
}

// merge merges the scenario's fragments, the SUBARCH's, and the user's.
func (p *Plan) merge(scenarios scenario.Library) error {
	var errs []error
	fragments := slices.Clone(p.Scenario.Fragments)
	for _, f := range fragments {
		if path.Base(f.File) == scenario.GuestFragment {
			p.guest = append(p.guest, f.Options...)
		}
	}
	p.Fragments = append([]string{}, p.Scenario.FragmentNames...)
	if p.Flags.Subarch != "" {
		f, err := readSubarch(scenarios.Project, p.Flags.Subarch)
		if err != nil {
			return err
		}
		p.guest = append(p.guest, f.Options...)
		// What is replaced is what the SUBARCH means, and needs no note.
		merged, _ := kconfig.Merge(append(fragments, f)...)
		fragments, p.Fragments = []kconfig.Fragment{{Options: merged}}, append(p.Fragments, p.Flags.Subarch+".config")
	}
	for _, name := range p.Flags.Fragments {
		f, text, err := readFragment(scenarios.User(), name)
		if err != nil {
			errs = append(errs, usage.Errorf("-fragment=%s: %w", name, err))
		}
		fragments, p.Fragments = append(fragments, f), append(p.Fragments, name)
		p.fragmentSums = append(p.fragmentSums, store.Short(store.Key(string(text))))
	}
	var overrides []kconfig.Note
	p.Options, overrides = kconfig.Merge(fragments...)
	for _, n := range overrides {
		p.Notes = append(p.Notes, n.String())
	}
	return usage.Join(errs...)
}

// Guest reports whether an option of the plan's is one that every guest is given, whatever the scenario is about.
func (p *Plan) Guest(o kconfig.Option) bool { return slices.Contains(p.guest, o) }

// checkRust says where a tree that is on this machine cannot build what is asked.
func (p *Plan) checkRust() error {
	dir, own := sources.Directory(p.Flags.Tree)
	if !own || !kbuild.RequestsRust(p.Options) {
		return nil
	}
	version, err := tree.Version(dir)
	if err == nil {
		err = (&tree.Tree{Name: dir, Layers: []string{dir}, Version: version}).CheckRust()
	}
	if err != nil {
		return &usage.Error{Err: err}
	}
	return nil
}

// Parcel has all that was read of the user's files for the plan.
func (p *Plan) Parcel() ([]byte, error) { return p.read.Pack() }

// Compiler is what builds the C side: the user's choice, the named tree's, else
// what the tree itself allows.
func (p *Plan) Compiler(t *tree.Tree) string { return cmp.Or(p.compiler, t.Compiler()) }

// Base is what all cells of the plan are built on, but for what its modules need.
func (p *Plan) Base(t *tree.Tree, tc *toolchain.Toolchain) kmake.Base {
	return kmake.Base{Tree: t, Toolchain: tc, Compiler: p.Compiler(t), Subarch: p.Flags.Subarch, Options: p.Options}
}

// Named is the scenario, as results name it.
func (p *Plan) Named() result.Scenario {
	return result.Scenario{Name: p.Scenario.Name, Title: p.Scenario.Title, Digest: p.Scenario.Digest}
}

// Modules are the plan's; all cells have the same.
func (p *Plan) Modules() []scenario.Module {
	return p.first().Modules
}

func (p *Plan) first() scenario.Cell { return append(slices.Clip(p.Cells), scenario.Cell{})[0] }

// CellIDs are the names of the plan's cells.
func (p *Plan) CellIDs() []string { return each(p.Cells, scenario.Cell.ID) }

func each[T any](list []T, say func(T) string) (all []string) {
	for _, t := range list {
		all = append(all, say(t))
	}
	return all
}

// Afresh is the plan for which forks are built and booted again, or not.
func (p *Plan) Afresh(fresh bool) *Plan {
	return p.but(func(q *Plan) { q.Flags.Fresh = fresh })
}

// Of is the plan with other variants in the place of its own.
func (p *Plan) Of(variants []scenario.Variant) *Plan {
	return p.but(func(q *Plan) { q.Plan = p.Scenario.Of(&p.Plan, p.Flags.Select, variants) })
}

// WithoutControls is the plan that is not judged by what is known.
func (p *Plan) WithoutControls() *Plan {
	return p.but(func(q *Plan) { q.Controls = nil })
}

// Without is p without those of its modules that gone tells, with what must be said of it; it is p itself where nothing
// would be left.
func (p *Plan) Without(gone func(scenario.Module) bool) (q *Plan, notes []string) {
	q = p.replaced(func(m scenario.Module) []scenario.Module {
		if !gone(m) {
			return []scenario.Module{m}
		}
		if note := m.Path + " is gone, with its source: this rests on the other modules"; !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
		return nil
	})
	if len(q.Modules()) == 0 {
		return p, nil
	}
	return q, notes
}

// Key is the digest of all that a plan with Asked decides, the content of the user's directories included, but for the tree
// and the toolchain.
func (p *Plan) Key() (string, error) {
	text, err := json.Marshal(p.Plan)
	parts := []string{"plan", p.Scenario.Digest, p.compiler, kconfig.Text(p.Options), string(text)}
	for _, one := range p.patches {
		parts = append(parts, one.Sum)
	}
	for _, name := range slices.Sorted(maps.Keys(p.named)) {
		parts = append(parts, "fragment", kconfig.Text(p.named[name].Options))
	}
	if p.Flags.Subarch != "" {
		parts = append(parts, "subarch "+p.Flags.Subarch)
	}
	return store.Key(parts...), err
}

// replaced is the plan with what resolve says of a module where the module stood.
func (p *Plan) replaced(resolve func(scenario.Module) []scenario.Module) *Plan {
	return p.but(func(q *Plan) { q.Plan = p.Plan.Replace(resolve) })
}
