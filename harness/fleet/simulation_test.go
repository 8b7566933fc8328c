package fleet

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What the simulated fleet is like: seconds on a machine of speed 1, which is one of two cores that builds debian-6.12.
const (
	buildTime   = 180.0 // a kernel from nothing; from 2/3 to 4/3 of it
	cellTime    = 8.0   // the median of cells: modules made again, some boots
	mostCell    = 90.0  // the longest
	fetchTime   = 15.0  // baseline, sysroot and tree, out of a cache that has nothing else to do
	lineTime    = 0.1   // of it in which nobody else gets anything: 125 MB at 10 Gbit/s
	tripTime    = 0.02  // a task taken or answered, a lease, a look into the cache
	staleTime   = 1.0   // how old is what a worker sees of the queue
	pollTime    = 5.0   // between two looks of a worker that finds nothing
	leaveTime   = 5.0   // before a task that was given back is given out again
	restartTime = 60.0  // until a worker that was killed is back, where it has a unit

	failing = 0.02 // of the fetches come to nothing, or to what is not what was stored
	losing  = 0.05 // of the baselines are lost by the cache, at any time
	killed  = 0.2  // of the workers are, at any time; every second one comes back, with its store
)

// simulated is what is simulated.
type simulated struct {
	workers, cells, lanes int
	seed                  uint64
}

// A simulation is a fleet at work, event by event. The queue and the cache are its own, the moves of the workers are Place's.
type simulation struct {
	simulated
	rand    *rand.Rand
	now     float64
	events  events
	lanes   []*simLane
	at      map[string]*simLane
	workers []*simWorker
	weight  []float64 // of each task, in seconds
	begun   []int     // times
	answers []int
	left    int     // tasks without an answer
	line    float64 // until when the line of the cache is taken
	seen    []Lane  // what the queue looked like
	seenAt  float64

	fetches, leaves, died, diedBuilds int
}

type simLane struct {
	Lane
	tasks   []int   // that wait, in order
	again   []int   // that were given back, or whose worker died; JetStream counts them as running
	build   float64 // seconds that its baseline takes
	longest float64 // seconds of its longest task
	cached  bool
	leased  bool
	built   int  // times
	lost    bool // by the cache
	failed  int  // fetches under the lease
}

type simWorker struct {
	Place
	speed    float64
	has      map[string]bool
	lives    int     // what was begun in an earlier one is never finished
	to, back float64 // the end of the first, the beginning of the second; +Inf: never

	lane    *simLane // of the task in its hands; nil: none
	task    int
	builds  bool // it has the lease
	running bool // the task itself
}

type event struct {
	at  float64
	seq int
	do  func()
}

type events struct {
	list []event
	seq  int
}

func (e *events) Len() int { return len(e.list) }
func (e *events) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(e.list[i].at, e.list[j].at), e.list[i].seq-e.list[j].seq) < 0
}
func (e *events) Swap(i, j int) { e.list[i], e.list[j] = e.list[j], e.list[i] }
func (e *events) Push(x any)    { e.list = append(e.list, x.(event)) }
func (e *events) Pop() any {
	last := e.list[len(e.list)-1]
	e.list = e.list[:len(e.list)-1]
	return last
}

func (s *simulation) after(d float64, do func()) {
	s.events.seq++
	heap.Push(&s.events, event{s.now + d, s.events.seq, do})
}

// then is after, unless w dies before.
func (s *simulation) then(w *simWorker, d float64, do func()) {
	life := w.lives
	s.after(d, func() {
		if w.lives == life {
			do()
		}
	})
}

// simulate is a fleet from the first task to the last answer.
func simulate(c simulated) *simulation {
	s := &simulation{simulated: c, rand: rand.New(rand.NewPCG(c.seed, 0)), at: map[string]*simLane{}, left: c.cells, seenAt: math.Inf(-1),
		answers: make([]int, c.cells), begun: make([]int, c.cells), weight: make([]float64, c.cells)}
	s.plan()
	for i := range c.workers {
		w := &simWorker{has: map[string]bool{}, speed: 0.7 + 0.6*s.rand.Float64(), to: math.Inf(1), back: math.Inf(1)}
		if i%20 == 0 {
			w.speed = 0.2
		} else if i%20 < 4 {
			w.speed = 0.5
		}
		w.Place = Place{
			Here: func(b string) bool { return w.has[b] },
			Look: s.look,
			Now:  func() time.Time { return time.Unix(0, 0).Add(time.Duration(s.now * float64(time.Second))) },
			Rand: s.rand,
		}
		s.workers = append(s.workers, w)
		s.then(w, s.rand.Float64(), func() { s.take(w) })
	}
	// Before the end, as far as that is known; somebody is left.
	end := s.bound()
	for _, w := range s.workers[1:] {
		if s.rand.Float64() < killed {
			w.to = s.rand.Float64() * end
			if s.rand.IntN(2) == 0 {
				w.back = w.to + restartTime
			}
			s.after(w.to, func() { s.kill(w) })
		}
	}
	for _, l := range s.lanes {
		if s.rand.Float64() < losing {
			s.after(s.rand.Float64()*end, func() { l.lost, l.cached = l.cached, false })
		}
	}
	for s.left > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	return s
}

