// Package explain tells of one cell what its results do not: where each flag of a
// Rust object comes from, which relocations the loader refuses and where they stand
// in the source, and what to type to repeat it all. It may import oracle, kbuild,
// uml, loader, scenario and what lies below them; it builds and boots nothing.
package explain

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/steps"
)

// Booted is a cell that was built and booted.
type Booted struct {
	Cell     scenario.Cell
	Baseline *kbuild.Baseline
	Product  *kbuild.Product
	Debugged *kbuild.Debugged // its modules once more, with debug information; nil where that failed
	DebugErr error            // why
	Results  *result.Results  // of this cell alone
	Steps    steps.Given      // what its guest is given for its steps
	Given    bool             // its placement was asked for
	Store    string           // directory that most of the paths lie in
}

// Page puts together all that is known of the cell at one placement: the first at
// which a module does not load, else the first.
func (b Booted) Page() (*result.Explanation, error) {
	r, got := b.Results, b.Results.Cells[0]
	at, n, why := chosen(got, b.Given)
	place, run := got.Placements[at], got.Placements[at].Runs[n]
	e := &result.Explanation{
		Schema: result.ExplanationSchema, Cell: got.ID, Chosen: why, Command: r.Command, Tree: r.Tree, Toolchain: r.Toolchain,
		Config: r.Config, Verdict: got.Verdict, Reason: got.Reason, Requested: requested(b.Cell), Modules: []result.ExplainedModule{},
		Notes: r.Notes, Infra: r.Infra,
		Placement: result.Placement{Name: place.Name, Mem: place.Mem, ASLR: place.ASLR, Runs: []result.Run{run}},
	}
	transcript, err := os.ReadFile(run.Transcript)
	if err != nil {
		return nil, fmt.Errorf("read the transcript: %w", err)
	}
	foresees := oracle.New(b.Baseline)
	e.Loader = foresees.Loader()
	forecasts := foresees.Forecast(b.Product, b.Cell.Tried(), b.Cell.Placements[at].Mem, run)
	flags := b.flags()
	for i, m := range run.Modules {
		planned := b.Cell.Modules[slices.IndexFunc(b.Cell.Modules, func(p scenario.Module) bool { return p.Name == m.Name })]
		x := result.ExplainedModule{Module: m, Path: b.Product.Modules[planned.Path].Path, Objects: []result.ObjectFlags{},
			Reasoning: forecasts[i].Sentences(), Groups: []result.RejectedGroup{}, Excerpt: excerpt(transcript, m.Outcome, around),
			Space: forecasts[i].Space(m)}
		if own, ok := flags[planned.Path]; ok {
			x.Objects = own
		}
		lines := linesOf(forecasts[i].Ko, b.Debugged, planned.Path, b.DebugErr)
		if x.Groups, err = groups(forecasts[i], lines); err != nil {
			return nil, err
		}
		if e := planned.External; e != nil {
			relocate(x.Groups, "/"+e.Mount+"/", strings.TrimSuffix(e.Given, "/")+"/")
		}
		if len(x.Groups) > 0 {
			x.Lines = lines.said
		}
		e.Modules = append(e.Modules, x)
	}
	e.Steps = b.steps(run, transcript)
	e.Scripts = byHand{b, b.Baseline.Base, b.Cell.Placements[at]}.scripts()
	return e, nil
}

// chosen is the placement and the run that the page is about, and why.
func chosen(c result.Cell, given bool) (at, n int, why string) {
	for i, p := range c.Placements {
		for k, run := range p.Runs {
			for _, m := range run.Items() {
				if !m.Outcome.Kind.Good() {
					is := "is not loaded"
					if !slices.ContainsFunc(run.Modules, func(r result.Module) bool { return r.Name == m.Name }) {
						is = "does not pass"
					}
					switch {
					case len(p.Runs) > 1:
						return i, k, fmt.Sprintf("boot %d of %d, the first in which %s %s", k+1, len(p.Runs), m.Name, is)
					case given:
						return i, k, "as asked"
					}
					return i, k, fmt.Sprintf("the first placement at which %s %s", m.Name, is)
				}
			}
		}
	}
	if given {
		return 0, 0, "as asked"
	}
	if len(c.Placements) > 0 && len(c.Placements[0].Runs) > 0 && len(c.Placements[0].Runs[0].Modules) == 0 {
		return 0, 0, "the first one: the steps pass at every placement that was booted"
	}
	return 0, 0, "the first one: the modules load at every placement that was booted"
}

// requested is the variant's arguments of make, as they are typed.
func requested(c scenario.Cell) string {
	var args []string
	for _, v := range c.MakeVars() {
		args = append(args, v.Name+"='"+strings.Join(v.Flags, " ")+"'")
	}
	return strings.Join(args, " ")
}

// around is how many lines of the transcript are shown before and behind the
// evidence.
const around = 3

// excerpt is the transcript around the evidence of an outcome.
func excerpt(transcript []byte, o outcome.Outcome, around int) []result.ConsoleLine {
	out := []result.ConsoleLine{}
	if o.Evidence == "" || !bytes.HasPrefix(transcript[min(o.Offset, int64(len(transcript))):], []byte(o.Evidence)) {
		return out
	}
	at := outcome.LineAt(transcript, o.Offset)
	var offset int64
	number := 0
	for line := range bytes.Lines(transcript) {
		number++
		if number >= at-around && number <= at+around {
			text := strings.TrimRight(string(line), "\r\n")
			out = append(out, result.ConsoleLine{Number: number, Offset: offset, Text: text, Evidence: number == at})
		}
		offset += int64(len(line))
	}
	return out
}

// flags are the options of the Rust objects of each module, by target.
func (b Booted) flags() map[string][]result.ObjectFlags {
	out := map[string][]result.ObjectFlags{}
	if b.Debugged == nil {
		return out
	}
	var targets []string
	own := map[string]string{} // of the user's directories
	for _, m := range b.Cell.Modules {
		if m.External == nil {
			targets = append(targets, m.Path)
			continue
		}
		for name, text := range makefiles(os.DirFS(m.External.Dir), ".") {
			if name == "Makefile" || name == "Kbuild" {
				own[filepath.Join(m.External.Given, name)] = text
			}
		}
	}
	texts := makefiles(b.Baseline.Base.Tree.FS(), dirsOf(targets)...)
	maps.Copy(texts, own)
	spec, _ := os.ReadFile(filepath.Join(b.Baseline.Build(), "scripts", "target.json")) // without one, rustc's own targets hold
	requested, variable := b.Cell.Variant.Flags(), ""
	for _, v := range b.Cell.MakeVars() {
		if slices.Equal(v.Flags, requested) {
			variable = v.Name
		}
	}
	if b.Cell.Scope == scenario.ScopeKernel {
		requested = nil // they do not reach modules
	}
	for target, objects := range b.Debugged.Objects {
		list := []result.ObjectFlags{}
		for _, o := range objects {
			list = append(list, objectFlags(texts, spec, o.Name, o.Given, requested, variable+" of make's command line"))
		}
		out[target] = list
	}
	return out
}
