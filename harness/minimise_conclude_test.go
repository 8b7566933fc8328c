package harness

import (
	"context"
	"errors"
	"testing"

	"umlab/harness/result"
)

// What a minimisation comes to, by what its parts are and by what ended it.
func TestMinimiseConclusion(t *testing.T) {
	left, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithCancelCause(t.Context())
	stop(errWithin)
	fault := errors.New("no space left on device")
	minimal := []result.MinimisedPart{{Name: "modules", Was: 2, Left: 1, Minimal: true}}
	unknown := []result.MinimisedPart{{Name: "modules", Was: 2, Left: 1, Minimal: true}, {Name: "kconfig", Was: 3, Left: 3, Unknown: 2}}
	for name, tt := range map[string]struct {
		ctx   context.Context
		parts []result.MinimisedPart
		was   result.MinimiseConclusion
		end   error
		want  result.MinimiseConclusion
		exit  int
	}{
		"minimal":         {t.Context(), minimal, "", nil, result.Minimised, result.ExitExpected},
		"nothing":         {t.Context(), nil, "", nil, result.NothingToShrink, result.ExitExpected},
		"not judged":      {t.Context(), unknown, "", nil, result.Smaller, result.ExitDiffers},
		"not again":       {t.Context(), minimal, result.NotAgain, nil, result.NotAgain, result.ExitDiffers},
		"no more time":    {late, minimal, "", errWithin, result.Smaller, result.ExitDiffers},
		"the user left":   {left, minimal, "", context.Canceled, result.Smaller, result.ExitDiffers},
		"fault":           {t.Context(), minimal, "", fault, result.Smaller, result.ExitInfra},
		"fault, then end": {late, unknown, "", fault, result.Smaller, result.ExitDiffers},
	} {
		t.Run(name, func(t *testing.T) {
			m := &minimising{result: &result.Minimisation{Parts: tt.parts, Conclusion: tt.was, Reason: string(tt.was)}}
			m.conclude(tt.ctx, tt.end)
			if r := m.result; r.Conclusion != tt.want || r.Exit != tt.exit || r.Reason == "" {
				t.Errorf("%s, exit %d: %s", r.Conclusion, r.Exit, r.Reason)
			}
		})
	}
}
