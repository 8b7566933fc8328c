package jetstream

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"umlab/harness/fleet"
	"umlab/harness/store"
)

// local is a queue in this process, with a store of its own.
func local(t testing.TB) (*Queue, *store.Store) {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return reopen(t, Options{Where: Local, Store: st}), st
}

func reopen(t testing.TB, o Options) *Queue {
	t.Helper()
	o.Say = func(s string) { t.Log(s) }
	q, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// task is the n-th of a test.
func task(n int) fleet.Task {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return fleet.Task{
		Key: hex.EncodeToString(sum[:]), Kind: "cell", Name: fmt.Sprintf("cell %d", n), Capability: "any",
		Baseline: "b", Version: "umlab 1", Body: fmt.Append(nil, "body ", n),
	}
}

// anything takes whatever is there.
func anything(lanes []fleet.Lane) []fleet.Lane { return lanes }

func ask(t *testing.T, q fleet.Queue, task fleet.Task, want bool) {
	t.Helper()
	queued, err := q.Ask(t.Context(), task)
	if err != nil || queued != want {
		t.Fatalf("Ask(%s): queued %v, %v; want %v", task.Name, queued, err, want)
	}
}

func take(t *testing.T, q fleet.Queue) fleet.Job {
	t.Helper()
	j := maybe(t, q, 10*time.Second)
	if j == nil {
		t.Fatal("no task")
	}
	return j
}

// maybe is a task, nil if there is none for so long.
func maybe(t *testing.T, q fleet.Queue, d time.Duration) fleet.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	j, err := q.Take(ctx, anything)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return j
}

