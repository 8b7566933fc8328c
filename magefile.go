//go:build mage

// Targets of umlab: see README.md. Each parses its flags and calls harness, whose
// errors carry their exit codes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"umlab/harness"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/usage"
)

// The sandbox runs this program again as its init: that copy leaves here.
func init() {
	harness.Init()
	// Mage names a flag after its parameter, which has no hyphen in Go.
	if at := slices.Index(os.Args, "-dry-run"); at > 0 {
		os.Args[at] = "-dryrun"
	}
}

// Matrix builds a kernel in every flag variant, boots each, loads the modules, and prints what happened; with
// -toolchains=A,B or -trees=X,Y one table has a column for each, and a series stands for all its members; -watch does it
// again whenever the tree, an own module or a fragment is saved.
func Matrix(
	ctx context.Context, scenario, tree, trees, toolchain, toolchains, compiler, scope, cells, placements, modules,
	mem, aslr, fragment, output *string, repeat, jobs *int, fresh, watch *bool, json, junit, ktap, html, md *string,
) error {
	o := harness.MatrixOptions{
		Scenario: str(scenario), Tree: str(tree), Toolchain: str(toolchain), Compiler: str(compiler), Fragments: list(fragment),
		Jobs: num(jobs), Fresh: fresh != nil && *fresh,
		Command: command(),
	}
	var err error
	if o.Select, err = selection(scope, cells, placements, modules, mem, aslr, repeat); err != nil {
		return harness.Exit(err)
	}
	o.Select.Output = str(output)
	files := harness.Outputs{JSON: str(json), JUnit: str(junit), KTAP: str(ktap), HTML: str(html), Markdown: str(md)}
	if again(watch) {
		if trees != nil || toolchains != nil {
			return harness.Exit(usage.Errorf("-watch shows the table of one tree and one toolchain: name them with -tree= and -toolchain="))
		}
		return harness.WatchMatrix(ctx, options(), o, files)
	}
	if trees != nil || toolchains != nil {
		so := harness.SweepOptions{MatrixOptions: o}
		if so.Toolchains, err = names("toolchains", toolchains); err != nil {
			return harness.Exit(err)
		}
		if so.Trees, err = names("trees", trees); err != nil {
			return harness.Exit(err)
		}
		return with(func(lab *harness.Lab) error {
			_, err := lab.Sweep(ctx, so, files)
			return err
		})
	}
	return with(func(lab *harness.Lab) error {
		_, err := lab.Matrix(ctx, o, files)
		return err
	})
}

// Classify names the outcome that a saved console log shows (- is standard input), with the line that proves it.
func Classify(ctx context.Context, file string, json *string) error {
	_, err := harness.Classify(harness.ClassifyOptions{File: file, Stdin: os.Stdin, Stdout: os.Stdout, Getenv: os.Getenv, JSON: str(json)})
	return harness.Exit(err)
}

// Boot gives the kernel and modules of a cell ("static-small@module:high") an interactive console on this terminal.
func Boot(
	ctx context.Context, cell string, scenario, tree, toolchain, compiler, placement, mem, aslr, modules,
	fragment *string, fresh *bool,
) error {
	o, err := cellOptions(scenario, tree, toolchain, compiler, placement, mem, aslr, modules, fragment, nil, fresh)
	if err != nil {
		return harness.Exit(err)
	}
	return with(func(lab *harness.Lab) error { return lab.Interact(ctx, cell, o, os.Stdin, os.Stdout) })
}

// Explain prints one page about a cell ("static-kernel@module", or with a placement "stock:low"): flags, prediction,
// relocations, console, and how to repeat it by hand; -watch prints it again whenever what it is of is saved.
func Explain(
	ctx context.Context, cell string, scenario, tree, toolchain, compiler, placement, mem, aslr, modules, output,
	fragment *string, repeat *int, fresh, watch *bool, html, json, script *string,
) error {
	o, err := cellOptions(scenario, tree, toolchain, compiler, placement, mem, aslr, modules, fragment, repeat, fresh)
	if err != nil {
		return harness.Exit(err)
	}
	o.Select.Output = str(output)
	files := harness.ExplainOutputs{HTML: str(html), JSON: str(json), Script: str(script)}
	if again(watch) {
		return harness.WatchExplain(ctx, options(), cell, o, files)
	}
	return with(func(lab *harness.Lab) error {
		_, err := lab.Explain(ctx, cell, o, files)
		return err
	})
}

// cellOptions are the flags that the targets about one cell share.
func cellOptions(
	scenario, tree, toolchain, compiler, placement, mem, aslr, modules, fragment *string, repeat *int, fresh *bool,
) (harness.MatrixOptions, error) {
	o := harness.MatrixOptions{
		Scenario: str(scenario), Tree: str(tree), Toolchain: str(toolchain), Compiler: str(compiler), Fragments: list(fragment),
		Fresh: fresh != nil && *fresh, Command: command(),
	}
	var err error
	o.Select, err = selection(nil, nil, placement, modules, mem, aslr, repeat)
	return o, err
}

