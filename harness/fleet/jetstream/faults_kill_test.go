package jetstream

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umlab/harness/store"
)

// TestWorkersKilled ends workers with SIGKILL, at any moment; others take their place.
func TestWorkersKilled(t *testing.T) {
	f := newFleet(t, 1)
	kills := rounds(100)
	n := 100 + 20*kills
	for range 3 {
		f.work(nil)
	}
	p := f.plan(n)
	rnd := rand.New(rand.NewPCG(15, 1))
	for range kills {
		time.Sleep(time.Duration(rnd.Int64N(int64(400 * time.Millisecond))))
		if p.ended() {
			t.Error("there was nothing left to be killed at")
			break
		}
		f.killWorker(rnd)
		f.work(nil)
	}
	f.check(n, p)
	f.noNews()
}

// TestServerKilled ends the server with SIGKILL, and starts it again.
func TestServerKilled(t *testing.T) {
	f := newFleet(t, 1)
	kills := rounds(20)
	n := 40 * kills
	for range 3 {
		f.work(nil)
	}
	p := f.plan(n)
	rnd := rand.New(rand.NewPCG(15, 2))
	for range kills {
		time.Sleep(time.Duration(rnd.Int64N(int64(2 * time.Second))))
		f.restart(0, rnd, false)
		f.deaths++ // it may give a task out again that it had just been told of
	}
	f.check(n, p)
	f.noNews()
}

// TestServerLost takes everything that the server had: the planner asks again what it has no answer of.
func TestServerLost(t *testing.T) {
	onlyLong(t)
	f := newFleet(t, 1)
	const n = 60
	for range 2 {
		f.work(nil)
	}
	p := f.plan(n)
	until(t, "some answers", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.got) > 10 })
	f.restart(0, rand.New(rand.NewPCG(15, 3)), true)
	select {
	case <-p.done:
	case <-time.After(3 * time.Minute):
		t.Fatal("the planner still waits")
	}
	if p.err != nil || len(p.got) != n {
		t.Fatalf("%d answers of %d, %v", len(p.got), n, p.err)
	}
	if _, tasks := f.noted("runs", 2); len(tasks) != n {
		t.Errorf("%d tasks were run", len(tasks))
	}
	f.noNews()
}

// TestClusterKilled ends one server of three after the other, and also workers.
func TestClusterKilled(t *testing.T) {
	onlyLong(t)
	f := newFleet(t, 3)
	kills := rounds(20)
	n := 40 * kills
	for range 3 {
		f.work(nil)
	}
	p := f.plan(n)
	rnd := rand.New(rand.NewPCG(15, 4))
	for round := range kills {
		time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Second))))
		f.restart(rnd.IntN(3), rnd, round%5 == 4) // now and then with a new disk
		f.deaths++
		if round%2 == 0 {
			f.killWorker(rnd)
			f.work(nil)
		}
	}
	f.check(n, p)
	f.noNews()
}

// TestTwoPlanners asks for the same by two at once, of which one is killed, and asks once more.
func TestTwoPlanners(t *testing.T) {
	f := newFleet(t, 1)
	const n = 150
	planner := f.part
	planner.Tasks = n
	for _, id := range []string{"p0", "p1"} {
		planner.ID = id
		c := start(t, "planner", planner)
		if id == "p0" {
			until(t, "some tasks are asked", func() bool { s, err := f.q.Status(t.Context()); return err == nil && s.Waiting > 20 })
			time.AfterFunc(time.Second, c.kill)
			continue
		}
		defer func() {
			if err := <-c.ended; err != nil {
				t.Errorf("the second planner: %v", err)
			}
			c.ended <- nil
			text, err := os.ReadFile(filepath.Join(f.part.Dir, "answers-p1"))
			if got := strings.Count(string(text), "\n"); err != nil || got != n {
				t.Errorf("the second planner was told %d answers, %v", got, err)
			}
		}()
	}
	for range 2 {
		f.work(nil)
	}
	f.check(n, f.plan(n))
	f.noNews()
}

// TestClocks has workers and a planner whose clocks are wrong by an hour.
func TestClocks(t *testing.T) {
	onlyLong(t)
	f := newFleet(t, 1)
	const n = 100
	for _, wrong := range []time.Duration{-time.Hour, 0, time.Hour} {
		f.work(func(p *part) { p.Clock = wrong })
	}
	planner := f.part
	planner.ID, planner.Tasks, planner.Clock = "p0", n, time.Hour
	c := start(t, "planner", planner)
	rnd := rand.New(rand.NewPCG(15, 5))
	until(t, "all work", func() bool { w, err := f.q.Workers(t.Context()); return err == nil && len(w) == 3 })
	f.killWorker(rnd)
	f.check(n, f.plan(n))
	if err := <-c.ended; err != nil {
		t.Errorf("the planner whose clock is wrong: %v", err)
	}
	c.ended <- nil
	f.noNews()
}

// TestAloneKilled ends the process that is server, worker and planner with SIGKILL, at any moment; the next one goes on at once.
func TestAloneKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("processes")
	}
	t.Parallel()
	kills := rounds(50)
	p := part{Dir: t.TempDir(), Takes: 100 * time.Millisecond, Tasks: 30 * kills}
	rnd := rand.New(rand.NewPCG(15, 6))
	for round := range kills {
		p.ID = fmt.Sprint(round)
		c := start(t, "alone", p)
		time.Sleep(time.Duration(rnd.Int64N(int64(time.Second))))
		c.kill()
	}
	p.ID = "last"
	began := time.Now()
	c := start(t, "alone", p)
	if err := <-c.ended; err != nil {
		t.Errorf("the last one: %v\n%s", err, c.out)
	}
	c.ended <- nil
	f := &fleetOf{t: t, part: p}
	answers, answered := f.noted("answers-last", 1)
	runs, tasks := f.noted("runs", 2)
	took := time.Since(began).Round(time.Second)
	t.Logf("%d tasks, %d answers, %d runs, %d kills; the last one took %s", p.Tasks, answers, runs, kills, took)
	if answers != p.Tasks || len(answered) != p.Tasks || len(tasks) != p.Tasks || runs > p.Tasks+2*kills {
		t.Errorf("%d tasks were run %d times, %d were answered", len(tasks), runs, len(answered))
	}
	st, err := store.Open(filepath.Join(p.Dir, "home"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	q := reopen(t, Options{Where: Local, Store: st})
	holds(t, q, 0, 0, p.Tasks)
	if news, err := q.News(t.Context()); err != nil || len(news) > 0 {
		t.Errorf("news %+v, %v", news, err)
	}
}
