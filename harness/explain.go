package harness

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"umlab/harness/explain"
	"umlab/harness/kbuild"
	"umlab/harness/result"
)

// ExplainOutputs are files that the page is also written to; Script is a
// directory, which gets the scripts that repeat the cell.
type ExplainOutputs struct{ HTML, JSON, Script string }

func (o ExplainOutputs) formats() []format[result.Explanation] {
	return ofExplanation().files(map[string]string{"html": o.HTML, "json": o.JSON})
}

// Explain prints all that is known about one cell at one placement: the one
// that is named, else the first at which a module does not load, else the first.
// Where a prediction and an observation disagree, or the run proves nothing, the
// error is an *EndError.
func (l *Lab) Explain(ctx context.Context, cell string, o MatrixOptions, outputs ExplainOutputs) (*result.Explanation, error) {
	formats := outputs.formats()
	if err := checkOutputs(formats); err != nil {
		return nil, err
	}
	if d := outputs.Script; d != "" {
		if err := checkDirectory("script", d); err != nil {
			return nil, err
		}
	}
	p, given, err := l.planCell(cell, o)
	if err != nil {
		return nil, err
	}
	if err := l.sandboxed(ctx); err != nil {
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
		return nil, noBinary(r.Cells[0].ID, *bad, r.Cells[0].Build.Log)
	}
	b, err := l.fork(ctx, r.plan, r.of(r.plan.Cells[0]), false)
	if err != nil {
		return nil, err
	}
	debugged, debugErr := l.builder.Debug(ctx, b.baseline, kbuild.Request{Cell: b.cell})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := l.store.Whole(ctx, b.baseline.Dir); err != nil {
		return nil, err
	}
	e, err := explain.Booted{Cell: b.cell, Baseline: b.baseline, Product: b.product, Steps: b.given, Debugged: debugged, DebugErr: debugErr,
		Results: r.Results, Given: given, Store: l.store.Root()}.Page()
	if err != nil {
		return nil, err
	}
	err = finish(l, ofExplanation(), e, formats)
	return e, cmp.Or(err, l.writeScripts(outputs.Script, e.Scripts), explainEnd(e))
}

// writeScripts writes the scripts that repeat a cell to a directory, which it makes; "" for none.
func (l *Lab) writeScripts(dir string, scripts []result.ExplanationScript) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the scripts: %w", err)
	}
	for _, s := range scripts {
		path := filepath.Join(dir, s.Name+".sh")
		if err := writeWhole(path, []byte(s.Text), 0o755); err != nil {
			return fmt.Errorf("write the scripts: %w", err)
		}
		l.sink.Note(fmt.Sprintf("%s: %s", path, s.Title))
	}
	return nil
}
