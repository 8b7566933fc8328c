package fleet

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// BigFirst orders tasks as they are to be asked: the one that takes longest first, of those that take as long each baseline in
// turn, so that all of them can be begun while the rest is still being asked.
func BigFirst(tasks []Task) {
	type turn struct {
		baseline string
		weight   int
	}
	type place struct {
		Task
		turn int
	}
	placed, turns := make([]place, len(tasks)), map[turn]int{}
	for i, t := range tasks {
		of := turn{t.Baseline, t.Weight}
		placed[i] = place{t, turns[of]}
		turns[of]++
	}
	slices.SortStableFunc(placed, func(a, b place) int { return cmp.Or(b.Weight-a.Weight, a.turn-b.turn) })
	for i, p := range placed {
		tasks[i] = p.Task
	}
}

// Where is what can be told of a baseline that a worker has not.
type Where int

// Where a baseline is.
const (
	Nowhere  Where = iota // it has to be built
	Building              // somebody else builds it, so that it can be had afterwards
	Cached                // it can be had now
)

// A Place is what a worker knows when it looks for its next task.
type Place struct {
	// Here says whether the worker has a baseline.
	Here func(baseline string) bool
	// Look says where baselines are that it has not: some at a time, and none again that was Cached. nil: workers share neither cache nor
	// store, and each builds for itself.
	Look func(baselines []string) map[string]Where
	// Now is the time; only differences of it count.
	Now func() time.Time
	// Rand keeps workers that see the same from choosing the same.
	Rand *rand.Rand

	mu     sync.Mutex
	weight float64              // seconds that its tasks were thought to take,
	took   float64              // and that they took
	making map[string]*making   // baselines that Obtain is at
	cached map[string]bool      // baselines that were Cached
	left   map[string]time.Time // when it left to others what was Cached and could not be had
	still  map[string]still     // lanes that are the others'
}

// making is a baseline that a worker is about to have.
type making struct {
	turn  chan struct{} // full while one is at it
	tasks int           // that want it
}

// still is since when a lane has had so many tasks that wait.
type still struct {
	waiting int
	since   time.Time
}

const (
	some = 16 // so many lanes are looked at closely
	much = 4  // times as much left for each worker is a reason to go elsewhere,
	few  = 8  // for one in so many: by the time that the others look again, things are different

	worth     = 20               // so many tasks for each worker of a lane are worth another build, which takes about as long
	worthTime = 10 * time.Minute // and so is a lane that nothing moved in for so long
)

// Order says which lanes a worker tries, and in which order.
//
// First those whose baseline it has or is about to have, or that need none, the longest before the others. As long as it is about to
// have one, it takes nothing else: what it cannot begin is better begun by others. It goes elsewhere only from a crowd: where others
// are at all of its own lanes, and another lane has much more left for each of its workers. Where it has none, it builds what is
// nowhere, and then helps where it can fetch the baseline; a slow worker the other way round. Where it would have to wait for the build of
// another it does not go. Last come lanes that have nothing but what others are at: one of these may have
// died.
//
// Of the lanes that are not its own, it takes one by chance, by how much is left for each worker of it. So a thousand workers that begin
// at once spread over a thousand lanes without a word between them, and those that are done help where the most is left.
func (p *Place) Order(lanes []Lane) []Lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, crowd := p.own(lanes)
	if len(p.making) > 0 || len(own) > 0 && (!crowd || p.Rand.IntN(few) > 0) {
		return own
	}
	least := 0.0
	if len(own) > 0 {
		least = much * perWorker(own[0])
	}
	var others, rest []Lane
	now := p.Now()
	for _, l := range lanes {
		switch {
		case l.Waiting == 0:
			// Those who have it look as often, and can begin at once.
			if quiet := p.quiet(l, now); p.here(l) || quiet >= AckWait {
				rest = append(rest, l)
			}
		case p.here(l) || now.Sub(p.left[l.Baseline]) < 2*AckWait || perWorker(l) < least || p.Look == nil && p.theirs(l, now):
		default:
			others = append(others, l)
		}
	}
	build, help := p.sort(p.shuffle(others))
	if p.slow() {
		build, help = help, build
	}
	if rest = p.shuffle(rest); len(own) > 0 {
		rest = own
	}
	return slices.Concat(build, help, rest[:min(len(rest), some)])
}

// Took says that a task which was thought to take weight seconds took so many, once its baseline was there.
func (p *Place) Took(weight int, seconds float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weight += float64(weight)
	p.took += seconds
}

// slow says that tasks take the worker more than twice as long as it was thought.
func (p *Place) slow() bool { return p.took > 2*p.weight }

// theirs says that the workers of a lane will be done with it before another could have built its baseline.
func (p *Place) theirs(l Lane, now time.Time) bool {
	return l.Running > 0 && p.quiet(l, now) < worthTime && perWorker(l) < worth
}

// quiet is for how long it has been seen that as many tasks of a lane wait.
func (p *Place) quiet(l Lane, now time.Time) time.Duration {
	s, seen := p.still[l.Baseline]
	if !seen || s.waiting != l.Waiting {
		s = still{l.Waiting, now}
		if p.still == nil {
			p.still = map[string]still{}
		}
		p.still[l.Baseline] = s
	}
	return now.Sub(s.since)
}

func (p *Place) here(l Lane) bool {
	return l.Baseline == "" || p.making[l.Baseline] != nil || p.Here(l.Baseline)
}

func perWorker(l Lane) float64 { return float64(l.Waiting) / float64(l.Running+1) }

// own are the lanes in which something waits that the worker can begin at once; crowd says that others are at each of them.
func (p *Place) own(lanes []Lane) (own []Lane, crowd bool) {
	crowd = true
	for _, l := range lanes {
		if l.Waiting > 0 && p.here(l) {
			own = append(own, l)
			crowd = crowd && l.Running > 1
		}
	}
	slices.SortStableFunc(own, func(a, b Lane) int { return b.Waiting - a.Waiting })
	return own, crowd
}

// sort are the first of the lanes whose baseline is nowhere, and of those where it can be fetched.
func (p *Place) sort(lanes []Lane) (build, help []Lane) {
	for first := range slices.Chunk(lanes, some) {
		var ask []string
		for _, l := range first {
			if !p.cached[l.Baseline] {
				ask = append(ask, l.Baseline)
			}
		}
		var where map[string]Where
		if len(ask) > 0 && p.Look != nil {
			where = p.Look(ask)
		}
		for _, l := range first {
			switch {
			case p.cached[l.Baseline]:
				help = append(help, l)
			case where[l.Baseline] == Cached:
				if p.cached == nil {
					p.cached = map[string]bool{}
				}
				p.cached[l.Baseline] = true
				help = append(help, l)
			case where[l.Baseline] == Nowhere:
				build = append(build, l)
			}
		}
		if len(build)+len(help) > 0 {
			break
		}
	}
	return build, help
}

// shuffle puts each of the lanes before the others as often as its share of what is left for each worker says; see Efraimidis and
// Spirakis, Weighted random sampling with a reservoir.
func (p *Place) shuffle(lanes []Lane) []Lane {
	type drawn struct {
		Lane
		at float64
	}
	all := make([]drawn, len(lanes))
	for i, l := range lanes {
		all[i] = drawn{l, -math.Log(1-p.Rand.Float64()) * float64(l.Running+1) / float64(l.Waiting+1)}
	}
	slices.SortFunc(all, func(a, b drawn) int { return cmp.Compare(a.at, b.at) })
	for i, d := range all {
		lanes[i] = d.Lane
	}
	return lanes
}
