package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/plan"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/usage"
)

// NoBinaryError says that a cell has nothing to boot, and why: its build
// failed, or is not the one that was asked for.
type NoBinaryError struct {
	Cell    string
	Outcome outcome.Outcome
	Log     string // path of the build's output
}

func (e *NoBinaryError) Error() string {
	s := fmt.Sprintf("%s: %s: %s", e.Cell, e.Outcome, e.Outcome.Evidence)
	if e.Log != "" {
		s += " (all of make's output: " + e.Log + ")"
	}
	return s
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
}

// buildCell makes the binaries of a planned cell, or finds them in the store.
// The error is a *NoBinaryError where the source, not the machine, is why there
// are none.
func (l *Lab) buildCell(ctx context.Context, p *plan.Plan) (*built, error) {
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, l.sources)
	if err != nil {
		return nil, err
	}
	q, bl, _, err := p.Build(ctx, l.builder, t, tc)
	var broken *kbuild.BuildError
	var dropped *kbuild.ConfigError
	switch {
	case errors.As(err, &dropped):
		return nil, &NoBinaryError{Cell: p.Cells[0].ID(), Outcome: outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: dropped.Error()}}
	case errors.As(err, &broken):
		return nil, &NoBinaryError{p.Cells[0].ID(), outcome.Outcome{Kind: outcome.BuildFailed, Evidence: broken.First}, broken.Log}
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
		return nil, &NoBinaryError{b.cell.ID(), *o, b.product.Log}
	}
	return b, nil
}
