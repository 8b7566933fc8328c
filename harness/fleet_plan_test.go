package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/conclude"
	"umlab/harness/fleet"
	"umlab/harness/outcome"
	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
)

// memory is a queue whose workers answer at once, or never.
type memory struct {
	fleet.Queue
	work func(fleet.Task) *fleet.Answer // nil: never

	mu        sync.Mutex
	asked     []fleet.Task
	answers   map[string]fleet.Answer
	withdrawn []string
}

func (m *memory) Ask(_ context.Context, t fleet.Task) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, t)
	if a := m.work(t); a != nil {
		a.Key, a.Worker = t.Key, "host-1-abc"
		m.answers[t.Key] = *a
	}
	return true, nil
}

func (m *memory) Answer(_ context.Context, key string) (*fleet.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.answers[key]; ok {
		return &a, nil
	}
	return nil, nil
}

func (m *memory) Withdraw(_ context.Context, tasks []fleet.Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range tasks {
		m.withdrawn = append(m.withdrawn, t.Key)
	}
	return nil
}

func (m *memory) Forget(context.Context, string) error { return nil }

func (m *memory) Watch(context.Context) (<-chan string, error) { return make(chan string), nil }

func (m *memory) Queued(context.Context) (map[string]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	queued := map[string]bool{}
	for _, t := range m.asked {
		_, answered := m.answers[t.Key]
		queued[t.Key] = !answered
	}
	return queued, nil
}

func (m *memory) Workers(context.Context) ([]fleet.Worker, error) {
	return []fleet.Worker{{ID: "host-1-abc", Doing: []fleet.Doing{{Name: "stock of t with c", Now: "booting"}}}}, nil
}