func selection(scope, cells, placements, modules, mem, aslr *string, repeat *int) (scenario.Selection, error) {
	s := scenario.Selection{Cells: list(cells), Scope: list(scope), Placements: list(placements), Mem: list(mem), Modules: list(modules)}
	if repeat != nil {
		if *repeat < 1 {
			return s, usage.Errorf("-repeat=%d: give a number of boots, 1 or more", *repeat)
		}
		s.Repeat = *repeat
	}
	switch v := str(aslr); v {
	case "":
	case "on", "off":
		on := v == "on"
		s.ASLR = &on
	default:
		return s, usage.Errorf("-aslr=%s: on or off", v)
	}
	return s, nil
}

// Verify shows what a patch changes: the cells before and after it, and a report to be mailed; PATCH is a file, an
// mbox, - for standard input, or -range=A..B of the repository that -tree= names; -watch does it again whenever it is saved.
func Verify(
	ctx context.Context, patch string, scenario, tree, toolchains, compiler, scope, cells, placements, modules, mem,
	aslr, fragment, output *string, repeat, jobs *int, fresh, matrix, watch *bool, json, junit, html, md *string,
) error {
	commits, isRange := strings.CutPrefix(patch, "-range=")
	if isRange {
		patch = ""
	} else if commits = ""; strings.HasPrefix(patch, "-") && patch != "-" {
		return harness.Exit(usage.Errorf("%s: give the patch, or -range=A..B, before the flags", patch))
	}
	o := harness.VerifyOptions{
		Patch: patch, Range: commits, Toolchains: list(toolchains), Matrix: matrix != nil && *matrix, Stdin: os.Stdin,
		MatrixOptions: harness.MatrixOptions{
			Scenario: str(scenario), Tree: str(tree), Compiler: str(compiler), Fragments: list(fragment),
			Jobs: num(jobs), Fresh: fresh != nil && *fresh, Command: command(),
		},
	}
	var err error
	if o.Select, err = selection(scope, cells, placements, modules, mem, aslr, repeat); err != nil {
		return harness.Exit(err)
	}
	o.Select.Output = str(output)
	files := harness.VerifyOutputs{JSON: str(json), JUnit: str(junit), HTML: str(html), Markdown: str(md)}
	if again(watch) {
		return harness.WatchVerify(ctx, options(), o, files)
	}
	return with(func(lab *harness.Lab) error {
		_, err := lab.Verify(ctx, o, files)
		return err
	})
}

// History shows when each cell's verdict changed, over all results that were recorded: along toolchains and along
// time; -changes leaves out the table, and names may be patterns ("debian-rustc:*").
func History(ctx context.Context, cell, tree, toolchain, scenario *string, changes *bool, html, json, md, Import, export *string) error {
	return with(func(lab *harness.Lab) error {
		return lab.History(ctx, harness.HistoryOptions{
			Cell: list(cell), Tree: list(tree), Toolchain: list(toolchain), Scenario: list(scenario), Changes: changes != nil && *changes,
			Import: str(Import), Export: str(export), Command: command(),
			Outputs: harness.HistoryOutputs{JSON: str(json), HTML: str(html), Markdown: str(md)},
		})
	})
}

// Bisect finds where a series of toolchains, the configured trees (-axis=tree), or the commits of a git repository
// (-axis=tree -tree=PATH) change from how GOOD is.
func Bisect(
	ctx context.Context, good, bad string, series, axis, cell, until, log, scenario, tree, toolchain, compiler,
	placements, modules, mem, aslr, fragment *string, repeat, jobs *int, fresh *bool, json, html, md *string,
) error {
	o := harness.BisectOptions{
		Good: good, Bad: bad, Series: str(series), Axis: str(axis), Cell: str(cell), Until: str(until), Log: str(log),
		Outputs: harness.BisectOutputs{JSON: str(json), HTML: str(html), Markdown: str(md)},
		MatrixOptions: harness.MatrixOptions{
			Scenario: str(scenario), Tree: str(tree), Toolchain: str(toolchain), Compiler: str(compiler), Fragments: list(fragment),
			Jobs: num(jobs), Fresh: fresh != nil && *fresh, Command: command(),
		},
	}
	var err error
	if o.Select, err = selection(nil, nil, placements, modules, mem, aslr, repeat); err != nil {
		return harness.Exit(err)
	}
	return with(func(lab *harness.Lab) error {
		_, err := lab.Bisect(ctx, o)
		return err
	})
}

// Nightly runs the scenario with what is new in a series of toolchains, holds it against what was known, bisects
// what changed, and writes a dated report below -dir.
func Nightly(
	ctx context.Context, series, scenario, tree, compiler, scope, cells, placements, modules, mem, aslr, fragment,
	dir *string, repeat, jobs *int,
) error {
	o := harness.NightlyOptions{
		Series: str(series), Dir: str(dir),
		MatrixOptions: harness.MatrixOptions{
			Scenario: str(scenario), Tree: str(tree), Compiler: str(compiler), Fragments: list(fragment),
			Jobs: num(jobs), Command: command(),
		},
	}
	var err error
	if o.Select, err = selection(scope, cells, placements, modules, mem, aslr, repeat); err != nil {
		return harness.Exit(err)
	}
	return with(func(lab *harness.Lab) error {
		_, err := lab.Nightly(ctx, o)
		return err
	})
}

