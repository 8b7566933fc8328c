package scenario

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
)

// Want is one outcome that would be as expected.
type Want struct {
	kind       outcome.Kind
	relocation *outcome.Relocation // nil for any
	errno      int                 // 0 for any
	said       []said              // build-failed, built: what tools must have said
	differs    []string            // built: files that must not be those of the stock cell
	option     string              // config-dropped: "CONFIG_X", "" for any
	got        string              // config-dropped: the resolved value, "" for any
}

// Matches reports whether o is what w wants. For config-dropped the evidence
// or detail of o must hold the line of kconfig.Dropped.
func (w Want) matches(o outcome.Outcome) bool {
	switch {
	case w.kind != o.Kind:
		return false
	case w.relocation != nil && (o.Relocation == nil || o.Relocation.Type != w.relocation.Type):
		return false
	case w.errno != 0 && w.errno != o.Errno:
		return false
	case slices.ContainsFunc(w.said, func(s said) bool { return !s.holds(o) }):
		return false
	case slices.ContainsFunc(w.differs, func(file string) bool { return !slices.Contains(o.Differs, file) }):
		return false
	case w.option == "":
		return true
	}
	for line := range strings.SplitSeq(o.Evidence+"\n"+o.Detail, "\n") {
		option, got, ok := kconfig.ParseDropped(line)
		if ok && option == w.option && (w.got == "" || w.got == got) {
			return true
		}
	}
	return false
}

// String is the short form of tables: "relocation-unknown 9 GOTPCREL".
func (w Want) String() string {
	s := outcome.Outcome{Kind: w.kind, Relocation: w.relocation, Errno: w.errno}.String()
	for _, said := range w.said {
		s += said.String()
	}
	if len(w.differs) > 0 {
		s += " with another " + strings.Join(w.differs, ", ")
	}
	if w.option != "" {
		s += " " + w.option
		if w.got != "" {
			s += " to " + w.got
		}
	}
	return s
}

// Met reports whether o is one of the alternatives. Nothing wanted is met by
// anything.
func Met(wants []Want, o outcome.Outcome) bool {
	return len(wants) == 0 || slices.ContainsFunc(wants, func(w Want) bool { return w.matches(o) })
}

// Wanted joins alternatives for a message: "loaded or relocation-overflow 11 32S".
func Wanted(wants []Want) string { return strings.Join(each(wants, Want.String), " or ") }

// expectation is one [[expect]] of the file.
type expectation struct {
	cells      []string // patterns: "stock", "pie-*", "static-small@kernel"
	placements []string // names, or "*"
	modules    []string // names, or "*"
	steps      []string // patterns of steps and of tests
	given      bool     // modules or steps were named; else it is of all that can have one of the outcomes
	wants      []Want   // alternatives; none where only a verdict is expected
	verdict    string   // "" where none is expected

	kernel, rustc, gcc versions
	subarch            string // "": any
}

// On is the versions of what a scenario is run on.
type On struct {
	Kernel string // as `make kernelversion` prints it
	Rustc  string // "1.85.1"; "" where there is none
	GCC    string // "14.2.0"; likewise
}

// x8664 is the SUBARCH of a kernel for which none is named.
const x8664 = "x86_64"

// For is s with what it expects of kernels of that SUBARCH; "" is x86_64.
func (s *Scenario) For(subarch string) *Scenario {
	out := *s
	out.subarch = subarch
	return &out
}

// of reports whether e speaks of a cell on a kernel, a rustc and a gcc of those versions.
func (s *Scenario) of(e expectation, on On, c Cell) bool {
	return e.cell(c) && s.knows(c.Variant) && e.kernel.contain(on.Kernel) && e.rustc.contain(on.Rustc) && e.gcc.contain(on.GCC) &&
		(e.subarch == "" || e.subarch == cmp.Or(c.Variant.Value(OfSubarch, string(OfSubarch)), s.subarch, x8664))
}

// Expected returns what the scenario expects of one module of a cell at a
// placement, as alternatives; none where it expects nothing. Of several expectations that apply the last one
// holds. One that names a placement speaks of it as the scenario defines it:
// with another mem= or address randomisation it says nothing; and of a module
// that is not the scenario's, or a variant with an axis of the user's, nothing is expected. module is "" for a scenario
// that loads none.
func (s *Scenario) Expected(on On, c Cell, p Placement, module string) []Want {
	if i := slices.Index(names(c.Modules), module); i >= 0 && !slices.ContainsFunc(s.Modules, c.Modules[i].same) {
		return nil
	}
	return s.wanted(on, c, p, func(e expectation) bool { return e.module(module) })
}

// ExpectedStep is as Expected, of a step of the cell; test is the test of KUnit that is meant, "suite/test", "" for the
// step itself.
func (s *Scenario) ExpectedStep(on On, c Cell, p Placement, step, test string) []Want {
	return s.wanted(on, c, p, func(e expectation) bool { return e.step(step, test) })
}

func (s *Scenario) wanted(on On, c Cell, p Placement, about func(expectation) bool) (wants []Want) {
	for _, e := range s.expectations {
		if len(e.wants) > 0 && s.of(e, on, c) && s.placed(e, p) && about(e) {
			wants = e.wants
		}
	}
	return slices.Clone(wants)
}

// module reports whether e speaks of a module.
func (e expectation) module(name string) bool {
	if !e.given {
		return slices.ContainsFunc(e.wants, func(w Want) bool { return !w.kind.Steps() })
	}
	return len(e.steps) == 0 && (slices.Contains(e.modules, "*") || slices.Contains(e.modules, name))
}

// step reports whether e speaks of a step, or of a test of it. One that names steps by what is no test's name speaks of
// their tests as well.
func (e expectation) step(name, test string) bool {
	if !e.given {
		return slices.ContainsFunc(e.wants, func(w Want) bool { return w.kind != outcome.Loaded && w.kind != outcome.LoadedCorrupt })
	}
	return slices.ContainsFunc(e.steps, func(pattern string) bool { return glob(pattern, name) || test != "" && glob(pattern, test) })
}

// ExpectedVerdict returns the verdict that the scenario expects of a cell, ""
// where it expects none. A verdict is drawn from all of a cell, so none is
// expected where c lacks a placement or module that the scenario has, or has
// another module.
func (s *Scenario) ExpectedVerdict(on On, c Cell) string {
	if len(c.Modules) > len(s.Modules) || !among(s.placements, c.Placements, Placement.same) || !among(s.Modules, c.Modules, Module.same) {
		return ""
	}
	verdict := ""
	for _, e := range s.expectations {
		if e.verdict != "" && s.of(e, on, c) {
			verdict = e.verdict
		}
	}
	return verdict
}

// among reports whether each of list is the same as one of others.
func among[T any](list, others []T, same func(T, T) bool) bool {
	return !slices.ContainsFunc(list, func(t T) bool {
		return !slices.ContainsFunc(others, func(other T) bool { return same(t, other) })
	})
}

// cell matches the patterns, such as "pie-*@kernel". Without @ one holds for every scope; stock has none.
func (e expectation) cell(c Cell) bool {
	return slices.ContainsFunc(e.cells, func(pattern string) bool {
		id, scope, scoped := strings.Cut(pattern, "@")
		return glob(id, c.Variant.ID) && (!scoped || c.Scope != "" && glob(scope, c.Scope))
	})
}

func (s *Scenario) placed(e expectation, p Placement) bool {
	return slices.ContainsFunc(e.placements, func(name string) bool {
		defined, ok := named(s.known, name)
		return name == "*" || ok && defined.same(p)
	})
}

func glob(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
