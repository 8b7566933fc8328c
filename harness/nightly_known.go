package harness

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/history"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// known is what is known of a series before a night, by toolchain.
type known map[string]knownResult

// knownResult is what a night saw of a toolchain.
type knownResult struct {
	Question string          `json:"question"` // see Lab.questions; empty where nobody can tell that it would be the same again
	Results  *result.Results `json:"results,omitempty"`
	Refused  *result.Refusal `json:"refused,omitempty"`
}

func (k knownResult) known() bool { return k.Results != nil || k.Refused != nil }

const kindNight = "nightly"

// key names what a night is held against: the last one that asked the same, see result.Question, of the same cells.
func (o NightlyOptions) key(p *plan.Plan) string {
	return store.Key("nightly", o.Series, o.Scenario, tree.Absolute(o.Tree), o.Compiler, p.Asked.Digest, strings.Join(p.CellIDs(), "\n"))
}

// lastNight is what is known of the members: from the last night, and of those
// that it did not see, from the history.
func (l *Lab) lastNight(ctx context.Context, o NightlyOptions, p *plan.Plan, members []toolchain.Member) (known, error) {
	last := known{}
	l.store.Get(kindNight, o.key(p), &last)
	if !history.Exists(l.store) {
		return last, nil
	}
	h, err := history.Open(ctx, l.store)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	for _, m := range members {
		if last[m.Name].known() {
			continue
		}
		r, err := h.Latest(ctx, l.asked(ctx, p, o.Tree, m.Name))
		if err != nil {
			return nil, err
		}
		if r != nil {
			last[m.Name] = knownResult{Results: r}
		}
	}
	return last, nil
}

// keepNight keeps what is known after a night for the next one.
func (l *Lab) keepNight(o NightlyOptions, p *plan.Plan, last known) error {
	return l.store.Put(kindNight, o.key(p), last)
}

// add notes what a night saw, with the questions that it asked; of toolchains
// that proved nothing, what was known before stands.
func (k known) add(s *result.Sweep, asked map[string]string) {
	for _, c := range s.Columns {
		if c.State() != result.ColumnInfra {
			k[c.Toolchain] = knownResult{asked[c.Toolchain], c.Results, c.Refused}
		}
	}
}

// sweepNight runs the scenario with the toolchains of which it is not known that
// the answer would be the same, and puts what is known in the place of the others.
func (l *Lab) sweepNight(
	ctx context.Context, src *sources.Sources, o NightlyOptions, p *plan.Plan,
	names []string, asked map[string]string, n *result.Nightly, last known,
) error {
	started := l.now()
	columns := map[string]result.SweepColumn{}
	var run []string
	for _, name := range names {
		if was := last[name]; asked[name] != "" && was.Question == asked[name] {
			columns[name] = result.SweepColumn{Tree: o.Tree, Toolchain: name, Results: remembered(was.Results), Refused: was.Refused}
		} else {
			run = append(run, name)
		}
	}
	if len(run) > 0 {
		sweep := SweepOptions{Toolchains: run, MatrixOptions: o.MatrixOptions}
		sweep.Command = retarget(o.Command, "matrix", nil, []string{"series", "dir"}, nil)
		plans, err := l.planSweep(ctx, sweep, members(src))
		if err != nil {
			return err
		}
		s, err := l.sweep(ctx, src, plans, sweep.Command)
		if err != nil {
			return err
		}
		for _, c := range s.Columns {
			columns[c.Toolchain] = c
		}
	}
	if len(run) < len(names) {
		which := fmt.Sprintf("all %d", len(names))
		if len(run) > 0 {
			which = fmt.Sprintf("%d of %d", len(names)-len(run), len(names))
		}
		n.Notes = append(n.Notes, which+" toolchains, the tree and umlab itself are what they were: their results are those of then")
	}
	n.Scenario = p.Named()
	n.Sweep = &result.Sweep{Schema: result.SweepSchema, Command: o.Command, Started: started.UTC(), Scenario: n.Scenario}
	for _, name := range names {
		n.Sweep.Columns = append(n.Sweep.Columns, columns[name])
	}
	n.Sweep.Totals, n.Sweep.Exit = conclude.Sweep(n.Sweep.Columns)
	n.Sweep.Seconds = l.now().Sub(started).Seconds()
	return nil
}

// remembered is a result that is shown again: nothing of it was run.
func remembered(was *result.Results) *result.Results {
	if was == nil {
		return nil
	}
	r := *was
	r.Seconds, r.Totals.Cached = 0, r.Totals.Boots
	return &r
}

// questions are, for each member, the digest of everything that decides what p
// gives with it, this program included; empty where that cannot be told without
// fetching the tree or the toolchain.
func (l *Lab) questions(ctx context.Context, src *sources.Sources, p *plan.Plan, members []toolchain.Member) (map[string]string, error) {
	asked := map[string]string{}
	source, err := src.TreeDigest(ctx, p.Flags.Tree)
	if err != nil || source == "" {
		return asked, nil // running it says why
	}
	self, err := l.self()
	if err != nil {
		return nil, err
	}
	guest, err := l.guestFiles()
	if err != nil {
		return nil, err
	}
	planned, err := p.Key()
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if chain, ok := src.For(p.Flags.Subarch).ToolchainDigest(ctx, m); ok {
			asked[m.Name] = store.Key("question", self, guest, source, planned, chain)
		}
	}
	return asked, nil
}

// guestFiles is the digest of what the guest's root directory is made of.
func (l *Lab) guestFiles() (string, error) {
	var parts []string
	err := fs.WalkDir(l.project, "rootfs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(l.project, path)
		parts = append(parts, path, string(text))
		return err
	})
	return store.Key(parts...), err
}

// self is the digest of this program: another umlab may say something else of
// the same binaries.
func (l *Lab) self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	// Reading 60 MB would take longer than all the rest of a night with nothing new.
	return l.store.SumOutside(path)
}
