package conclude

import (
	"cmp"
	"fmt"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// Control holds what was seen of a control's cell against what is known of it.
func Control(c scenario.PlannedControl, cells []result.Cell) result.Control {
	out := result.Control{Name: c.Name, Cell: c.At(), Want: scenario.Wanted(c.Wants), Got: "not run"}
	for _, cell := range cells {
		if cell.ID != c.Shown.ID() {
			continue
		}
		if o := cell.Build.Outcome; o != nil {
			out.Got, out.Holds = o.String(), scenario.Met(c.Wants, *o)
			return out
		}
		for _, p := range cell.Placements {
			if p.Name != c.Placement {
				continue
			}
			for i, run := range p.Runs {
				for _, m := range run.Items() {
					if m.Name != c.Of() {
						continue
					}
					met := scenario.Met(c.Wants, m.Outcome)
					if i == 0 || !met {
						out.Got, out.Holds = m.Outcome.String(), met
					}
					if !met {
						return out
					}
				}
			}
		}
	}
	return out
}

// Cells sets the verdicts of the cells of a run, and holds them against what the scenario expects of them. planned are the cells as
// planned.
func Cells(r *result.Results, s *scenario.Scenario, planned []scenario.Cell) {
	on := scenario.On{Kernel: r.Tree.Version, Rustc: result.Version(r.Toolchain.Identity["rustc"]),
		GCC: result.Version(r.Toolchain.Identity["gcc"])}
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Verdict, c.Reason = Cell(*c)
		for n := range c.Placements {
			if p := &c.Placements[n]; c.Verdict == result.Flaky || p.Confidence > 0 {
				p.Shares = p.Rates(cmp.Or(p.Confidence, result.UsualConfidence))
			}
		}
		c.Expected, c.AsExpected = expected(s, on, planned[i], *c)
	}
}

// Whole sets what a run comes to whose cells have their verdicts and whose controls are all there: whether it proves anything, its
// totals and its exit code.
func Whole(r *result.Results) {
	for _, c := range r.Controls {
		if !c.Holds && r.Infra == "" {
			r.Infra = fmt.Sprintf("control %s: %s gave %s where %s is known: this run proves nothing", c.Name, c.Cell, c.Got, c.Want)
		}
	}
	if at, why := Spoiled(r.Cells); at != "" && r.Infra == "" {
		r.Infra = fmt.Sprintf("%s: the machine is at fault, not the kernel: %s", at, why)
	}
	r.Totals, r.Schema = Totals(r.Cells), r.Version()
	switch {
	case r.Infra != "":
		r.Exit = result.ExitInfra
	case r.Totals.Differing > 0 || r.Totals.Disagreeing > 0:
		r.Exit = result.ExitDiffers
	}
}

// Spoiled is the first cell of which the machine kept a part from being known, and how;
// "" where there is none.
func Spoiled(cells []result.Cell) (at, why string) {
	for _, c := range cells {
		if o := c.Build.Outcome; o != nil && o.Kind == outcome.Infra {
			return c.ID, strings.TrimSpace(o.Detail + ": " + o.Evidence)
		}
		for _, p := range c.Booted() {
			for _, run := range p.Runs {
				for _, s := range run.Items() {
					if s.Outcome.Kind == outcome.Infra {
						return c.ID + ":" + p.Name, strings.TrimSpace(s.Name + ": " + cmp.Or(s.Outcome.Detail, s.Outcome.Evidence))
					}
				}
			}
		}
	}
	return "", ""
}

// expected compares a cell with what the scenario expects of it. The text says
// what is expected where the cell differs, and all of it where it does not.
func expected(s *scenario.Scenario, on scenario.On, planned scenario.Cell, c result.Cell) (text string, as bool) {
	var all, missed []string
	note := func(what string, wants []scenario.Want, got outcome.Outcome) {
		if len(wants) == 0 {
			return
		}
		line := what + scenario.Wanted(wants)
		all = append(all, line)
		if !scenario.Met(wants, got) {
			missed = append(missed, line)
		}
	}
	if o := c.Build.Outcome; o != nil {
		if len(planned.Placements) == 0 {
			wants := s.Expected(on, planned, scenario.Placement{}, "")
			if note("", wants, *o); o.Kind == outcome.Built && len(wants) == 0 {
				return "", true // nobody says otherwise
			}
		}
		if len(planned.Modules)+len(planned.Steps) == 0 {
			for _, p := range planned.Placements {
				note("", s.Expected(on, planned, p, ""), *o)
			}
		}
		for _, p := range planned.Placements {
			for _, m := range planned.Tried() {
				note(p.Name+" "+m.Name+": ", s.Expected(on, planned, p, m.Name), *o)
			}
			for _, step := range planned.Steps {
				note(p.Name+" "+step.Name+": ", s.ExpectedStep(on, planned, p, step.Name, ""), *o)
			}
		}
	}
	for i, p := range c.Placements {
		for _, run := range p.Runs {
			for _, m := range run.Modules {
				note(p.Name+" "+m.Name+": ", s.Expected(on, planned, planned.Placements[i], m.Name), m.Outcome)
			}
			foretold := false // that the guest would come to no step behind
			for _, step := range run.Steps {
				wants := s.ExpectedStep(on, planned, planned.Placements[i], step.Name, step.Test)
				switch {
				case step.Outcome != nil:
					note(p.Name+" "+step.Of()+": ", wants, *step.Outcome)
					foretold = foretold || !step.Outcome.Kind.Steps() && len(wants) > 0 && scenario.Met(wants, *step.Outcome)
				case step.NotRun != "" && !foretold: // a test that skips itself is nobody's miss
					note(p.Name+" "+step.Of()+", which was not run "+step.NotRun+": ", wants, outcome.Outcome{})
				}
			}
		}
	}
	if o := c.Build.Outcome; o != nil && len(all) == 0 {
		missed = append(missed, "a build") // nobody asks for none
	}
	if v := s.ExpectedVerdict(on, planned); v != "" {
		all = append([]string{v}, all...)
		if v != string(c.Verdict) {
			missed = append([]string{v}, missed...)
		}
	}
	if len(missed) > 0 {
		return strings.Join(unique(missed), "; "), false
	}
	return strings.Join(unique(all), "; "), true
}

func unique(lines []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, l := range lines {
		if !seen[l] {
			seen[l] = true
			out = append(out, l)
		}
	}
	return out
}
