package harness

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/bisect"
	"umlab/harness/history"
	"umlab/harness/result"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// listed is an entry of a list that is bisected.
type listed struct {
	name    string // as -toolchain= or -tree= takes it
	version string // what varies
	detail  string // where it comes from
}

// listCandidates are those of a question about toolchains or configured trees, which fleet runs, where there is one.
func (l *Lab) listCandidates(ctx context.Context, q *question, fleet *planner) (*candidates, error) {
	all, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	part, reversed, err := between(q.source(), all, q.Good, q.Bad)
	if err != nil {
		return nil, err
	}
	c := &candidates{reversed: reversed, close: func() {}}
	for _, e := range part {
		c.names = append(c.names, e.name)
		c.list = append(c.list, result.BisectCandidate{Name: e.name, Detail: e.detail})
	}
	c.chooser = &bisect.List{Names: c.names}
	c.run = func(ctx context.Context, name string, whole, fresh bool) (*ran, error) {
		m := q.MatrixOptions
		m.Fresh = fresh
		if q.axis == result.AxisToolchain {
			m.Toolchain = name
		} else {
			m.Tree = name
		}
		p, err := l.plan(m)
		if err != nil {
			return nil, err
		}
		if p, err = p.Snapshot(ctx, l.store, l.sink); err != nil {
			return nil, err
		}
		if !p.SameContent(q.plan) {
			return nil, usage.Errorf("a fragment or a module's directory was saved while it was bisected with: run it again")
		}
		if fleet != nil {
			return fleet.one(ctx, l.sources, p, whole, false)
		}
		t, tc, err := p.Fetch(ctx, l.sources)
		if err != nil {
			return nil, err
		}
		return l.runOn(ctx, p, t, tc)
	}
	if fleet != nil { // nothing is fetched here
		if q.axis == result.AxisTree && q.Compiler == "" {
			c.notes = l.compilers(part)
		}
		c.pinned, err = l.pinned(ctx, q)
		return c, err
	}
	if q.axis == result.AxisTree {
		tc, err := l.sources.For(q.plan.Flags.Subarch).Toolchain(ctx, q.plan.Flags.Toolchain)
		if err != nil {
			return nil, fmt.Errorf("toolchain %s: %w", q.plan.Flags.Toolchain, err)
		}
		c.pinned = fmt.Sprintf("toolchain %s %s", q.plan.Flags.Toolchain, store.Short(tc.Digest))
		if q.Compiler == "" {
			c.notes = l.compilers(part)
		}
		return c, nil
	}
	// The tree is unpacked with the tools of a toolchain: one that is likely to be
	// here, and that the candidates are made of anyway.
	series := l.settings.Series[q.Series]
	t, _, err := l.sources.Get(ctx, q.plan.Flags.Tree, cmp.Or(series.C, series.Toolchain, q.plan.Flags.Toolchain))
	if err != nil {
		return nil, err
	}
	c.pinned = fmt.Sprintf("tree %s %s", q.plan.Flags.Tree, store.Short(t.Digest))
	return c, nil
}

// pinned is what does not vary in a question, as far as that can be told without fetching it.
func (l *Lab) pinned(ctx context.Context, q *question) (string, error) {
	if q.axis == result.AxisToolchain {
		sum, err := l.sources.TreeDigest(ctx, q.plan.Flags.Tree)
		return fmt.Sprintf("tree %s of archive %s", q.plan.Flags.Tree, store.Short(sum)), err
	}
	src := l.sources.For(q.plan.Flags.Subarch)
	c, err := src.Spec(ctx, q.plan.Flags.Toolchain)
	if err != nil {
		return "", err
	}
	pin, _, err := src.Pin(ctx, q.plan.Flags.Tree, c)
	return fmt.Sprintf("toolchain %s as %s", q.plan.Flags.Toolchain, pin), err
}

// source is where the candidates of a question are from, for messages.
func (q *question) source() string {
	if q.axis == result.AxisToolchain {
		return "series " + q.Series
	}
	return "configs/trees.toml"
}

