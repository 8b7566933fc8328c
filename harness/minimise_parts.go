package harness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/sample"
	"umlab/harness/scenario"
	"umlab/harness/shrink"
)

// The parts.
const (
	partSettings = "settings"
	partSteps    = "steps"
	partModules  = "modules"
	partSource   = "source"
	partKconfig  = "kconfig"
	partGuest    = "guest"
)

// parts are what leaves things of a kind out.
func (m *minimising) parts() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		partSettings: m.settings, partSteps: m.steps, partModules: m.modules, partSource: m.source,
		partKconfig: func(ctx context.Context) error {
			return m.kconfig(ctx, partKconfig, func(o kconfig.Option) bool { return !m.was.plan.Guest(o) })
		},
		partGuest: func(ctx context.Context) error { return m.kconfig(ctx, partGuest, m.was.plan.Guest) },
	}
}

// begin is the entry of a part of the result.
func (m *minimising) begin(name string, was int) *result.MinimisedPart {
	m.result.Parts = append(m.result.Parts, result.MinimisedPart{Name: name, Was: was, Left: was, Kept: []string{}})
	return &m.result.Parts[len(m.result.Parts)-1]
}

// try leaves things out of a list of n of them; of is the subject that keeps some.
func (m *minimising) try(ctx context.Context, part *result.MinimisedPart, n int, of func(keep []int) subject,
	once bool, key func(ctx context.Context, keep []int) (string, error),
) error {
	s := &shrink.Search{N: n, Key: key, Once: once, On: func(s shrink.Step) {
		m.lab.sink.Note(fmt.Sprintf("%s: without %d of %d (then at most %d to try while nothing goes)",
			part.Name, s.Without, s.Kept+s.Without, s.Left))
	}}
	s.Ask = func(ctx context.Context, keep []int) (shrink.Answer, error) {
		if s := of(keep); s.lacks != "" {
			part.Tried, part.Known = part.Tried+1, part.Known+1
			m.tell(shrink.Not, s.lacks, s)
			return shrink.Not, nil
		}
		a, known, err := m.ask(ctx, of(keep))
		if err != nil {
			return a, err
		}
		if part.Tried++; known {
			part.Known++
		}
		if a == shrink.Unknown {
			part.Unknown++
		}
		return a, nil
	}
	found, err := s.Run(ctx)
	if len(found.Keep) < n { // also by what comes to the same, and was not asked for
		m.left = of(found.Keep)
	}
	part.Free, part.Minimal = part.Free+found.Free, found.Minimal && err == nil
	return err
}

func (m *minimising) settings(ctx context.Context) error {
	was := m.left
	if len(was.settings) == 0 {
		return nil
	}
	part := m.begin(partSettings, len(was.settings))
	err := m.try(ctx, part, len(was.settings), func(keep []int) subject {
		s := was
		s.settings = chosen(was.settings, keep)
		return s
	}, false, nil)
	var lines []string
	for _, s := range was.settings {
		lines = append(lines, s.String())
	}
	show(part, "settings", lines, within(was.settings, m.left.settings))
	return err
}

// steps leaves out steps of the scenario; the one that decides, or that runs the test which does, stays.
func (m *minimising) steps(ctx context.Context) error {
	var decides []string
	for _, p := range m.was.Cells[0].Placements {
		for _, r := range p.Runs {
			for _, s := range r.Steps {
				if s.Of() == m.target.Module {
					decides = append(decides, s.Name)
				}
			}
		}
	}
	return m.names(ctx, partSteps, decides, func(s *subject) *[]string { return &s.steps })
}

// modules leaves out modules; the one that decides stays, and those that a step handles.
func (m *minimising) modules(ctx context.Context) error {
	decides := []string{m.target.Module}
	for _, step := range m.was.plan.Cells[0].Steps {
		if slices.Contains(m.left.steps, step.Name) {
			decides = append(decides, step.Module)
		}
	}
	return m.names(ctx, partModules, decides, func(s *subject) *[]string { return &s.modules })
}

// names leaves out of a list of names all but those that decide.
func (m *minimising) names(ctx context.Context, name string, decides []string, of func(*subject) *[]string) error {
	was := m.left
	all := *of(&was)
	others := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(decides, name) })
	if len(others) == 0 || m.target.Module == "" {
		return nil
	}
	part := m.begin(name, len(all))
	err := m.try(ctx, part, len(others), func(keep []int) subject {
		s, with := was, chosen(others, keep)
		*of(&s) = slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(others, n) && !slices.Contains(with, n) })
		return s
	}, false, nil)
	show(part, name, all, within(all, *of(&m.left)))
	return err
}

// lineAt is a line of a subject's files.
type lineAt struct{ file, line int }

