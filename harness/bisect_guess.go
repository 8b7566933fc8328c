package harness

import (
	"context"

	"umlab/harness/bisect"
	"umlab/harness/history"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/tree"
)

// guesses are what earlier runs let one expect of candidates. They may choose
// which one is asked next, and never answer for it.
type guesses struct {
	p     *prober
	known map[string]bisect.Verdict  // answers to the same question
	past  map[string]*result.Results // what the history has of the others
}

// guesses reads them. A history that cannot be read is no reason not to search.
func (l *Lab) guesses(ctx context.Context, q *question, p *prober, list []string, known map[string]bisect.Verdict) guesses {
	g := guesses{p: p, known: known, past: map[string]*result.Results{}}
	if !history.Exists(l.store) {
		return g
	}
	h, err := history.Open(ctx, l.store)
	if err != nil {
		return g
	}
	defer h.Close()
	for _, name := range list {
		tree, toolchain := q.job.Tree, name
		if q.axis == result.AxisTree {
			tree, toolchain = name, q.job.Toolchain
		}
		if r, err := h.Latest(ctx, l.asked(ctx, q.job, tree, toolchain)); err == nil && r != nil {
			g.past[name] = r
		}
	}
	return g
}

// asked is what j asks with another tree and toolchain, for the history. The
// compiler is left open where only the tree decides and it is not here yet.
func (l *Lab) asked(ctx context.Context, j *job, name, toolchain string) history.Question {
	compiler := l.compilerOf(j.Compiler, name)
	if compiler == "" {
		if dir, ok := l.unpacked(ctx, name); ok {
			compiler = (&tree.Tree{Dir: dir}).Compiler()
		}
	}
	return history.Question{Scenario: j.scenario.Name, Tree: name, Toolchain: toolchain, Compiler: compiler, Fragments: j.sources}
}

// of is the verdict to expect of a candidate once the ends are known.
func (g guesses) of(name string) bisect.Verdict {
	if v, ok := g.known[name]; ok {
		return v
	}
	r := g.past[name]
	if r == nil || g.p.good.message == nil {
		return bisect.Unknown
	}
	m, err := predicate.Observe(r, g.p.target)
	if err != nil {
		return bisect.Unknown
	}
	said, _ := predicate.Judge(g.p.cond, *g.p.good.message, g.p.bad.message, m)
	if said == predicate.Skip {
		return bisect.Unknown // that run may have been of other placements or modules
	}
	return bisect.Verdict(said)
}

// built reports whether a candidate's kernel was built before.
func (g guesses) built(name string) bool {
	_, known := g.known[name]
	return known || g.past[name] != nil
}
