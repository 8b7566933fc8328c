package kcidb

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

func newSubmission(origin string) *submission {
	return &submission{
		Version: version{major, minor}, origin: origin, seen: map[string]bool{},
		Checkouts: []checkout{}, Builds: []build{}, Tests: []test{},
	}
}

// id is origin:digest, of what an object says.
func (s *submission) id(says ...any) string {
	sum := sha256.New()
	for _, x := range says {
		fmt.Fprintf(sum, "%q\n", fmt.Sprint(x)) // maps print sorted
	}
	return s.origin + ":" + hex.EncodeToString(sum.Sum(nil))
}

// first reports whether the object was not there yet.
func (s *submission) first(id string) bool {
	if s.seen[id] {
		return false
	}
	s.seen[id] = true
	return true
}

func (s *submission) add(r *result.Results) {
	p := newPortable(r)
	checkoutID := s.addCheckout(p)
	for i := range r.Cells {
		c := &r.Cells[i]
		buildID := s.addBuild(p, c, checkoutID)
		for _, placement := range c.Booted() {
			for n, run := range placement.Runs {
				for _, m := range run.Items() {
					s.addTest(p, c, buildID, placement, n, run, m)
				}
			}
		}
	}
}

var (
	commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sumHash    = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{64})$`)
)

func (s *submission) addCheckout(p *portable) string {
	t := p.of.Tree
	c := checkout{
		Origin: s.origin, TreeName: p.tree, Repository: repository(t.Name), Valid: true, Comment: p.text(cmp.Or(t.Package, t.Version)),
		Misc: checkoutMisc{Version: p.text(t.Version), Package: p.text(t.Package), Digest: p.text(t.Digest), Patches: p.texts(t.Patches)},
	}
	if commitHash.MatchString(t.Commit) {
		c.Commit = t.Commit
	}
	c.PatchsetHash = patchsetHash(t)
	c.ID = s.id("checkout", c.TreeName, c.Repository, c.Commit, c.Misc)
	if s.first(c.ID) {
		c.Started = moment(p.of.Started)
		s.Checkouts = append(s.Checkouts, c)
	}
	return c.ID
}

// patchsetHash is the sha256 over the lines that the patches' sha256 make, as
// KCIDB defines it, or nil where it cannot be told: a directory may have any
// change over its commit.
func patchsetHash(t result.Tree) *string {
	none := ""
	switch {
	case len(t.Patches) > 0:
		sum := sha256.New()
		for _, patch := range t.Patches {
			m := sumHash.FindStringSubmatch(patch)
			if m == nil {
				return nil
			}
			_, _ = io.WriteString(sum, m[1]+"\n") // a hash takes everything
		}
		all := hex.EncodeToString(sum.Sum(nil))
		return &all
	case t.Commit != "" || t.Package != "":
		return &none
	}
	return nil
}

func (s *submission) addBuild(p *portable, c *result.Cell, checkoutID string) string {
	r := p.of
	built := outcome.Outcome{Kind: outcome.Loaded}
	b := build{
		Origin: s.origin, Checkout: checkoutID, Architecture: "um", Seconds: c.Build.Seconds,
		Command: p.text(c.Build.Command), Compiler: p.text(compilers(r.Toolchain)), Config: configName(r.Config, c, p),
		Misc: buildMisc{
			Scenario: p.text(r.Scenario.Name), Cell: p.text(c.ID), Flags: p.texts(c.Build.Flags),
			Variant: result.Rewritten(c.Variant, p.text),
			Verdict: result.Verdict(p.text(string(c.Verdict))), Reason: p.text(c.Reason), Infra: p.infra,
			Expected: p.text(c.Expected), AsExpected: c.AsExpected,
			Signature: p.table(c.Build.Signature), Config: p.text(r.Config.Digest),
			Toolchain: result.Toolchain{Name: p.text(r.Toolchain.Name), Compiler: p.text(r.Toolchain.Compiler),
				Identity: p.table(r.Toolchain.Identity), Digest: p.text(r.Toolchain.Digest)},
		},
	}
	if o := c.Build.Outcome; o != nil {
		built = *o
		said := p.outcome(*o)
		b.Misc.Outcome = &said
		b.Comment, b.Log = p.text(c.ID+": "+o.Brief()), excerpt(said)
	} else {
		b.Comment = p.text(c.ID + ": " + string(c.Verdict))
	}
	b.Status = statusOf(!r.Proves(), built)
	b.ID = s.id("build", checkoutID, r.Scenario.Digest, b.Misc.Scenario, b.Misc.Cell, b.Misc.Flags, b.Config, b.Command, b.Compiler,
		b.Misc.Config, b.Misc.Toolchain, b.Misc.Signature, b.Log, b.Status)
	if s.first(b.ID) {
		if !c.Build.Cached {
			b.Started = moment(r.Started)
		}
		s.Builds = append(s.Builds, b)
	}
	return b.ID
}

func (s *submission) addTest(p *portable, c *result.Cell, buildID string, place result.Placement, n int, run result.Run, m result.Module) {
	r := p.of
	said := p.outcome(m.Outcome)
	t := test{
		Origin: s.origin, Build: buildID, Status: statusOf(!r.Proves(), m.Outcome),
		Path:    strings.Join([]string{"umlab", node(r.Scenario.Name), node(c.ID), node(place.Name), node(m.Name)}, "."),
		Comment: p.text(fmt.Sprintf("%s %s %s: %s", m.Name, place.Name, result.BootedWith(place.Mem, place.ASLR), m.Outcome.Brief())),
		Log:     excerpt(said),
		Seconds: run.Seconds / float64(len(run.Items())), // of a boot that they share
		Environment: environment{Comment: "User-Mode Linux", Misc: environmentMisc{
			Platform: "uml", Mem: p.text(place.Mem), ASLR: place.ASLR, Command: p.text(run.Command)}},
		Misc: testMisc{
			Scenario: p.text(r.Scenario.Name), Cell: p.text(c.ID), Placement: p.text(place.Name), Module: p.text(m.Name),
			Infra: p.infra, Run: n + 1, Runs: len(place.Runs), Outcome: said, Agrees: m.Agrees, Kernel: p.text(run.Kernel),
		},
	}
	if m.Predicted != nil {
		predicted := p.outcome(*m.Predicted)
		t.Misc.Predicted = &predicted
	}
	// The store names a transcript by its digest: another boot that showed
	// something else is another test, the same one told again is not.
	t.ID = s.id("test", buildID, t.Path, place.Name, place.Mem, place.ASLR, n, m.Name, base(run.Transcript),
		t.Log, m.Outcome.Brief(), t.Status)
	if s.first(t.ID) {
		if !run.Cached {
			t.Started = moment(r.Started)
		}
		s.Tests = append(s.Tests, t)
	}
}

// moment is when the invocation began that an object is of: what was built or
// booted in it was so some minutes later at most.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Year() > 9999 {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// compilers is "clang 19.1.7, rustc 1.85.1 (LLVM 19.1.7)".
func compilers(t result.Toolchain) string {
	tools := t.Tools()
	if tools[0] != "" && tools[1] != "" {
		tools[0] += " (" + tools[1] + ")"
	}
	return joined(", ", tools[2], tools[0])
}

// configName is "uml+rust+static-small@module": the fragments, and what the
// variant adds to them.
func configName(c result.Config, cell *result.Cell, p *portable) string {
	var parts []string
	for _, f := range c.Fragments {
		parts = append(parts, p.text(strings.TrimSuffix(base(f), ".config")))
	}
	if len(cell.Build.Flags) > 0 || !cell.Variant.Stock() {
		parts = append(parts, p.text(cell.ID))
	}
	return joined("+", parts...)
}

// joined is what there is of parts, with sep between them.
func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}
