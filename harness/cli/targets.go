package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/usage"
)

func (a *App) matrix() *target {
	var r run
	var watch bool
	var out harness.Outputs
	t := a.newTarget("matrix", "", "builds a kernel in every flag variant, boots each, loads the modules, and prints what happened",
		"With several trees or toolchains, one table has a column for each; a series stands for all its members.", exactly())
	t.runFlags(&r)
	t.trees(&r.trees, meansTree+t.standing())
	t.toolchains(&r.toolchains, meansToolchain+"; in a list, all of a series; default: the scenario's")
	t.compiler(&r)
	t.scope(&r)
	t.cells(&r)
	t.axes(&r)
	t.placements(&r, false)
	t.modules(&r, true)
	t.fragments(&r)
	t.text(&r.Find, flag{name: "find", takes: "VERDICT", offers: fixed(harness.Findable()...),
		means: "look for the smallest sets of settings that give this verdict, over the axes and what else rustc offers"})
	t.repeat(&r)
	t.jobs(&r.Jobs)
	t.join()
	t.fresh(&r.Fresh)
	t.watch(&watch)
	t.files(file{&out.JSON, "json", asJSON}, file{&out.JUnit, "junit", asJUnit}, file{&out.KTAP, "ktap", asKTAP},
		file{&out.HTML, "html", asHTML}, file{&out.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, _ []string) error {
		// The plural is a table with columns, whatever is in it.
		columns, err := r.spread()
		if err != nil {
			return err
		}
		sweep := columns || len(r.trees) > 1 || len(r.toolchains) > 1 || c.Flags().Changed("trees") || c.Flags().Changed("toolchains")
		if r.Find != "" && a.joining != "" {
			return usage.Errorf("-find= asks what it asks by what it has seen, and is not for workers: leave -join= out, and unset %s", joinVariable)
		}
		if watch && a.joining != "" {
			return a.watchAlone()
		}
		if r.Find != "" && (sweep || watch) {
			return usage.Errorf("-find= searches with one tree and one toolchain, once: name them with -tree= and -toolchain=, and leave out -watch")
		}
		if sweep && watch {
			return usage.Errorf("-watch shows the table of one tree and one toolchain: name them with -tree= and -toolchain=")
		}
		if !sweep {
			r.Tree, r.Toolchain = strings.Join(r.trees, ""), strings.Join(r.toolchains, "")
			a.stand(&r.Tree)
		} else if len(r.trees) == 0 {
			a.stand(&r.Tree)
		}
		o := t.options(&r)
		switch {
		case watch:
			return harness.WatchMatrix(c.Context(), a.options(), o, out)
		case sweep:
			return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
				_, err := l.Sweep(ctx, harness.SweepOptions{MatrixOptions: o, Trees: r.trees, Toolchains: r.toolchains}, out)
				return err
			})
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Matrix(ctx, o, out)
			return err
		})
	}
	return t
}

// cellFlags are those of a target about one cell.
func (t *target) cellFlags(r *run, output bool) {
	t.runFlags(r)
	t.oneTree(&r.Tree, meansTree+t.standing())
	t.oneToolchain(&r.Toolchain, meansToolchain+theScenarios)
	t.compiler(r)
	t.axes(r)
	t.placements(r, true)
	t.modules(r, output)
	t.fragments(r)
	t.ValidArgsFunction = t.app.completeCell
}

const cellForm = "CELL is VARIANT@SCOPE, with a placement VARIANT@SCOPE:PLACEMENT: stock, static-small@module:high."

