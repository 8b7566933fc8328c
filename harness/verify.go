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
	if err := l.sandboxed(ctx); err != nil {
		return nil, err
	}
	if err := l.snapshots(ctx, plans); err != nil {
		return nil, err
	}
	v := &result.Verification{Schema: result.VerificationSchema, Umlab: Revision(), Notes: []string{},
		Command: retarget(o.Command, "verify", nil, []string{"json", "junit", "html", "md", "watch", "jobs", "fresh", "q", "v"}, nil)}
	for i, p := range plans {
		pair, err := l.pair(ctx, v, p, o.Range, patches, i == 0)
		if err != nil {
			return nil, err
		}
		plans[i] = pair.plan
		v.Pairs = append(v.Pairs, pair.Pair)
	}
	v.Conclusion, v.Reason = conclude.Verification(v.Pairs)
	v.Exit = conclude.VerificationExit(v.Conclusion)
	v.Untested = untested(plans)
	for _, p := range patches {
		v.Notes = append(v.Notes, p.Notes...)
	}
	if m := patch.Missing(patches); m != "" {
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

// pair is a plan that was run before and after patches.
type pair struct {
	result.Pair
	plan *plan.Plan // with the modules that it came to
}

// pair runs the cells of one toolchain before and after the patches. With first,
// what does not depend on the toolchain is noted in v.
func (l *Lab) pair(
	ctx context.Context, v *result.Verification, p *plan.Plan, commits string, patches []patch.Patch, first bool,
) (out pair, err error) {
	var base *tree.Tree
	var tc *toolchain.Toolchain
	if commits == "" {
		base, tc, err = p.Fetch(ctx, l.sources)
	} else if base, tc, patches, err = l.commits(ctx, p, commits); err == nil {
		err = p.Fit(ctx, l.sources, base, tc)
	}
	if err != nil {
		return out, err
	}
	patched, err := tree.Patched(ctx, l.store, l.sink, base, patches, sources.Git(tc))
	if err != nil {
		return out, err
	}
	if first {
		for _, one := range patches {
			v.Patches = append(v.Patches, result.Patch{Subject: one.Subject, From: one.From, PatchID: one.PatchID,
				Digest: one.Sum, Diff: strings.ToValidUTF8(string(one.Data), "\uFFFD")})
		}
		v.Findings = l.findings(ctx, tc, patched, patches)
		v.TestedBy = l.identity(ctx, tc)
	}
	before, err := l.runOn(ctx, p, base, tc)
	if err != nil {
		return out, err
	}
	l.remember(before.Results)
	out = pair{result.Pair{Before: before.Results, After: before.Results}, before.plan}
	if before.baseline == nil && !before.plan.Scenario.BuildOnly() { // nothing to compare with
		return out, nil
	}
	// What is known of the base's cells need not hold with the patches: a
	// control judges the run before them.
	after, err := l.runFrom(ctx, before, before.plan.WithoutControls(), patched, tc)
	if err != nil {
		return out, err
	}
	l.remember(after.Results)
	out.After = after.Results
	if len(after.plan.Modules()) < len(before.plan.Modules()) { // of the modules that are left, the same is compared
		same, err := l.runBuilt(ctx, l.builder,
			&ran{Results: results(after.plan, base, tc, nil), plan: after.plan, baseline: before.baseline}, before.baseline.Base, l.now(), nil)
		if err != nil {
			return out, err
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
	files := []string{}
	if home := l.getenv("HOME"); home != "" {
		files = append(files, home+"/.gitconfig", home+"/.config/git/config")
	}
	var name, mail string
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			continue
		}
		get := func(key string) string {
			var said bytes.Buffer
			_, err := sandbox.Run(ctx, tc.In(sandbox.Command{
				Mounts: []sandbox.Mount{{Source: f, Target: "/umlab/gitconfig", ReadOnly: true}},
				Args:   []string{"git", "config", "--file", "/umlab/gitconfig", "--get", key}, Stdout: &said,
			}))
			if err != nil {
				return ""
			}
			return strings.TrimSpace(said.String())
		}
		if n := get("user.name"); n != "" {
			name = n
		}
		if m := get("user.email"); m != "" {
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

// untested says what the evidence does not speak of.
func untested(plans []*plan.Plan) []string {
	var chains, modules, places []string
	for _, p := range plans {
		chains = append(chains, p.Flags.Toolchain)
	}
	p := plans[0]
	for _, m := range p.Modules() {
		modules = append(modules, m.Name)
	}
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
