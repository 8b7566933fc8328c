package jetstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"umlab/harness/fleet"
	"umlab/harness/store"
)

// The tests of faults_*_test.go have a fleet of real processes: this test binary again, as a server, a worker or a planner. What they
// do to it is drawn from the number of the round. Each holds that every task then has exactly one answer, that nobody ran one twice but for
// what was done to it, and that nothing stays behind.

// roleEnv says what a child is; its arguments are those of the role.
const roleEnv = "UMLAB_FLEET_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	go func() { // its parent died
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	roles := map[string]func(part) error{"server": serverRole, "worker": workerRole, "planner": plannerRole, "alone": aloneRole}
	if err := roles[role](partOf(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// part is what a child is told.
type part struct {
	Conf string // server: its configuration
	URL  string // of the server
	Dir  string // where all note what they do, and where baselines lie
	ID   string

	Takes   time.Duration // worker: the longest that a task takes
	Differs bool          // worker: its verdicts are not those of the others
	Clock   time.Duration // by which its clock is wrong
	Tasks   int           // planner
}

func partOf(text string) (p part) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	return p
}

func serverRole(p part) error {
	opts, err := server.ProcessConfigFile(p.Conf)
	if err != nil {
		return err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return nil
}

// baselines is how many there are.
const baselines = 5

// faultTask is the n-th of a test of faults.
func faultTask(n int) fleet.Task {
	t := task(n)
	t.Baseline = fmt.Sprint(n % baselines)
	return t
}

// note writes a line into one of the files of all, whole.
func (p part) note(file, format string, args ...any) error {
	f, err := os.OpenFile(filepath.Join(p.Dir, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, format+"\n", args...)
	return errors.Join(err, f.Close())
}

func (p part) open(ctx context.Context) (*Queue, error) {
	if err := shiftClock(p.Clock); err != nil {
		return nil, err
	}
	return Open(ctx, Options{Where: p.URL, Say: func(s string) { _ = p.note("said", "%s: %s", p.ID, s) }})
}

func workerRole(p part) error {
	q, err := p.open(context.Background())
	if err != nil {
		return err
	}
	return p.work(q).Loop(context.Background())
}

// work is what a worker does.
func (p part) work(q *Queue) *fleet.Work {
	return &fleet.Work{
		Queue:  q,
		Worker: fleet.Worker{ID: p.ID, Version: "umlab 1", Capabilities: []string{"any"}, Slots: 2},
		Say:    func(s string) { _ = p.note("said", "%s: %s", p.ID, s) },
		Run: func(ctx context.Context, t fleet.Task, now func(string)) (fleet.Answer, error) {
			if err := p.baseline(ctx, q, t.Baseline); err != nil {
				return fleet.Answer{}, err
			}
			now("booting")
			if err := p.note("runs", "%s %s", t.Name, p.ID); err != nil {
				return fleet.Answer{}, err
			}
			if err := sleep(ctx, time.Duration(rand.Int64N(int64(p.Takes)))); err != nil {
				return fleet.Answer{}, err
			}
			a := fleet.Answer{Verdict: "v", Body: t.Body}
			if p.Differs {
				a.Verdict = "another"
			}
			return a, nil
		},
	}
}

// aloneRole is umlab with -join=local: queue, worker and planner in one process.
func aloneRole(p part) error {
	st, err := store.Open(filepath.Join(p.Dir, "home"))
	if err != nil {
		return err
	}
	defer st.Close()
	q, err := Open(context.Background(), Options{Where: Local, Store: st, Say: func(s string) { _ = p.note("said", "%s: %s", p.ID, s) }})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.work(q).Loop(ctx) }()
	err = plan(ctx, q, p.Tasks, func(a fleet.Answer) error {
		return p.note("answers-"+p.ID, "%s %s %q", a.Key, a.Infra, a.Body)
	}, nil)
	cancel()
	return errors.Join(err, <-ended, q.Close())
}

// baseline is built once, by whoever has the lease.
func (p part) baseline(ctx context.Context, q *Queue, name string) error {
	there := filepath.Join(p.Dir, "baseline-"+name)
	if _, err := os.Stat(there); err == nil {
		return nil
	}
	lease, ok, err := q.Lease(ctx, name, p.ID)
	if err != nil {
		return err
	}
	if !ok {
		return fleet.ErrNotNow
	}
	defer lease.Release(context.WithoutCancel(ctx))
	if _, err := os.Stat(there); err == nil {
		return nil
	}
	if err := p.note("builds", "%s %s", name, p.ID); err != nil {
		return err
	}
	if err := sleep(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	return os.WriteFile(there, nil, 0o644)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// plan has n tasks done, and is told the answers.
func plan(ctx context.Context, q *Queue, n int, got func(fleet.Answer) error, say func(string)) error {
	p := &fleet.Planner{
		Queue: q, Got: got, Say: say,
		Tasks: func(yield func(fleet.Task) bool) {
			for i := range n {
				if !yield(faultTask(i)) {
					return
				}
			}
		},
	}
	return p.Run(ctx)
}

func plannerRole(p part) error {
	q, err := p.open(context.Background())
	if err != nil {
		return err
	}
	return plan(context.Background(), q, p.Tasks, func(a fleet.Answer) error {
		return p.note("answers-"+p.ID, "%s %s %q", a.Key, a.Infra, a.Body)
	}, nil)
}

// child is a process of a fleet.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer // it dies when this is closed
	out   *bytes.Buffer
	ended chan error
}

func start(t *testing.T, role string, p part) *child {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0], string(text)), out: &bytes.Buffer{}, ended: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), roleEnv+"="+role)
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() && c.out.Len() > 0 {
			t.Logf("%s %s:\n%s", role, p.ID, c.out)
		}
	})
	return c
}

