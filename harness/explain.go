package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"umlab/harness/kbuild"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/usage"
)

// ExplainOutputs are files that the page is also written to; Script is a
// directory, which gets the scripts that repeat the cell.
type ExplainOutputs struct{ HTML, JSON, Script string }

// Explain prints all that is known about one cell at one placement: the one
// that is named, else the first at which a module does not load, else the first.
// Where a prediction and an observation disagree, or the run proves nothing, the
// error is an *EndError.
func (l *Lab) Explain(ctx context.Context, cell string, o MatrixOptions, outputs ExplainOutputs) (*result.Explanation, error) {
	formats := []format[result.Explanation]{{"html", outputs.HTML, report.Form(report.Explanation, doc.HTML)}, {"json", outputs.JSON, report.ExplanationJSON}}
	if err := checkOutputs(formats); err != nil {
		return nil, err
	}
	if d := outputs.Script; d != "" {
		if info, err := os.Stat(d); err != nil || !info.IsDir() {
			return nil, usage.Errorf("-script=%s: give a directory that exists", d)
		}
	}
	p, given, err := l.planCell(cell, o)
	if err != nil {
		return nil, err
	}
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, l.sources)
	if err != nil {
		return nil, err
	}
	r, err := l.runOn(ctx, p, t, tc)
	if err != nil {
		return nil, err
	}
	l.remember(r.Results)
	if bad := r.Cells[0].Build.Outcome; bad != nil {
		return nil, &NoBinaryError{r.Cells[0].ID, *bad, r.Cells[0].Build.Log}
	}
	b, err := l.fork(ctx, r.plan, r.baseline, false)
	if err != nil {
		return nil, err
	}
	e, err := l.explain(ctx, b, r.Results, given)
	if err != nil {
		return nil, err
	}
	if err := publish(l, e, func(w io.Writer) error { return doc.Terminal(w, report.Explanation(e), l.table) }, formats); err != nil {
		return e, err
	}
	if err := writeScripts(outputs.Script, e.Scripts); err != nil {
		return e, err
	}
	return e, explainEnd(e)
}

// writeScripts writes the scripts that repeat a cell to a directory; "" for none.
func writeScripts(dir string, scripts []result.ExplanationScript) error {
	if dir == "" {
		return nil
	}
	for _, s := range scripts {
		if err := renameio.WriteFile(filepath.Join(dir, s.Name+".sh"), []byte(s.Text), 0o755); err != nil {
			return fmt.Errorf("write the scripts: %w", err)
		}
	}
	return nil
}