// source leaves out lines of the user's modules: whole functions first, then ever smaller blocks, then single lines.
func (m *minimising) source(ctx context.Context) error {
	was := m.left
	if len(was.files) == 0 {
		return nil
	}
	part := m.begin(partSource, was.count())
	err := m.sourceLevels(ctx, part)
	if squeezed := m.left; err == nil && squeezed.count() < part.Was {
		squeezed.squeezed = true
		m.lab.sink.Note(partSource + ": without the blank lines")
		_, known, asked := m.ask(ctx, squeezed)
		if err = asked; err == nil {
			if part.Tried++; known {
				part.Known++
			}
		}
	}
	showSource(part, was, m.left)
	return err
}

// showSource says what of the lines of was is in left.
func showSource(part *result.MinimisedPart, was, left subject) {
	for i, f := range left.files {
		lines := was.files[i].lines
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1] // the end of the last line
		}
		var kept []int
		for n, l := range f.lines[:len(lines)] {
			switch blank := strings.TrimSpace(l) == ""; {
			case !blank:
				part.Kept = append(part.Kept, l)
				kept = append(kept, n)
			case strings.TrimSpace(lines[n]) == "" && !left.squeezed:
				kept = append(kept, n) // it was blank before
			}
		}
		part.Diff += deletions(f.mount+"/"+f.name, lines, kept)
	}
	part.Left = len(part.Kept)
}

