package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/kbuild"
	"umlab/harness/report"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
)

// VerifyOptions are the flags of `mage verify`. Empty means the scenario's own
// choice.
type VerifyOptions struct {
	Patch      string   // a file, or "-" for Stdin
	Range      string   // A..B of the repository that Tree names, instead of Patch
	Toolchains []string // default: the scenario's
	Matrix     bool     // the flag variants too, not only the stock cell
	Stdin      io.Reader
	Outputs    VerifyOutputs
	MatrixOptions
}

// VerifyOutputs are files that a verification is also written to.
type VerifyOutputs struct{ JSON, JUnit, HTML, Markdown string }

// Verify shows what patches change: the cells before and after them, on every
// toolchain, and the conclusion. Where that is another one than fixed, the error
// is an *EndError.
func (l *Lab) Verify(ctx context.Context, o VerifyOptions) (*result.Verification, error) {
	started := l.now()
	jobs, patches, err := l.planVerify(ctx, &o)
	if err != nil {
		return nil, err
	}
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	v := &result.Verification{Schema: result.VerificationSchema, Command: o.Command, Notes: []string{}}
	for i, j := range jobs {
		pair, err := l.pair(ctx, v, j, o.Range, patches, i == 0)
		if err != nil {
			return nil, err
		}
		v.Pairs = append(v.Pairs, pair)
	}
	v.Conclusion, v.Reason = conclude.Verification(v.Pairs)
	v.Untested = untested(jobs)
	for _, m := range patch.Missing(patches) {
		v.Untested = append(v.Untested, "patch "+m+" of the series, which was not given")
	}
	v.Seconds = l.now().Sub(started).Seconds()
	switch v.Conclusion {
	case result.Fixed:
		v.Exit = ExitExpected
	case result.NoConclusion:
		v.Exit = ExitInfra
	default:
		v.Exit = ExitDiffers
	}
	l.sink.Close()
	if err := doc.Mail(l.stdout, report.Verification(v)); err != nil {
		return v, err
	}
	if err := o.Outputs.write(v); err != nil {
		return v, err
	}
	return v, verifyEnd(v)
}

// planVerify validates everything that can be before any work: one job a
// toolchain, and the patches.
func (l *Lab) planVerify(ctx context.Context, o *VerifyOptions) ([]*job, []patch.Patch, error) {
	if (o.Patch == "") == (o.Range == "") {
		return nil, nil, usagef("give one patch (a file, an mbox, or - for standard input), or -range=A..B with -tree= of your repository")
	}
	// The patch is the variant.
	if !o.Matrix {
		if len(o.Select.Cells) > 0 {
			return nil, nil, usagef("verify runs the cell stock; -matrix runs the flag variants too")
		}
		o.Select.Cells = []string{scenario.Stock}
	}
	if len(o.Select.Placements) == 0 && len(o.Select.Mem) == 0 {
		o.Select.Placements = []string{"low", "high", "far"}
	}
	if len(o.Toolchains) == 0 {
		o.Toolchains = []string{o.Toolchain}
	}
	var jobs []*job
	for _, tc := range o.Toolchains {
		m := o.MatrixOptions
		m.Toolchain = tc
		j, err := l.plan(m)
		if err != nil {
			return nil, nil, err
		}
		jobs = append(jobs, j)
	}
	if err := o.Outputs.check(); err != nil {
		return nil, nil, err
	}
	if o.Range != "" {
		if !tree.IsPath(jobs[0].Tree) {
			return nil, nil, usagef("-range=%s names commits of a repository of yours: give its path with -tree=", o.Range)
		}
		return jobs, nil, nil // read in the sandbox, with the toolchain's git
	}
	name, text, err := o.Patch, []byte(nil), error(nil)
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(o.Stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, nil, usagef("read the patch: %w", err)
	}
	patches, err := patch.Read(name, text)
	if err != nil {
		return nil, nil, &UsageError{err}
	}
	return jobs, patches, nil
}

// pair runs the cells of one toolchain before and after the patches. With first,
// what does not depend on the toolchain is noted in v.
func (l *Lab) pair(ctx context.Context, v *result.Verification, j *job, commits string, patches []patch.Patch, first bool) (result.Pair, error) {
	var (
		p    result.Pair
		base *tree.Tree
		tc   *toolchain.Toolchain
		err  error
	)
	if commits == "" {
		base, tc, err = l.fitting(ctx, j)
	} else if base, tc, patches, err = l.commits(ctx, j, commits); err == nil {
		err = l.refuse(ctx, j, base, tc)
	}
	if err != nil {
		return p, err
	}
	patched, err := tree.Patched(ctx, l.store, l.sink, base, patches, git(tc))
	var apply *patch.ApplyError
	if errors.As(err, &apply) {
		return p, &UsageError{err}
	}
	if err != nil {
		return p, err
	}
	if first {
		for _, patch := range patches {
			v.Patches = append(v.Patches, result.Patch{Subject: patch.Subject, From: patch.From, PatchID: patch.PatchID, Digest: patch.Sum})
		}
		v.Findings = l.findings(ctx, tc, patched, patches)
		v.TestedBy = l.identity(ctx, tc)
	}
	var from *kbuild.Baseline
	if p.Before, from, err = l.runOn(ctx, j, base, tc, nil); err != nil {
		return p, err
	}
	l.remember(p.Before)
	if from == nil { // the base does not build: nothing to compare with
		p.After = p.Before
		return p, nil
	}
	// What is known of the base's cells need not hold with the patches: a
	// control judges the run before them.
	after := *j
	plan := *j.plan
	plan.Controls, after.plan = nil, &plan
	if p.After, _, err = l.runOn(ctx, &after, patched, tc, from); err == nil {
		l.remember(p.After)
	}
	return p, err
}

