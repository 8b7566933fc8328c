package explain

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// steps are those of a run: what each did, what was wanted and what was seen.
func (b Booted) steps(run result.Run, transcript []byte) (out []result.ExplainedStep) {
	for _, s := range run.Steps {
		x := result.ExplainedStep{Step: s, Excerpt: []result.ConsoleLine{}}
		if i := slices.IndexFunc(b.Cell.Steps, func(p scenario.Step) bool { return p.Name == s.Name }); i >= 0 && s.Test == "" {
			x.Did, x.Wanted = b.Cell.Steps[i].Shown, wanted(b.Cell.Steps[i])
			x.Command = b.Steps.Commands[i]
		}
		// Tests that passed are as many as lines of the log.
		if s.Outcome != nil && (s.Test == "" || s.Outcome.Kind != outcome.Passed) {
			x.Excerpt = excerpt(transcript, *s.Outcome, around)
		}
		out = append(out, x)
	}
	return out
}

// wanted is what a step was to show.
func wanted(s scenario.Step) (all []string) {
	switch s.Kind {
	case scenario.StepBoot:
		all = append(all, "the guest's prompt")
	case scenario.StepInsmod:
		all = append(all, "the module Live in /proc/modules, and what its init prints")
	case scenario.StepKUnit:
		all = append(all, "a result of each test that the suites planned, and none that failed")
	default:
		all = append(all, fmt.Sprintf("exit status %d", s.Status))
	}
	if s.Output != nil {
		all = append(all, "output "+strings.TrimPrefix(s.Output.String(), "(?m)"))
	}
	if s.Kernel != nil {
		all = append(all, "kernel line "+s.Kernel.String())
	}
	if s.Within > 0 {
		all = append(all, "within "+s.Within.String())
	}
	return all
}
