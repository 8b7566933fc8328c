package harness

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/fleet"
	"umlab/harness/fleet/jetstream"
	"umlab/harness/plan"
)

// What a worker says of the kernel of a cell, for a bisection, is what this machine would.
func TestJoinFacts(t *testing.T) {
	l := realLab(t)
	p, err := l.plan(plan.Flags{Select: atLow("debian-6.12", "trixie").Select})
	if err != nil {
		t.Fatal(err)
	}
	tr, tc, err := p.Fetch(t.Context(), l.sources)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.runOn(t.Context(), p, tr, tc)
	if err != nil {
		t.Fatal(err)
	}
	want, err := l.facts(t.Context(), r, r.Cells[0].ID, "one")
	if err != nil {
		t.Fatal(err)
	}
	l.options.Join, l.options.Engine = Local, &Engine{Queue: func(ctx context.Context, at QueueAt) (fleet.Queue, error) {
		return jetstream.Open(ctx, jetstream.Options{Where: at.Address, Store: at.Store, Say: at.Note})
	}}
	workers, done, err := l.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for range 2 { // the second time it is answered at once
		got, err := workers.one(t.Context(), l.sources, p, true, false)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := l.facts(t.Context(), got, r.Cells[0].ID, "one")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, facts); d != "" {
			t.Errorf("this machine and a worker (-here +worker):\n%s", d)
		}
	}
	if got, err := workers.one(t.Context(), l.sources, p, false, false); err != nil || got.told != nil {
		t.Errorf("%v, facts that nobody asked for: %v", err, got.told)
	}
}
