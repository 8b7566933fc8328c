package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// Classification writes what a saved console log shows for a terminal: for each
// module the outcome, then the line that proves it, verbatim and never folded.
// It returns the error of w.
func Classification(w io.Writer, c *result.Classification, opt Options) error {
	p := &printer{opt: opt}
	for _, m := range c.Modules {
		o := m.Outcome
		if o.Kind == outcome.Unproved {
			p.line(p.paint(bold, msgWhose(m.Name)) + "  " + p.paint(faint, msgUnproved))
		} else {
			p.line(p.paint(bold, msgWhose(m.Name)) + "  " + p.paint(outcomeStyle(o.Kind), whole(o)))
		}
		if o.Evidence != "" {
			p.line("    " + clean(o.Evidence))
			p.line(p.paint(faint, "    "+msgPlace(m.Line, o.Offset)))
		}
		if o.Detail != "" {
			p.wrap(clean(o.Detail), "    ")
		}
	}
	if len(c.Modules) == 0 {
		p.line(msgNoModule)
	}
	p.line("")
	p.wrap(msgLog(c), "")
	_, err := w.Write(p.out.Bytes())
	return err
}

// whole is an outcome with everything that was read off its evidence, by its
// whole names.
func whole(o outcome.Outcome) string {
	s := long(o)
	if r := o.Relocation; r != nil {
		s = fmt.Sprintf("%s %d %s%s", o.Kind, r.Type, clean(r.Name), strings.TrimPrefix(s, short(o)))
		if o.Errno != 0 {
			s += ", " + msgErrno(o.Errno)
		}
	}
	return s
}

// ClassificationJSON writes c indented. It returns the error of w.
func ClassificationJSON(w io.Writer, c *result.Classification) error { return indented(w, c) }

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