func done(t *testing.T, j fleet.Job, worker, verdict string) fleet.Answer {
	t.Helper()
	a, err := j.Done(t.Context(), fleet.Answer{Worker: worker, Verdict: verdict, Body: []byte("by " + worker)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// holds checks how many tasks and answers there are.
func holds(t *testing.T, q fleet.Queue, waiting, running, answers int) {
	t.Helper()
	s, err := q.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Waiting != waiting || s.Running != running || s.Answers != answers {
		t.Errorf("%d tasks wait, %d are run, %d answers; want %d, %d, %d", s.Waiting, s.Running, s.Answers, waiting, running, answers)
	}
}

func TestOneTaskAKey(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ask(t, q, task(1), true)
	ask(t, q, task(1), false)
	j := take(t, q)
	if got := j.Task(); got.Name != "cell 1" || string(got.Body) != "body 1" || j.Tries() != 1 {
		t.Errorf("took %+v, try %d", got, j.Tries())
	}
	ask(t, q, task(1), false) // it is in somebody's hands
	holds(t, q, 1, 0, 0)
	if err := q.Announce(t.Context(), fleet.Worker{ID: "w1", Doing: []fleet.Doing{{Key: task(1).Key, Lane: task(1).Lane()}}}); err != nil {
		t.Fatal(err)
	}
	holds(t, q, 0, 1, 0)
	done(t, j, "w1", "v")
	holds(t, q, 0, 0, 1)
	a, err := q.Answer(t.Context(), task(1).Key)
	if err != nil || a == nil || a.Worker != "w1" || string(a.Body) != "by w1" || a.Key != task(1).Key {
		t.Errorf("answer %+v, %v", a, err)
	}
	// A planner that did not see the answer in time asks once more: nobody runs it again.
	ask(t, q, task(1), true)
	if j := maybe(t, q, time.Second); j != nil {
		t.Errorf("a task that is answered was given out: %+v", j.Task())
	}
	holds(t, q, 0, 0, 1)
}

// A zombie is a worker whose task went to another, and who answers nevertheless.
func TestZombie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		first, late fleet.Answer
		news        int
	}{
		{"same", fleet.Answer{Worker: "w1", Verdict: "v"}, fleet.Answer{Worker: "w2", Verdict: "v"}, 0},
		{"differs", fleet.Answer{Worker: "w1", Verdict: "v"}, fleet.Answer{Worker: "w2", Verdict: "other"}, 1},
		{"late has no result", fleet.Answer{Worker: "w1", Verdict: "v"}, fleet.Answer{Worker: "w2", Infra: "disk full"}, 0},
		{"first has no result", fleet.Answer{Worker: "w1", Infra: "disk full"}, fleet.Answer{Worker: "w2", Verdict: "v"}, 0},
		{"the same worker, twice", fleet.Answer{Worker: "w1", Verdict: "v"}, fleet.Answer{Worker: "w1", Verdict: "v"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := local(t)
			ask(t, q, task(1), true)
			zombie := take(t, q)
			if err := zombie.Back(t.Context(), 0, true); err != nil {
				t.Fatal(err)
			}
			second := take(t, q)
			if second.Tries() != 2 {
				t.Errorf("it was begun %d times, not twice", second.Tries())
			}
			for i, j := range []fleet.Job{second, zombie} {
				standing, err := j.Done(t.Context(), []fleet.Answer{c.first, c.late}[i])
				if err != nil || standing.Worker != c.first.Worker || standing.Verdict != c.first.Verdict || standing.Infra != c.first.Infra {
					t.Errorf("answer %d: %+v stands, %v", i, standing, err)
				}
			}
			news, err := q.News(t.Context())
			if err != nil || len(news) != c.news {
				t.Fatalf("news %+v, %v", news, err)
			}
			if c.news > 0 && (news[0].First.Worker != "w1" || news[0].Late.Verdict != "other" || news[0].Name != "cell 1") {
				t.Errorf("news %+v", news)
			}
			holds(t, q, 0, 0, 1)
		})
	}
}

// TestGivenBack: what was not tried does not count.
func TestGivenBack(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ask(t, q, task(1), true)
	want := 1
	for i, tried := range []bool{false, true, false, false, true} {
		j := take(t, q)
		if j.Tries() != want {
			t.Errorf("round %d: begun %d times, want %d", i, j.Tries(), want)
		}
		if err := j.Back(t.Context(), 0, tried); err != nil {
			t.Fatal(err)
		}
		if tried {
			want++
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	for i, infra := range []string{"", "no space"} {
		ask(t, q, task(i), true)
		if _, err := take(t, q).Done(t.Context(), fleet.Answer{Infra: infra, Verdict: "v"}); err != nil {
			t.Fatal(err)
		}
		if err := q.Forget(t.Context(), task(i).Key); err != nil {
			t.Fatal(err)
		}
		if a, err := q.Answer(t.Context(), task(i).Key); err != nil || (a == nil) != (infra != "") {
			t.Errorf("after %q: %+v, %v", infra, a, err)
		}
	}
	ask(t, q, task(1), true)
	done(t, take(t, q), "w", "v")
	if a, err := q.Answer(t.Context(), task(1).Key); err != nil || a == nil || a.Infra != "" {
		t.Errorf("asked again: %+v, %v", a, err)
	}
}

// TestLanes: a worker takes from the lanes that it chooses, in its order; tasks of another version are not its.
func TestLanes(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	for i, l := range []fleet.Lane{
		{Capability: "any", Version: "umlab 1", Baseline: "far"}, {Capability: "any", Version: "umlab 1", Baseline: "near"},
		{Capability: "any", Version: "umlab 2", Baseline: "near"}, {Capability: "rustup", Version: "umlab 1", Baseline: "near"},
	} {
		tk := task(i)
		tk.Capability, tk.Version, tk.Baseline = l.Capability, l.Version, l.Baseline
		ask(t, q, tk, true)
	}
	order := func(lanes []fleet.Lane) []fleet.Lane {
		lanes = slices.DeleteFunc(lanes, func(l fleet.Lane) bool { return l.Capability != "any" || l.Version != "umlab 1" })
		slices.SortFunc(lanes, func(a, b fleet.Lane) int { return strings.Compare(b.Baseline, a.Baseline) })
		return lanes
	}
	var got []string
	for range 2 {
		j, err := q.Take(t.Context(), order)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, j.Task().Baseline)
		done(t, j, "w", "v")
	}
	if strings.Join(got, " ") != "near far" {
		t.Errorf("took %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if j, err := q.Take(ctx, order); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("took %v, %v, which is another's", j, err)
	}
	s, err := q.Status(t.Context())
	if err != nil || len(s.Lanes) != 2 || s.Waiting != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
	if n, err := q.Empty(t.Context()); n != 2 || err != nil {
		t.Errorf("emptied of %d, %v", n, err)
	}
	holds(t, q, 0, 0, 2)
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ask(t, q, task(1), true)
	ask(t, q, task(2), true)
	for range 2 { // a second time it is not there
		if err := q.Withdraw(t.Context(), []fleet.Task{task(1)}); err != nil {
			t.Fatal(err)
		}
	}
	other := task(3)
	other.Baseline = "another" // a lane of its own
	ask(t, q, other, true)
	if err := q.Withdraw(t.Context(), []fleet.Task{task(1), other}); err != nil {
		t.Fatal(err)
	}
	if got := take(t, q).Task().Name; got != "cell 2" {
		t.Errorf("took %s", got)
	}
	ask(t, q, task(1), true)
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	big := task(1)
	big.Body = make([]byte, localPayload+1)
	_, _ = rand.Read(big.Body)
	var large *fleet.TooLarge
	if _, err := q.Ask(t.Context(), big); !errors.As(err, &large) || large.Most >= localPayload || large.Size < localPayload {
		t.Errorf("asked: %v", err)
	}
	ask(t, q, task(1), true)
	j := take(t, q)
	if _, err := j.Done(t.Context(), fleet.Answer{Body: big.Body}); !errors.As(err, &large) || !strings.Contains(err.Error(), "cell 1") {
		t.Errorf("answered: %v", err)
	}
	if a, err := q.Answer(t.Context(), big.Key); a != nil || err != nil {
		t.Errorf("half an answer: %+v, %v", a, err)
	}
	done(t, j, "w", "v") // it is still in these hands
	// What compresses well is measured as it is sent.
	ask(t, q, fleet.Task{Key: task(2).Key, Capability: "any", Body: make([]byte, 3*localPayload)}, true)
	if got := len(take(t, q).Task().Body); got != 3*localPayload {
		t.Errorf("a body of %d bytes", got)
	}
}

// TestForeign: what no umlab can read is answered, and blocks nobody.
func TestForeign(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ask(t, q, task(1), true)
	done(t, take(t, q), "w", "v") // makes the lane
	name := "cell." + task(1).Lane() + "."
	packed, err := q.packTask(task(4))
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string][]byte{task(2).Key: []byte("rubbish"), task(3).Key: packed, "x": nil} {
		if _, err := q.js.Publish(t.Context(), name+key, data); err != nil {
			t.Fatal(err)
		}
	}
	if j := maybe(t, q, time.Second); j != nil {
		t.Errorf("took %+v", j.Task())
	}
	for _, key := range []string{task(2).Key, task(3).Key, "x"} {
		if a, err := q.Answer(t.Context(), key); err != nil || a == nil || !strings.Contains(a.Infra, "cannot be read") {
			t.Errorf("%s: %+v, %v", key, a, err)
		}
	}
	holds(t, q, 0, 0, 4)
}

// TestStaysThere: what a process left in its store is there for the next, and a server that lost the tasks is given them again.
func TestStaysThere(t *testing.T) {
	t.Parallel()
	q, st := local(t)
	ask(t, q, task(1), true)
	ask(t, q, task(2), true)
	done(t, take(t, q), "w", "v")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = reopen(t, Options{Where: Local, Store: st})
	holds(t, q, 1, 0, 1)
	ask(t, q, task(2), false)
	if err := q.js.DeleteStream(t.Context(), tasksStream); err != nil {
		t.Fatal(err)
	}
	ask(t, q, task(2), true)
	if got := take(t, q).Task().Name; got != "cell 2" {
		t.Errorf("took %s", got)
	}
	if err := q.js.DeleteKeyValue(t.Context(), answersKV); err != nil {
		t.Fatal(err)
	}
	if a, err := q.Answer(t.Context(), task(1).Key); a != nil || err != nil {
		t.Errorf("answer %+v, %v", a, err)
	}
}

// TestLanesGo: the queue of this process keeps the lanes that have tasks, and no others: each is a while of its end.
func TestLanesGo(t *testing.T) {
	q, st := local(t)
	lanes := func(q *Queue) (n int) {
		list := q.stock().ListConsumers(t.Context())
		for range list.Info() {
			n++
		}
		return n
	}
	for n := range 3 {
		is := task(n)
		is.Baseline = fmt.Sprint(n)
		ask(t, q, is, true)
	}
	done(t, take(t, q), "w", "v")
	left := take(t, q).Task().Key
	if n := lanes(q); n != 3 {
		t.Fatalf("%d lanes", n)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = reopen(t, Options{Where: Local, Store: st})
	holds(t, q, 2, 0, 1)
	if n := lanes(q); n != 2 {
		t.Errorf("%d lanes, want those of the tasks that are left", n)
	}
	if one, other := take(t, q).Task().Key, take(t, q).Task().Key; one != left && other != left {
		t.Error("what was in a worker's hands is not given out")
	}
}

// TestLanesMadeAgain: lanes go and come while workers ask for their tasks. None of them ends for that, and nothing stays.
func TestLanesMadeAgain(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	const n, workers = 100, 6
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for i := range workers {
		w := &fleet.Work{Queue: q, Worker: fleet.Worker{ID: fmt.Sprint("w", i), Version: "umlab 1", Capabilities: []string{"any"}, Slots: 2},
			Run: func(_ context.Context, t fleet.Task, _ func(string)) (fleet.Answer, error) {
				return fleet.Answer{Verdict: t.Key}, nil
			}}
		group.Go(func() {
			if err := w.Loop(ctx); err != nil {
				t.Errorf("%s ended: %v", w.Worker.ID, err)
			}
		})
	}
	group.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			is := faultTask(i)
			err := q.try(ctx, "make a lane again", func(ctx context.Context) error {
				if err := q.stock().DeleteConsumer(ctx, is.Lane()); err != nil && !errors.Is(err, js.ErrConsumerNotFound) {
					return err
				}
				return q.make(ctx, fleet.Lane{Capability: is.Capability, Version: is.Version, Baseline: is.Baseline})
			})
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	if err := plan(ctx, q, n, func(fleet.Answer) error { return nil }, nil); err != nil {
		t.Error(err)
	}
	until(t, "the queue is empty", func() bool { s, err := q.Status(ctx); return err == nil && s.Waiting+s.Running == 0 })
	cancel()
	group.Wait()
	if s, err := q.Status(t.Context()); err != nil || s.Answers != n {
		t.Errorf("%d answers, %v", s.Answers, err)
	}
}

// TestHeals: tasks of a lane that the server has no consumer of, or whose consumer does not know of them any more, are given out.
func TestHeals(t *testing.T) {
	for name, harm := range map[string]func(*testing.T, *Queue){
		"no consumer": func(t *testing.T, q *Queue) {
			if err := q.tasks.DeleteConsumer(t.Context(), task(1).Lane()); err != nil {
				t.Fatal(err)
			}
		},
		"a consumer that knows of nothing": func(t *testing.T, q *Queue) {
			lane, err := q.tasks.Consumer(t.Context(), task(1).Lane())
			if err != nil {
				t.Fatal(err)
			}
			c := lane.CachedInfo().Config
			c.MaxDeliver, c.AckWait = 1, 100*time.Millisecond // it gives up what is not acknowledged
			if lane, err = q.tasks.UpdateConsumer(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			take(t, q)
			until(t, "it has given up", func() bool {
				info, err := lane.Info(t.Context())
				return err == nil && info.NumAckPending == 0 && info.NumPending == 0
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := local(t)
			ask(t, q, task(1), true)
			harm(t, q)
			ask(t, q, task(1), false)
			j := maybe(t, q, 30*time.Second)
			if j == nil {
				t.Fatal("the task is given to nobody")
			}
			done(t, j, "w", "v")
			holds(t, q, 0, 0, 1)
		})
	}
}

// TestConfiguration is what the server is told.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ask(t, q, task(1), true)
	c := q.tasks.CachedInfo().Config
	if c.Retention != js.WorkQueuePolicy || c.Storage != js.FileStorage || c.Discard != js.DiscardNew || !c.DiscardNewPerSubject {
		t.Errorf("stream %+v", c)
	}
	lane, err := q.tasks.Consumer(t.Context(), task(1).Lane())
	if err != nil {
		t.Fatal(err)
	}
	l := lane.CachedInfo().Config
	if l.AckPolicy != js.AckExplicitPolicy || l.AckWait != 30*time.Second || l.MaxDeliver != -1 || l.Durable == "" {
		t.Errorf("consumer %+v", l)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	ctx, cancel := context.WithCancel(t.Context())
	keys, err := q.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, q, task(1), true)
	done(t, take(t, q), "w", "v")
	if key := <-keys; key != task(1).Key {
		t.Errorf("saw %s", key)
	}
	cancel()
	if key, ok := <-keys; ok {
		t.Errorf("after the end: %s", key)
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	l, ok, err := q.Lease(t.Context(), "baseline", "w1")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, err := q.Lease(t.Context(), "baseline", "w2"); ok || err != nil {
		t.Errorf("a second one has it: %v", err)
	}
	held, err := q.Leased(t.Context(), "baseline", "other")
	if err != nil || !held["baseline"] || held["other"] {
		t.Errorf("held: %v, %v", held, err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, ok, err = q.Lease(t.Context(), "baseline", "w2")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer l.Release(context.Background())
	// Somebody took it while this one was not heard of.
	if _, err := q.leases.Put(t.Context(), fleet.Short("baseline"), []byte("w3")); err != nil {
		t.Fatal(err)
	}
	<-l.Lost()
	if held, err := q.Leased(t.Context(), "baseline"); err != nil || !held["baseline"] {
		t.Errorf("held: %v, %v", held, err)
	}
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	q, _ := local(t)
	b := fleet.Worker{ID: "b", Version: "umlab 1", Doing: []fleet.Doing{{Name: "cell 1", Now: "boot"}}}
	for _, w := range []fleet.Worker{b, {ID: "a"}, b} {
		if err := q.Announce(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	list, err := q.Workers(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "a" || list[1].Doing[0].Now != "boot" {
		t.Errorf("workers %+v, %v", list, err)
	}
	if err := q.Leave(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if list, err := q.Workers(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("workers %+v, %v", list, err)
	}
}

func TestWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ where, want string }{
		{"nats://me:secret@host:4222,tls://other:4222", "nats://me:xxxxx@host:4222,tls://other:4222"},
		{"lokal", ""},
		{"nats://", ""},
	} {
		got, err := shown(c.where)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.where, got, err)
		}
	}
	_, err := Open(t.Context(), Options{Where: "nats://127.0.0.1:1"})
	if err == nil || !errors.Is(err, nats.ErrNoServers) || !strings.Contains(err.Error(), "is nats-server running there") {
		t.Errorf("nobody there: %v", err)
	}
}
