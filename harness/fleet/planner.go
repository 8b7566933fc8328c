package fleet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Planner has tasks done, and is told their answers.
type Planner struct {
	Queue Queue
	// Tasks are what is to be done, the same ones whenever it is asked; the big ones first. They are not kept.
	Tasks iter.Seq[Task]
	// Got is told the answer of each task once, in any order, by one goroutine. Its error ends Run.
	Got func(Answer) error
	// Seen is told who is there, every BeatTime, by a goroutine of its own; nil: nobody is.
	Seen func([]Worker)
	Say  func(string) // is told what the user should know

	open map[string]asked // tasks without an answer

	mu     sync.Mutex
	needed map[kind]int // how many of them there are
}

// asked is a task that is not answered yet.
type asked struct {
	Task      // without its body
	mine bool // this planner put it into the queue
}

// lookAgain is how often the planner makes sure that what has no answer is in the queue: another planner can have withdrawn it, and the
// server can have lost it.
const lookAgain = 30 * time.Second

// together is how many answers are asked for at a time.
const together = 16

// Run asks all tasks that have no answer, and waits for all answers. When ctx ends, or it fails, it takes out of the queue what it has
// put in and no worker has begun.
func (p *Planner) Run(ctx context.Context) (err error) {
	if p.Say == nil {
		p.Say = func(string) {}
	}
	p.open, p.needed = map[string]asked{}, map[kind]int{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	keys, err := p.Queue.Watch(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.leave(ctx)) }()
	if p.Seen != nil {
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel(nil)
		group.Go(func() { p.look(ctx) })
	}
	if err := p.ask(ctx); err != nil {
		return err
	}
	return p.wait(ctx, keys)
}

// ask asks for the first time. What was answered as a fault of the infrastructure before, is asked again.
func (p *Planner) ask(ctx context.Context) error {
	for chunk := range chunks(p.Tasks, 16*together) {
		answers, err := p.answers(ctx, chunk)
		if err != nil {
			return err
		}
		for i, t := range chunk {
			if a := answers[i]; a != nil && a.Infra == "" {
				if err := p.Got(*a); err != nil {
					return err
				}
				continue
			} else if a != nil {
				if err := p.Queue.Forget(ctx, t.Key); err != nil {
					return err
				}
			}
			mine, err := p.Queue.Ask(ctx, t)
			if err != nil {
				return err
			}
			t.Body = nil
			p.open[t.Key] = asked{t, mine}
			p.need(t, 1)
		}
	}
	return nil
}

// wait waits for the answers.
func (p *Planner) wait(ctx context.Context, keys <-chan string) error {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	// What was answered while it was asked.
	if err := p.mend(ctx); err != nil {
		return err
	}
	for len(p.open) > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case key, ok := <-keys:
			if !ok {
				keys = nil // what comes now is found when it is looked for
				continue
			}
			if err := p.got(ctx, key); err != nil {
				return err
			}
		case <-again.C:
			if err := p.mend(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// got takes the answer of a key, if it is one that is waited for.
func (p *Planner) got(ctx context.Context, key string) error {
	t, waited := p.open[key]
	if !waited {
		return nil
	}
	a, err := p.Queue.Answer(ctx, key)
	if a == nil || err != nil {
		return err
	}
	delete(p.open, key)
	p.need(t.Task, -1)
	return p.Got(*a)
}

// mend looks for the answers of what is not in the queue, and asks it again where there is none.
func (p *Planner) mend(ctx context.Context) error {
	queued, err := p.Queue.Queued(ctx)
	if err != nil {
		return err
	}
	lost := 0
	for key := range p.open {
		if queued[key] {
			continue
		}
		if err := p.got(ctx, key); err != nil {
			return err
		}
		if _, still := p.open[key]; still {
			lost++
		}
	}
	if lost == 0 {
		return nil
	}
	p.Say(fmt.Sprintf("%d tasks are not in the queue any more, and are asked again", lost))
	for t := range p.Tasks {
		was, still := p.open[t.Key]
		if !still || queued[t.Key] {
			continue
		}
		mine, err := p.Queue.Ask(ctx, t)
		if err != nil {
			return err
		}
		p.open[t.Key] = asked{was.Task, was.mine || mine}
	}
	return nil
}

// leave takes out of the queue what this planner has put in, has no answer, and is in no worker's hands.
func (p *Planner) leave(ctx context.Context) error {
	if len(p.open) == 0 {
		return nil
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	workers, err := p.Queue.Workers(end)
	if err != nil {
		return err
	}
	begun := map[string]bool{}
	for _, w := range workers {
		for _, d := range w.Doing {
			begun[d.Key] = true
		}
	}
	var list []Task
	for key, t := range p.open {
		if t.mine && !begun[key] {
			list = append(list, t.Task)
		}
	}
	return p.Queue.Withdraw(end, list)
}

// answers are those of tasks, nil where there is none.
func (p *Planner) answers(ctx context.Context, tasks []Task) ([]*Answer, error) {
	list := make([]*Answer, len(tasks))
	return list, parallel(len(tasks), func(i int) (err error) {
		list[i], err = p.Queue.Answer(ctx, tasks[i].Key)
		return err
	})
}

// kind is what a worker has to be for some of the tasks.
type kind struct{ version, capability string }

// need counts that so many more tasks like t wait.
func (p *Planner) need(t Task, more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.needed[kind{t.Version, t.Capability}] += more
}

// look tells who is there, and says when nobody of them can do what is asked.
func (p *Planner) look(ctx context.Context) {
	said := map[kind]bool{}
	for {
		workers, err := p.Queue.Workers(ctx)
		if err == nil {
			p.Seen(workers)
			p.mu.Lock()
			needed := maps.Clone(p.needed)
			p.mu.Unlock()
			for k, n := range needed {
				lack := lacking(k, n, workers)
				if lack != "" && !said[k] {
					p.Say(lack)
				}
				said[k] = lack != ""
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(BeatTime):
		}
	}
}

// lacking says why no worker can take n tasks, "" where one can.
func lacking(k kind, n int, workers []Worker) string {
	var versions []string
	for _, w := range workers {
		if slices.Contains(w.Capabilities, k.capability) {
			versions = append(versions, w.Version)
		}
	}
	slices.Sort(versions)
	switch {
	case n == 0 || slices.Contains(versions, k.version):
		return ""
	case len(versions) == 0:
		return fmt.Sprintf("%d tasks wait for a worker with %s: none is there", n, k.capability)
	}
	is := strings.Join(slices.Compact(versions), ", ")
	return fmt.Sprintf("%d tasks wait for a worker of %s: those that are there are %s, and refuse them", n, k.version, is)
}

// chunks are the tasks of a sequence, so many at a time.
func chunks(tasks iter.Seq[Task], n int) iter.Seq[[]Task] {
	return func(yield func([]Task) bool) {
		chunk := make([]Task, 0, n)
		for t := range tasks {
			if chunk = append(chunk, t); len(chunk) == n {
				if !yield(chunk) {
					return
				}
				chunk = chunk[:0]
			}
		}
		if len(chunk) > 0 {
			yield(chunk)
		}
	}
}

// parallel calls do for 0 to n-1, several at a time, and returns the first of their errors.
func parallel(n int, do func(i int) error) error {
	var group sync.WaitGroup
	var once sync.Once
	var failed error
	next := make(chan int)
	for range min(n, together) {
		group.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					once.Do(func() { failed = err })
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	return failed
}
