package harness

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/history"
	"umlab/harness/kconfig"
	"umlab/harness/result"
	"umlab/harness/store"
	"umlab/harness/toolchain"
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

func (o NightlyOptions) key() string {
	s := o.Select
	return store.Key("nightly", o.Series, o.Scenario, o.Tree, o.Compiler, strings.Join(o.Fragments, "\n"), fmt.Sprintf("%+v", s))
}

// lastNight is what is known of the members: from the last night, and of those
// that it did not see, from the history.
func (l *Lab) lastNight(ctx context.Context, o NightlyOptions, j *job, members []toolchain.Member) (known, error) {
	last := known{}
	l.store.Get(kindNight, o.key(), &last)
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
		r, err := h.Latest(ctx, l.asked(ctx, j, o.Tree, m.Name))
		if err != nil {
			return nil, err
		}
		if r != nil {
			last[m.Name] = knownResult{Results: r}
		}
	}
	return last, nil
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
func (l *Lab) sweepNight(ctx context.Context, o NightlyOptions, j *job, names []string, asked map[string]string, n *result.Nightly, last known) error {
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
		sweep.Outputs, sweep.Command = Outputs{}, retarget(o.Command, "matrix", nil, []string{"series", "dir"}, nil)
		s, err := l.sweep(ctx, sweep)
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
	n.Scenario = j.named()
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

// questions are, for each member, the digest of everything that decides what j
// gives with it, this program included; empty where that cannot be told without
// fetching the tree or the toolchain.
func (l *Lab) questions(ctx context.Context, j *job, members []toolchain.Member) (map[string]string, error) {
	asked := map[string]string{}
	source, err := l.sourceDigest(ctx, j.Tree)
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
	same := store.Key(self, guest, source, l.compilerOf(j.Compiler, j.Tree), j.scenario.Digest, kconfig.Text(j.options),
		fmt.Sprintf("%+v", j.plan.Cells), fmt.Sprintf("%+v", j.plan.Controls))
	for _, m := range members {
		if chain, ok, err := l.provider().Digest(ctx, m.Spec); err == nil && ok {
			asked[m.Name] = store.Key("question", same, chain)
		}
	}
	return asked, nil
}

// sourceDigest is the digest of what a tree is unpacked from; empty for those
// that have to be read.
func (l *Lab) sourceDigest(ctx context.Context, name string) (string, error) {
	src, err := l.source(name)
	switch {
	case err != nil:
		return "", err
	case src.Tarball != nil:
		return src.Tarball.Sum, nil
	case src.Name != "":
		t := l.settings.Trees[name]
		res, err := l.archive.Newest(ctx, t.Suite, t.Package)
		if err != nil {
			return "", err
		}
		return res.Packages[0].SHA256, nil
	}
	return "", nil
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
