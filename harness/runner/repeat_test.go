package runner

import (
	"errors"
	"sync"
	"testing"

	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// How many runs there are follows from what they show, where a confidence is wanted; each has an index of its own.
func TestRepeat(t *testing.T) {
	for name, tt := range map[string]struct {
		place scenario.Placement
		loads func(n int) bool
		want  int
	}{
		"as often as it says": {scenario.Placement{Repeat: 3}, func(int) bool { return true }, 3},
		"all alike":           {scenario.Placement{Repeat: 1, Confidence: 95}, func(int) bool { return true }, 16},
		"every second":        {scenario.Placement{Repeat: 1, Confidence: 95}, func(n int) bool { return n%2 == 0 }, 96},
		"surer":               {scenario.Placement{Repeat: 1, Confidence: 99}, func(n int) bool { return n%2 == 0 }, 161},
	} {
		t.Run(name, func(t *testing.T) {
			s := &session{task: progress.Discard{}.Start("", progress.Boots, 0)}
			var out result.Placement
			var mu sync.Mutex
			asked := map[int]bool{}
			err := s.repeat(tt.place, &out, func(n int) error {
				mu.Lock()
				defer mu.Unlock()
				if asked[n] {
					t.Errorf("run %d is made twice", n)
				}
				asked[n] = true
				o := outcome.Outcome{Kind: outcome.Oops}
				if tt.loads(n) {
					o.Kind = outcome.Loaded
				}
				out.Runs[n].Modules = []result.Module{{Name: "a", Outcome: o}}
				return nil
			})
			if err != nil || len(out.Runs) != tt.want || len(asked) != tt.want {
				t.Errorf("%d runs, %v", len(out.Runs), err)
			}
		})
	}
	s := &session{task: progress.Discard{}.Start("", progress.Boots, 0)}
	fault := errors.New("no space left on device")
	var out result.Placement
	if err := s.repeat(scenario.Placement{Repeat: 1, Confidence: 95}, &out, func(int) error { return fault }); !errors.Is(err, fault) || len(out.Runs) != 1 {
		t.Errorf("%v, %d runs", err, len(out.Runs))
	}
}
