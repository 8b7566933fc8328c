package fleet_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"umlab/harness/fleet"
	"umlab/harness/fleet/jetstream"
	"umlab/harness/store"
)

// queue is one in this process, with a store of its own.
func queue(t testing.TB) fleet.Queue {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	q, err := jetstream.Open(t.Context(), jetstream.Options{Where: jetstream.Local, Store: st, Say: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func tasks(n int) iter.Seq[fleet.Task] {
	return func(yield func(fleet.Task) bool) {
		for i := range n {
			sum := sha256.Sum256(fmt.Append(nil, i))
			t := fleet.Task{
				Key: hex.EncodeToString(sum[:]), Name: fmt.Sprintf("cell %d", i), Capability: "any", Version: "umlab 1",
				Baseline: fmt.Sprint(i % 3), Body: fmt.Append(nil, i),
			}
			if !yield(t) {
				return
			}
		}
	}
}

// said keeps what a user is told.
type said struct {
	sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.Lock()
	defer s.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) has(part string) bool {
	s.Lock()
	defer s.Unlock()
	return slices.ContainsFunc(s.lines, func(l string) bool { return strings.Contains(l, part) })
}

// until waits for what has to come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 600 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s: not within 30 s", what)
}

// work runs a worker until the test ends, or stop is called.
func work(t *testing.T, w *fleet.Work) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Loop(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker %s: %v", w.Worker.ID, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// worker is one that can do everything.
func worker(q fleet.Queue, id string, run func(ctx context.Context, t fleet.Task, now func(string)) (fleet.Answer, error)) *fleet.Work {
	return &fleet.Work{
		Queue: q, Run: run,
		Worker: fleet.Worker{ID: id, Version: "umlab 1", Capabilities: []string{"any"}, Slots: 2},
	}
}

// echo answers with the task's body.
func echo(_ context.Context, t fleet.Task, _ func(string)) (fleet.Answer, error) {
	return fleet.Answer{Verdict: "v", Body: t.Body}, nil
}

// plan has tasks done and returns what was answered, by key.
func plan(ctx context.Context, q fleet.Queue, list iter.Seq[fleet.Task], say func(string)) (map[string]fleet.Answer, error) {
	got := map[string]fleet.Answer{}
	p := &fleet.Planner{
		Queue: q, Tasks: list, Say: say, Seen: func([]fleet.Worker) {},
		Got: func(a fleet.Answer) error {
			if _, twice := got[a.Key]; twice {
				return fmt.Errorf("%s was told twice", a.Key)
			}
			got[a.Key] = a
			return nil
		},
	}
	return got, p.Run(ctx)
}

// complete checks that each task has its own answer, and that the queue is clean.
func complete(t *testing.T, q fleet.Queue, list iter.Seq[fleet.Task], got map[string]fleet.Answer) {
	t.Helper()
	n := 0
	for task := range list {
		n++
		if a := got[task.Key]; a.Infra != "" || string(a.Body) != string(task.Body) {
			t.Errorf("%s: %+v", task.Name, a)
		}
	}
	if len(got) != n {
		t.Errorf("%d answers of %d tasks", len(got), n)
	}
	clean(t, q)
}

// clean waits until the queue holds no task: each is answered just before it is taken out.
func clean(t *testing.T, q fleet.Queue) {
	t.Helper()
	until(t, "the queue is empty", func() bool { s, err := q.Status(t.Context()); return err == nil && s.Waiting+s.Running == 0 })
}

func TestPlanAndWork(t *testing.T) {
	t.Parallel()
	q := queue(t)
	work(t, worker(q, "w1", echo))
	work(t, worker(q, "w2", echo))
	got, err := plan(t.Context(), q, tasks(100), nil)
	if err != nil {
		t.Fatal(err)
	}
	complete(t, q, tasks(100), got)
	// Nobody runs them again.
	got, err = plan(t.Context(), q, tasks(100), nil)
	if err != nil {
		t.Fatal(err)
	}
	complete(t, q, tasks(100), got)
	workers, err := q.Workers(t.Context())
	if err != nil || len(workers) != 2 {
		t.Fatalf("workers %+v, %v", workers, err)
	}
}

// TestTwoPlanners: who asks for the same waits for the same answer, also when the one who asked first goes away.
func TestTwoPlanners(t *testing.T) {
	t.Parallel()
	q := queue(t)
	var runs atomic.Int32
	begin := make(chan struct{})
	first, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := plan(first, q, tasks(20), nil)
		ended <- err
	}()
	until(t, "20 tasks", func() bool { s, err := q.Status(t.Context()); return err == nil && s.Waiting == 20 })
	work(t, worker(q, "w1", func(ctx context.Context, task fleet.Task, now func(string)) (fleet.Answer, error) {
		<-begin
		runs.Add(1)
		return echo(ctx, task, now)
	}))
	until(t, "two are begun", func() bool {
		w, err := q.Workers(t.Context())
		return err == nil && len(w) == 1 && len(w[0].Doing) == 2
	})
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first ended with %v", err)
	}
	if s, err := q.Status(t.Context()); err != nil || s.Waiting != 0 || s.Running != 2 {
		t.Errorf("after the first left: %+v, %v", s, err)
	}
	got := make(chan map[string]fleet.Answer)
	for range 2 {
		go func() {
			a, err := plan(t.Context(), q, tasks(20), nil)
			if err != nil {
				t.Error(err)
			}
			got <- a
		}()
	}
	until(t, "20 tasks", func() bool { s, err := q.Status(t.Context()); return err == nil && s.Waiting+s.Running == 20 })
	close(begin)
	for range 2 {
		complete(t, q, tasks(20), <-got)
	}
	if runs.Load() != 20 {
		t.Errorf("20 tasks were run %d times", runs.Load())
	}
}

// TestLost: what another planner withdrew, or a server lost, is asked again.
func TestLost(t *testing.T) {
	if testing.Short() {
		t.Skip("30 s of waiting")
	}
	t.Parallel()
	q := queue(t)
	var said said
	got := make(chan map[string]fleet.Answer)
	go func() {
		a, err := plan(t.Context(), q, tasks(5), said.say)
		if err != nil {
			t.Error(err)
		}
		got <- a
	}()
	until(t, "5 tasks", func() bool { s, err := q.Status(t.Context()); return err == nil && s.Waiting == 5 })
	until(t, "nobody is there", func() bool { return said.has("tasks wait for a worker with any: none is there") })
	if n, err := q.Empty(t.Context()); err != nil || n != 5 {
		t.Fatal(n, err)
	}
	work(t, worker(q, "w1", echo))
	complete(t, q, tasks(5), <-got)
	if !said.has("5 tasks are not in the queue any more") {
		t.Errorf("said %q", said.lines)
	}
}

// TestFaultOfAWorker: it is tried elsewhere, and told as what it is when it never works.
func TestFaultOfAWorker(t *testing.T) {
	t.Parallel()
	q := queue(t)
	var tries [2]atomic.Int32
	var said said
	w := worker(q, "w1", func(ctx context.Context, task fleet.Task, now func(string)) (fleet.Answer, error) {
		switch task.Name {
		case "cell 0":
			if tries[0].Add(1) < 4 {
				return fleet.Answer{}, fleet.ErrNotNow
			}
		case "cell 1":
			return fleet.Answer{Infra: "no such tree"}, nil
		case "cell 2":
			return fleet.Answer{Body: make([]byte, 300<<20)}, nil // more than is ever packed
		}
		return echo(ctx, task, now)
	})
	w.Say = said.say
	w.Worker.Slots = 4
	work(t, w)
	got, err := plan(t.Context(), q, tasks(4), nil)
	if err != nil {
		t.Fatal(err)
	}
	for task := range tasks(4) {
		want := map[string]string{"cell 1": "no such tree", "cell 2": "the answer of cell 2"}[task.Name]
		if infra := got[task.Key].Infra; !strings.Contains(infra, want) || (infra == "") != (want == "") {
			t.Errorf("%s: %q, want %q", task.Name, infra, want)
		}
	}
	// Asked again, what was no result is tried again.
	w.Run = echo
	if got, err = plan(t.Context(), q, tasks(4), nil); err != nil {
		t.Fatal(err)
	}
	complete(t, q, tasks(4), got)
}

// poison is a job that was begun so often.
type poison struct {
	fleet.Job
	tries int
}

func (p poison) Tries() int { return p.tries }

// poisoned gives all tasks out as if they had been begun so often.
type poisoned struct {
	fleet.Queue
	tries int
}

func (p poisoned) Take(ctx context.Context, order func([]fleet.Lane) []fleet.Lane) (fleet.Job, error) {
	j, err := p.Queue.Take(ctx, order)
	if err != nil {
		return nil, err
	}
	return poison{j, p.tries}, nil
}

// TestPoison: a task that was begun too often is answered, and not run; at the last try a fault of the machine is the answer.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tries int
		runs  int32
		want  string
	}{
		{fleet.MostTry, 1, "disk full"},
		{fleet.MostTry + 1, 0, "was begun 5 times"},
	} {
		q := queue(t)
		var runs atomic.Int32
		work(t, worker(poisoned{q, c.tries}, "w1", func(context.Context, fleet.Task, func(string)) (fleet.Answer, error) {
			runs.Add(1)
			return fleet.Answer{}, errors.New("disk full")
		}))
		got, err := plan(t.Context(), q, tasks(1), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range got {
			if !strings.Contains(a.Infra, c.want) || runs.Load() != c.runs {
				t.Errorf("begun %d times: %q after %d runs", c.tries, a.Infra, runs.Load())
			}
		}
		clean(t, q)
	}
}

