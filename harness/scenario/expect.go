package scenario

import (
	"path"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/outcome"
)

// Want is one outcome that would be as expected.
type Want struct {
	Kind       outcome.Kind
	Relocation *outcome.Relocation // nil for any
	Errno      int                 // 0 for any
	Option     string              // config-dropped: "CONFIG_X", "" for any
	Got        string              // config-dropped: the resolved value, "" for any
}

// Matches reports whether o is what w wants. For config-dropped the evidence
// or detail of o must hold the line of kconfig.Dropped.
func (w Want) matches(o outcome.Outcome) bool {
	switch {
	case w.Kind != o.Kind:
		return false
	case w.Relocation != nil && (o.Relocation == nil || o.Relocation.Type != w.Relocation.Type):
		return false
	case w.Errno != 0 && w.Errno != o.Errno:
		return false
	case w.Option == "":
		return true
	}
	for line := range strings.SplitSeq(o.Evidence+"\n"+o.Detail, "\n") {
		option, got, ok := kconfig.ParseDropped(line)
		if ok && option == w.Option && (w.Got == "" || w.Got == got) {
			return true
		}
	}
	return false
}

// String is the short form of tables: "relocation-unknown 9 GOTPCREL".
func (w Want) String() string {
	s := outcome.Outcome{Kind: w.Kind, Relocation: w.Relocation, Errno: w.Errno}.String()
	if w.Option != "" {
		s += " " + w.Option
		if w.Got != "" {
			s += " to " + w.Got
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
func Wanted(wants []Want) string {
	var all []string
	for _, w := range wants {
		all = append(all, w.String())
	}
	return strings.Join(all, " or ")
}

// Expectation is one [[expect]] of the file.
type Expectation struct {
	Cells      []string // patterns: "stock", "pie-*", "static-small@kernel"
	Placements []string // names, or "*"
	Modules    []string // names, or "*"
	Wants      []Want   // alternatives; none where only a verdict is expected
	Verdict    string   // "" where none is expected

	kernel versions
}

// Expected returns what the scenario expects of one module of a cell at a
// placement, as alternatives; none where it expects nothing. kernel is what
// `make kernelversion` prints. Of several expectations that apply the last one
// holds. One that names a placement speaks of it as the scenario defines it:
// with another mem= or address randomisation it says nothing; and of a module
// that is not the scenario's nothing is expected. module is "" for a scenario
// that loads none.
func (s *Scenario) Expected(kernel string, c Cell, p Placement, module string) []Want {
	if i := slices.Index(names(c.Modules), module); i >= 0 && !s.owns(c.Modules[i]) {
		return nil
	}
	var wants []Want
	for _, e := range s.Expectations {
		if len(e.Wants) > 0 && e.kernel.contain(kernel) && e.cell(c) && s.placed(e, p) &&
			(slices.Contains(e.Modules, "*") || slices.Contains(e.Modules, module)) {
			wants = e.Wants
		}
	}
	return slices.Clone(wants)
}

// ExpectedVerdict returns the verdict that the scenario expects of a cell, ""
// where it expects none. A verdict is drawn from all of a cell, so none is
// expected where c lacks a placement or module that the scenario has, or has
// another module.
func (s *Scenario) ExpectedVerdict(kernel string, c Cell) string {
	for _, p := range s.Placements {
		if !slices.ContainsFunc(c.Placements, p.same) {
			return ""
		}
	}
	for _, m := range s.Modules {
		if !slices.ContainsFunc(c.Modules, m.same) {
			return ""
		}
	}
	if len(c.Modules) > len(s.Modules) {
		return ""
	}
	verdict := ""
	for _, e := range s.Expectations {
		if e.Verdict != "" && e.kernel.contain(kernel) && e.cell(c) {
			verdict = e.Verdict
		}
	}
	return verdict
}

func (e Expectation) cell(c Cell) bool {
	return slices.ContainsFunc(e.Cells, func(p string) bool { return matchCell(p, c.Variant.ID, c.Scope) })
}

func (s *Scenario) placed(e Expectation, p Placement) bool {
	return slices.ContainsFunc(e.Placements, func(name string) bool {
		if name == "*" {
			return true
		}
		defined, ok := named(s.known, name)
		return ok && defined.same(p)
	})
}

// matchCell matches a pattern such as "pie-*@kernel" to a variant at a scope.
// Without @ the pattern holds for every scope; stock has none.
func matchCell(pattern, variant, scope string) bool {
	ids, scopes, scoped := strings.Cut(pattern, "@")
	return glob(ids, variant) && (!scoped || scope != "" && glob(scopes, scope))
}

func glob(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