// commits returns the commits A..B of the repository that -tree= names, as
// patches, with the tree that they start from.
func (l *Lab) commits(ctx context.Context, j *job, commits string) (*tree.Tree, *toolchain.Toolchain, []patch.Patch, error) {
	tc, err := l.toolchain(ctx, j.Toolchain)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := tree.ReadRange(ctx, l.store, j.Tree, commits, git(tc))
	if err != nil {
		return nil, nil, nil, &UsageError{err}
	}
	base, err := tree.FromGit(ctx, l.store, l.sink, r.Base, git(tc))
	return base, tc, r.Patches, err
}

// git is the sysroot's, in the sandbox.
func git(tc *toolchain.Toolchain) tree.Git {
	return func(ctx context.Context, c tree.GitCommand) (int, error) {
		cmd := sandbox.Command{
			Dir: c.Dir, Args: append([]string{"git"}, c.Args...), Env: c.Env,
			Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
		}
		for _, m := range c.Mounts {
			cmd.Mounts = append(cmd.Mounts, sandbox.Mount{Source: m.Host, Target: m.At, ReadOnly: !m.Writable})
		}
		status, err := sandbox.Run(ctx, tc.In(cmd))
		return status.Code, err
	}
}

// checker runs a script of the tree on the patches and keeps what it says.
type checker struct {
	tool string
	args []string
}

// findings are what the tree's own checkers say of the patches. They never
// change the conclusion, so what keeps them from running is a finding too.
func (l *Lab) findings(ctx context.Context, tc *toolchain.Toolchain, t *tree.Tree, patches []patch.Patch) (list []result.Finding) {
	var all []byte
	for _, p := range patches {
		all = append(all, p.Data...)
	}
	for _, c := range []checker{
		{"checkpatch.pl", []string{"perl", "scripts/checkpatch.pl", "--no-tree", "--no-signoff", "--terse", "--color=never", "-"}},
		{"get_maintainer.pl", []string{"perl", "scripts/get_maintainer.pl", "--no-git", "--no-git-fallback", "--norolestats"}},
	} {
		f := result.Finding{Tool: c.tool, Lines: []string{}}
		var said, complaints bytes.Buffer
		status, err := sandbox.Run(ctx, tc.In(sandbox.Command{
			Mounts: []sandbox.Mount{{Source: t.Dir, Target: "/src", ReadOnly: true}}, Dir: "/src",
			Args: c.args, Stdin: bytes.NewReader(all), Stdout: &said, Stderr: &complaints,
		}))
		for line := range strings.Lines(said.String()) {
			if line = strings.TrimSpace(line); line != "" {
				f.Lines = append(f.Lines, line)
			}
		}
		switch {
		case err != nil:
			f.Failed = err.Error()
		case !status.Success() && len(f.Lines) == 0:
			f.Failed = fmt.Sprintf("%s: %s", status, lastLines(complaints.String(), 1))
		}
		list = append(list, f)
	}
	return list
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
func untested(jobs []*job) []string {
	j := jobs[0]
	var chains, modules, places []string
	for _, x := range jobs {
		chains = append(chains, x.Toolchain)
	}
	cell := j.plan.Cells[0]
	for _, m := range cell.Modules {
		modules = append(modules, m.Name)
	}
	for _, p := range cell.Placements {
		places = append(places, "mem="+p.MemText)
	}
	list := []string{
		"kernels other than User-Mode Linux on x86-64, and configurations other than this one",
		"modules other than " + strings.Join(modules, ", "),
		"memory sizes other than " + strings.Join(places, ", "),
		"toolchains other than " + strings.Join(chains, ", "),
	}
	if !slices.ContainsFunc(j.plan.Cells, func(c scenario.Cell) bool { return c.Scope != "" }) {
		list = append(list, "builds whose flags are overridden from the command line")
	}
	return list
}

func (o VerifyOutputs) formats() []format[result.Verification] {
	return []format[result.Verification]{
		{"json", o.JSON, report.VerificationJSON}, {"junit", o.JUnit, report.Form(report.VerificationChecks, checks.JUnit)},
		{"html", o.HTML, report.Form(report.Verification, doc.HTML)}, {"md", o.Markdown, report.Form(report.Verification, doc.Markdown)},
	}
}

func (o VerifyOutputs) check() error { return checkOutputs(o.formats()) }

func (o VerifyOutputs) write(v *result.Verification) error { return writeOutputs(o.formats(), v) }