// Fetch asks the archive what it serves now, and fetches a tree and a toolchain.
func Fetch(ctx context.Context, tree, toolchain *string) error {
	return with(func(lab *harness.Lab) error { return lab.Fetch(ctx, str(tree), str(toolchain)) })
}

// Doctor says whether this machine has what umlab needs, and what to change.
func Doctor(ctx context.Context) error {
	return with(func(lab *harness.Lab) error { return lab.Doctor(ctx) })
}

// Clean removes from the store what was not used for 30 days (-days=N), or everything (-all), or with -keep=20GB what was
// used least recently until no more is left; -dry-run only says what would go.
func Clean(ctx context.Context, days *int, all *bool, keep *string, dryRun *bool) error {
	o := harness.CleanOptions{Unused: 30 * 24 * time.Hour, Keep: str(keep), DryRun: dryRun != nil && *dryRun}
	switch {
	case days != nil && *days < 0:
		return harness.Exit(usage.Errorf("-days=%d: give a number of days", *days))
	case all != nil && *all:
		o.Unused = 0
	case days != nil:
		o.Unused = time.Duration(*days) * 24 * time.Hour
	case keep != nil:
		o.Unused = harness.Forever
	}
	return with(func(lab *harness.Lab) error { return lab.Clean(ctx, o) })
}

// Test runs all tests, real builds and boots included; -long adds what takes longer, -short leaves out what builds.
func Test(ctx context.Context, long, short *bool, run *string) error {
	args := []string{"test", "-timeout=80m"}
	env := os.Environ()
	if long != nil && *long {
		env = append(env, "UMLAB_TEST_LONG=1")
		args[1] = "-timeout=6h"
	}
	if short != nil && *short {
		args = append(args, "-short")
	}
	if run != nil {
		args = append(args, "-run="+*run, "-v")
	}
	return goTool(ctx, env, append(args, "./...")...)
}

// Bench prints ratios of umlab to the same work done by hand; -cold adds the way from an empty store, -tree prints instead
// what edits of an own tree cost.
func Bench(ctx context.Context, cold, tree *bool) error {
	return with(func(lab *harness.Lab) error {
		if tree != nil && *tree {
			return lab.BenchTree(ctx)
		}
		return lab.Bench(ctx, cold != nil && *cold)
	})
}

// Lint checks the code: gofmt, vet, staticcheck, unused parameters, dead functions, long lines, and govulncheck where its
// database can be reached.
func Lint(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "gofmt", "-l", "magefile.go", "harness", "internal").Output()
	if err != nil {
		return fmt.Errorf("gofmt: %w", err)
	}
	if len(out) > 0 {
		return fmt.Errorf("not gofmt-ed:\n%s", out)
	}
	for _, args := range [][]string{
		{"vet", "./..."}, {"vet", "-tags=mage", "."}, {"tool", "staticcheck", "./..."}, {"tool", "staticcheck", "-tags=mage", "."},
		{"tool", "unparam", "./..."}, {"run", "./internal/lint"},
	} {
		if err := goTool(ctx, os.Environ(), args...); err != nil {
			return err
		}
	}
	said, err := exec.CommandContext(ctx, "go", "tool", "govulncheck", "./...").CombinedOutput()
	switch {
	case err == nil:
	case strings.Contains(string(said), "fetching vulnerabilities"), strings.Contains(string(said), "vuln.go.dev"):
		fmt.Println("govulncheck: its database cannot be reached from here; not checked")
	default:
		return fmt.Errorf("govulncheck: %w\n%s", err, said)
	}
	fmt.Println("lint: clean")
	return nil
}

func goTool(ctx context.Context, env []string, args ...string) error {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env, c.Stdout, c.Stderr = env, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// with runs a flow in a lab of its own.
func with(flow func(*harness.Lab) error) error {
	return harness.Run(options(), flow)
}

func options() harness.Options {
	return harness.Options{Project: os.DirFS("."), Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr}
}

// again is -watch.
func again(watch *bool) bool { return watch != nil && *watch }

func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func num(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// list splits a flag's value at commas.
func list(s *string) []string {
	return strings.FieldsFunc(str(s), func(r rune) bool { return r == ',' })
}

// names is list of a flag that names something where it is given.
func names(flag string, s *string) ([]string, error) {
	n := list(s)
	if s != nil && len(n) == 0 {
		return nil, usage.Errorf("-%s= names nothing: leave it out, or give names with commas between them", flag)
	}
	return n, nil
}

// command is how this run is typed again: one of those that -watch makes is a run by itself.
func command() string {
	once := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool { return strings.HasPrefix(arg, "-watch") })
	return shell.Join(append([]string{"go", "tool", "mage"}, once...)...)
}
