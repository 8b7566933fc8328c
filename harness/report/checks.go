package report

import (
	"fmt"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// MatrixChecks are the checks of a matrix: for each variant its module loads and
// its verdict. A verdict that the scenario does not expect is a failure, as is a
// load that was predicted otherwise; what says nothing about the kernel is an error.
func MatrixChecks(r *result.Results) checks.Check {
	root := checks.Check{Name: r.Scenario.Name, Seconds: r.Seconds}
	root.Add(resultChecks(r)...)
	return root
}

// SweepChecks are those of each column's matrix. A toolchain that was refused is
// skipped.
func SweepChecks(s *result.Sweep) checks.Check {
	root := checks.Check{Name: s.Scenario.Name, Seconds: s.Seconds}
	root.Add(columnChecks(s)...)
	return root
}

func columnChecks(s *result.Sweep) (list []checks.Check) {
	for _, c := range s.Columns {
		// A tree may be a path.
		column := checks.Check{Name: c.Tree + " " + c.Toolchain, Package: s.Scenario.Name}
		switch {
		case c.Results != nil:
			column.Add(resultChecks(c.Results)...)
			run := column.Checks[0]
			column.Started, column.Properties = run.Started, run.Properties
			for _, cell := range column.Checks {
				column.Seconds += cell.Seconds
			}
		case c.Refused != nil:
			column.State, column.Case, column.Note = checks.Skipped, msgToolchainWord, msgRefusal(c)
		default:
			column.State, column.Case = checks.Errored, msgToolchainWord
			column.Kind, column.Note = string(outcome.Infra), oneLine(c.Infra)
		}
		list = append(list, column)
	}
	return list
}

// resultChecks are the run itself, then the cells.
func resultChecks(r *result.Results) []checks.Check {
	run := checks.Check{Name: msgControls, Package: r.Scenario.Name, Started: r.Started, Properties: []checks.Property{
		{Name: "tree", Value: strings.TrimPrefix(msgTree(r.Tree), "tree ")}, {Name: "toolchain", Value: msgToolchain(r.Toolchain)},
		{Name: "config", Value: r.Config.Digest}, {Name: msgRepeat, Value: r.Command},
	}}
	for _, n := range r.Notes {
		run.Properties = append(run.Properties, checks.Property{Name: "note", Value: n})
	}
	infra := checks.Check{Name: "infrastructure"}
	if r.Infra != "" {
		infra.State, infra.Kind, infra.Note = checks.Errored, string(outcome.Infra), r.Infra
	}
	run.Add(infra)
	for _, c := range r.Controls {
		control := checks.Check{Name: c.Name + " " + c.Cell}
		if !c.Holds {
			control.State, control.Kind, control.Note = checks.Errored, string(outcome.Infra), c.String()
		}
		run.Add(control)
	}
	list := []checks.Check{run}
	for i := range r.Cells {
		cell := cellChecks(&r.Cells[i])
		cell.Package = r.Scenario.Name
		list = append(list, cell)
	}
	return list
}

func cellChecks(c *result.Cell) checks.Check {
	cell := checks.Check{Name: c.ID}
	if o := c.Build.Outcome; o != nil {
		build := checks.Check{Name: "build", Seconds: c.Build.Seconds, Timed: true,
			Note: o.Brief(), Output: shownBy(*o), Lines: said(*o)}
		if c.Build.Log != "" {
			build.Lines = append(build.Lines, doc.LogHead+" "+c.Build.Log)
		}
		switch {
		case erroneous(c, *o):
			build.State = checks.Errored
		case o.Kind == outcome.BuildFailed && !wanted(c):
			build.State, build.Why = checks.Failed, o.Brief()+": "+proof(*o)
		}
		if build.State != checks.Passed {
			build.Kind, build.Proof = string(o.Kind), build.Lines
		}
		cell.Add(build)
	}
	for _, p := range c.Placements {
		for i, run := range p.Runs {
			cell.Seconds += run.Seconds
			shared := run.Seconds / float64(max(len(run.Items()), 1)) // of a boot that they share
			for _, m := range run.Modules {
				load := loadCheck(c, m)
				load.Name, load.Seconds, load.Timed = loadName(p, i, m.Name), shared, true
				cell.Add(load)
			}
			for _, s := range run.Steps {
				step := stepCheck(c, s)
				step.Name, step.Seconds, step.Timed = loadName(p, i, s.Of()), shared, s.Outcome != nil
				cell.Add(step)
			}
		}
	}
	verdict := checks.Check{Name: msgVerdict, Note: verdictText(c), Output: []string{verdictText(c)}}
	switch {
	case unproved(c):
		verdict.State, verdict.Kind = checks.Errored, string(c.Verdict)
	case !c.AsExpected:
		verdict.State, verdict.Kind = checks.Failed, "unexpected"
	}
	cell.Add(verdict)
	return cell
}

func loadCheck(c *result.Cell, m result.Module) checks.Check {
	load := checks.Check{Note: m.Outcome.Brief(), Output: shownBy(m.Outcome)}
	if missed(m) {
		load.Lines = append(load.Lines, strings.TrimSpace(msgPredictedLine(*m.Predicted)))
	}
	if m.Outcome.Kind != outcome.Loaded || missed(m) {
		load.Lines = append(load.Lines, proof(m.Outcome))
	}
	switch {
	case erroneous(c, m.Outcome):
		load.State, load.Kind, load.Proof = checks.Errored, string(m.Outcome.Kind), []string{proof(m.Outcome)}
	case missed(m):
		load.State, load.Kind = checks.Failed, "prediction"
		load.Why = markDiffers + " " + msgPredicted(m.Predicted.Brief()) + ", " + m.Outcome.Brief()
		load.Proof = []string{msgPredictedLine(*m.Predicted), msgObservedLine(m.Outcome)}
	}
	return load
}

// stepCheck is a step or a test. One that did not pass is a failure unless the scenario
// asked for what its cell showed.
func stepCheck(c *result.Cell, s result.Step) checks.Check {
	if s.Outcome == nil {
		return checks.Check{State: checks.Skipped, Note: msgNotRun(s)}
	}
	o := *s.Outcome
	step := checks.Check{Note: o.Brief(), Output: shownBy(o)}
	switch {
	case erroneous(c, o):
		step.State, step.Kind, step.Proof = checks.Errored, string(o.Kind), []string{proof(o)}
	case o.Kind != outcome.Passed && !wanted(c):
		step.State, step.Kind, step.Why, step.Proof = checks.Failed, string(o.Kind), long(o), []string{proof(o)}
	case o.Kind != outcome.Passed:
		step.Lines = []string{proof(o)}
	}
	return step
}

func shownBy(o outcome.Outcome) []string { return append([]string{long(o)}, said(o)...) }

// erroneous reports whether o says nothing about the kernel, and the scenario
// did not ask for just that. A timeout does not prove much, but it is the guest
// that did not come.
func erroneous(c *result.Cell, o outcome.Outcome) bool {
	return o.Kind == outcome.Infra || o.Kind == outcome.ConfigDropped && !wanted(c)
}

// unproved reports whether c has no verdict, and the scenario did not ask for
// just that: where nothing is expected, AsExpected is true of anything.
func unproved(c *result.Cell) bool { return c.Verdict == result.Unknown && !wanted(c) }

func wanted(c *result.Cell) bool { return c.Expected != "" && c.AsExpected }

// loadName names one module load, step or test uniquely within its cell.
func loadName(p result.Placement, run int, name string) string {
	if len(p.Runs) > 1 {
		return fmt.Sprintf("%s[%d]/%s", p.Name, run+1, name)
	}
	return p.Name + "/" + name
}

// verdictText is "loads, expected rejected: rust_print loaded at low".
func verdictText(c *result.Cell) string {
	s := string(c.Verdict)
	if !c.AsExpected {
		s += ", " + msgExpected(c.Expected)
	}
	if c.Reason != "" {
		s += ": " + c.Reason
	}
	return s
}

// NightlyChecks are the changes of a night, each a failure, and the checks of its
// sweep. A night that proves nothing is an error.
func NightlyChecks(n *result.Nightly) checks.Check {
	root := checks.Check{Name: msgNightTitle(n), Seconds: n.Seconds}
	night := checks.Check{Name: "history", Package: n.Series, Started: n.Started}
	whole := checks.Check{Name: nightCaseOf(n), Output: []string{msgNews(n)}}
	if n.Infra != "" {
		whole.State, whole.Kind, whole.Note = checks.Errored, string(outcome.Infra), oneLine(n.Infra)
	}
	night.Add(whole)
	for _, g := range changeGroups(n) {
		for _, cell := range g.Cells {
			one := changeGroup{Cells: []string{cell}, From: g.From, To: g.To}
			night.Add(checks.Check{Name: cell + " " + g.where(), State: checks.Failed, Note: one.news(), Kind: msgChanged, Proof: one.proof()})
		}
	}
	root.Add(night)
	if n.Sweep != nil {
		root.Add(columnChecks(n.Sweep)...)
	}
	return root
}

// proof is both sides with their evidence, and a line to end it.
func (g changeGroup) proof() (lines []string) {
	for _, side := range g.sides() {
		lines = append(lines, side.Word+" "+side.Text)
		lines = append(lines, side.Evidence...)
	}
	return append(lines, "")
}
