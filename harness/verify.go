package harness

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// VerifyOptions are the flags of `mage verify`. Empty means the scenario's own
// choice.
type VerifyOptions struct {
	Patch      string   // a file, or "-" for Stdin
	Range      string   // A..B of the repository that Tree names, instead of Patch
	Toolchains []string // default: the scenario's
	Matrix     bool     // the flag variants too, not only the stock cell
	Stdin      io.Reader
	MatrixOptions
}

// VerifyOutputs are files that a verification is also written to.
type VerifyOutputs struct{ JSON, JUnit, HTML, Markdown string }

func (o VerifyOutputs) formats() []format[result.Verification] {
	return ofVerification().files(map[string]string{"json": o.JSON, "junit": o.JUnit, "html": o.HTML, "md": o.Markdown})
}

// Verify shows what patches change: the cells before and after them, on every
// toolchain, and the conclusion. Where that is another one than fixed, the error
// is an *EndError.
func (l *Lab) Verify(ctx context.Context, o VerifyOptions, files VerifyOutputs) (*result.Verification, error) {
	formats := files.formats()
	started := l.now()
	plans, patches, err := l.planVerify(o, formats)
	if err != nil {
		return nil, err
	}
	fleet, done, err := l.join(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if fleet == nil {
		if err := l.sandboxed(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.snapshots(ctx, plans); err != nil {
		return nil, err
	}
	v := &result.Verification{Schema: result.VerificationSchema, Umlab: Revision(), Notes: []string{},
		Command: retarget(o.Command, "verify", nil, []string{"json", "junit", "html", "md", "watch", "jobs", "fresh", "q", "v"}, nil)}
	change := change{Range: o.Range, patches: patches}
	var pairs []*pair
	if fleet != nil {
		pairs, err = fleet.pairs(ctx, plans, change)
	} else {
		pairs, err = l.pairs(ctx, plans, change)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		v.Pairs = append(v.Pairs, p.Pair)
	}
	v.Patches, v.Findings, v.TestedBy = pairs[0].Patches, pairs[0].Findings, pairs[0].TestedBy
	v.Conclusion, v.Reason = conclude.Verification(v.Pairs)
	v.Exit = conclude.VerificationExit(v.Conclusion)
	v.Untested = untested(plans, pairs[0].Modules)
	v.Notes = append(v.Notes, pairs[0].Notes...)
	if m := pairs[0].Missing; m != "" {
		v.Untested = append(v.Untested, m+" of the series, not given")
	}
	v.Seconds = l.now().Sub(started).Seconds()
	err = finish(l, ofVerification(), v, formats)
	return v, cmp.Or(err, ended(v.Exit, "%s", v.Conclusion))
}

// planVerify validates everything that can be before any work: one plan a
// toolchain, and the patches.
func (l *Lab) planVerify(o VerifyOptions, files []format[result.Verification]) ([]*plan.Plan, []patch.Patch, error) {
	plans, err := l.verifyPlans(o)
	if err == nil {
		err = checkOutputs(files)
	}
	if err != nil || o.Range != "" {
		return plans, nil, err // a range is read in the sandbox, with the toolchain's git
	}
	name, text := o.Patch, []byte(nil)
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(o.Stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, nil, usage.Errorf("read the patch: %w", err)
	}
	patches, err := patch.Read(name, text)
	if err != nil {
		return nil, nil, &usage.Error{Err: err}
	}
	return plans, patches, nil
}

// verifyPlans are the plans of a verification, one a toolchain.
func (l *Lab) verifyPlans(o VerifyOptions) ([]*plan.Plan, error) {
	if join := l.options.Join; o.Range != "" && join != "" && join != Local {
		return nil, usage.Errorf("-range=%s reads a repository of this machine, which workers have not: give them the commits as one mbox "+
			"(git format-patch --stdout %[1]s >series.mbox), or leave -join=%s out", o.Range, join)
	}
	if (o.Patch == "") == (o.Range == "") {
		return nil, usage.Errorf("give one patch (a file, an mbox, or - for standard input), or -range=A..B with -tree= of your repository")
	}
	// The patch is the variant.
	if !o.Matrix {
		if len(o.Select.Cells) > 0 {
			return nil, usage.Errorf("verify runs the cell stock; -matrix runs the flag variants too")
		}
		o.Select.Cells = []string{scenario.Stock}
	}
	boots, err := l.boots(o.Scenario)
	if err != nil {
		return nil, err
	}
	if boots && len(o.Select.Placements) == 0 && len(o.Select.Mem) == 0 {
		o.Select.Placements = []string{"low", "high", "far"}
		if o.Subarch == "i386" { // no kernel of 32 bits boots with the 4G of far
			o.Select.Placements, o.Select.Mem = []string{"low", "high"}, []string{"3G"}
		}
	}
	var plans []*plan.Plan
	for _, tc := range orDefault(o.Toolchains, o.Toolchain) {
		m := o.MatrixOptions
		m.Toolchain = tc
		p, err := l.plan(m)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	if o.Range != "" && !tree.IsPath(plans[0].Flags.Tree) {
		return nil, usage.Errorf("-range=%s names commits of a repository of yours: give its path with -tree=", o.Range)
	}
	return plans, nil
}

// change is what a verification is about.
type change struct {
	Range   string // commits of the repository that the plan's tree is of, in place of
	patches []patch.Patch
}

// pair is a plan that was run before and after patches.
type pair struct {
	result.Pair
	Modules []string // that it came to

	// What does not depend on the toolchain.
	Patches  []result.Patch
	Findings []result.Finding
	TestedBy string
	Notes    []string // about the patches
	Missing  string   // patches of the series that were not given
}

// pairs runs the cells of each plan before and after a change.
func (l *Lab) pairs(ctx context.Context, plans []*plan.Plan, c change) (list []*pair, err error) {
	for i, p := range plans {
		one, err := l.pair(ctx, p, c, i == 0)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// pair runs the cells of one toolchain before and after the patches. With first, what does not depend on the toolchain is found out as
// well.
func (l *Lab) pair(ctx context.Context, p *plan.Plan, c change, first bool) (out *pair, err error) {
	var base *tree.Tree
	var tc *toolchain.Toolchain
	patches := c.patches
	if c.Range == "" {
		base, tc, err = p.Fetch(ctx, l.sources)
	} else if base, tc, patches, err = l.commits(ctx, p, c.Range); err == nil {
		err = p.Fit(ctx, l.sources, base, tc)
	}
	if err != nil {
		return nil, err
	}
	patched, err := tree.Patched(ctx, l.store, l.sink, base, patches, sources.Git(tc))
	if err != nil {
		return nil, err
	}
	out = &pair{}
	if first {
		for _, one := range patches {
			out.Patches = append(out.Patches, result.Patch{Subject: one.Subject, From: one.From, PatchID: one.PatchID,
				Digest: one.Sum, Diff: strings.ToValidUTF8(string(one.Data), "\uFFFD")})
		}
		out.Findings = l.findings(ctx, tc, patched, patches)
		out.TestedBy = l.identity(ctx, tc)
	}
	for _, one := range c.patches { // of commits there is nothing to say
		out.Notes = append(out.Notes, one.Notes...)
	}
	out.Missing = patch.Missing(c.patches)
	before, err := l.runOn(ctx, p, base, tc)
	if err != nil {
		return nil, err
	}
	l.remember(before.Results)
	out.Pair = result.Pair{Before: before.Results, After: before.Results}
	for _, m := range before.plan.Modules() {
		out.Modules = append(out.Modules, m.Name)
	}
	if before.baseline == nil && !before.plan.Scenario.BuildOnly() { // nothing to compare with
		return out, nil
	}
	// What is known of the base's cells need not hold with the patches: a
	// control judges the run before them.
	after, err := l.runFrom(ctx, before, before.plan.WithoutControls(), patched, tc)
	if err != nil {
		return nil, err
	}
	l.remember(after.Results)
	out.After = after.Results
	if len(after.plan.Modules()) < len(before.plan.Modules()) { // of the modules that are left, the same is compared
		same, err := l.runBuilt(ctx, l.builder,
			&ran{Results: results(after.plan, base, tc, nil), plan: after.plan, baseline: before.baseline}, before.baseline.Base, l.now(), nil)
		if err != nil {
			return nil, err
		}
		for i, c := range same.Cells { // but what was built is what was built
			same.Cells[i].Build.Signature = before.Results.Cell(c.ID).Build.Signature
		}
		out.Before = same.Results
	}
	return out, nil
}

// commits returns the commits A..B of the repository that -tree= names, as
// patches, with the tree that they start from.
func (l *Lab) commits(ctx context.Context, p *plan.Plan, commits string) (*tree.Tree, *toolchain.Toolchain, []patch.Patch, error) {
	tc, err := l.sources.For(p.Flags.Subarch).Toolchain(ctx, p.Flags.Toolchain)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := tree.ReadRange(ctx, l.store, p.Flags.Tree, commits, sources.Git(tc))
	if err != nil {
		return nil, nil, nil, &usage.Error{Err: err}
	}
	base, err := tree.FromGit(ctx, l.store, l.sink, r.Base, sources.Git(tc))
	if err == nil {
		base, err = p.Patched(ctx, l.sources, base, tc)
	}
	return base, tc, r.Patches, err
}

// identity is the user's, as their git knows it, for a Tested-by line; empty
// where it knows none.
func (l *Lab) identity(ctx context.Context, tc *toolchain.Toolchain) string {
	return l.identify(func(file, key string) string {
		var said bytes.Buffer
		_, err := sandbox.Run(ctx, tc.In(sandbox.Command{
			Mounts: []sandbox.Mount{{Source: file, Target: "/umlab/gitconfig", ReadOnly: true}},
			Args:   []string{"git", "config", "--file", "/umlab/gitconfig", "--get", key}, Stdout: &said,
		}))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(said.String())
	})
}

// identify is identity, where get asks a file of git's configuration for a key.
func (l *Lab) identify(get func(file, key string) string) string {
	files := []string{}
	if home := l.getenv("HOME"); home != "" {
		files = append(files, home+"/.gitconfig", home+"/.config/git/config")
	}
	var name, mail string
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			continue
		}
		if n := get(f, "user.name"); n != "" {
			name = n
		}
		if m := get(f, "user.email"); m != "" {
			mail = m
		}
	}
	for env, into := range map[string]*string{"GIT_AUTHOR_NAME": &name, "GIT_AUTHOR_EMAIL": &mail} {
		if v := l.getenv(env); v != "" {
			*into = v
		}
	}
	if name == "" || mail == "" {
		return ""
	}
	return name + " <" + mail + ">"
}

// untested says what the evidence, which is about those modules, does not speak of.
func untested(plans []*plan.Plan, modules []string) []string {
	var chains, places []string
	for _, p := range plans {
		chains = append(chains, p.Flags.Toolchain)
	}
	p := plans[0]
	for _, place := range p.Cells[0].Placements {
		places = append(places, "mem="+place.MemText)
	}
	list := []string{"kernels other than User-Mode Linux on " + cmp.Or(p.Flags.Subarch, "x86-64") + ", and configurations other than this one"}
	if p.Scenario.BuildOnly() {
		list = append(list, "targets other than "+p.Scenario.Goal+", and what is built when it runs")
	} else {
		list = append(list, "modules other than "+strings.Join(modules, ", "), "memory sizes other than "+strings.Join(places, ", "))
	}
	list = append(list, "toolchains other than "+strings.Join(chains, ", "))
	if !slices.ContainsFunc(p.Cells, func(c scenario.Cell) bool { return c.Scope != "" }) {
		list = append(list, "builds whose flags are overridden from the command line")
	}
	return list
}

// boots reports whether the scenario of that name boots anything, as all but those about a build do.
func (l *Lab) boots(name string) (bool, error) {
	s, err := l.library().Load(cmp.Or(name, plan.DefaultScenario))
	if err != nil {
		return false, err
	}
	return !s.BuildOnly(), nil
}
