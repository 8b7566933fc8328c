package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/usage"
)

func (a *App) runs() *target {
	var o harness.RunsOptions
	var exits []string
	t := a.newTarget("runs", "", "lists earlier runs, newest first, with what each came to; report shows one again",
		"Names may be patterns: debian-*. configs/limits.toml says how many are kept, and clean removes what nobody looked at.", exactly())
	t.list(&o.Flow, flag{name: "target", takes: "TARGET,…", offers: fixed("matrix", "explain", "verify", "bisect",
		"zoo", "nightly", "minimise"),
		means: "only of these; default: all"})
	t.list(&o.Scenario, flag{name: "scenario", also: "scenarios", takes: "NAME,…", offers: a.scenarios,
		means: "only of these; default: all"})
	t.trees(&o.Tree, "only of these; default: all")
	t.toolchains(&o.Toolchain, "only of these; default: all")
	t.list(&exits, flag{name: "exit", takes: "CODE,…", offers: fixed("0", "1", "2", "3"), means: "only what ended so; default: all"})
	o.Most = 20
	t.number(&o.Most, 0, flag{name: "most", takes: "N", means: "how many, 0 for all; default 20"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		for _, e := range exits {
			code, err := strconv.Atoi(e)
			if err != nil {
				return usage.Errorf("-exit=%s: give exit codes, as in -exit=1,3", e)
			}
			o.Exit = append(o.Exit, code)
		}
		return a.in(c.Context(), func(_ context.Context, l *harness.Lab) error { return l.Runs(o) })
	}
	return t
}

func (a *App) report() *target {
	var out harness.Outputs
	t := a.newTarget("report", "RUN", "shows an earlier run again, as it was, in any format that it has; nothing is run",
		"RUN is an ID that runs lists, or its beginning; last is the newest. Without a format, it is printed.", exactly("RUN"))
	t.ValidArgsFunction = a.completeRun
	t.files(file{&out.JSON, "json", "as JSON"}, file{&out.JUnit, "junit", "as JUnit XML"}, file{&out.KTAP, "ktap", "as KTAP"},
		file{&out.HTML, "html", "as a page"}, file{&out.Markdown, "md", "as Markdown"})
	t.RunE = func(c *cobra.Command, args []string) error {
		return a.in(c.Context(), func(_ context.Context, l *harness.Lab) error { return l.Report(args[0], out) })
	}
	return t
}

// completeRun completes the ID of a run that is kept.
func (a *App) completeRun(_ *cobra.Command, args []string, typed string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		for _, r := range append([][2]string{{harness.LastRun, "the newest"}}, harness.RunIDs(a.Getenv)...) {
			if strings.HasPrefix(r[0], typed) {
				list = append(list, cobra.CompletionWithDesc(r[0], r[1]))
			}
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
