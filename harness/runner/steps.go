package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/steps"
	"umlab/harness/uml"
)

// taken are the steps of a cell, as its guest takes them.
type taken struct {
	steps.Given
	parts []string // what of them decides a result
}

// take is what the guest does for the steps of c.
func (s *session) take(ctx context.Context, c scenario.Cell, p *kbuild.Product) (t taken, err error) {
	if len(c.Steps) == 0 {
		return t, nil
	}
	text, err := json.Marshal([]any{c.Steps, c.Guest}) // sources, texts and expressions included
	if err != nil {
		return t, err
	}
	t.parts = []string{"steps", string(text)}
	programs, sums, err := s.Builder.Programs(ctx, s.job.Baseline.Base, c)
	if err != nil {
		return t, err
	}
	t.parts = append(t.parts, sums...)
	t.Given = steps.Of(c, p, programs)
	return t, nil
}

// took adds to run what classified shows of the steps of c, whose transcript begins at offset. done is false where
// they are to be taken in another boot; alone says that nothing stood before them in this one.
func (t *taken) took(run *result.Run, c scenario.Cell, in outcome.Input, classified outcome.Result, offset int64, alone bool) (done bool) {
	begun, talks := alone || len(t.Steps) == 0 || !classified.Boot.Ready, false
	for i, o := range classified.Steps {
		begun = begun || o.Reached && !t.Wanted[i].Boot
		unreached := !o.Reached && o.NotRun == "" && o.Outcome.Kind == outcome.Unproved
		if unreached && talks { // the guest was halted for a line that was none of its kernel's
			return false
		}
		if at := slices.IndexFunc(t.Steps, func(s uml.Step) bool { return s.Name == o.Name }); at >= 0 && o.Talks && !t.Steps[at].Talks {
			t.Steps[at].Talks, talks = true, true
		}
	}
	if !begun {
		return false
	}
	for i, o := range classified.Steps {
		step := result.Step{Name: o.Name, Kind: string(c.Steps[i].Kind), NotRun: o.NotRun}
		if o.NotRun == "" {
			if o.Outcome.Kind == outcome.Unproved {
				o.Outcome.Kind = outcome.Infra
				why := fmt.Sprintf("The boot was cut short (%s %s) and no line says why. ", in.End.Kind, in.End.Status)
				o.Outcome.Detail = strings.TrimSpace(why + o.Outcome.Detail)
			}
			step.Outcome = placed(o.Outcome, offset)
		}
		run.Steps = append(run.Steps, step)
		for _, test := range o.Tests {
			one := result.Step{Name: o.Name, Kind: step.Kind, Test: test.Name, Skipped: test.Skipped}
			if test.Skipped == "" {
				one.Outcome = placed(test.Outcome, offset)
			}
			run.Steps = append(run.Steps, one)
		}
	}
	return true
}

// placed is o in a transcript that stands behind offset bytes of others.
func placed(o outcome.Outcome, offset int64) *outcome.Outcome {
	o.Offset += offset
	return &o
}