// plan asks the tasks. Some lanes have ten times as many as others.
func (s *simulation) plan() {
	ends, sum := make([]float64, s.simulated.lanes), 0.0
	for i := range ends {
		l := &simLane{Lane: Lane{Baseline: fmt.Sprintf("b%d", i)}, build: buildTime * (2 + 2*s.rand.Float64()) / 3}
		s.lanes, s.at[l.Baseline] = append(s.lanes, l), l
		sum += math.Pow(10, s.rand.Float64())
		ends[i] = sum
	}
	tasks := make([]Task, s.cells)
	for i := range tasks {
		at, _ := slices.BinarySearch(ends, s.rand.Float64()*sum)
		l := s.lanes[at]
		s.weight[i] = min(mostCell, max(1, cellTime*math.Exp(0.7*s.rand.NormFloat64())))
		l.longest = max(l.longest, s.weight[i])
		tasks[i] = Task{Key: fmt.Sprint(i), Baseline: l.Baseline, Weight: int(s.weight[i])}
	}
	BigFirst(tasks)
	for _, t := range tasks {
		var i int
		fmt.Sscan(t.Key, &i)
		l := s.at[t.Baseline]
		l.tasks = append(l.tasks, i)
	}
}

func (s *simulation) look(baselines []string) map[string]Where {
	where := map[string]Where{}
	for _, b := range baselines {
		if l := s.at[b]; l.leased {
			where[b] = Building
		} else if l.cached {
			where[b] = Cached
		}
	}
	return where
}

// take is a queue's: the lanes as they were a moment ago, tried one after the other.
func (s *simulation) take(w *simWorker) {
	if s.now-s.seenAt > staleTime {
		s.seenAt, s.seen = s.now, s.seen[:0]
		for _, l := range s.lanes {
			if l.Waiting = len(l.tasks); l.Waiting+l.Running > 0 {
				s.seen = append(s.seen, l.Lane)
			}
		}
	}
	for _, o := range w.Order(s.seen) {
		l := s.at[o.Baseline]
		switch {
		case len(l.again) > 0:
			w.task, l.again = l.again[0], l.again[1:]
		case len(l.tasks) > 0:
			w.task, l.tasks = l.tasks[0], l.tasks[1:]
			l.Running++
		default:
			continue
		}
		w.lane = l
		s.then(w, tripTime, func() { s.move(w, Known{}) })
		return
	}
	s.then(w, pollTime*(0.5+s.rand.Float64()), func() { s.take(w) })
}

// move does the next move about the task in w's hands, and then the others.
func (s *simulation) move(w *simWorker, k Known) {
	l := w.lane
	k.Here = w.has[l.Baseline]
	switch w.Next(l.Baseline, k) {
	case Run:
		s.release(w)
		w.running = true
		s.begun[w.task]++
		s.then(w, s.weight[w.task]/w.speed+tripTime, func() {
			s.answers[w.task]++
			s.left--
			w.Took(int(math.Round(s.weight[w.task])), s.weight[w.task]/w.speed)
			s.drop(w)
			s.take(w)
		})
	case Fetch:
		s.then(w, tripTime, func() { s.fetch(w, k) })
	case Claim:
		s.then(w, tripTime, func() {
			if k.Refused = l.leased; !k.Refused {
				l.leased, w.builds = true, true
				k.Leased, k.Missing = true, false
			}
			s.move(w, k)
		})
	case Build:
		s.then(w, l.build/w.speed, func() {
			l.built++
			l.cached, w.has[l.Baseline] = true, true
			s.move(w, k)
		})
	case Leave:
		s.leaves++
		s.drop(w)
		s.take(w)
	}
}

func (s *simulation) fetch(w *simWorker, k Known) {
	l := w.lane
	if !l.cached {
		k.Missing = true
		s.move(w, k)
		return
	}
	s.fetches++
	s.line = max(s.line, s.now) + lineTime
	s.then(w, max(fetchTime, s.line-s.now), func() {
		k.Missing = s.rand.Float64() < failing
		if w.has[l.Baseline] = !k.Missing; k.Missing && k.Leased {
			l.failed++
		}
		s.move(w, k)
	})
}

func (s *simulation) release(w *simWorker) {
	if w.builds {
		w.builds, w.lane.leased = false, false
	}
}

