package harness

import (
	"io"

	"umlab/harness/report"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// kind is what the results of a flow have in common, whether it has just ended or ran another day.
type kind[T any] struct {
	flow  string
	print func(io.Writer, *T, doc.Options) error // on standard output
	forms []format[T]                            // without paths
	about func(*T) result.Kept                   // of a result: all but ID, Flow and At
}

// files are the formats that a run is asked for, by flag; one without a path is not.
func (k kind[T]) files(paths map[string]string) (list []format[T]) {
	for _, f := range k.forms {
		if path, ok := paths[f.flag]; ok {
			f.path = path
			list = append(list, f)
		}
	}
	return list
}

// paths are those of a run's outputs by flag.
func (o Outputs) paths() map[string]string {
	return map[string]string{"json": o.JSON, "junit": o.JUnit, "ktap": o.KTAP, "html": o.HTML, "md": o.Markdown}
}

// onTerminal prints what build makes of a result.
func onTerminal[T any](build func(*T) *doc.Document) func(io.Writer, *T, doc.Options) error {
	return func(w io.Writer, v *T, o doc.Options) error { return doc.Terminal(w, build(v), o) }
}

// documented is the kind of a flow whose result is a document: printed, as JSON, as its checks where it has any, as a page and
// as Markdown.
func documented[T any](
	flow string, build func(*T) *doc.Document, checked func(*T) checks.Check, markdown func(io.Writer, *doc.Document) error,
	about func(*T) result.Kept,
) kind[T] {
	forms := []format[T]{{flag: "json", write: report.JSON[T]}}
	if checked != nil {
		forms = append(forms, format[T]{flag: "junit", write: report.Form(checked, checks.JUnit)},
			format[T]{flag: "ktap", write: report.Form(checked, checks.KTAP)})
	}
	forms = append(forms, format[T]{flag: "html", write: report.Form(build, doc.HTML)},
		format[T]{flag: "md", write: report.Form(build, markdown)})
	return kind[T]{flow, onTerminal(build), forms, about}
}

func ofMatrix() kind[result.Results] {
	return documented("matrix", report.Matrix, report.MatrixChecks, doc.Markdown, func(r *result.Results) result.Kept {
		k := result.Kept{Command: r.Command, Title: r.Scenario.Title, Verdict: report.MatrixVerdict(r), Seconds: r.Seconds, Exit: r.Exit}
		k.Of(r)
		return k
	})
}

func ofSweep() kind[result.Sweep] {
	return documented("sweep", report.Sweep, report.SweepChecks, doc.MarkdownMail, func(s *result.Sweep) result.Kept {
		k := result.Kept{Command: s.Command, Title: s.Scenario.Title, Verdict: report.SweepVerdict(s), Seconds: s.Seconds, Exit: s.Exit,
			Scenario: s.Scenario.Name}
		k.OfColumns(s)
		return k
	})
}

func ofZoo() kind[result.Zoo] {
	return documented("zoo", report.Zoo, report.ZooChecks, doc.MarkdownMail, func(z *result.Zoo) result.Kept {
		k := result.Kept{Command: z.Command, Title: report.ZooTitle(z), Verdict: report.ZooVerdict(z), Seconds: z.Seconds, Exit: z.Exit}
		for _, e := range z.Entries {
			k.Trees, k.Toolchains = append(k.Trees, e.Column.Tree), append(k.Toolchains, e.Column.Toolchain)
		}
		return k
	})
}

func ofVerification() kind[result.Verification] {
	mail := func(w io.Writer, v *result.Verification, _ doc.Options) error {
		return doc.Mail(w, report.VerificationPublic(v))
	}
	return kind[result.Verification]{"verify", mail, []format[result.Verification]{
		{flag: "json", write: report.JSON[result.Verification]}, {flag: "junit", write: report.Form(report.VerificationChecks, checks.JUnit)},
		{flag: "html", write: report.Form(report.Verification, doc.HTML)}, {flag: "md",
			write: report.Form(report.VerificationPublic, doc.Markdown)},
	}, func(v *result.Verification) result.Kept {
		k := result.Kept{Command: v.Command, Verdict: report.VerificationVerdict(v), Seconds: v.Seconds, Exit: v.Exit}
		if len(v.Patches) > 0 {
			k.Title = v.Patches[0].Subject
		}
		for _, p := range v.Pairs {
			k.Of(p.Before)
		}
		return k
	}}
}

func ofBisection() kind[result.Bisection] {
	return documented("bisect", report.Bisection, nil, doc.Markdown, func(b *result.Bisection) result.Kept {
		k := result.Kept{Command: b.Command, Title: b.Target, Verdict: report.BisectionVerdict(b), Seconds: b.Seconds, Exit: b.Exit,
			Scenario: b.Scenario.Name}
		for _, side := range []*result.Boundary{b.LastGood, b.FirstBad} {
			if side != nil {
				k.Trees, k.Toolchains = append(k.Trees, side.Tree.Name), append(k.Toolchains, side.Toolchain.Name)
			}
		}
		return k
	})
}

func ofNight() kind[result.Nightly] {
	return documented("nightly", report.Nightly, report.NightlyChecks, doc.MarkdownMail, func(n *result.Nightly) result.Kept {
		k := result.Kept{Command: n.Command, Title: n.Scenario.Title, Verdict: report.NightlyVerdict(n), Seconds: n.Seconds, Exit: n.Exit,
			Scenario: n.Scenario.Name}
		k.OfColumns(n.Sweep)
		return k
	})
}

func ofExplanation() kind[result.Explanation] {
	return kind[result.Explanation]{"explain", onTerminal(report.Explanation), []format[result.Explanation]{
		{flag: "html", write: report.Form(report.Explanation, doc.HTML)}, {flag: "json", write: report.JSON[result.Explanation]},
	}, func(e *result.Explanation) result.Kept {
		return result.Kept{Command: e.Command, Title: e.Cell + ":" + e.Placement.Name, Verdict: report.ExplanationVerdict(e),
			Exit: ExitCode(explainEnd(e)), Trees: []string{e.Tree.Name}, Toolchains: []string{e.Toolchain.Name}}
	}}
}

func ofMinimisation() kind[result.Minimisation] {
	return documented("minimise", report.Minimisation, nil, doc.Markdown, func(m *result.Minimisation) result.Kept {
		return result.Kept{Command: m.Command, Title: m.Target, Verdict: report.MinimisationVerdict(m), Seconds: m.Seconds, Exit: m.Exit,
			Scenario: m.Scenario.Name, Trees: []string{m.Tree.Name}, Toolchains: []string{m.Toolchain.Name}}
	})
}
