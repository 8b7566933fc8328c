package runner

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"

	"umlab/harness/console"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/oracle"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/uml"
)

// built is a Builder that has built everything.
type built struct{}

func (built) Fork(_ context.Context, _ *kbuild.Baseline, r kbuild.Request, _ bool) (*kbuild.Product, bool, error) {
	p := &kbuild.Product{Key: "k", Linux: "linux", LinuxSum: "11", Modules: map[string]kbuild.Module{}}
	for _, m := range r.Cell.Modules {
		p.Modules[m.Path] = kbuild.Module{Path: m.Path, Sum: "22"}
	}
	return p, true, nil
}

func (built) Programs(context.Context, kmake.Base, scenario.Cell) (paths map[string]string, sums []string, err error) {
	return nil, nil, nil
}

// guests is a Booter whose modules load below 512 MiB, and where the one named
// fatal brings the machine down.
type guests struct {
	mu    sync.Mutex
	boots []uml.Spec
	fatal string
}

func (g *guests) Boot(_ context.Context, b uml.Spec) (*uml.Result, error) {
	g.mu.Lock()
	g.boots = append(g.boots, b)
	g.mu.Unlock()
	text := fmt.Sprintf("Linux version 9.9\nAdding %d bytes to physical memory to account for exec-shield gap\numlab: ready\n", 2<<20+len(b.Modules))
	step := 0
	say := func(verb, name, inside string, status int) {
		step++
		text += fmt.Sprintf("umlab[%d]: begin %s %s\n%sumlab[%d]: end %s %s status=%d\n", step, verb, name, inside, step, verb, name, status)
	}
	for _, m := range b.Modules {
		switch {
		case m.Name == g.fatal:
			text += fmt.Sprintf("umlab[%d]: begin insmod %s\nKernel panic - not syncing: Kernel mode fault at addr 0x8, ip 0x60000000\n", step+1, m.Name)
			return &uml.Result{Transcript: []byte(text), End: console.End{Kind: console.Panicked}, Command: "linux"}, nil
		case b.Mem >= 512<<20:
			say("insmod", m.Name, "subarch: "+m.Name+": Unknown rela relocation: 9\ninsmod: can't insert '/modules/"+m.Name+".ko': invalid module format\n", 1)
		default:
			say("insmod", m.Name, m.Name+": hello\n", 0)
			say("modules", m.Name, m.Name+" 4096 0 - Live 0x0000000064804000\n", 0)
			say("rmmod", m.Name, "", 0)
		}
	}
	return &uml.Result{Transcript: []byte(text), End: console.End{Kind: console.Halted}, Command: "linux"}, nil
}

// seer is an Oracle that predicts whatever it sees, and two boots around a
// threshold.
type seer struct {
	mu     sync.Mutex
	judged map[string]int // placement -> runs
}

func (s *seer) Judge(_ scenario.Cell, p *kbuild.Product, place scenario.Placement, run *result.Run) {
	s.mu.Lock()
	s.judged[place.Name]++
	s.mu.Unlock()
	for i := range run.Modules {
		o, yes := run.Modules[i].Outcome, true
		run.Modules[i].Outcome.Detail = "judged by " + p.Key
		run.Modules[i].Predicted, run.Modules[i].Agrees = &o, &yes
	}
}

func (s *seer) Thresholds(_ scenario.Cell, _ *kbuild.Product, cell result.Cell) []oracle.Threshold {
	if len(cell.Placements) < 2 {
		return nil
	}
	probe := func(mem int64) scenario.Placement {
		text := fmt.Sprintf("%dM", mem>>20)
		return scenario.Placement{Name: text, Mem: mem, MemText: text, Repeat: 1}
	}
	return []oracle.Threshold{{Threshold: result.Threshold{Modules: []string{"a"}, Mem: "512M", Base: "0x80000000"}, Probes: []scenario.Placement{probe(511 << 20), probe(512 << 20)}}}
}

func (s *seer) Confirm(t *result.Threshold) { t.Holds = len(t.Probes) == 2 }