// drop has the task out of w's hands: answered, or given back.
func (s *simulation) drop(w *simWorker) {
	l := w.lane
	s.release(w)
	if task := w.task; w.running {
		l.Running--
	} else {
		s.after(leaveTime, func() { l.again = append(l.again, task) })
	}
	w.lane, w.running = nil, false
}

// kill has w die. When it was not heard of for long enough, what it had in its hands comes back, and its lease lapses.
func (s *simulation) kill(w *simWorker) {
	w.lives++
	if l, task, leased := w.lane, w.task, w.builds; l != nil {
		if w.running {
			s.died++
		}
		if leased {
			s.diedBuilds++
		}
		s.after(AckWait.Seconds(), func() {
			l.again = append(l.again, task)
			l.leased = l.leased && !leased
		})
	}
	w.lane, w.builds, w.running = nil, false, false
	if !math.IsInf(w.back, 1) {
		s.then(w, w.back-w.to, func() { s.take(w) })
	}
}

// bound is a time before which no fleet of these machines is done, whatever it knows and however it places its tasks. Each cell is run and
// each baseline built once at least, by machines that are there; and no cell is run before its baseline is built. So
//
//   - all together do no more than their speeds, for as long as each is there, and by then all of the work must be done;
//   - before the quickest machine can have built the quickest baseline there is no cell to be run: the work of all cells comes after it;
//   - no chain of a baseline and a cell of it is shorter than on the quickest machine.
//
// It leaves out what the mechanism costs: fetches, messages, what died with its machine, and the time until that is missed.
func (s *simulation) bound() float64 {
	cells, builds, quickest, first, chain := 0.0, 0.0, 0.0, math.Inf(1), 0.0
	for _, w := range s.workers {
		quickest = max(quickest, w.speed)
	}
	for _, seconds := range s.weight {
		cells += seconds
	}
	for _, l := range s.lanes {
		if l.longest > 0 {
			builds += l.build
			first = min(first, l.build/quickest)
			chain = max(chain, (l.build+l.longest)/quickest)
		}
	}
	done := func(from, to float64) (work float64) {
		for _, w := range s.workers {
			work += w.speed * (max(0, min(w.to, to)-from) + max(0, to-max(w.back, from)))
		}
		return work
	}
	low, high := chain, 1e9
	for high-low > 0.1 {
		if mid := (low + high) / 2; done(0, mid) < cells+builds || done(first, mid) < cells {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// A thousand workers and a hundred thousand cells, from few baselines with many cells to many with few; with machines that are slow or
// die, and a cache that fails and loses. And small fleets, where each choice counts.
//
// For a million cells, on ten thousand workers, the choices can stay; what they rest on would have to change. A worker that looks for a
// task reads all lanes, half a kB each, and all leases and workers: of ten thousand lanes 5 MB a task. It would have to look at some by
// chance, as the queue can give the task behind any place in it, and at the leases of these alone. A lane costs the server 18 kB and
// some goroutines, so that lanes would have to be made when somebody first takes from them, and streams to be several, by capability.
// Beats of ten thousand workers are a thousand messages a second; they would have to come as seldom as AckWait allows. And the
// planner, which asks for all keys that are queued to find what was lost, would have to do that in parts.
func TestSimulation(t *testing.T) {
	all := []simulated{{1000, 100_000, 1000, 3}, {10, 10_000, 100, 5}, {2, 200, 4, 6}, {1, 100, 10, 7}}
	if !testing.Short() {
		all = append(all, simulated{1000, 100_000, 10, 1}, simulated{1000, 100_000, 100, 2}, simulated{1000, 100_000, 3000, 4})
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("%d workers, %d cells, %d baselines", c.workers, c.cells, c.lanes), func(t *testing.T) {
			s := simulate(c)
			bound, built, begun := s.bound(), 0, 0
			for _, l := range s.lanes {
				built += l.built
				if again := l.built - 1 - l.failed; again > 1 || again == 1 && !l.lost {
					t.Errorf("%s was built %d times; lost by the cache: %v; not to be fetched: %d times", l.Baseline, l.built, l.lost, l.failed)
				}
			}
			for i, n := range s.answers {
				begun += s.begun[i]
				if n != 1 {
					t.Errorf("cell %d was answered %d times", i, n)
				}
			}
			t.Logf("%.0f s, %.2f of the bound; %d builds, %d more died; %d fetches; %d cells died; %d tasks taken and left",
				s.now, s.now/bound, built, s.diedBuilds, s.fetches, s.died, s.leaves)
			if s.now > 1.3*bound {
				t.Errorf("%.0f s are more than 1.3 of the bound, %.0f s", s.now, bound)
			}
			if begun != c.cells+s.died {
				t.Errorf("cells were begun %d times; there are %d, and %d died with their workers", begun, c.cells, s.died)
			}
		})
	}
}