// kill is kill -9.
func (c *child) kill() { c.end(syscall.SIGKILL) }

// end sends a signal that ends it, and waits for that.
func (c *child) end(s syscall.Signal) {
	_ = c.cmd.Process.Signal(s) // it may have ended
	err := <-c.ended
	c.ended <- err
}

// fleetOf is servers, and what the others leave in a directory.
type fleetOf struct {
	t       *testing.T
	part    part
	confs   []string
	urls    []string
	servers []*child
	q       *Queue
	workers map[string]*child
	next    int
	deaths  int // of what had tasks
}

// ports are free ones.
func ports(t *testing.T, n int) (list []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().(*net.TCPAddr).Port)
	}
	return list
}

// newFleet starts so many servers; three are a cluster, which keeps everything three times.
func newFleet(t *testing.T, servers int) *fleetOf {
	t.Helper()
	if testing.Short() {
		t.Skip("a fleet of processes")
	}
	t.Parallel()
	f := &fleetOf{t: t, part: part{Dir: t.TempDir(), Takes: 100 * time.Millisecond}, workers: map[string]*child{}}
	client, cluster := ports(t, servers), ports(t, servers)
	var routes []string
	for _, p := range cluster {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", p))
	}
	for i := range servers {
		conf := fmt.Sprintf("server_name: n%d\nlisten: 127.0.0.1:%d\nlog_file: %q\njetstream { store_dir: %q, sync_interval: always }\n",
			i, client[i], filepath.Join(f.part.Dir, fmt.Sprintf("log-%d", i)), f.storeDir(i))
		if servers > 1 {
			conf += fmt.Sprintf("cluster { name: umlab, listen: 127.0.0.1:%d, routes: [%s] }\n", cluster[i], strings.Join(routes, ", "))
		}
		path := filepath.Join(f.part.Dir, fmt.Sprintf("server-%d.conf", i))
		if err := os.WriteFile(path, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		f.confs = append(f.confs, path)
		f.urls = append(f.urls, fmt.Sprintf("nats://127.0.0.1:%d", client[i]))
		f.servers = append(f.servers, start(t, "server", part{Conf: path}))
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(f.part.Dir, "said")); err == nil && t.Failed() {
			t.Logf("what was said:\n%s", text)
		}
	})
	f.part.URL = strings.Join(f.urls, ",")
	f.up()
	f.q = f.queue(Options{Where: f.part.URL, Replicas: servers})
	return f
}

func (f *fleetOf) storeDir(i int) string {
	return filepath.Join(f.part.Dir, fmt.Sprintf("store-%d", i))
}

// up waits until all servers can be reached.
func (f *fleetOf) up() {
	f.t.Helper()
	for _, u := range f.urls {
		until(f.t, "server at "+u, func() bool {
			c, err := net.Dial("tcp", strings.TrimPrefix(u, "nats://"))
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		})
	}
}

// restart kills a server, or now and then ends it in good order, and starts it again after a moment; lost takes all that it had.
func (f *fleetOf) restart(i int, rnd *rand.Rand, lost bool) {
	f.t.Helper()
	if rnd.IntN(3) == 0 {
		f.servers[i].end(syscall.SIGTERM)
	} else {
		f.servers[i].kill()
	}
	time.Sleep(time.Duration(rnd.Int64N(int64(time.Second))))
	if lost {
		if err := os.RemoveAll(f.storeDir(i)); err != nil {
			f.t.Fatal(err)
		}
	}
	f.servers[i] = start(f.t, "server", part{Conf: f.confs[i]})
}

func (f *fleetOf) queue(o Options) *Queue {
	f.t.Helper()
	o.Say = func(s string) { _ = f.part.note("said", "test: %s", s) }
	q, err := Open(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = q.Close() })
	return q
}