// cells is what a worker says of a piece whose modules all load.
func cells(t *testing.T, l *Lab, task fleet.Task, change func(*reply)) *fleet.Answer {
	t.Helper()
	e, err := decode(task)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.plan(e.Flags)
	if err != nil {
		t.Fatal(err)
	}
	p, err = p.Snapshot(t.Context(), l.store, l.sink)
	if err != nil {
		t.Fatal(err)
	}
	p = p.Piece(p, e.Piece).Cut()
	r := &reply{Results: &result.Results{Scenario: p.Named(), Question: p.Asked, Tree: result.Tree{Name: "t", Version: "6.12", Digest: "1"},
		Toolchain: result.Toolchain{Name: "c", Digest: "2"}, Config: result.Config{Digest: "3"}, Kernel: &result.Kernel{}, Notes: []string{"frozen", "z " + task.Name}}, Seen: 1}
	loads := func(c scenario.Cell) result.Cell {
		out := result.Cell{ID: c.ID()}
		for _, place := range c.Placements {
			run := result.Run{Modules: []result.Module{}}
			for _, m := range c.Modules {
				run.Modules = append(run.Modules, result.Module{Name: m.Name, Outcome: outcome.Outcome{Kind: outcome.Loaded}})
			}
			out.Placements = append(out.Placements, result.Placement{Name: place.Name, Runs: []result.Run{run}})
		}
		return out
	}
	var seen []result.Cell
	for _, c := range p.Cells {
		seen = append(seen, loads(c))
	}
	r.Results.Cells = seen
	for _, c := range p.Controls {
		r.Results.Controls = append(r.Results.Controls, conclude.Control(c, append([]result.Cell{loads(c.Shown)}, seen...)))
	}
	conclude.Cells(r.Results, p.Scenario, p.Cells)
	if change != nil {
		change(r)
	}
	body, err := r.pack(nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return &fleet.Answer{Body: body}
}

// request is that of a plan whose tree and toolchain nobody has to know.
func requested(t *testing.T, l *Lab, f plan.Flags) *running {
	t.Helper()
	p, err := l.plan(f)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := p.Snapshot(t.Context(), l.store, l.sink)
	if err != nil {
		t.Fatal(err)
	}
	r := &request{plan: asked, pieces: asked.Pieces(), groups: asked.Groups(), controls: asked.ControlNames(), errand: errand{Flags: p.Flags}, version: "1 umlab"}
	for range r.groups {
		r.lanes = append(r.lanes, "lane")
	}
	return &running{request: r, of: p}
}

// Pieces are asked once each, the big ones first, and come to the results of the whole.
func TestPlannerPutsTogether(t *testing.T) {
	l := emptyLab(t)
	q := &memory{answers: map[string]fleet.Answer{}}
	q.work = func(task fleet.Task) *fleet.Answer { return cells(t, l, task, nil) }
	run := requested(t, l, plan.Flags{Command: "umlab matrix"})
	all := outcomes{}
	if err := (&planner{lab: l, queue: q}).finish(t.Context(), []*running{run}, all); err != nil {
		t.Fatal(err)
	}
	got := all[run.of]
	if got.err != nil {
		t.Fatal(got.err)
	}
	var ids []string
	for _, c := range got.results.Cells {
		ids = append(ids, c.ID)
	}
	if d := cmp.Diff(run.of.CellIDs(), ids); d != "" {
		t.Error(d)
	}
	r := got.results
	if r.Command != "umlab matrix" || len(r.Controls) != 2 || r.Controls[0].Name != "known-reject" || r.Exit != result.ExitInfra ||
		!strings.HasPrefix(r.Infra, "control known-reject: ") || r.Totals.Cells != len(ids) || r.Next == "" {
		t.Errorf("%+v", r)
	}
	notes := strings.Join(r.Notes, "\n")
	if want := strings.Join(append(run.of.Notes, "frozen", "z pie-kernel@module of debian-6.12 with trixie"), "\n"); !strings.HasPrefix(notes, want) {
		t.Errorf("notes\n%s\nwant\n%s…", notes, want)
	}
	if len(q.asked) != len(run.of.Pieces()) || len(q.withdrawn) > 0 {
		t.Errorf("%d asked, withdrawn %v", len(q.asked), q.withdrawn)
	}
	for i, task := range q.asked[1:] {
		if task.Weight > q.asked[i].Weight {
			t.Errorf("%s is asked after %s", task.Name, q.asked[i].Name)
		}
	}
}

// What goes wrong with a piece is told of its plan, as what it is.
func TestPlannerTells(t *testing.T) {
	l := emptyLab(t)
	for name, c := range map[string]struct {
		work func(fleet.Task) *fleet.Answer
		want string
		exit int
	}{
		"unfit": {func(task fleet.Task) *fleet.Answer {
			return cells(t, l, task, func(r *reply) {
				*r = reply{Failed: failureOf(&toolchain.UnfitError{Tree: "t", Reasons: []string{"rustc is too old"}, Nearest: "sid"})}
			})
		}, "it cannot build t: rustc is too old; the nearest that would: -toolchain=sid", result.ExitUsage},
		"foreign": {func(task fleet.Task) *fleet.Answer {
			return cells(t, l, task, func(r *reply) {
				*r = reply{Failed: failureOf(&scenario.TreeError{Scenario: "s", Tree: "t", Version: "7.3", Err: errors.New("hunk 1")})}
			})
		}, "scenario s is not for tree t (7.3): one of its patches does not fit\nhunk 1", result.ExitUsage},
		"contradiction": {func(task fleet.Task) *fleet.Answer {
			return cells(t, l, task, func(r *reply) {
				if strings.HasPrefix(task.Name, "static-large") {
					r.Results.Tree.Digest = "9"
				}
			})
		}, "stock by host-1-abc and static-large@module by host-1-abc do not belong together: the tree is t 6.12 1 [] for the one and t 6.12 9 [] for the other", result.ExitInfra},
		"all infra": {func(fleet.Task) *fleet.Answer { return &fleet.Answer{Infra: "no space left on device"} }, "stock: no space left on device", result.ExitInfra},
		"nonsense":  {func(fleet.Task) *fleet.Answer { return &fleet.Answer{Body: []byte("{}")} }, "the answer of host-1-abc says nothing", result.ExitInfra},
	} {
		run, all := requested(t, l, plan.Flags{}), outcomes{}
		err := (&planner{lab: l, queue: &memory{answers: map[string]fleet.Answer{}, work: c.work}}).finish(t.Context(), []*running{run}, all)
		if err == nil {
			err = all[run.of].err
		}
		if err == nil || err.Error() != c.want || ExitCode(err) != c.exit {
			t.Errorf("%s: %v, exit %d; want %s, exit %d", name, err, ExitCode(err), c.want, c.exit)
		}
	}
	var unfit *toolchain.UnfitError
	if err := failureOf(&toolchain.UnfitError{Nearest: "sid"}).err(); !errors.As(err, &unfit) || unfit.Nearest != "sid" {
		t.Errorf("%v", err)
	}
	if failureOf(errors.New("disk")) != nil || failureOf(context.Canceled) != nil {
		t.Error("a fault of a machine is told as one of the plan")
	}
}

// A cell that no worker could do is one of the table, which proves nothing.
func TestPlannerKeepsTheRest(t *testing.T) {
	l := emptyLab(t)
	q := &memory{answers: map[string]fleet.Answer{}}
	q.work = func(task fleet.Task) *fleet.Answer {
		if strings.HasPrefix(task.Name, "stock ") {
			return &fleet.Answer{Infra: "no space left on device"}
		}
		return cells(t, l, task, nil)
	}
	run, all := requested(t, l, plan.Flags{}), outcomes{}
	if err := (&planner{lab: l, queue: q}).finish(t.Context(), []*running{run}, all); err != nil {
		t.Fatal(err)
	}
	r := all[run.of].results
	if r == nil || r.Exit != result.ExitInfra || r.Infra != "no space left on device" || r.Cells[0].Verdict != result.Unknown || r.Cells[1].Verdict != result.Loads {
		t.Errorf("%+v, %v", r, all[run.of].err)
	}
}

// An interrupt takes out of the queue what was put into it.
func TestPlannerLeaves(t *testing.T) {
	l := emptyLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	q := &memory{answers: map[string]fleet.Answer{}}
	run := requested(t, l, plan.Flags{})
	q.work = func(fleet.Task) *fleet.Answer {
		if len(q.asked) == len(run.pieces) {
			cancel()
		}
		return nil
	}
	if err := (&planner{lab: l, queue: q}).finish(ctx, []*running{run}, outcomes{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(q.withdrawn) != len(q.asked) || len(q.asked) != len(run.pieces) {
		t.Errorf("%d asked, %d withdrawn", len(q.asked), len(q.withdrawn))
	}
}

// The key of a piece is that of all that decides its answer, and of nothing else.
func TestPieceKeys(t *testing.T) {
	l := emptyLab(t)
	key := func(change func(*request)) string {
		r := requested(t, l, plan.Flags{}).request
		if change != nil {
			change(r)
		}
		task, err := r.task(0)
		if err != nil {
			t.Fatal(err)
		}
		return task.Key
	}
	first := key(nil)
	if key(nil) != first {
		t.Error("the same piece has another key")
	}
	for name, change := range map[string]func(*request){
		"another piece": func(r *request) { r.pieces[0] = r.pieces[1] }, "another tree": func(r *request) { r.errand.Pin = "tree 1" },
		"another umlab": func(r *request) { r.version = "1 umlab 2" }, "files": func(r *request) { r.errand.Files = []byte("x") },
		"memory": func(r *request) { r.errand.Flags.Select.Mem = []string{"512M"} }, "once": func(r *request) { r.errand.Once = "a" },
	} {
		if key(change) == first {
			t.Errorf("%s has the same key", name)
		}
	}
}

// A scenario of the user's goes with its files: it is the same plan where there are none of them.
func TestErrandIsWhole(t *testing.T) {
	l := emptyLab(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	l.project = os.DirFS(root)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"mine.toml": "schema = \"umlab.scenario/v1\"\nname = \"mine\"\ntitle = \"mine\"\ntree = \"debian-6.12\"\ntoolchain = \"trixie\"\n" +
			"fragments = [\"uml.config\", \"own.config\"]\n[[step]]\nname = \"one\"\nc = \"one.c\"\n[[expect]]\nstep = \"one\"\noutcome = \"passed\"\n",
		"own.config": "CONFIG_FUTEX=y\n", "more.config": "CONFIG_SYSFS=y\n", "mine/one.c": "int main(void) { return 0; }\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := l.plan(plan.Flags{Scenario: "./mine.toml", Fragments: []string{"more.config"}})
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Parcel()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if _, err := l.plan(p.Flags); err == nil {
		t.Error("the files are here")
	}
	there := l.library()
	if there.Files, err = parcel.Open(files); err != nil {
		t.Fatal(err)
	}
	q, err := plan.New(there, l.sources, p.Flags)
	if err != nil {
		t.Fatal(err)
	}
	one, err := p.Snapshot(t.Context(), l.store, l.sink)
	if err != nil {
		t.Fatal(err)
	}
	two, err := q.Snapshot(t.Context(), l.store, l.sink)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := one.Key()
	if b, _ := two.Key(); a != b || one.Asked.Digest != two.Asked.Digest || !slices.Equal(one.Fragments, two.Fragments) {
		t.Errorf("%+v and %+v, fragments %v and %v", one.Asked, two.Asked, one.Fragments, two.Fragments)
	}
}
