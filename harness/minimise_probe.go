package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/predicate"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/shrink"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// minimiseVersion is raised when the same part of a cell would be judged otherwise.
const minimiseVersion = "1"

// minimising is a minimisation at work.
type minimising struct {
	lab       *Lab
	was       *ran // the cell with all that it has
	tree      *tree.Tree
	toolchain *toolchain.Toolchain
	base      kmake.Base // of the plan's own build
	target    predicate.Target
	at        scenario.Placement
	shows     outcome.Outcome    // of the target
	rate      *predicate.Message // how often it shows what, where that is what holds; else nil
	left      subject            // the smallest that is known to show it
	journal   *minimiseJournal
	probe     func(context.Context, subject) (a shrink.Answer, seen string, err error) // booted
	unknown   int                                                                      // parts in a row that could not be judged
	result    *result.Minimisation
}

// subject is what a cell rests on, or a part of it.
type subject struct {
	settings []scenario.Setting
	steps    []string // names
	modules  []string // names
	options  []kconfig.Option
	files    []sourceFile // of the user's directories
	squeezed bool         // lines that went are not left blank
	lacks    string       // why it can show nothing, whatever is built; "" where that has to be seen
}

// sourceFile is a source of a user's module. A line that went is blank, so that the others keep their numbers.
type sourceFile struct {
	mount, name string
	lines       []string
}

// text is the file as it is built.
func (f sourceFile) text(squeezed bool) string {
	lines := f.lines
	if squeezed {
		lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.TrimSpace(l) == "" })
		lines = append(lines, "")
	}
	return strings.Join(lines, "\n")
}

// count is how many lines of source there are.
func (s subject) count() (n int) {
	for _, f := range s.files {
		for _, l := range f.lines {
			if strings.TrimSpace(l) != "" {
				n++
			}
		}
	}
	return n
}