func (a *App) explain() *target {
	var r run
	var watch bool
	var out harness.ExplainOutputs
	t := a.newTarget("explain", "CELL",
		"prints one page about a cell: flags, prediction, relocations, console, and how to repeat it by hand",
		cellForm+" Without one, it is the first at which a module is not loaded.", exactly("CELL"))
	t.cellFlags(&r, true)
	t.repeat(&r)
	t.fresh(&r.Fresh)
	t.watch(&watch)
	t.files(file{&out.HTML, "html", asHTML}, file{&out.JSON, "json", asJSON})
	t.output(&out.Script, flag{name: "script", takes: "DIRECTORY", means: "the scripts that boot and build it without umlab, too"})
	t.RunE = func(c *cobra.Command, args []string) error {
		a.stand(&r.Tree)
		o := t.options(&r)
		if watch {
			return harness.WatchExplain(c.Context(), a.options(), args[0], o, out)
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Explain(ctx, args[0], o, out)
			return err
		})
	}
	return t
}

func (a *App) boot() *target {
	var r run
	t := a.newTarget("boot", "CELL", "boots the kernel of a cell, with its modules, and gives you a shell in it",
		cellForm+" Ctrl-C goes to the guest, Ctrl-] ends it; it needs a terminal.", exactly("CELL"))
	t.cellFlags(&r, false)
	t.fresh(&r.Fresh)
	t.RunE = func(c *cobra.Command, args []string) error {
		a.stand(&r.Tree)
		o := t.options(&r)
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Interact(ctx, args[0], o, a.Stdin, a.Stdout) })
	}
	return t
}

func (a *App) verify() *target {
	var r run
	var o harness.VerifyOptions
	var watch bool
	var out harness.VerifyOutputs
	t := a.newTarget("verify", "PATCH | -range=A..B -tree=DIRECTORY",
		"shows what a patch changes: the cells before and after it, and a report to be mailed",
		"PATCH is a diff, a mail, an mbox with a series, or - for standard input; -range= takes the commits of your own repository instead.",
		func(c *cobra.Command, args []string) error {
			switch given := c.Flags().Changed("range"); {
			case len(args) > 1:
				return usage.Errorf("verify takes one patch, and %q is another: give a series as one mbox", args[1])
			case given && len(args) > 0:
				return usage.Errorf("give the patch %s or -range=%s: not both", args[0], o.Range)
			case !given && len(args) == 0:
				return usage.Errorf("verify needs PATCH, or -range=A..B with -tree= of your repository (%s -h)", c.CommandPath())
			}
			return nil
		})
	t.ValidArgsFunction = nil // files
	t.text(&o.Range, flag{name: "range", takes: "A..B",
		means: "the commits A..B of the git repository that -tree= names, in place of PATCH"})
	t.runFlags(&r)
	t.oneTree(&r.Tree, meansTree+t.standing())
	t.list(&o.Toolchains, flag{name: "toolchains", also: "toolchain", takes: "NAME,…", offers: a.toolchains,
		means: meansToolchain + "; each is a pair of before and after; default: the scenario's"})
	t.compiler(&r)
	t.toggle(&o.Matrix, flag{name: "matrix", means: "the flag variants too, not only the cell stock"})
	t.scope(&r)
	t.cells(&r)
	t.axes(&r)
	t.placements(&r, false)
	t.modules(&r, true)
	t.fragments(&r)
	t.repeat(&r)
	t.jobs(&r.Jobs)
	t.join()
	t.fresh(&r.Fresh)
	t.watch(&watch)
	t.files(file{&out.JSON, "json", asJSON}, file{&out.JUnit, "junit", asJUnit},
		file{&out.HTML, "html", asHTML}, file{&out.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, args []string) error {
		o.Patch, o.Stdin = strings.Join(args, ""), a.Stdin
		a.stand(&r.Tree)
		o.MatrixOptions = t.options(&r)
		if watch && a.joining != "" {
			return a.watchAlone()
		}
		if watch {
			return harness.WatchVerify(c.Context(), a.options(), o, out)
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Verify(ctx, o, out)
			return err
		})
	}
	return t
}

