package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBigFirst(t *testing.T) {
	tasks := []Task{{Key: "1", Baseline: "a", Weight: 5}, {Key: "2", Baseline: "a", Weight: 5}, {Key: "3", Baseline: "a", Weight: 9},
		{Key: "4", Baseline: "b", Weight: 5}, {Key: "5", Baseline: "b", Weight: 5}}
	BigFirst(tasks)
	got := ""
	for _, t := range tasks {
		got += t.Key
	}
	if got != "31425" {
		t.Errorf("asked in the order %s, want 31425", got)
	}
}

// place is one that has and sees what the letters of these say: own, building, cached.
func place(here, building, cached string) *Place {
	return &Place{
		Here: func(b string) bool { return strings.Contains(here, b) },
		Look: func(baselines []string) map[string]Where {
			where := map[string]Where{}
			for _, b := range baselines {
				if strings.Contains(building, b) {
					where[b] = Building
				} else if strings.Contains(cached, b) {
					where[b] = Cached
				}
			}
			return where
		},
		Now:  time.Now,
		Rand: rand.New(rand.NewPCG(1, 2)),
	}
}

// lanes are some like a:waiting/running.
func lanes(t *testing.T, text string) (all []Lane) {
	t.Helper()
	for f := range strings.FieldsSeq(text) {
		var l Lane
		if n, err := fmt.Sscanf(f, "%1s:%d/%d", &l.Baseline, &l.Waiting, &l.Running); n != 3 {
			t.Fatal(f, err)
		}
		l.Baseline = strings.Trim(l.Baseline, "-")
		all = append(all, l)
	}
	return all
}

func names(all []Lane) (s string) {
	for _, l := range all {
		s += l.Baseline
		if l.Baseline == "" {
			s += "-"
		}
	}
	return s
}

func TestOrder(t *testing.T) {
	for _, tc := range []struct {
		what                         string
		lanes                        string
		here, making, building, have string
		slow, apart                  bool
		late                         string // what was seen AckWait before
		want                         string
	}{
		{what: "own, the longest first", lanes: "a:3/0 b:9/0 c:5/0", here: "ac", want: "ca"},
		{what: "what needs no baseline is everybody's", lanes: "-:3/1 b:9/0", want: "-"},
		{what: "what nobody has is built before others are helped", lanes: "a:100/1 b:1/0", have: "a", want: "ba"},
		{what: "a slow one helps first", lanes: "a:100/1 b:1/0", have: "a", slow: true, want: "ab"},
		{what: "where another builds it does not go", lanes: "a:100/1 b:1/1", building: "a", have: "b", want: "b"},
		{what: "as long as it builds it takes nothing else", lanes: "a:100/1 b:100/0", making: "a", want: "a"},
		{what: "one of which the builder died", lanes: "a:5/1", want: "a"},
		{what: "what a worker that died had comes last", lanes: "a:0/3 b:5/2 c:0/3", have: "bc", late: "a:0/3 c:1/3", want: "ba"},
		{what: "and is at first for those who can begin at once", lanes: "a:0/3 b:0/3", here: "a", want: "a"},
		{what: "apart, one that others are at is theirs", lanes: "a:5/1 b:5/0", apart: true, want: "b"},
		{what: "unless it is long", lanes: "a:100/1", apart: true, want: "a"},
		{what: "nothing", lanes: "", want: ""},
	} {
		p := place(tc.here, tc.building, tc.have)
		if p.Took(10, 19); tc.slow {
			p.Took(10, 22)
		}
		if tc.apart {
			p.Look = nil
		}
		if tc.making != "" {
			if _, err := p.makes(t.Context(), tc.making); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now()
		p.Now = func() time.Time { return now }
		p.Order(lanes(t, tc.late))
		now = now.Add(AckWait)
		if got := names(p.Order(lanes(t, tc.lanes))); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.what, got, tc.want)
		}
	}
}

// Workers that see the same do not go to the same: each lane gets its share.
func TestOrderSpreads(t *testing.T) {
	p := place("", "", "")
	first := map[string]int{}
	for range 4000 {
		first[p.Order(lanes(t, "a:30/0 b:10/0"))[0].Baseline]++
	}
	if share := float64(first["a"]) / 4000; share < 0.70 || share > 0.80 {
		t.Errorf("%v: a is three quarters", first)
	}
}

// From a crowd some go where much more is left, and not the others.
func TestOrderCrowd(t *testing.T) {
	p := place("a", "", "b")
	went := 0
	for range 4000 {
		got := p.Order(lanes(t, "a:30/9 b:1000/1"))
		if got[0].Baseline == "b" {
			went++
		}
		if !slices.ContainsFunc(got, func(l Lane) bool { return l.Baseline == "a" }) {
			t.Fatal("its own is forgotten")
		}
	}
	if went < 4000/few/2 || went > 2*4000/few {
		t.Errorf("%d of 4000 went, want one in %d", went, few)
	}
	for _, l := range []string{"a:30/1 b:1000/1", "a:30/9 b:11/0"} {
		for range 100 {
			if got := names(p.Order(lanes(t, l))); !strings.HasPrefix(got, "a") {
				t.Fatalf("%s: went %s", l, got)
			}
		}
	}
}