func run(t *testing.T, st *store.Store, g *guests, s *seer, places ...scenario.Placement) result.Cell {
	t.Helper()
	c := scenario.Cell{Variant: scenario.Variant{ID: scenario.Stock}, Placements: places}
	for _, name := range []string{"a", "b", "c"} {
		c.Modules = append(c.Modules, scenario.Module{Name: name, Path: "m/" + name + ".ko", Output: regexp.MustCompile("^" + name + ": hello")})
	}
	r := &Runner{Builder: built{}, Booter: g, Guest: "guest", Store: st, Sink: progress.Discard{}, Jobs: 2}
	if s != nil {
		r.Oracle = s
	}
	cells, err := r.Run(t.Context(), Job{Baseline: &kbuild.Baseline{}, Cells: []scenario.Cell{c}})
	if err != nil {
		t.Fatal(err)
	}
	return cells[0]
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

var (
	low  = scenario.Placement{Name: "low", Mem: 64 << 20, MemText: "64M", Repeat: 2}
	high = scenario.Placement{Name: "high", Mem: 1 << 30, MemText: "1G", Repeat: 1}
)

// The boots that confirm a threshold are made, judged and kept as all others
// are; what the oracle says is not kept.
func TestThresholdsAreBooted(t *testing.T) {
	st, g := openStore(t), &guests{}
	for again := range 2 {
		s := &seer{judged: map[string]int{}}
		c := run(t, st, g, s, low, high)
		if len(g.boots) != 5 {
			t.Fatalf("run %d: %d boots in all, want 2 low, 1 high, 2 probes", again, len(g.boots))
		}
		if len(c.Thresholds) != 1 || !c.Thresholds[0].Holds || len(c.Thresholds[0].Probes) != 2 {
			t.Fatalf("%+v", c.Thresholds)
		}
		for name, n := range map[string]int{"low": 2, "high": 1, "511M": 1, "512M": 1} {
			if again == 0 {
				n *= 2 // once to know whether it counts
			}
			if s.judged[name] != n {
				t.Errorf("run %d: %s was judged %d times, want %d", again, name, s.judged[name], n)
			}
		}
		below, at := c.Thresholds[0].Probes[0].Runs[0], c.Thresholds[0].Probes[1].Runs[0]
		if below.Modules[0].Outcome.Kind != outcome.Loaded || at.Modules[0].Outcome.Kind != outcome.RelocationUnknown || below.Cached != (again == 1) {
			t.Errorf("run %d: below %+v, at %+v", again, below, at)
		}
		for _, p := range c.Booted() {
			for _, r := range p.Runs {
				if len(r.Boots) != 1 || !slices.Equal(r.Boots[0].Modules, []string{"a", "b", "c"}) || r.Boots[0].Gap == nil {
					t.Errorf("%s: boots %+v", p.Name, r.Boots)
				}
			}
		}
	}
	// Without an oracle, the same records hold nothing of one.
	c := run(t, st, g, nil, low, high)
	if m := c.Placements[0].Runs[0].Modules[0]; len(g.boots) != 5 || m.Predicted != nil || m.Agrees != nil || m.Outcome.Detail != "" || len(c.Thresholds) != 0 {
		t.Errorf("%d boots, %+v", len(g.boots), m)
	}
	if c := run(t, st, g, &seer{judged: map[string]int{}}, low); len(c.Thresholds) != 0 {
		t.Errorf("%+v", c.Thresholds)
	}
}

// Each boot of a run has its own modules and its own gap.
func TestBootsOfARun(t *testing.T) {
	g := &guests{fatal: "b"}
	r := run(t, openStore(t), g, nil, high, low).Placements[1].Runs[0]
	if len(r.Boots) != 2 || !slices.Equal(r.Boots[0].Modules, []string{"a", "b"}) || !slices.Equal(r.Boots[1].Modules, []string{"c"}) {
		t.Fatalf("boots %+v", r.Boots)
	}
	if a, b := *r.Boots[0].Gap, *r.Boots[1].Gap; a != 2<<20+3 || b != 2<<20+1 || *r.Gap != a {
		t.Errorf("gaps %d and %d, of the run %d", a, b, *r.Gap)
	}
	var kinds []outcome.Kind
	for _, m := range r.Modules {
		kinds = append(kinds, m.Outcome.Kind)
	}
	if !slices.Equal(kinds, []outcome.Kind{outcome.Loaded, outcome.Oops, outcome.Loaded}) {
		t.Errorf("%v", kinds)
	}
}

// What is kept of a run says which modules rmmod did not remove.
func TestRecordKeepsWhatStays(t *testing.T) {
	st := openStore(t)
	path, err := st.Bytes(t.Context(), []byte("console"))
	if err != nil {
		t.Fatal(err)
	}
	run := result.Run{Transcript: path, Modules: []result.Module{
		{Name: "a", Outcome: outcome.Outcome{Kind: outcome.InsmodFailed, Stays: true}}, {Name: "b", Outcome: outcome.Outcome{Kind: outcome.Loaded}}}}
	if err := st.Put("run", "k", run); err != nil {
		t.Fatal(err)
	}
	var kept result.Run
	if !st.Get("run", "k", &kept) {
		t.Fatal("nothing kept")
	}
	if _, there := st.Kept(kept.Transcript); !there || !kept.Modules[0].Outcome.Stays || kept.Modules[1].Outcome.Stays {
		t.Errorf("%v %+v", there, kept)
	}
}