// work starts a worker.
func (f *fleetOf) work(change func(*part)) (id string) {
	f.t.Helper()
	p := f.part
	p.ID = fmt.Sprintf("w%d", f.next)
	f.next++
	if change != nil {
		change(&p)
	}
	f.workers[p.ID] = start(f.t, "worker", p)
	return p.ID
}

// killWorker kills one of the workers.
func (f *fleetOf) killWorker(rnd *rand.Rand) {
	f.t.Helper()
	ids := slices.Sorted(mapKeys(f.workers))
	id := ids[rnd.IntN(len(ids))]
	f.workers[id].kill()
	delete(f.workers, id)
	f.deaths++
}

func mapKeys(m map[string]*child) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// planning is a planner of this process.
type planning struct {
	mu   sync.Mutex
	got  map[string]fleet.Answer
	err  error
	done chan struct{}
}

// plan begins to have n tasks done.
func (f *fleetOf) plan(n int) *planning {
	p := &planning{got: map[string]fleet.Answer{}, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = plan(f.t.Context(), f.q, n, func(a fleet.Answer) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if _, twice := p.got[a.Key]; twice {
				return fmt.Errorf("the answer of %s was told twice", a.Key)
			}
			p.got[a.Key] = a
			return nil
		}, func(s string) { _ = f.part.note("said", "planner: %s", s) })
	}()
	return p
}

func (p *planning) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// until waits for what has to come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1200 {
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: not within two minutes", what)
}

// noted counts the lines of a file by their first words.
func (f *fleetOf) noted(file string, words int) (n int, by map[string]int) {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.part.Dir, file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	by = map[string]int{}
	for line := range strings.Lines(string(text)) {
		by[strings.Join(strings.Fields(line)[:words], " ")]++
		n++
	}
	return n, by
}

// extra is how often that something may have happened in addition to once, as each death takes what its worker was at.
func (f *fleetOf) extra() int { return 2 * f.deaths }

// check waits for the planner, and looks at everything that there is then.
func (f *fleetOf) check(n int, p *planning) {
	t := f.t
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(5 * time.Minute):
		s, err := f.q.Status(t.Context())
		t.Fatalf("the planner has %d answers of %d after five minutes; the queue has %+v, %v", len(p.got), n, s, err)
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	for i := range n {
		want := faultTask(i)
		if a, ok := p.got[want.Key]; !ok || a.Infra != "" || !bytes.Equal(a.Body, want.Body) {
			t.Errorf("%s: %+v", want.Name, a)
		}
	}
	ctx := t.Context()
	until(t, "the queue is empty", func() bool {
		s, err := f.q.Status(ctx)
		return err == nil && s.Waiting+s.Running == 0
	})
	s, err := f.q.Status(ctx)
	if err != nil || s.Answers != n || len(p.got) != n {
		t.Errorf("%d tasks have %d answers, of which the planner saw %d; %v", n, s.Answers, len(p.got), err)
	}
	runs, tasks := f.noted("runs", 2)
	builds, built := f.noted("builds", 1)
	t.Logf("%d tasks, %d answers, %d runs; %d baselines, %d builds; %d deaths", n, s.Answers, runs, len(built), builds, f.deaths)
	if len(tasks) != n || runs > n+f.extra() {
		t.Errorf("%d tasks were run %d times, with %d deaths", len(tasks), runs, f.deaths)
	}
	if len(built) != min(n, baselines) || builds > baselines+f.extra() {
		t.Errorf("%d baselines were built %d times, with %d deaths", len(built), builds, f.deaths)
	}
	for id, w := range f.workers {
		select {
		case err := <-w.ended:
			t.Errorf("worker %s ended by itself: %v", id, err)
			w.ended <- err
		default:
		}
		w.kill()
		delete(f.workers, id)
	}
	if !long() {
		return // the rest is half a minute of waiting
	}
	until(t, "dead workers and their leases are forgotten", func() bool {
		workers, err := f.q.Workers(ctx)
		if err != nil || len(workers) > 0 {
			return false
		}
		var keys []string
		for i := range baselines {
			keys = append(keys, strconv.Itoa(i))
		}
		held, err := f.q.Leased(ctx, keys...)
		return err == nil && !slices.ContainsFunc(keys, func(k string) bool { return held[k] })
	})
}

// noNews checks that nothing was answered in two ways.
func (f *fleetOf) noNews() {
	f.t.Helper()
	if news, err := f.q.News(f.t.Context()); err != nil || len(news) > 0 {
		f.t.Errorf("news %+v, %v", news, err)
	}
}

// rounds is how often a fault is tried: a handful, or with `test -long` as often as asked for.
func rounds(most int) int {
	if long() {
		return most
	}
	return min(most, 5)
}

func long() bool { return os.Getenv("UMLAB_TEST_LONG") != "" }

// onlyLong skips what takes minutes.
func onlyLong(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skip("long: go tool mage test -long runs it")
	}
}