// TestVersion: an old worker does not run what a new planner asks; both are told.
func TestVersion(t *testing.T) {
	t.Parallel()
	q := queue(t)
	var planner, old said
	o := worker(q, "old", func(context.Context, fleet.Task, func(string)) (fleet.Answer, error) {
		t.Error("the old worker ran a task")
		return fleet.Answer{}, nil
	})
	o.Worker.Version, o.Say = "umlab 0", old.say
	work(t, o)
	until(t, "the old one", func() bool { w, err := q.Workers(t.Context()); return err == nil && len(w) == 1 })
	got := make(chan map[string]fleet.Answer)
	go func() {
		a, err := plan(t.Context(), q, tasks(5), planner.say)
		if err != nil {
			t.Error(err)
		}
		got <- a
	}()
	until(t, "the old worker refuses", func() bool { return old.has("tasks wait for umlab 1, and are refused: this worker is umlab 0") })
	until(t, "the planner is told", func() bool { return planner.has("those that are there are umlab 0, and refuse them") })
	work(t, worker(q, "new", echo))
	complete(t, q, tasks(5), <-got)
}

// TestStopped: a worker that is stopped gives back what it has, and leaves.
func TestStopped(t *testing.T) {
	t.Parallel()
	q := queue(t)
	begun := make(chan struct{})
	stop := work(t, worker(q, "w1", func(ctx context.Context, _ fleet.Task, now func(string)) (fleet.Answer, error) {
		now("booting")
		close(begun)
		<-ctx.Done()
		return fleet.Answer{}, ctx.Err()
	}))
	got := make(chan map[string]fleet.Answer)
	go func() {
		a, err := plan(t.Context(), q, tasks(1), nil)
		if err != nil {
			t.Error(err)
		}
		got <- a
	}()
	<-begun
	until(t, "it says what it does", func() bool {
		w, err := q.Workers(t.Context())
		return err == nil && len(w) == 1 && len(w[0].Doing) == 1 && w[0].Doing[0].Now == "booting"
	})
	stop()
	if w, err := q.Workers(t.Context()); err != nil || len(w) != 0 {
		t.Errorf("workers %+v, %v", w, err)
	}
	work(t, worker(q, "w2", echo))
	complete(t, q, tasks(1), <-got)
}
