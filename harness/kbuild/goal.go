package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"umlab/harness/buildlog"
	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// Goal is what make came to when it was asked for one target.
type Goal struct {
	Errors   []buildlog.Said      `json:"errors"`   // of each step that failed, its first; none where the goal was made
	Warnings []outcome.Diagnostic `json:"warnings"` // of a build from nothing
	Refused  *kmake.Refusal       `json:"refused,omitempty"`
	Files    map[string]string    `json:"files"` // sha256 of those that were asked for and made
	Steps    int                  `json:"steps"`
	Seconds  float64              `json:"seconds"`
	From     string               `json:"from"` // see Baseline.From
	Config   string               `json:"config"`
	Log      string               `json:"log"` // path of make's output
}

// GoalRequest is a target of make, for a cell.
type GoalRequest struct {
	Cell  scenario.Cell
	Goal  string
	Files []string // of the build directory, whose content is to be told
	Whole bool     // from nothing: of what is there already no warnings are seen

	OutOfTree *scenario.OutOfTree // what the goal is made of, in place of the tree; nil for a target of the tree
	Kernel    *Baseline           // that OutOfTree is made for
}

const (
	kindGoal    = "goal"
	goalVersion = "3"
)

func (r GoalRequest) key(base kmake.Base) string {
	parts := []string{kindGoal, goalVersion, baseKey(base), r.Goal, fmt.Sprint(r.Whole)}
	if r.OutOfTree != nil {
		parts = append(parts, r.OutOfTree.Digest, r.Kernel.Key)
	}
	return store.Key(slices.Concat(parts, Request{Cell: r.Cell}.vars(), r.Files)...)
}

