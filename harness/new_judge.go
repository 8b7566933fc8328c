package harness

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/propose"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/shell"
)

// judgement is what the run of a proposed scenario says of the report.
type judgement struct {
	code     int
	sentence string
	shows    bool
	lacks    string // a module that the user has to give
}

// judged holds a run against what the report proves.
func judged(s *propose.Scenario, r *result.Results) judgement {
	nothing := func(code int, format string, args ...any) judgement {
		return judgement{code: code, sentence: "The scenario proves nothing, because " + fmt.Sprintf(format, args...) + "."}
	}
	for _, c := range r.Controls {
		if !c.Holds {
			return nothing(result.ExitInfra, "control %s, which is known to be %s, is %s", c.Name, c.Want, c.Got)
		}
	}
	switch {
	case r.Infra != "":
		return nothing(result.ExitInfra, "%s", r.Infra)
	case len(s.Claims) == 0 && len(s.Own) > 0:
		j := nothing(result.ExitDiffers, "%s of the report is not there to be tried", strings.Join(s.Own, ", "))
		j.lacks = s.Own[0]
		return j
	case len(s.Claims) == 0:
		return nothing(result.ExitDiffers, "the report does not say what goes wrong; here stock is %s", r.Cell(scenario.Stock).Verdict)
	}
	var seen []string
	for _, c := range s.Claims {
		at, others := sightings(c, r)
		if len(at) > 0 && at[0].cell == scenario.Stock {
			if c.Said == nil {
				c.Outcome = at[0].outcome // of several kinds, the one that it is
			}
			seen = append(seen, wanted(c))
			continue
		}
		j := judgement{code: result.ExitDiffers, sentence: fmt.Sprintf("The scenario shows %s instead of %s.", joined(others), wanted(c))}
		switch {
		case len(others) == 0:
			return nothing(result.ExitDiffers, "%s was not seen to its end in stock", of(c))
		case len(at) > 0:
			j.sentence = strings.TrimSuffix(j.sentence, ".") + fmt.Sprintf("; %s shows what the report says.", at[0])
		}
		return j
	}
	sentence := "The scenario shows what the report says: " + strings.Join(seen, "; ")
	if len(s.Own) > 0 {
		sentence += "; " + strings.Join(s.Own, ", ") + " could not be tried"
	}
	return judgement{code: result.ExitExpected, sentence: sentence + ".", shows: true}
}

// sighting is where something was seen.
type sighting struct {
	cell, placement string
	outcome         outcome.Outcome
}

func (s sighting) String() string {
	if s.placement == "" {
		return s.cell
	}
	return s.cell + ":" + s.placement
}

// sightings are where what the report proves was seen, stock first, and what was seen in stock otherwise.
func sightings(c propose.Claim, r *result.Results) (same, others []sighting) {
	take := func(s sighting) {
		meets := s.outcome.Kind == c.Outcome.Kind || slices.Contains(c.Kinds, s.outcome.Kind)
		if c.Outcome.Relocation != nil {
			meets = meets && s.outcome.Relocation != nil && s.outcome.Relocation.Type == c.Outcome.Relocation.Type
		} else if c.Outcome.Errno != 0 {
			meets = meets && s.outcome.Errno == c.Outcome.Errno
		}
		if c.Said != nil {
			meets = meets && s.outcome.Diagnostic != nil && c.Said.MatchString(s.outcome.Diagnostic.Message)
		}
		switch {
		case meets && (c.Placement == "" || c.Placement == s.placement || s.cell != scenario.Stock):
			same = append(same, s)
		case s.cell == scenario.Stock && s.outcome.Kind != outcome.Unproved:
			others = append(others, s)
		}
	}
	for _, cell := range r.Cells { // stock is the first
		if o := cell.Build.Outcome; o != nil {
			take(sighting{cell.ID, "", *o})
		}
		for _, p := range cell.Placements {
			for _, run := range p.Runs {
				for _, m := range run.Modules {
					if m.Name == c.Module && c.Step == "" {
						take(sighting{cell.ID, p.Name, m.Outcome})
					}
				}
				for _, st := range run.Steps {
					if st.Of() == c.Step && c.Step != "" && st.Outcome != nil {
						take(sighting{cell.ID, p.Name, *st.Outcome})
					}
				}
			}
		}
	}
	return same, others
}

// of is what a claim is about.
func of(c propose.Claim) string {
	switch {
	case c.Stands != "":
		return c.Module + " (for " + c.Stands + ")"
	case c.Module != "":
		return c.Module
	case c.Step != "":
		return "step " + c.Step
	}
	return "the build"
}

func wanted(c propose.Claim) string {
	if c.Said != nil {
		return fmt.Sprintf("%s %s %s", of(c), c.Outcome.Kind, strconv.Quote(c.Line))
	}
	return of(c) + " " + c.Outcome.Brief()
}

func joined(list []sighting) string {
	var parts []string
	seen := map[string]bool{}
	for _, s := range list {
		text := s.outcome.Brief()
		if s.outcome.Diagnostic != nil {
			text += " " + strconv.Quote(s.outcome.Diagnostic.Message)
		}
		if !seen[text] {
			seen[text] = true
			parts = append(parts, text+" at "+s.String())
		}
	}
	return strings.Join(parts, ", ")
}

// next is what to do then.
func (j judgement) next(program, file string, s *propose.Scenario) string {
	command := func(args ...string) string { return shell.Join(append(strings.Fields(program), args...)...) }
	matrix := "-scenario=" + file
	switch {
	case j.lacks != "":
		return "Next: with the directory of its source, " + command("matrix", matrix, "-modules=./"+j.lacks)
	case j.shows && len(s.Beside) > 0:
		for name := range s.Beside {
			patch := filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
			return "Next: what the patch changes, " + command("verify", patch, matrix)
		}
	case j.shows:
		return "Next: why, " + command("explain", scenario.Stock, matrix)
	case j.code == result.ExitInfra:
		return "Next: mend that, then " + command("matrix", matrix)
	}
	return "Next: read the comments of " + file + ", change what is a guess (tree, toolchain, options), then " + command("matrix", matrix)
}