// whole is all that the cell rests on.
func (m *minimising) whole() (s subject, err error) {
	cell := m.was.plan.Cells[0]
	s.settings, s.options = cell.Variant.Settings, m.base.Options
	for _, step := range cell.Steps {
		s.steps = append(s.steps, step.Name)
	}
	seen := map[string]bool{}
	for _, mod := range cell.Modules {
		s.modules = append(s.modules, mod.Name)
		e := mod.External
		if e == nil || seen[e.Mount] || e.Dir == "" {
			continue
		}
		seen[e.Mount] = true
		err = errors.Join(err, filepath.WalkDir(e.Dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !slices.Contains([]string{".c", ".h", ".rs", ".S"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(e.Dir, path)
			s.files = append(s.files, sourceFile{e.Mount, filepath.ToSlash(name), strings.Split(string(text), "\n")})
			return err
		}))
	}
	return s, err
}

// key tells subjects apart.
func (s subject) key() string {
	parts := []string{kconfig.Text(s.options), strings.Join(s.modules, " "), strings.Join(s.steps, " "), fmt.Sprint(s.squeezed)}
	for _, set := range s.settings {
		parts = append(parts, set.String())
	}
	for _, f := range s.files {
		parts = append(parts, f.mount, f.name, f.text(s.squeezed))
	}
	return store.Key(parts...)
}

// run builds and boots a subject at the deciding placement.
func (m *minimising) run(ctx context.Context, s subject, fresh bool) (*ran, error) {
	sources, err := m.sources(ctx, s)
	if err != nil {
		return nil, err
	}
	p := m.plan(s, sources).Afresh(fresh)
	base, started := m.base, m.lab.now()
	base.Options = s.options
	baseline, hit, err := m.lab.builder.Baseline(ctx, base)
	r := &ran{Results: results(p, m.tree, m.toolchain, nil), plan: p, baseline: baseline, anew: err == nil && !hit}
	return m.lab.runBuilt(ctx, m.lab.builder, r, base, started, err)
}

// plan is that of a subject; sources are what stands for the user's directories, by their mount.
func (m *minimising) plan(s subject, sources map[string]*scenario.External) *plan.Plan {
	return m.was.plan.Only(plan.Part{Settings: s.settings, Options: s.options, At: m.at,
		Modules: func(mod scenario.Module) []scenario.Module {
			if !slices.Contains(s.modules, mod.Name) {
				return nil
			}
			if mod.External != nil && sources[mod.External.Mount] != nil {
				mod.External = sources[mod.External.Mount]
			}
			return []scenario.Module{mod}
		},
		Steps: func(step scenario.Step) bool { return slices.Contains(s.steps, step.Name) },
	})
}

// sources are the user's directories as a subject has them, by their mount.
func (m *minimising) sources(ctx context.Context, s subject) (map[string]*scenario.External, error) {
	out := map[string]*scenario.External{}
	for _, mod := range m.was.plan.Modules() {
		e := mod.External
		if e == nil || out[e.Mount] != nil || e.Dir == "" {
			continue
		}
		dir, remove, err := m.lab.store.Scratch("minimise")
		if err != nil {
			return nil, err
		}
		defer remove()
		dir = filepath.Join(dir, filepath.Base(e.Mount))
		if err := s.copyTo(dir, e); err != nil {
			return nil, err
		}
		part := *e
		if part.Dir, part.Digest, err = tree.FromModules(ctx, m.lab.store, progress.Discard{}, dir); err != nil {
			return nil, err
		}
		out[e.Mount] = &part
	}
	return out, nil
}

// copyTo writes the directory of modules as the subject has it to dir, which is not there yet.
func (s subject) copyTo(dir string, e *scenario.External) error {
	if err := os.CopyFS(dir, os.DirFS(e.Dir)); err != nil {
		return err
	}
	for _, f := range s.files {
		if f.mount != e.Mount {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(f.name)), []byte(f.text(s.squeezed)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// judge says whether what was run shows the same, and what it shows.
func (m *minimising) judge(r *ran, s subject) (shrink.Answer, outcome.Outcome, string) {
	t := m.target
	t.Cell = r.Cells[0].ID
	seen, err := predicate.Observe(r.Results, t)
	if err != nil {
		return shrink.Not, outcome.Outcome{}, err.Error() // the module is not built any more
	}
	o, one := seen.One()
	switch {
	case (predicate.Condition{}).Faulty(seen):
		return shrink.Unknown, o, seen.String()
	case m.rate != nil && seen.Rated() && seen.SameRates(*m.rate):
		return shrink.Holds, o, seen.String()
	case m.rate != nil:
		return shrink.Not, o, seen.String()
	case one && o.SameFailure(m.shows, s.squeezed):
		return shrink.Holds, o, seen.String()
	case one && o.Same(m.shows):
		return shrink.Not, o, "another " + seen.String() + ": " + o.Evidence
	}
	return shrink.Not, o, seen.String()
}

// booted builds and boots a subject, and judges it.
func (m *minimising) booted(ctx context.Context, s subject) (shrink.Answer, string, error) {
	r, err := m.run(ctx, s, false)
	if err != nil {
		return shrink.Unknown, "", err
	}
	a, _, seen := m.judge(r, s)
	if r.anew && a != shrink.Holds {
		err = m.lab.builder.Forget(r.baseline)
	}
	return a, seen, err
}

// mostUnknown is how many parts in a row may not be judged until the machine is to blame for it.
const mostUnknown = 3

// ask answers for a subject, and keeps it where it shows the same. known says that nothing was run for it.
func (m *minimising) ask(ctx context.Context, s subject) (a shrink.Answer, known bool, err error) {
	if kept, known := m.journal.get(s.key()); known {
		m.tell(kept.Answer, "as was seen before: "+kept.Seen, s)
		return kept.Answer, true, nil
	}
	a, seen, err := m.probe(ctx, s)
	switch {
	case ctx.Err() != nil:
		return shrink.Unknown, false, context.Cause(ctx)
	case err != nil:
		a, seen = shrink.Unknown, err.Error()
	}
	if a != shrink.Unknown {
		m.unknown = 0
	} else if m.unknown++; m.unknown == mostUnknown {
		return a, false, fmt.Errorf("%d sets in a row could not be judged, the last one because of %s: the machine is at fault; "+
			"the same command goes on from there", mostUnknown, seen)
	}
	m.tell(a, seen, s)
	return a, false, m.journal.put(s.key(), a, seen)
}

// tell shows an answer.
func (m *minimising) tell(a shrink.Answer, seen string, s subject) {
	if a == shrink.Holds {
		m.left = s
	}
	m.lab.sink.Note(fmt.Sprintf("  %s: %s", map[shrink.Answer]string{
		shrink.Holds: "it goes", shrink.Not: "it is needed", shrink.Unknown: "not judged"}[a], strings.TrimSpace(seen)))
}