// Goal configures base and makes one target: on from the nearest baseline that is there and that the same toolchain made, else from
// nothing. The error is a *ConfigError where Kconfig dropped a request; that the goal is not made because of the source is no error.
func (b *Builder) Goal(ctx context.Context, base kmake.Base, r GoalRequest, fresh bool) (g *Goal, hit bool, err error) {
	key := r.key(base)
	unlock, err := b.Store.Lock(ctx, kindGoal+"-"+key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	g = &Goal{}
	find := func() (ok bool) {
		if b.Store.Get(kindGoal, key, g) {
			g.Log, ok = b.Store.Kept(g.Log)
		}
		return ok
	}
	offered := store.Offered{Entry: store.Entry{Kind: kindGoal, Key: key}, Of: r.Goal + " of " + base.Tree.Name}
	if !fresh && (find() || b.Store.Pull(ctx, kindGoal, key) && find()) {
		offered.Files = []string{filepath.Base(g.Log)}
		b.Store.Offer(offered)
		return g, true, nil
	}
	if RequestsRust(base.Options) {
		if err := base.Tree.CheckRust(); err != nil {
			return nil, false, err
		}
	}
	if r.OutOfTree != nil {
		g, err = b.goalOutOfTree(ctx, base, r)
	} else {
		g, err = b.goal(ctx, base, r)
	}
	if err != nil {
		return nil, false, err
	}
	kept := *g
	kept.Log = filepath.Base(g.Log)
	if err := b.Store.Put(kindGoal, key, kept); err != nil {
		return nil, false, err
	}
	offered.Files = []string{kept.Log}
	b.Store.Offer(offered)
	return g, false, nil
}

func (b *Builder) goal(ctx context.Context, base kmake.Base, r GoalRequest) (g *Goal, err error) {
	start := time.Now()
	tmp, remove, err := b.Store.Scratch("goal")
	if err != nil {
		return nil, err
	}
	defer remove()
	dir := filepath.Join(tmp, "build")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	from, err := b.goalFrom(ctx, base, r)
	if err != nil {
		return nil, err
	}
	g = &Goal{Files: map[string]string{}}
	title := fmt.Sprintf("make %s of %s (%s, %s)", r.Goal, base.Tree.Name, base.Toolchain.Name, base.Compiler)
	if from != nil && !from.tools {
		g.From = (&Baseline{On: from.on()}).From()
		title += " on from " + g.From
	}
	task := b.Sink.Start(title, progress.Objects, 0)
	defer func() { task.Done(err) }()
	var mk *making
	if from == nil {
		mk, err = b.newMake(base, dir, task, kmake.Watching{})
	} else {
		mk, _, _, err = b.newMakeOn(ctx, base, from, dir, task, kmake.Watching{}, r.Goal)
	}
	if err != nil {
		return nil, err
	}
	defer mk.close()
	// The output of each target in one piece: of several that fail at once, each error stands with its own.
	args := append([]string{b.jobs(Request{}), "--output-sync=target"}, Request{Cell: r.Cell}.vars()...)
	if from != nil {
		err = cmp.Or(from.remembered(mk), from.configured(ctx, mk))
	} else {
		err = mk.configured(ctx)
	}
	if err == nil && g.From == "" {
		err = mk.ask(ctx, r.Goal)
	}
	if err == nil {
		task.Status("make " + r.Goal)
		what := "make " + r.Goal
		err = mk.Blame(ctx, what, mk.Run(ctx, mk.job(what, mk.out, append(args, r.Goal)...)), mk.log.Name())
	}
	broken, failed := errors.AsType[*kmake.BuildError](err)
	switch {
	case failed && broken.Refused != nil:
		g.Refused, g.Errors = broken.Refused, []buildlog.Said{broken.Refused.Said}
	case failed:
		if err := g.blamed(base, broken); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if err = g.finish(ctx, b, mk, r, g.From == ""); err != nil {
		return nil, err
	}
	g.Seconds, g.Steps = time.Since(start).Seconds(), mk.out.Steps
	return g, nil
}

// goalFrom is the baseline that a goal is made on from, or that only the host's tools are taken from; nil where it is made from nothing.
func (b *Builder) goalFrom(ctx context.Context, base kmake.Base, r GoalRequest) (*near, error) {
	if r.Whole || b.FromNothing {
		return nil, nil
	}
	id, err := b.identity(ctx, base)
	if err != nil {
		return nil, err
	}
	from, err := b.nearest(ctx, base, id)
	if err != nil || !from.usable() {
		return nil, err
	}
	// What another rustc made, or was made with other flags, is only shown to be gone when all is made; and behind the first crate all of
	// Rust is made again, where rustc takes it.
	from.tools = from.rust || len(Request{Cell: r.Cell}.vars()) > 0 || r.Goal == core
	err = b.hold(ctx, from)
	if _, stale := errors.AsType[*staleError](err); stale {
		return nil, nil
	}
	return from, err
}

// blamed takes out of make's output what went wrong.
func (g *Goal) blamed(base kmake.Base, broken *kmake.BuildError) error {
	log, err := os.ReadFile(broken.Log)
	if err != nil {
		return err
	}
	if g.Errors = buildlog.Failed(log, base.Compiler); len(g.Errors) == 0 {
		g.Errors = []buildlog.Said{{Diagnostic: outcome.Diagnostic{Tool: "make", Message: broken.First},
			Line: broken.First, Offset: broken.Offset}}
	}
	return nil
}

// finish keeps the output and what was asked for.
func (g *Goal) finish(ctx context.Context, b *Builder, mk *making, r GoalRequest, whole bool) (err error) {
	log, err := os.ReadFile(mk.log.Name())
	if err != nil {
		return err
	}
	if g.Log, err = b.Store.Bytes(ctx, log); err != nil {
		return err
	}
	if whole {
		g.Warnings = buildlog.Warnings(log, mk.base.Compiler)
	}
	for _, name := range r.Files {
		sum, err := store.SumFile(filepath.Join(mk.build, filepath.FromSlash(name)))
		if err == nil {
			g.Files[name] = sum
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	config, err := readConfig(mk.build)
	if len(g.Errors) > 0 && errors.Is(err, os.ErrNotExist) {
		return nil // configuring is what failed
	}
	g.Config = config.Digest()
	return err
}

// Outcome is what the goal of base came to in a cell. Of several steps that failed it tells the one that known knows, else the first;
// known says in which words a scenario describes it, "" for none, and whether it describes any. differs are files that are not
// those of the stock cell.
func (g *Goal) Outcome(base kmake.Base, c scenario.Cell, differs []string, known func(outcome.Outcome) (string, bool)) outcome.Outcome {
	if len(g.Errors) == 0 {
		o := outcome.Outcome{Kind: outcome.Built, Warnings: g.Warnings, Differs: differs}
		o.Known, _ = known(o)
		return o
	}
	var all []outcome.Outcome
	for _, said := range g.Errors {
		d := said.Diagnostic
		o := outcome.Outcome{Kind: outcome.BuildFailed, Evidence: said.Line, Offset: int64(said.Offset), Diagnostic: &d}
		var described bool
		o.Known, described = known(o)
		o.Other = described && o.Known == ""
		all = append(all, o)
	}
	o := all[max(0, slices.IndexFunc(all, func(o outcome.Outcome) bool { return o.Known != "" }))]
	o.Detail = g.detail(*o.Diagnostic)
	o.Frame, _ = base.Frame(c, g.Log)
	return o
}

// detail says where the failure stands, beyond the line that names it.
func (g *Goal) detail(d outcome.Diagnostic) string {
	if g.Refused != nil {
		return g.Refused.String()
	}
	text := fmt.Sprintf("%s failed in step %s", cmp.Or(d.Tool, "make"), cmp.Or(d.Step, "of make that is not told"))
	if d.Place != "" {
		text += " at " + d.Place
	}
	if n := len(g.Errors); n > 1 {
		text += fmt.Sprintf("; %d %s failed beside it", n-1, kmake.Plural(n-1, "step"))
	}
	return text
}