// sourceLevels goes from functions to lines, and again from functions, until nothing went: one may go only when what calls it
// did.
func (m *minimising) sourceLevels(ctx context.Context, part *result.MinimisedPart) error {
	for before := 0; m.left.count() != before; {
		before = m.left.count()
		for depth, deeper, single := 0, true, false; !single; depth++ {
			single = !deeper
			from := m.left
			var units [][]lineAt
			units, deeper = from.units(depth, single)
			if err := m.try(ctx, part, len(units), func(keep []int) subject { return from.without(units, keep) }, true, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// units are pieces of the source of that depth, or single lines.
func (s subject) units(depth int, single bool) (units [][]lineAt, deeper bool) {
	for i, f := range s.files {
		pieces, more := shrink.Units(f.lines, depth)
		deeper = deeper || more
		for _, lines := range pieces {
			var unit []lineAt
			for _, n := range lines {
				if unit = append(unit, lineAt{i, n}); single {
					units, unit = append(units, unit), nil
				}
			}
			if unit != nil {
				units = append(units, unit)
			}
		}
	}
	return units, deeper
}

// without is the subject with blank lines for all units but those that are kept.
func (s subject) without(units [][]lineAt, keep []int) subject {
	s.files = slices.Clone(s.files)
	for i := range s.files {
		s.files[i].lines = slices.Clone(s.files[i].lines)
	}
	for n, unit := range units {
		if _, stays := slices.BinarySearch(keep, n); stays {
			continue
		}
		for _, at := range unit {
			s.files[at.file].lines[at.line] = ""
		}
	}
	return s
}

// kconfig leaves out those options that are of a part. Kconfig is asked first, for a moment: what it makes the same .config of is the
// same kernel, what it drops for want of another needs no request, and where it leaves no module none can show anything.
func (m *minimising) kconfig(ctx context.Context, name string, of func(kconfig.Option) bool) error {
	all := m.left.options
	was := slices.DeleteFunc(slices.Clone(all), func(o kconfig.Option) bool { return !of(o) })
	with := func(kept []kconfig.Option) []kconfig.Option { // in the order of all
		return slices.DeleteFunc(slices.Clone(all), func(o kconfig.Option) bool { return of(o) && !slices.Contains(kept, o) })
	}
	if len(was) == 0 {
		return nil
	}
	part := m.begin(name, len(was))
	text := func(o kconfig.Option) string { return strings.TrimSuffix(kconfig.Text([]kconfig.Option{o}), "\n") }
	shown := func() {
		var lines []string
		for _, o := range was {
			lines = append(lines, text(o))
		}
		show(part, "requested.config", lines, within(was, m.left.options))
	}
	defer shown()
	from := was
	effective := map[string]subject{} // of requests by their indices: with those that Kconfig takes
	base, err := m.cellBase(ctx)
	if err != nil {
		return err
	}
	needs, err := m.needs(ctx, base)
	if err != nil {
		return err
	}
	key := func(ctx context.Context, keep []int) (string, error) {
		asked := with(chosen(from, keep))
		base.Options = asked
		c, err := m.lab.builder.Configure(ctx, base)
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err != nil {
			return "", err
		}
		dropped := kconfig.Compare(asked, c)
		s := m.left
		s.options = slices.DeleteFunc(asked, func(o kconfig.Option) bool {
			return slices.ContainsFunc(dropped, func(d kconfig.Dropped) bool { return d.Option == o })
		})
		for _, d := range kconfig.Compare(needs, c) {
			s.lacks = fmt.Sprintf("without %s there is no module %s", d.Option, m.target.Module)
		}
		effective[fmt.Sprint(keep)] = s
		return c.Digest(), nil
	}
	same, err := m.resolveSame(ctx, len(from), func(i int) bool { return from[i].Value == kconfig.Unset }, key)
	part.Free += len(from) - len(same)
	from = chosen(from, same)
	m.left.options = with(from)
	if err != nil {
		return err
	}
	m.lab.sink.Note(fmt.Sprintf("%s: %d of %d options change something", part.Name, len(same), len(was)))
	return m.try(ctx, part, len(from), func(keep []int) subject { return effective[fmt.Sprint(keep)] }, false, key)
}

// needs are the options without which the tree makes no module of the one that decides; none where that is no module of the tree.
func (m *minimising) needs(ctx context.Context, base kmake.Base) (needs []kconfig.Option, err error) {
	var of *scenario.Module
	for _, mod := range m.was.plan.Modules() {
		if mod.Name == m.target.Module {
			of = &mod
		}
	}
	if of == nil {
		return nil, nil
	}
	needs = append(needs, kconfig.Option{Name: "CONFIG_MODULES", Value: "y"})
	if of.External == nil {
		made, err := sample.Made(base.Tree.FS(), of.Name)
		if err != nil {
			return nil, err
		}
		if s, ok := made[of.Name]; ok && s.Target == of.Path && s.Option != "" {
			needs = append(needs, kconfig.Option{Name: s.Option, Value: "m"})
		}
	}
	base.Options = m.left.options
	c, err := m.lab.builder.Configure(ctx, base)
	if err != nil {
		return nil, err
	}
	missing := kconfig.Compare(needs, c)
	return slices.DeleteFunc(needs, func(o kconfig.Option) bool { // what the whole does not have it does not need
		return slices.ContainsFunc(missing, func(d kconfig.Dropped) bool { return d.Option == o })
	}), nil
}

// resolveSame are those of n requests, by their indices, which Kconfig makes the same .config of as of all: without all that turn
// something off, if they are for nothing, and without each that the others select or that is usual.
func (m *minimising) resolveSame(
	ctx context.Context, n int, off func(i int) bool, key func(ctx context.Context, keep []int) (string, error),
) (keep []int, err error) {
	task := m.lab.sink.Start("ask Kconfig which options change nothing", progress.None, 0)
	defer func() { task.Done(err) }()
	for i := range n {
		keep = append(keep, i)
	}
	want, err := key(ctx, keep)
	try := func(without func(i int) bool) {
		rest := slices.DeleteFunc(slices.Clone(keep), without)
		if err != nil || len(rest) == len(keep) {
			return
		}
		var got string
		if got, err = key(ctx, rest); err == nil && got == want {
			keep = rest
		}
	}
	try(off)
	for i := n - 1; i >= 0; i-- {
		try(func(other int) bool { return other == i })
	}
	return keep, err
}

// cellBase is what the kernel of the cell is built from.
func (m *minimising) cellBase(ctx context.Context) (kmake.Base, error) {
	for _, g := range m.was.plan.Groups() {
		if len(g.Cells) > 0 {
			return m.lab.chained(ctx, m.was.plan, m.base, g.Base(m.base))
		}
	}
	return m.base, nil
}

// chosen are those of a list at indices.
func chosen[T any](list []T, at []int) []T {
	out := make([]T, len(at))
	for i, n := range at {
		out[i] = list[n]
	}
	return out
}

// within are the indices in a list of those that are in another.
func within[T comparable](list, in []T) (at []int) {
	for i, t := range list {
		if slices.Contains(in, t) {
			at = append(at, i)
		}
	}
	return at
}

// show says what of lines is kept.
func show(p *result.MinimisedPart, name string, lines []string, keep []int) {
	p.Left, p.Kept = len(keep), chosen(lines, keep)
	p.Diff = deletions(name, lines, keep)
}

// deletions is a unified diff of what is left of lines, with three lines around each change; "" where all is.
func deletions(name string, lines []string, keep []int) string {
	stays := make([]bool, len(lines))
	for _, n := range keep {
		stays[n] = true
	}
	if len(keep) == len(lines) {
		return ""
	}
	const around = 3
	near := func(i int) bool {
		for n := max(0, i-around); n < min(len(lines), i+around+1); n++ {
			if !stays[n] {
				return true
			}
		}
		return false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%[1]s\n", name)
	kept := 0 // before i
	for i := 0; i < len(lines); {
		if !near(i) {
			kept, i = kept+1, i+1
			continue
		}
		var hunk strings.Builder
		from, to := i, kept
		for ; i < len(lines) && near(i); i++ {
			sign := "-"
			if stays[i] {
				sign = " "
				kept++
			}
			hunk.WriteString(sign + lines[i] + "\n")
		}
		fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n%s", from+1, i-from, to+cmp.Compare(kept, to), kept-to, hunk.String())
	}
	return b.String()
}