func (a *App) bisect() *target {
	var r run
	var o harness.BisectOptions
	t := a.newTarget("bisect", "GOOD BAD", "finds where toolchains, trees or commits change from how GOOD is",
		"GOOD and BAD are versions of the series; with -axis=tree names of trees, and with -tree=DIRECTORY as well commits of it.",
		exactly("GOOD", "BAD"))
	t.text(&o.Series, flag{name: "series", takes: "NAME", offers: a.series, means: "the toolchains to search; default debian-rustc"})
	t.text(&o.Axis, flag{name: "axis", takes: "toolchain|tree", choices: func() []string { return []string{"toolchain", "tree"} },
		means: "what varies; default toolchain"})
	t.one(&o.Cell, flag{name: "cell", also: "cells", takes: "CELL", offers: a.cells,
		means: "what is looked at, CELL[:PLACEMENT[:MODULE]]; default stock"})
	t.text(&o.Until, flag{name: "until", takes: "CONDITION",
		means: "what is bad: outcomes (loaded, oops), or relocations (rust_print:GOTPCREL>0); default: what BAD shows"})
	t.toggle(&o.Fixed, flag{name: "fixed", means: "the first good one is looked for: GOOD is the end that is broken, BAD " +
		"the one that is not, and until says how that is"})
	t.output(&o.Log, flag{name: "log", takes: "FILE", means: "answers are written there as they come, and taken from there"})
	t.runFlags(&r)
	t.oneTree(&r.Tree, meansTree+t.standing())
	t.oneToolchain(&r.Toolchain, meansToolchain+theScenarios)
	t.compiler(&r)
	t.placements(&r, false)
	t.modules(&r, false)
	t.fragments(&r)
	t.repeat(&r)
	t.jobs(&r.Jobs)
	t.join()
	t.fresh(&r.Fresh)
	t.files(file{&o.Outputs.JSON, "json", asJSON}, file{&o.Outputs.HTML, "html", asHTML}, file{&o.Outputs.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, args []string) error {
		o.Good, o.Bad = args[0], args[1]
		if o.Axis != "tree" { // else a tree means that its commits are searched
			a.stand(&r.Tree)
		}
		o.MatrixOptions = t.options(&r)
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Bisect(ctx, o)
			return err
		})
	}
	return t
}

func (a *App) minimise() *target {
	var r run
	var o harness.MinimiseOptions
	t := a.newTarget("minimise", "CELL", "leaves out of a cell all that what it shows does not need, and prints what is left",
		"CELL is VARIANT@SCOPE, with what decides VARIANT@SCOPE:PLACEMENT:MODULE; without that, it is the first module that "+
			"is not loaded.", exactly("CELL"))
	t.list(&o.What, flag{name: "what", takes: "KIND,…", offers: fixed(harness.MinimiseParts()...),
		means: "only these: settings of the variant, steps, modules, lines of the source of modules of yours, options of " +
			"Kconfig, and those that every guest is given (hours); default: all but the last, in this order"})
	t.number(&o.Within, 1, flag{name: "within", takes: "MINUTES", once: true,
		means: "then what is left by that time is printed; default: as long as it takes"})
	t.output(&o.Out, flag{name: "out", takes: "DIRECTORY", means: "what is left is written there: the options, your modules, a scenario"})
	t.output(&o.Log, flag{name: "log", takes: "FILE", means: "answers are written there as they come, and taken from there"})
	t.cellFlags(&r, true)
	t.repeat(&r)
	t.jobs(&r.Jobs)
	t.fresh(&r.Fresh)
	t.files(file{&o.Outputs.JSON, "json", asJSON}, file{&o.Outputs.HTML, "html", asHTML}, file{&o.Outputs.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, args []string) error {
		o.Cell = args[0]
		a.stand(&r.Tree)
		o.MatrixOptions = t.options(&r)
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Minimise(ctx, o)
			return err
		})
	}
	return t
}

