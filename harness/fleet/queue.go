package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Protocol is the version of what planner and worker say to each other. What a task's Version names begins with it.
const Protocol = 1

// What the engine is set to, and what the loops rely on. All of it is measured by the server's clock, or as a length of time: the clock
// of a worker or planner may show anything.
const (
	AckWait  = 30 * time.Second // a task whose worker was not heard of for so long goes to another
	BeatTime = 10 * time.Second // so often a worker says that it is still there, of a task, a lease and itself
	MostTry  = 5                // a task that was begun so often without an answer is answered as a fault of the infrastructure
)

// A Task is one thing to do, described without fetching anything.
type Task struct {
	Key        string // digest of all that decides the answer: 64 hex digits
	Kind       string // what sort of a task it is, for its worker: cell, control, …
	Name       string // what people call it: static-small@module:low of debian-6.12, trixie
	Capability string // what its worker has to be able to do: one word of a-z, 0-9 and _
	Baseline   string // key of what it is built on, for placement; empty: of nothing
	Version    string // which umlab has to run it; others do not see it
	Weight     int    // seconds that it is thought to take; the big ones are asked first
	Body       []byte // for who runs it
}

// An Answer is what a worker says of a task.
type Answer struct {
	Key     string
	Worker  string  // its ID
	Version string  // of the umlab that ran it
	Infra   string  // why there is no result: the machine's or umlab's fault; empty where there is one
	Verdict string  // digest of what has to be the same when it is done again
	Seconds float64 // that it took
	Body    []byte  // the result, for who asked
}

// Lane is the name of the lane that a task is in: of a-z, 0-9, _ and -.
func (t Task) Lane() string {
	return Lane{Capability: t.Capability, Version: t.Version, Baseline: t.Baseline}.Name()
}

// A Lane is all tasks that the same workers can take equally well: of one capability, one version and one baseline. In it tasks
// are taken in the order in which they were asked.
type Lane struct {
	Capability, Version, Baseline string

	Waiting int // tasks that nobody works on
	Running int // tasks that a worker has: who took it says so itself, see Announce
}

// Name is what a lane is called where not all characters can be used: of a-z, 0-9, _ and -.
func (l Lane) Name() string { return l.Capability + "-" + Short(l.Version) + "-" + Short(l.Baseline) }

// Short is a digest of what may have any characters: 16 hex digits, for the name of something.
func Short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// A Worker is who takes tasks, as the others see it.
type Worker struct {
	ID           string // HOST-PID-RANDOM; no two are the same
	Version      string
	Capabilities []string
	Slots        int      // tasks that it does at a time
	Cores        int      // CPUs that it may use
	Memory       int64    // bytes of memory
	Baselines    []string // keys of those that it has
	Doing        []Doing  // in the order in which they were begun
	Done         int      // tasks that it has answered
}

// Doing is a task that a worker is at.
type Doing struct {
	Key, Name string
	Lane      string  // its name
	Seconds   float64 // since it was begun, by the worker's own count
	Now       string  // what it is at: building a baseline, booting
}

// News is that a task which was done twice was not answered alike. The first answer stays.
type News struct {
	Key, Name   string
	First, Late Answer // without their bodies
}

// Status is what a queue holds.
type Status struct {
	Where    string // which server: its URL without credentials, or where it lies
	Lanes    []Lane
	Waiting  int   // tasks that nobody works on
	Running  int   // tasks that a worker has
	Answers  int   // that are kept
	Bytes    int64 // of tasks and answers
	Replicas int   // servers that each of them lies on
	Most     int   // bytes that a task or an answer may have, packed
}

// A Queue is between planners and workers. Several of either use one at a time.
type Queue interface {
	// Ask puts a task in, unless one of its key is in it: then queued is false. A task that is too large is a TooLarge.
	Ask(ctx context.Context, t Task) (queued bool, err error)
	// Withdraw takes tasks out, whether somebody works on them or not. One that is not there is none's loss.
	Withdraw(ctx context.Context, tasks []Task) error
	// Queued are the keys of the tasks that are in the queue, whether somebody works on them or not.
	Queued(ctx context.Context) (map[string]bool, error)
	// Answer is the answer of a key, nil where there is none yet.
	Answer(ctx context.Context, key string) (*Answer, error)
	// Forget removes the answer of a key if it is a fault of the infrastructure, so that the task can be asked again.
	Forget(ctx context.Context, key string) error
	// Watch gives the keys of what is answered from now on, of all planners, until ctx ends and closes the channel.
	Watch(ctx context.Context) (<-chan string, error)

	// Take blocks until there is a task of one of the lanes that order leaves, tried in its order. order is called whenever
	// something can have changed, with all lanes that have tasks. A task that is answered meanwhile is not given out. Where nothing was
	// to be had, what the workers announce tells which tasks are in nobody's hands any more, and order is asked again.
	Take(ctx context.Context, order func([]Lane) []Lane) (Job, error)
	// Wake has each Take of this Queue look again: its order can be another one now.
	Wake()

	// Lease makes owner the only one to build what key names, until release is called or owner was not heard of for AckWait; beats
	// are its own business. ok is false where somebody else is at it. Once it is lost, lost is closed.
	Lease(ctx context.Context, key, owner string) (lease Lease, ok bool, err error)
	// Leased says which of the keys somebody is building.
	Leased(ctx context.Context, keys ...string) (map[string]bool, error)

	// Announce says what a worker is at. It is forgotten after AckWait.
	Announce(ctx context.Context, w Worker) error
	// Leave is the last that is heard of a worker.
	Leave(ctx context.Context, id string) error
	// Workers are those that were heard of lately, by ID.
	Workers(ctx context.Context) ([]Worker, error)

	Status(ctx context.Context) (Status, error)
	// Empty removes all tasks, not their answers, and says how many.
	Empty(ctx context.Context) (int, error)
	// News are the contradictions that were seen, oldest first.
	News(ctx context.Context) ([]News, error)
	Close() error
}

// A Job is a task in the hands of a worker.
type Job interface {
	Task() Task
	// Tries is how often it was begun, this time included.
	Tries() int
	// Beat keeps it in these hands for another AckWait.
	Beat(ctx context.Context) error
	// Done commits the answer and takes the task out of the queue. Where it has been answered before, that answer stays and is
	// returned; when the verdicts differ, that is news. A TooLarge answer is not committed, and the task stays in these hands.
	Done(ctx context.Context, a Answer) (standing Answer, err error)
	// Back gives the task to others after a while: it was begun, and could not be done; or it was not even tried, which does not count.
	Back(ctx context.Context, after time.Duration, tried bool) error
}

// A Lease is the right to build something, which its owner keeps.
type Lease interface {
	Lost() <-chan struct{} // closed when it went to another, or can have
	Release(ctx context.Context) error
}

// TooLarge is the error of a task or an answer that the queue cannot carry.
type TooLarge struct {
	What       string // the task NAME, the answer of NAME
	Size, Most int    // bytes, as it is sent
}

func (e *TooLarge) Error() string {
	const remedy = "raise max_payload of nats-server, or set UMLAB_CACHE"
	return fmt.Sprintf("%s is %d bytes as it is sent, the queue takes %d: %s", e.What, e.Size, e.Most, remedy)
}

// ErrLost is the error of what is done with a task that is in other hands by now.
var ErrLost = errors.New("another worker has the task by now")