// explain puts the page together.
func (l *Lab) explain(ctx context.Context, b *built, r *result.Results, given bool) (*result.Explanation, error) {
	c := r.Cells[0]
	at, n, why := chosen(c, given)
	place, run := c.Placements[at], c.Placements[at].Runs[n]
	e := &result.Explanation{
		Schema: result.ExplanationSchema, Cell: c.ID, Chosen: why, Command: r.Command, Tree: r.Tree, Toolchain: r.Toolchain,
		Config: r.Config, Verdict: c.Verdict, Reason: c.Reason, Requested: requested(b.cell), Modules: []result.ExplainedModule{},
		Notes: r.Notes, Infra: r.Infra,
		Placement: result.Placement{Name: place.Name, Mem: place.Mem, ASLR: place.ASLR, Runs: []result.Run{run}},
	}
	transcript, err := os.ReadFile(run.Transcript)
	if err != nil {
		return nil, fmt.Errorf("read the transcript: %w", err)
	}
	debugged, debugErr := l.builder.Debug(ctx, b.baseline, kbuild.Request{Cell: b.cell})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	foresees := oracle.New(b.baseline)
	e.Loader = foresees.Loader()
	forecasts := foresees.Forecast(b.product, b.cell.Modules, b.cell.Placements[at].Mem, run)
	flags := b.flags(debugged)
	for i, m := range run.Modules {
		planned := b.cell.Modules[slices.IndexFunc(b.cell.Modules, func(p scenario.Module) bool { return p.Name == m.Name })]
		x := result.ExplainedModule{Module: m, Path: b.product.Modules[planned.Path].Path, Objects: []result.ObjectFlags{},
			Reasoning: forecasts[i].Sentences(), Groups: []result.RejectedGroup{}, Excerpt: excerpt(transcript, m.Outcome, around)}
		if own, ok := flags[planned.Path]; ok {
			x.Objects = own
		}
		lines := linesOf(forecasts[i].Ko, debugged, planned.Path, debugErr)
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
	e.Scripts = l.hand(b, b.cell.Placements[at]).scripts()
	return e, nil
}

// chosen is the placement and the run that the page is about, and why.
func chosen(c result.Cell, given bool) (at, n int, why string) {
	for i, p := range c.Placements {
		for k, run := range p.Runs {
			for _, m := range run.Modules {
				if m.Outcome.Kind != outcome.Loaded {
					switch {
					case len(p.Runs) > 1:
						return i, k, fmt.Sprintf("boot %d of %d, the first in which %s is not loaded", k+1, len(p.Runs), m.Name)
					case given:
						return i, k, "as asked"
					}
					return i, k, fmt.Sprintf("the first placement at which %s is not loaded", m.Name)
				}
			}
		}
	}
	if given {
		return 0, 0, "as asked"
	}
	return 0, 0, "the first one: the modules load at every placement that was booted"
}

// requested is the variant's argument of make, as it is typed.
func requested(c scenario.Cell) string {
	if v := c.MakeVariable(); v != "" {
		return v + "='" + strings.Join(c.Variant.Flags(), " ") + "'"
	}
	return ""
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
	at := lineAt(transcript, o.Offset)
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
func (b *built) flags(d *kbuild.Debugged) map[string][]result.ObjectFlags {
	out := map[string][]result.ObjectFlags{}
	if d == nil {
		return out
	}
	var targets []string
	own := map[string]string{} // of the user's directories
	for _, m := range b.cell.Modules {
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
	texts := makefiles(os.DirFS(b.baseline.Base.Tree.Dir), dirsOf(targets)...)
	maps.Copy(texts, own)
	spec, _ := os.ReadFile(filepath.Join(b.baseline.Build(), "scripts", "target.json")) // without one, rustc's own targets hold
	requested := b.cell.Variant.Flags()
	if b.cell.Scope == scenario.ScopeKernel {
		requested = nil // they do not reach modules
	}
	for target, objects := range d.Objects {
		list := []result.ObjectFlags{}
		for _, o := range objects {
			list = append(list, objectFlags(texts, spec, o.Name, o.Given, requested, b.cell.MakeVariable()+" of make's command line"))
		}
		out[target] = list
	}
	return out
}

// hand is what it takes to repeat the cell by hand.
func (l *Lab) hand(b *built, p scenario.Placement) hand {
	base := b.baseline.Base
	h := hand{
		title:   fmt.Sprintf("%s:%s of %s", b.cell.ID(), p.Name, base.Tree.Name),
		store:   l.store.Root(),
		sysroot: base.Toolchain.Root, mounts: base.Toolchain.Mounts, env: base.Toolchain.Environment(),
		busybox: base.Toolchain.Busybox, linux: b.product.Linux, tree: base.Tree.Dir,
		options: filepath.Join(b.baseline.Build(), ".umlab.config"), make: base.Make(), flags: b.cell.MakeArg(),
		module: b.cell.Scope == scenario.ScopeModule, llvm: base.Compiler == kbuild.Clang, mem: p.Mem, aslr: p.ASLR,
	}
	for _, m := range b.cell.Modules {
		h.modules = append(h.modules, handModule{m.Name, b.product.Modules[m.Path].Path, m.Path, m.Params})
		if m.External != nil {
			h.external = true
		} else {
			h.targets = append(h.targets, m.Path)
		}
	}
	if len(h.targets) > 0 || !h.module {
		h.byHand = append(h.byHand, base.ByHand(b.cell, h.targets...))
	}
	h.byHand = append(h.byHand, base.ExternalByHand(b.cell)...)
	return h
}
