package fleet_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"umlab/harness/fleet"
)

// BenchmarkTask is what the queue adds to a task: it is asked, taken, run in no time, answered, and told to who asked, one after the
// other.
func BenchmarkTask(b *testing.B) {
	q := queue(b)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	w := worker(q, "w1", echo)
	w.Worker.Slots = 1
	go func() { ended <- w.Loop(ctx) }()
	answered := make(chan struct{})
	b.ResetTimer()
	for one := range tasks(b.N) {
		p := &fleet.Planner{
			Queue: q, Tasks: slices.Values([]fleet.Task{one}),
			Got: func(fleet.Answer) error { go func() { answered <- struct{}{} }(); return nil },
		}
		if err := p.Run(ctx); err != nil {
			b.Fatal(err)
		}
		<-answered
	}
	b.StopTimer()
	cancel()
	<-ended
}

// BenchmarkTasks is the same of many tasks that are asked at once, for each of them, by 4 workers.
func BenchmarkTasks(b *testing.B) {
	q := queue(b)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	const workers = 4
	for i := range workers {
		w := worker(q, string(rune('a'+i)), echo)
		w.Worker.Slots = 1
		go func() { ended <- w.Loop(ctx) }()
	}
	b.ResetTimer()
	if _, err := plan(ctx, q, tasks(b.N), nil); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	cancel()
	for range workers {
		<-ended
	}
}

// BenchmarkCached is how long 10,000 tasks take that are answered, each with a result of 20 kB, and what of them the planner keeps.
func BenchmarkCached(b *testing.B) {
	const n = 10_000
	q := queue(b)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	w := worker(q, "w1", func(_ context.Context, t fleet.Task, _ func(string)) (fleet.Answer, error) {
		return fleet.Answer{Verdict: "v", Body: random(t.Body)}, nil
	})
	w.Worker.Slots = 8
	go func() { ended <- w.Loop(ctx) }()
	run := func() (peak uint64) {
		got := 0
		p := &fleet.Planner{Queue: q, Tasks: tasks(n), Got: func(fleet.Answer) error {
			if got++; got%1000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
			return nil
		}}
		if err := p.Run(ctx); err != nil {
			b.Fatal(err)
		}
		return peak
	}
	run()
	cancel()
	<-ended
	ctx = context.Background()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	for b.Loop() {
		peak = max(peak, run())
	}
	b.ReportMetric(float64(peak-min(peak, before.HeapAlloc))/(1<<20), "MiB-more-at-peak")
}

// random is 20 kB of which half can be packed away.
func random(seed []byte) []byte {
	r := rand.New(rand.NewPCG(uint64(len(seed)), 15))
	text := make([]byte, 10<<10)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	return append(text, bytes.Repeat([]byte("x"), 10<<10)...)
}