func (a *App) history() *target {
	var o harness.HistoryOptions
	t := a.newTarget("history", "", "shows when each cell's verdict changed, over all results that were recorded",
		"Names may be patterns: debian-rustc:*, static-*.", exactly())
	t.list(&o.Cell, flag{name: "cell", also: "cells", takes: "CELL,…", offers: a.cells, means: "only these; default: all"})
	t.trees(&o.Tree, "only of these; default: all")
	t.toolchains(&o.Toolchain, "only of these; default: all")
	t.list(&o.Scenario, flag{name: "scenario", also: "scenarios", takes: "NAME,…", offers: a.scenarios,
		means: "only of these; default: all"})
	t.toggle(&o.Changes, flag{name: "changes", means: "only what changed, without the table"})
	t.text(&o.Import, flag{name: "import", takes: "FILE", path: true,
		means: "enter results first, as -json= of matrix or -export= wrote them"})
	t.files(file{&o.Export, "export", "all results, to be imported elsewhere: FILE.json an array, else one a line"},
		file{&o.Outputs.JSON, "json", asJSON}, file{&o.Outputs.HTML, "html", asHTML}, file{&o.Outputs.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, _ []string) error {
		o.Command = t.command()
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.History(ctx, o) })
	}
	return t
}

func (a *App) zoo() *target {
	var o harness.ZooOptions
	var out harness.Outputs
	t := a.newTarget("zoo", "", "runs many scenarios, each where it shows its bug, and prints one table of them",
		"A scenario that is not for a tree, or that a toolchain cannot build, is skipped, and the table says why.", exactly())
	t.list(&o.Scenarios, flag{name: "scenario", also: "scenarios", takes: "NAME,…", path: true, offers: a.scenarios,
		means: "only these: names, patterns (rustc-*), or paths of TOML files; default: all"})
	t.trees(&o.Trees, meansTree+"; default: each scenario's")
	t.toolchains(&o.Toolchains, meansToolchain+"; all of a series; default: each scenario's")
	t.jobs(&o.Jobs)
	t.join()
	t.fresh(&o.Fresh)
	t.files(file{&out.JSON, "json", asJSON}, file{&out.JUnit, "junit", asJUnit}, file{&out.KTAP, "ktap", asKTAP},
		file{&out.HTML, "html", asHTML}, file{&out.Markdown, "md", asMD})
	t.RunE = func(c *cobra.Command, _ []string) error {
		o.Command = t.command()
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Zoo(ctx, o, out)
			return err
		})
	}
	return t
}

func (a *App) nightly() *target {
	var r run
	var o harness.NightlyOptions
	t := a.newTarget("nightly", "",
		"runs what is new in a series, holds it against what was known, bisects what changed, and writes a report",
		"", exactly())
	t.text(&o.Series, flag{name: "series", takes: "NAME", offers: a.series, means: "the toolchains to watch; default debian-rustc"})
	t.output(&o.Dir, flag{name: "dir", takes: "DIRECTORY", means: "where dated reports go; default: reports/SERIES of the store"})
	t.toggle(&o.Zoo, flag{name: "zoo", means: "then all scenarios as well, each where it shows its bug: zoo.* beside the report"})
	t.runFlags(&r)
	t.oneTree(&r.Tree, meansTree+theScenarios)
	t.compiler(&r)
	t.scope(&r)
	t.cells(&r)
	t.axes(&r)
	t.placements(&r, false)
	t.modules(&r, false)
	t.fragments(&r)
	t.repeat(&r)
	t.jobs(&r.Jobs)
	t.join()
	t.RunE = func(c *cobra.Command, _ []string) error {
		o.MatrixOptions = t.options(&r)
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			_, err := l.Nightly(ctx, o)
			return err
		})
	}
	return t
}

