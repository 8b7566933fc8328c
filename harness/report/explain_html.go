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

//go:embed explain.html.tmpl
var explainSource string

// ExplanationHTML writes e as one page that loads nothing from elsewhere and
// runs no script. It returns the error of w.
func ExplanationHTML(w io.Writer, e *result.Explanation) error {
	t, err := template.New("explain").Funcs(template.FuncMap{
		"clean": clean, "whole": whole, "tone": tone, "origin": msgOrigin, "models": models, "relocation": msgRelocation, "code": msgCode,
		"script": msgScript, "transcript": msgTranscript, "console": msgConsole,
		"verdictTone": func(v result.Verdict) string { return cssClass(verdictStyle(v)) },
		"deref":       func(o *outcome.Outcome) outcome.Outcome { return *o },
		"yes":         func(b *bool) bool { return b != nil && *b },
		"no":          func(b *bool) bool { return b != nil && !*b },
	}).Parse(explainSource)
	if err != nil {
		return fmt.Errorf("parse the HTML template: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"E": e, "Title": explainTitle(e), "Facts": explainFacts(e), "Chosen": msgChosen(e), "OverAll": msgOverAll(e.Verdict),
		"Requested": msgRequested(e), "Flags": sameFlags(e), "Words": newExplainWords(),
	})
	if err != nil {
		return fmt.Errorf("render HTML: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}
