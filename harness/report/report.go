// Package report makes of each result a document of report/doc and a tree of
// report/checks, which write themselves in every form; it writes JSON. It may
// import these two, report/scale, outcome, result, progress and shell, and nothing else of umlab. It
// never computes an outcome or a verdict, never reads a file, and writes only to the
// writers it is given.
//
// What it tells came from consoles and file names that nobody vouches for: the
// writers escape it.
package report

import (
	"fmt"
	"io"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// Form writes what build makes of a result with a writer of doc or checks.
func Form[T, D any](build func(*T) D, write func(io.Writer, D) error) func(io.Writer, *T) error {
	return func(w io.Writer, v *T) error { return write(w, build(v)) }
}

// long is an outcome with all that was read off its evidence.
func long(o outcome.Outcome) string {
	s := o.Brief()
	if o.Value != "" {
		s += " val " + o.Value
	}
	if o.Section != nil && o.Index != nil {
		s += fmt.Sprintf(" sec %d idx %d", *o.Section, *o.Index)
	}
	if o.Address != "" {
		s += " at " + o.Address
	}
	return s
}

// proof is the evidence of o, else what stands in for it.
func proof(o outcome.Outcome) string { return newExhibit(o, "").Text() }

// said is proof, or all of what a tool said.
func said(o outcome.Outcome) []string {
	if o.Frame != nil {
		return o.Frame
	}
	return []string{proof(o)}
}

// exitTone is that of totals.
func exitTone(exit int) doc.Tone {
	if exit != 0 {
		return doc.Bad
	}
	return doc.Strong
}

// factsOf are what a result is of, but for what is not known.
func factsOf(list ...string) (facts doc.Facts) {
	for _, f := range present(list...) {
		facts = append(facts, doc.Fact{Line: doc.Say(f)})
	}
	return facts
}

// paras are a paragraph each.
func paras(lines ...doc.Line) (blocks []doc.Block) {
	for _, l := range lines {
		blocks = append(blocks, doc.Para{Line: l})
	}
	return blocks
}

// askedTitle is the title of runs: the scenario's, or where they are of own modules, options or trees what was asked, for which the
// scenario does not speak.
func askedTitle(sc result.Scenario, runs ...*result.Results) string {
	var own, trees []string
	for _, r := range runs {
		if r.Question != nil {
			for _, o := range r.Question.Own {
				if !strings.HasPrefix(o, "at ") && !strings.HasPrefix(o, "scenario ") { // a placement; what has a title of its own
					own = appendNew(own, o)
				}
			}
		}
		if strings.HasPrefix(r.Tree.Origin, "directory ") {
			trees = appendNew(trees, r.Tree.Name)
		}
	}
	s := strings.Join(own, ", ")
	if trees != nil {
		s = strings.TrimSpace(s + " on tree " + strings.Join(trees, ", "))
	}
	if s == "" {
		return title(sc)
	}
	return s + ", in scenario " + sc.Name
}

func title(sc result.Scenario) string {
	name, title := sc.Name, sc.Title
	switch {
	case title == "" || title == name:
		return name
	case name == "":
		return title
	}
	return title + " [" + name + "]"
}
