package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/steps"
	"umlab/harness/terminal"
	"umlab/harness/uml"
	"umlab/harness/usage"
)

// Interact boots a cell's kernel with the guest's shell on the user's terminal.
// Everything typed goes to the guest, ^C too; ^] ends a guest that hangs. The
// terminal is as before when it returns.
//
// Both must be a terminal: UML loses what is typed while its kernel prints, so
// that commands from a file would run or not by chance.
func (l *Lab) Interact(ctx context.Context, cell string, o MatrixOptions, in, out *os.File) error {
	p, _, err := l.planCell(cell, o) // a mistake is told first: without it, the rest may be in order
	if err != nil {
		return err
	}
	if !terminal.Is(in) || !terminal.Is(out) {
		return usage.Errorf("boot needs a terminal on standard input and output; without one: %s explain %s", l.program, cell)
	}
	b, err := l.buildCell(ctx, p)
	if err != nil {
		return err
	}
	g, closeGuest, err := l.newGuest(b.baseline.Base.Toolchain)
	if err != nil {
		return err
	}
	defer closeGuest()
	spec, intro := interactive(b)
	l.sink.Close()
	if err := report.Introduce(l.stdout, intro); err != nil {
		return err
	}
	status, err := terminal.Attach(ctx, in, out, func(ctx context.Context, tty *os.File) (sandbox.Status, error) {
		return g.Interact(ctx, spec, tty, tty)
	})
	var left *terminal.LeftError
	switch {
	case errors.As(err, &left):
		fmt.Fprintln(l.stdout, "\nended by Ctrl-]")
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintln(l.stdout, "the guest has ended:", status)
	return nil
}

// interactive is the boot of a cell for a person, and what the person is told.
func interactive(b *built) (uml.Spec, report.Intro) {
	base, place := b.baseline.Base, b.cell.Placements[0]
	spec := uml.Spec{Kernel: b.product.Linux, Mem: place.Mem, ASLR: place.ASLR, Extra: b.cell.Variant.Params()}
	intro := report.Intro{
		Cell: b.cell.ID() + ":" + place.Name, Tree: base.Tree.Name, Version: base.Tree.Version, Toolchain: base.Toolchain.Name,
		Mem: place.MemText, ASLR: place.ASLR, Kernel: b.product.Linux,
	}
	spec.Loads, spec.Finds = b.given.Loads, b.given.Finds
	for _, s := range b.given.Steps {
		intro.Steps = append(intro.Steps, "sh "+s.File)
	}
	for _, m := range b.cell.Modules {
		given := uml.Module{Name: m.Name, Path: b.product.Modules[m.Path].Path, Params: m.Params}
		spec.Modules = append(spec.Modules, given)
		intro.Insmod = append(intro.Insmod, given.Insmod())
	}
	return spec, intro
}

// noBinary says that a cell has nothing to boot, and why: its build failed, or is
// not the one that was asked for. log is where the build's output lies.
func noBinary(cell string, o outcome.Outcome, log string) error {
	lines := []string{cell + ": " + o.String() + ": " + cmp.Or(o.Detail, o.Evidence)}
	if o.Frame != nil {
		lines = append([]string{cell + ": " + o.String() + ":"}, o.Frame...)
	}
	if log != "" {
		lines = append(lines, doc.LogHead+" "+log)
	}
	for i := range lines {
		lines[i] = doc.Clean(lines[i])
	}
	return ended(result.ExitDiffers, "%s", strings.Join(lines, "\n"))
}

// planCell plans the one cell that name means: "static-kernel@module", or with
// a placement "static-kernel@module:high". given says that a placement was named,
// there or by flags.
func (l *Lab) planCell(name string, o MatrixOptions) (p *plan.Plan, given bool, err error) {
	id, placement, has := strings.Cut(name, ":")
	flags := len(o.Select.Placements)+len(o.Select.Mem) > 0
	switch {
	case has && flags:
		return nil, false, usage.Errorf("%s names a placement, and so does a flag: give one of them", name)
	case len(o.Select.Placements)+len(o.Select.Mem) > 1:
		return nil, false, usage.Errorf("one cell has one placement: give one name with -placement=, or one size with -mem=")
	case has:
		o.Select.Placements = []string{placement}
	}
	o.Select.Cells = []string{id}
	if p, err = l.plan(o); err != nil {
		return nil, false, err
	}
	if p.Scenario.BuildOnly() {
		return nil, false, usage.Errorf("scenario %s is about a build (make %s), of which there is nothing to boot: matrix -scenario=%[1]s "+
			"shows the step, the tool, its message and place, and the file with all of make's output", p.Scenario.Name, p.Scenario.Goal)
	}
	if n := len(p.Cells); n != 1 {
		return nil, false, usage.Errorf("%q names %d cells, and one is wanted: %s", id, n, strings.Join(p.CellIDs(), ", "))
	}
	return p, has || flags, nil
}

// built is a cell with its binaries.
type built struct {
	cell     scenario.Cell
	baseline *kbuild.Baseline
	product  *kbuild.Product
	given    steps.Given // for its steps
}

// buildCell makes the binaries of a planned cell, or finds them in the store.
// The error is an *EndError where the source, not the machine, is why there
// are none.
func (l *Lab) buildCell(ctx context.Context, p *plan.Plan) (*built, error) {
	if err := l.sandboxed(ctx); err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, l.sources)
	if err != nil {
		return nil, err
	}
	q, bl, _, err := p.Build(ctx, l.builder, t, tc)
	if group := q.Groups()[len(q.Groups())-1]; err == nil && group.Settings != nil {
		bl, _, err = l.builder.Baseline(ctx, group.Base(bl.Base))
	}
	var broken *kmake.BuildError
	var dropped *kbuild.ConfigError
	switch {
	case errors.As(err, &dropped):
		return nil, noBinary(p.Cells[0].ID(), outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: dropped.Error()}, "")
	case errors.As(err, &broken):
		return nil, noBinary(p.Cells[0].ID(), broken.Outcome(), broken.Log)
	case err != nil:
		return nil, err
	}
	return l.fork(ctx, q, bl, p.Flags.Fresh)
}

// fork makes the binaries of a planned cell of a baseline. The errors are those
// of buildCell.
func (l *Lab) fork(ctx context.Context, p *plan.Plan, bl *kbuild.Baseline, fresh bool) (*built, error) {
	b := &built{cell: p.Cells[0], baseline: bl}
	var err error
	if b.product, _, err = l.builder.Fork(ctx, bl, kbuild.Request{Cell: b.cell}, fresh); err != nil {
		return nil, err
	}
	if o := b.product.Outcome; o != nil {
		return nil, noBinary(b.cell.ID(), *o, b.product.Log)
	}
	programs, _, err := l.builder.Programs(ctx, bl.Base, b.cell)
	b.given = steps.Of(b.cell, b.product, programs)
	return b, err
}
