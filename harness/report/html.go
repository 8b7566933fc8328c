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

//go:embed base.html.tmpl
var pageSource string

// page renders the template called name: one of source, which may use the
// styles and alarms of base.html.tmpl.
func page(w io.Writer, name, source string, data map[string]any) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"clean":       clean,
		"short":       short,
		"long":        long,
		"proof":       proof,
		"took":        took,
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
