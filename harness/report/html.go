package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

//go:embed report.html.tmpl
var pageSource string

// HTML writes r as one page that loads nothing from elsewhere and runs no
// script. It returns the error of w.
func HTML(w io.Writer, r *result.Results) error {
	return page(w, "report", "", map[string]any{
		"Sheet": newSheet(r), "Results": r, "Words": newHTMLWords(),
		"Differs": markDiffers, "Agrees": markAgrees,
		"Good": !proofless(r) && r.Totals.Differing == 0 && r.Totals.Disagreeing == 0,
	})
}

// page renders the template called name: that of results, or one of source,
// which may use the blocks of the former.
func page(w io.Writer, name, source string, data map[string]any) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"clean":       clean,
		"short":       short,
		"long":        long,
		"proof":       proof,
		"took":        func(s float64) string { return duration(seconds(s)) },
		"entryClass":  func(k outcome.Kind) string { return cssClass(outcomeStyle(k)) },
		"verdictName": func(v result.Verdict) string { return clean(string(v)) },
		"verdictTone": func(v result.Verdict) string { return cssClass(verdictStyle(v)) },
		"column":      func(p result.Placement) string { return columnOf(p).title() },
		"inc":         func(i int) int { return i + 1 },
		"missed":      missed,
		"control":     msgControl,
		"predicted":   msgPredicted,
		"differs":     func() string { return markDiffers },
	}).Parse(pageSource)
	if err == nil && source != "" {
		_, err = t.New(name).Parse(source)
	}
	if err != nil {
		return fmt.Errorf("parse the HTML template: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("render HTML: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func cssClass(st style) string {
	switch st {
	case good:
		return "good"
	case reject:
		return "reject"
	case warn:
		return "warn"
	case bad, loud:
		return "bad"
	}
	return "faint"
}