// Apart, the lane of a worker that died is not left for ever.
func TestOrderStill(t *testing.T) {
	p := place("", "", "")
	p.Look = nil
	now := time.Now()
	p.Now = func() time.Time { return now }
	for _, tc := range []struct {
		lanes, want string
		later       time.Duration
	}{{"a:5/1", "", 0}, {"a:4/1", "", worthTime}, {"a:4/1", "a", worthTime}} {
		now = now.Add(tc.later)
		if got := names(p.Order(lanes(t, tc.lanes))); got != tc.want {
			t.Errorf("%s after %v: %q, want %q", tc.lanes, tc.later, got, tc.want)
		}
	}
}

// leases is a queue that has nothing but leases.
type leases struct {
	Queue
	mu    sync.Mutex
	held  map[string]bool
	woken int
}

func (q *leases) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.woken++
}

func (q *leases) Lease(_ context.Context, key, _ string) (Lease, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[key] {
		return nil, false, nil
	}
	q.held[key] = true
	return lease{q, key}, true, nil
}

type lease struct {
	q   *leases
	key string
}

func (l lease) Lost() <-chan struct{} { return nil }
func (l lease) Release(context.Context) error {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	delete(l.q.held, l.key)
	return nil
}

// Of ten workers with two tasks each, that all want one baseline, one builds it; the others give back until they can fetch it.
func TestObtain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &leases{held: map[string]bool{}}
		var mu sync.Mutex
		var cached bool
		var built, fetched, refused int
		var group sync.WaitGroup
		for i := range 10 {
			var here bool
			p := place("", "", "")
			p.Here = func(string) bool {
				mu.Lock()
				defer mu.Unlock()
				return here
			}
			obtain := func() error {
				return p.Obtain(t.Context(), q, "b", fmt.Sprint(i), func(context.Context) (bool, error) {
					time.Sleep(time.Second)
					mu.Lock()
					defer mu.Unlock()
					if cached {
						fetched++
						here = true
					}
					return cached, nil
				}, func(context.Context) error {
					time.Sleep(time.Minute)
					mu.Lock()
					defer mu.Unlock()
					built++
					cached, here = true, true
					return nil
				})
			}
			for range 2 {
				group.Go(func() {
					for {
						err := obtain()
						if err == nil {
							return
						}
						if !errors.Is(err, ErrNotNow) {
							t.Error(err)
							return
						}
						mu.Lock()
						refused++
						mu.Unlock()
						time.Sleep(5 * time.Second)
					}
				})
			}
		}
		group.Wait()
		if built != 1 || fetched != 9 || refused == 0 || len(q.held) > 0 || q.woken < 10+refused {
			t.Errorf("built %d times, fetched %d times, refused %d times, woken %d times, still leased: %v; want 1, 9, some, 10 more, none",
				built, fetched, refused, q.woken, q.held)
		}
	})
}

// A worker builds one baseline at a time. What it has taken of another meanwhile it gives back.
func TestObtainOne(t *testing.T) {
	q := &leases{held: map[string]bool{}}
	p := place("c", "", "")
	p.Look = nil
	none := func(context.Context) (bool, error) { return false, nil }
	begun, end := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := p.Obtain(t.Context(), q, "a", "w", none, func(context.Context) error { close(begun); <-end; return nil })
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	build := func(context.Context) error { return errors.New("it builds") }
	if err := p.Obtain(t.Context(), q, "b", "w", none, build); !errors.Is(err, ErrNotNow) {
		t.Errorf("another one: %v", err)
	}
	if err := p.Obtain(t.Context(), q, "c", "w", none, build); err != nil {
		t.Errorf("one that it has: %v", err)
	}
	close(end)
	group.Wait()
	if err := p.Obtain(t.Context(), q, "b", "w", none, build); err == nil || err.Error() != "it builds" {
		t.Errorf("afterwards: %v", err)
	}
}

// What the cache had and has no more is left to those who have it, once; then it is built.
func TestNextLost(t *testing.T) {
	p := place("", "", "a")
	now := time.Now()
	p.Now = func() time.Time { return now }
	all := lanes(t, "a:5/1")
	if got := names(p.Order(all)); got != "a" {
		t.Fatal(got)
	}
	if m := p.Next("a", Known{Missing: true}); m != Leave {
		t.Errorf("it was there, and is not: %s, want %s", m, Leave)
	}
	if got := names(p.Order(all)); got != "" {
		t.Errorf("it goes there again at once: %s", got)
	}
	now = now.Add(2 * AckWait)
	p.Look = place("", "", "").Look
	if got := names(p.Order(all)); got != "a" {
		t.Error("it never goes there again")
	}
	if m := p.Next("a", Known{Missing: true}); m != Claim {
		t.Errorf("nobody did it: %s, want %s", m, Claim)
	}
}
