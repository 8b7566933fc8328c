package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
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

// ExitStatus is that of a cell that is not as hoped for; the machine did its part.
func (e *NoBinaryError) ExitStatus() int { return ExitDiffers }

// planCell plans the one cell that name means: "static-kernel@module", or with
// a placement "static-kernel@module:high". given says that a placement was named,
// there or by flags.
func (l *Lab) planCell(name string, o MatrixOptions) (j *job, given bool, err error) {
	id, placement, has := strings.Cut(name, ":")
	flags := len(o.Select.Placements)+len(o.Select.Mem) > 0
	switch {
	case has && flags:
		return nil, false, usagef("%s names a placement, and so does a flag: give one of them", name)
	case len(o.Select.Placements)+len(o.Select.Mem) > 1:
		return nil, false, usagef("one cell has one placement: give one name with -placement=, or one size with -mem=")
	case has:
		o.Select.Placements = []string{placement}
	}
	o.Select.Cells = []string{id}
	if j, err = l.plan(o); err != nil {
		return nil, false, err
	}
	if n := len(j.plan.Cells); n != 1 {
		return nil, false, usagef("%q names %d cells, and one is wanted: %s", id, n, strings.Join(ids(j.plan.Cells), ", "))
	}
	return j, has || flags, nil
}

func ids(cells []scenario.Cell) (out []string) {
	for _, c := range cells {
		out = append(out, c.ID())
	}
	return out
}

// built is a cell with its binaries.
type built struct {
	*job
	cell      scenario.Cell
	tree      *tree.Tree
	toolchain *toolchain.Toolchain
	baseline  *kbuild.Baseline
	product   *kbuild.Product
	cached    bool
}

// buildCell makes the binaries of a planned cell, or finds them in the store.
// The error is a *NoBinaryError where the source, not the machine, is why there
// are none.
func (l *Lab) buildCell(ctx context.Context, j *job) (*built, error) {
	b := &built{job: j, cell: j.plan.Cells[0]}
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	var err error
	if b.tree, b.toolchain, err = l.sources(ctx, j.Tree, j.Toolchain); err != nil {
		return nil, err
	}
	base := kbuild.Base{Tree: b.tree, Toolchain: b.toolchain, Compiler: j.compiler(l, b.tree), Options: j.options}
	b.baseline, _, err = l.baseline(ctx, j, base)
	b.cell = j.plan.Cells[0] // with what its modules are
	var broken *kbuild.BuildError
	var dropped *kbuild.ConfigError
	switch {
	case errors.As(err, &dropped):
		return nil, &NoBinaryError{Cell: b.cell.ID(), Outcome: outcome.Outcome{Kind: outcome.ConfigDropped, Evidence: dropped.Error()}}
	case errors.As(err, &broken):
		return nil, &NoBinaryError{b.cell.ID(), outcome.Outcome{Kind: outcome.BuildFailed, Evidence: broken.First}, broken.Log}
	case err != nil:
		return nil, err
	}
	if b.product, b.cached, err = l.builder.Fork(ctx, b.baseline, kbuild.Request{Cell: b.cell}, j.Fresh); err != nil {
		return nil, err
	}
	if o := b.product.Outcome; o != nil {
		return nil, &NoBinaryError{b.cell.ID(), *o, b.product.Log}
	}
	return b, nil
}