func (a *App) classify() *target {
	var json string
	t := a.newTarget("classify", "FILE", "names the outcome that a saved console log shows, with the line that proves it",
		"FILE is a log, a mail or an mbox; - is standard input.", exactly("FILE"))
	t.ValidArgsFunction = nil // files
	t.files(file{&json, "json", asJSON})
	t.RunE = func(_ *cobra.Command, args []string) error {
		_, err := harness.Classify(harness.ClassifyOptions{File: args[0], Stdin: a.Stdin, Stdout: a.Stdout, Getenv: a.Getenv, JSON: json})
		return err
	}
	return t
}

func (a *App) new() *target {
	o := harness.NewOptions{}
	run := true
	t := a.newTarget("new", "FILE…", "proposes a scenario of what a report says, writes it, and runs it once",
		"FILE is a log, a mail, a .config or a patch; several belong to one report. - is standard input.",
		func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage.Errorf("new needs FILE: %s (%s -h)", c.UseLine(), c.CommandPath())
			}
			return nil
		})
	t.ValidArgsFunction = nil // files
	t.text(&o.Name, flag{name: "name", takes: "NAME", means: "what the scenario is called; default: by what the report shows"})
	t.text(&o.Dir, flag{name: "dir", takes: "DIRECTORY", path: true,
		means: "where it is written; default: your own scenarios/, else where umlab was called"})
	t.oneTree(&o.Tree, meansTree+"; default: the one of configs/ that is nearest to the report's")
	t.oneToolchain(&o.Toolchain, meansToolchain+"; default: one with the report's rustc")
	t.text(&o.Patch, flag{name: "patch", takes: "fix|culprit", choices: harness.Roles,
		means: "what a patch is: it mends the bug, or brings it about and is applied; default fix, a guess"})
	t.toggle(&run, flag{name: "run", means: "run it once; default true, -run=false only writes it"})
	t.toggle(&o.Force, flag{name: "force", means: "write over a scenario of that name"})
	t.RunE = func(c *cobra.Command, args []string) error {
		o.Files, o.Stdin, o.Plan = args, a.Stdin, !run
		for i, file := range o.Files {
			if file != "-" {
				o.Files[i] = a.expand(file)
			}
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.New(ctx, o) })
	}
	return t
}

func (a *App) fetch() *target {
	var trees, toolchains []string
	t := a.newTarget("fetch", "",
		"asks the archive what it serves now, and fetches trees and toolchains, so that later runs need no network", "", exactly())
	t.trees(&trees, meansTree+"; default debian-6.12")
	t.toolchains(&toolchains, meansToolchain+"; default trixie")
	t.RunE = func(c *cobra.Command, _ []string) error {
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Fetch(ctx, trees, toolchains) })
	}
	return t
}

func (a *App) doctor() *target {
	t := a.newTarget("doctor", "", "says whether this machine has what umlab needs, and what to change", "", exactly())
	t.RunE = func(c *cobra.Command, _ []string) error {
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Doctor(ctx) })
	}
	return t
}

func (a *App) fsck() *target {
	var o harness.FsckOptions
	t := a.newTarget("fsck", "", "reads all of the store, and throws away what is not what was stored; it is made again when it is asked for",
		"Runs check what they use; this reads every byte. Of the history, what is broken is set aside, and the rest stays.", exactly())
	t.toggle(&o.DryRun, flag{name: "dry-run", means: "only say what is wrong"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Fsck(ctx, o) })
	}
	return t
}

func (a *App) clean() *target {
	var o harness.CleanOptions
	t := a.newTarget("clean", "", "removes from the store what was not used for 30 days; the history stays", "", exactly())
	b := t.bounds(&o.Keep, "what was not used for so many days goes; default 30",
		"what was used least recently goes, until no more is left than 20GB, say", "everything goes")
	t.toggle(&o.DryRun, flag{name: "dry-run", means: "only say what would go"})
	t.RunE = func(c *cobra.Command, _ []string) (err error) {
		if o.Unused, err = b.age(); err != nil {
			return err
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Clean(ctx, o) })
	}
	return t
}
