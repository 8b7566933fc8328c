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

func ofMatrix() kind[result.Results] {
	return kind[result.Results]{"matrix", onTerminal(report.Matrix), []format[result.Results]{
		{flag: "json", write: report.JSON[result.Results]}, {flag: "junit", write: report.Form(report.MatrixChecks, checks.JUnit)},
		{flag: "ktap", write: report.Form(report.MatrixChecks, checks.KTAP)},
		{flag: "html", write: report.Form(report.Matrix, doc.HTML)}, {flag: "md", write: report.Form(report.Matrix, doc.Markdown)},
	}, func(r *result.Results) result.Kept {
		k := result.Kept{Command: r.Command, Title: r.Scenario.Title, Verdict: report.MatrixVerdict(r), Seconds: r.Seconds, Exit: r.Exit}
		k.Of(r)
		return k
	}}
}

func ofSweep() kind[result.Sweep] {
	return kind[result.Sweep]{"sweep", onTerminal(report.Sweep), []format[result.Sweep]{
		{flag: "json", write: report.JSON[result.Sweep]}, {flag: "junit", write: report.Form(report.SweepChecks, checks.JUnit)},
		{flag: "ktap", write: report.Form(report.SweepChecks, checks.KTAP)},
		{flag: "html", write: report.Form(report.Sweep, doc.HTML)}, {flag: "md", write: report.Form(report.Sweep, doc.MarkdownMail)},
	}, func(s *result.Sweep) result.Kept {
		k := result.Kept{Command: s.Command, Title: s.Scenario.Title, Verdict: report.SweepVerdict(s), Seconds: s.Seconds, Exit: s.Exit,
			Scenario: s.Scenario.Name}
		k.OfColumns(s)
		return k
	}}
}

func ofZoo() kind[result.Zoo] {
	return kind[result.Zoo]{"zoo", onTerminal(report.Zoo), []format[result.Zoo]{
		{flag: "json", write: report.JSON[result.Zoo]}, {flag: "junit", write: report.Form(report.ZooChecks, checks.JUnit)},
		{flag: "ktap", write: report.Form(report.ZooChecks, checks.KTAP)},
		{flag: "html", write: report.Form(report.Zoo, doc.HTML)}, {flag: "md", write: report.Form(report.Zoo, doc.MarkdownMail)},
	}, func(z *result.Zoo) result.Kept {
		k := result.Kept{Command: z.Command, Title: report.ZooTitle(z), Verdict: report.ZooVerdict(z), Seconds: z.Seconds, Exit: z.Exit}
		for _, e := range z.Entries {
			k.Trees, k.Toolchains = append(k.Trees, e.Column.Tree), append(k.Toolchains, e.Column.Toolchain)
		}
		return k
	}}
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
	return kind[result.Bisection]{"bisect", onTerminal(report.Bisection), []format[result.Bisection]{
		{flag: "json", write: report.JSON[result.Bisection]},
		{flag: "html", write: report.Form(report.Bisection, doc.HTML)}, {flag: "md", write: report.Form(report.Bisection, doc.Markdown)},
	}, func(b *result.Bisection) result.Kept {
		k := result.Kept{Command: b.Command, Title: b.Target, Verdict: report.BisectionVerdict(b), Seconds: b.Seconds, Exit: b.Exit,
			Scenario: b.Scenario.Name}
		for _, side := range []*result.Boundary{b.LastGood, b.FirstBad} {
			if side != nil {
				k.Trees, k.Toolchains = append(k.Trees, side.Tree.Name), append(k.Toolchains, side.Toolchain.Name)
			}
		}
		return k
	}}
}

func ofNight() kind[result.Nightly] {
	return kind[result.Nightly]{"nightly", onTerminal(report.Nightly), []format[result.Nightly]{
		{flag: "json", write: report.JSON[result.Nightly]}, {flag: "junit", write: report.Form(report.NightlyChecks, checks.JUnit)},
		{flag: "ktap", write: report.Form(report.NightlyChecks, checks.KTAP)},
		{flag: "html", write: report.Form(report.Nightly, doc.HTML)}, {flag: "md", write: report.Form(report.Nightly, doc.MarkdownMail)},
	}, func(n *result.Nightly) result.Kept {
		k := result.Kept{Command: n.Command, Title: n.Scenario.Title, Verdict: report.NightlyVerdict(n), Seconds: n.Seconds, Exit: n.Exit,
			Scenario: n.Scenario.Name}
		k.OfColumns(n.Sweep)
		return k
	}}
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
	return kind[result.Minimisation]{"minimise", onTerminal(report.Minimisation), []format[result.Minimisation]{
		{flag: "json", write: report.JSON[result.Minimisation]},
		{flag: "html", write: report.Form(report.Minimisation, doc.HTML)}, {flag: "md", write: report.Form(report.Minimisation, doc.Markdown)},
	}, func(m *result.Minimisation) result.Kept {
		return result.Kept{Command: m.Command, Title: m.Target, Verdict: report.MinimisationVerdict(m), Seconds: m.Seconds, Exit: m.Exit,
			Scenario: m.Scenario.Name, Trees: []string{m.Tree.Name}, Toolchains: []string{m.Toolchain.Name}}
	}}
}
