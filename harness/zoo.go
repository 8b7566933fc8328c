package harness

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/shell"
	"umlab/harness/usage"
)

// ZooOptions are the flags of `zoo`.
type ZooOptions struct {
	Scenarios  []string // names, patterns of them, and paths of files; all that there are where it is empty
	Trees      []string // each scenario's own where it is empty
	Toolchains []string // likewise; a series stands for all its members
	Jobs       int
	Fresh      bool
	Command    string // the command that repeats it
}

// Zoo runs scenarios, each on its own tree with its own toolchain or on those that are named,
// and prints one table of them. A scenario that is not for a tree is skipped. Where one is not as
// it says itself, the error is an *EndError, see conclude.Zoo.
func (l *Lab) Zoo(ctx context.Context, o ZooOptions, files Outputs) (*result.Zoo, error) {
	formats := ofZoo().files(files.paths())
	plans, err := l.planZoo(ctx, o)
	if err := usage.Join(err, checkOutputs(formats)); err != nil {
		return nil, err
	}
	z, err := l.zoo(ctx, plans, o.Command)
	if err != nil {
		return nil, err
	}
	err = finish(l, ofZoo(), z, formats)
	return z, cmp.Or(err, zooEnd(z))
}

// zoo runs plans, one an entry.
func (l *Lab) zoo(ctx context.Context, plans []*plan.Plan, command string) (*result.Zoo, error) {
	started := l.now()
	z := &result.Zoo{Schema: result.ZooSchema, Command: command, Started: started.UTC()}
	src := l.sources.Once() // all entries of a tree see it as it was when the first one read it
	run, done, err := l.executor(ctx, src, plans...)
	if err != nil {
		return nil, err
	}
	defer done()
	for i, p := range plans {
		l.sink.Note(fmt.Sprintf("%d of %d: %s, %s with %s", i+1, len(plans), p.Scenario.Name, p.Flags.Tree, p.Flags.Toolchain))
		c, err := column(ctx, l.sink, p, run)
		if err != nil {
			return nil, err
		}
		z.Entries = append(z.Entries, result.ZooEntry{Scenario: p.Named(), Source: p.Scenario.Source, Column: c})
	}
	z.Totals, z.Exit = conclude.Zoo(z.Entries)
	z.Seconds = l.now().Sub(started).Seconds()
	return z, nil
}

// planZoo validates everything that can be before any work: one plan an entry.
func (l *Lab) planZoo(ctx context.Context, o ZooOptions) (plans []*plan.Plan, err error) {
	names, err := l.zooNames(o.Scenarios)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range names {
		flags := plan.Flags{Scenario: name, Jobs: o.Jobs, Fresh: o.Fresh}
		more, err := l.planSweep(ctx, SweepOptions{Trees: o.Trees, Toolchains: o.Toolchains, MatrixOptions: flags}, members(l.sources))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, p := range more {
			plans = append(plans, p.AmongOthers(zooCommand(o.Command, name, p.Flags)))
		}
	}
	return plans, usage.Join(errs...)
}

// zooCommand is how one entry of a zoo is run by itself.
func zooCommand(command, name string, f plan.Flags) string {
	if command == "" {
		return ""
	}
	drop := []string{"scenario", "tree", "toolchain", "fresh", "jobs", "json", "junit", "ktap", "html", "md"}
	add := []string{"-scenario=" + name, "-tree=" + f.Tree, "-toolchain=" + f.Toolchain}
	return retarget(command, "matrix", nil, drop, add)
}

// zooNames are the scenarios that are meant, in the order of their names, patterns and paths.
func (l *Lab) zooNames(asked []string) (names []string, err error) {
	all, err := l.library().Names()
	if err != nil || len(asked) == 0 {
		return all, err
	}
	for _, pattern := range asked {
		found := []string{pattern} // a name or a path, which has errors of its own
		if strings.ContainsAny(pattern, "*?[") {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, usage.Errorf("-scenario=%s is no pattern: write a name, or one with *", pattern)
			}
			found = slices.DeleteFunc(slices.Clone(all), func(name string) bool { ok, _ := path.Match(pattern, name); return !ok })
			if len(found) == 0 {
				return nil, usage.Errorf("-scenario=%s: no scenario is called so: there are %s", shell.Join(pattern), strings.Join(all, ", "))
			}
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}