// listed are all candidates that there are, oldest first.
func (l *Lab) listed(ctx context.Context, q *question) (list []listed, err error) {
	if q.axis == result.AxisTree {
		return l.orderedTrees(ctx)
	}
	members, err := l.sources.Series(ctx, q.Series)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		list = append(list, listed{m.Name, m.Version, m.Detail})
	}
	return list, nil
}

// between cuts the list to what lies from good to bad, in that order, which may be
// the reverse of all's.
func between(source string, all []listed, good, bad string) (part []listed, reversed bool, err error) {
	from, err := pick(source, all, good)
	if err != nil {
		return nil, false, err
	}
	to, err := pick(source, all, bad)
	if err != nil {
		return nil, false, err
	}
	if from == to {
		return nil, false, usage.Errorf("%s and %s are both %s: give two ends that differ", good, bad, all[from].name)
	}
	part = slices.Clone(all[min(from, to) : max(from, to)+1])
	if reversed = to < from; reversed {
		slices.Reverse(part)
	}
	return part, reversed, nil
}

// pick finds the candidate that is asked for by its name, its version, or the
// beginning of its version.
func pick(source string, all []listed, asked string) (int, error) {
	begins := func(whole string) bool {
		rest, ok := strings.CutPrefix(whole, asked)
		return ok && asked != "" && !strings.ContainsAny(rest[:1], "0123456789") // 1.8 does not begin 1.85.1
	}
	at, some := 0, []listed(nil)
	for i, c := range all {
		if asked == c.name || asked == c.version {
			return i, nil
		}
		if begins(c.name) || begins(c.version) {
			at, some = i, append(some, c)
		}
	}
	switch len(some) {
	case 0:
		return 0, usage.Errorf("%s has no %q: it has %s", source, asked, versions(all))
	case 1:
		return at, nil
	}
	return 0, usage.Errorf("%q is the beginning of %s: write one of them", asked, versions(some))
}

// versions are candidates as pick takes them, as short as that may be.
func versions(list []listed) string {
	var out []string
	for _, c := range list {
		if strings.HasSuffix(c.name, ":"+c.version) {
			out = append(out, c.version)
		} else {
			out = append(out, c.name)
		}
	}
	return strings.Join(out, ", ")
}

// orderedTrees are the configured trees by their kernel version. It asks the
// archive for versions, and fetches no tree.
func (l *Lab) orderedTrees(ctx context.Context) ([]listed, error) {
	var list []listed
	for name, t := range l.settings.Trees {
		c := listed{name: name}
		c.version = treeVersion(name, t)
		if t.Package != "" {
			res, err := l.sources.Archive.Newest(ctx, t.Suite, t.Package)
			if err != nil {
				return nil, fmt.Errorf("tree %s: %w", name, err)
			}
			pkg := res.Packages[0]
			c.version, c.detail = dotted.FindString(pkg.Version), pkg.Name+" "+pkg.Version
		}
		if c.version == "" {
			l.sink.Note(fmt.Sprintf("tree %s is left out: neither its name nor where it comes from says its version", name))
			continue
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b listed) int {
		return cmp.Or(history.CompareVersions(a.version, b.version), strings.Compare(a.name, b.name))
	})
	return list, nil
}

// dotted finds a version, "6.12.107".
var dotted = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// treeVersion is the version of a tree that is no package, by its ref, its file,
// else its name; empty where none of them says it.
func treeVersion(name string, t settings.Tree) string {
	return cmp.Or(dotted.FindString(t.Ref), dotted.FindString(path.Base(t.Tarball)), dotted.FindString(name))
}

// compilers notes where the C side is not built with the same compiler.
func (l *Lab) compilers(list []listed) []string {
	by := map[string][]string{}
	for _, c := range list {
		compiler := cmp.Or(l.settings.Trees[c.name].Compiler, "what the tree allows")
		by[compiler] = append(by[compiler], c.name)
	}
	if len(by) < 2 {
		return nil
	}
	var parts []string
	for compiler, trees := range by {
		parts = append(parts, strings.Join(trees, ", ")+" with "+compiler)
	}
	slices.Sort(parts)
	return []string{"the C side is not built with the same compiler everywhere: " + strings.Join(parts, "; ") + " (-compiler= decides)"}
}
