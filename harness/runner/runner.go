// Package runner schedules the builds and boots of a matrix over CPU and memory
// slots and journals every result, so that nothing is done twice and a killed
// run resumes. It may import oracle, kbuild, uml, console, loader, scenario,
// outcome, result, store and progress, and never prints a report.
package runner

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"umlab/harness/console"
	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/kmsg"
	"umlab/harness/outcome"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/uml"
)

// Builder makes the binaries of a variant and the programs of steps. See kbuild.Builder.
type Builder interface {
	Fork(ctx context.Context, bl *kbuild.Baseline, r kbuild.Request, fresh bool) (p *kbuild.Product, hit bool, err error)
	Programs(ctx context.Context, base kmake.Base, c scenario.Cell) (paths map[string]string, sums []string, err error)
}

// Booter boots a kernel and handles the modules over its console. An error is the
// machine's fault; whatever the guest did is in the result. See uml.Booter.
type Booter interface {
	Boot(ctx context.Context, s uml.Spec) (*uml.Result, error)
}

// Runner runs cells.
type Runner struct {
	Builder Builder
	Booter  Booter
	Guest   string              // names everything of the guest that decides results besides the kernel and the modules
	Oracle  Oracle              // nil: nothing is predicted
	Formats func() kmsg.Formats // what the tree's loader can print, asked once something is booted; nil: only the usual is known
	Store   *store.Store
	Sink    progress.Sink
	Jobs    int    // CPU slots; 0: one per CPU
	Slots   *Slots // that it shares with other runs; nil: Jobs of its own
}

// Slots are the CPUs and the memory that runs share.
type Slots struct {
	cpu    *semaphore.Weighted
	cpus   int64
	memory *semaphore.Weighted // bytes that guests may have together
}

// NewSlots are so many CPUs, 0 for all, and the machine's memory.
func NewSlots(cpus int) *Slots {
	if cpus <= 0 {
		cpus = runtime.NumCPU()
	}
	return &Slots{semaphore.NewWeighted(int64(cpus)), int64(cpus), newMemory()}
}

// All takes all CPUs, for what uses as many as there are, until release is called.
func (s *Slots) All(ctx context.Context) (release func(), err error) { return s.some(ctx, s.cpus, 0) }

// some takes CPUs, and bytes of memory.
func (s *Slots) some(ctx context.Context, cpus, memory int64) (release func(), err error) {
	if err := s.cpu.Acquire(ctx, cpus); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := s.memory.Acquire(ctx, memory); err != nil {
		s.cpu.Release(cpus)
		return nil, context.Cause(ctx)
	}
	return func() { s.memory.Release(memory); s.cpu.Release(cpus) }, nil
}

// Job is a matrix to run.
type Job struct {
	Baseline *kbuild.Baseline
	Cells    []scenario.Cell // each with its placements and modules
	Fresh    bool            // build forks and boot again, whatever the store holds
}

// version is raised when the same boot would be recorded otherwise.
const version = "6"

// Run builds and boots all cells of j and returns them in its order. Errors of
// single cells do not keep the others from running: what could not be found out
// is an infra outcome of the cell, and the errors are returned together.
func (r *Runner) Run(ctx context.Context, j Job) ([]result.Cell, error) {
	s := &session{Runner: r, job: j, Slots: r.Slots}
	if s.Slots == nil {
		s.Slots = NewSlots(r.Jobs)
	}
	s.total.Store(int64(boots(j)))
	s.task = r.Sink.Start("build and boot cells", progress.Boots, s.total.Load())
	cells := make([]result.Cell, len(j.Cells))
	err := each(len(cells), func(i int) (err error) {
		cells[i], err = s.cell(ctx, j.Cells[i])
		return err
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.task.Done(err)
	return cells, err
}

// each does n things beside each other; the error has all that went wrong.
func each(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return multierror.Append(nil, errs...).ErrorOrNil()
}

func boots(j Job) (n int) {
	for _, c := range j.Cells {
		for _, p := range c.Placements {
			n += p.Repeat
		}
	}
	return n
}

type session struct {
	*Runner
	*Slots
	job   Job
	task  progress.Task
	total atomic.Int64 // boots that are known to be made
}

func (s *session) cell(ctx context.Context, c scenario.Cell) (result.Cell, error) {
	out := result.Cell{ID: c.ID(), Variant: Variant(c)}
	req := kbuild.Request{Cell: c, Jobs: 1}
	// Builds of the whole kernel are worth all slots, one after the other; those
	// of modules run beside each other and beside boots.
	weight := int64(1)
	if !c.ModulesOnly() {
		weight, req.Jobs = s.cpus, 0
	}
	var targets []string
	for _, m := range c.Modules {
		if m.External == nil {
			targets = append(targets, m.Path)
		}
	}
	out.Build.Flags = c.Variant.Requested()
	base := s.job.Baseline.Base
	out.Build.Command = strings.Join(append([]string{base.ByHand(c, targets...)}, base.ExternalByHand(c)...), " && ")
	release, err := s.some(ctx, weight, 0)
	if err != nil {
		return out, err
	}
	p, hit, err := s.Builder.Fork(ctx, s.job.Baseline, req, s.job.Fresh)
	release()
	if err != nil {
		out.Build.Outcome = &outcome.Outcome{Kind: outcome.Infra, Evidence: err.Error(), Detail: "the build could not be run"}
		return out, fmt.Errorf("build %s: %w", c.ID(), err)
	}
	out.Build.Seconds, out.Build.Cached, out.Build.Log, out.Build.Outcome = p.Seconds, hit, p.Log, p.Outcome
	out.Build.Effective = p.Effective
	out.Build.Signature = map[string]string{"linux": p.LinuxSum}
	for _, m := range c.Modules {
		out.Build.Signature[m.Name] = p.Modules[m.Path].Sum
	}
	if p.Outcome != nil {
		for _, place := range c.Placements {
			s.task.Add(int64(place.Repeat))
		}
		return out, nil
	}
	c.Modules = p.InOrder(c.Modules)
	out.Build.Relocations = relocations(c, p)
	out.Placements, err = s.places(ctx, c, c.Placements, p)
	if s.Oracle != nil && err == nil {
		err = s.confirm(ctx, c, p, &out)
	}
	return out, err
}

// places makes all boots of a cell at the given placements.
func (s *session) places(ctx context.Context, c scenario.Cell, places []scenario.Placement, p *kbuild.Product) ([]result.Placement, error) {
	out := make([]result.Placement, len(places))
	err := each(len(places), func(i int) error {
		place := places[i]
		out[i] = result.Placement{Name: place.Name, Mem: place.MemText, ASLR: place.ASLR, Confidence: place.Confidence}
		return s.repeat(place, &out[i], func(n int) (err error) {
			run := &out[i].Runs[n]
			*run, err = s.run(ctx, c, place, n, p)
			if s.Oracle != nil {
				s.Oracle.Judge(c.Alone(), p, place, run)
			}
			s.task.Add(1)
			return err
		})
	})
	return out, err
}

// repeat makes the runs of a placement with do, each by its index: as many as it says, or, where a confidence is wanted, until
// they tell the rate of each outcome.
func (s *session) repeat(place scenario.Placement, out *result.Placement, do func(n int) error) error {
	for more := place.Repeat; more > 0; {
		from := len(out.Runs)
		out.Runs = append(out.Runs, make([]result.Run, more)...)
		if err := each(more, func(n int) error { return do(from + n) }); err != nil || place.Confidence == 0 || out.Settled(place.Confidence) {
			return err
		}
		more = min(runsAtOnce, mostRuns-len(out.Runs))
		s.task.Total(s.total.Add(int64(max(more, 0))))
	}
	return nil
}

// Runs that are made before it is looked at whether they are enough, and in all: at 99 %, some 160 are.
const runsAtOnce, mostRuns = 5, 400

// run makes one run of a cell, or finds its record.
func (s *session) run(ctx context.Context, c scenario.Cell, place scenario.Placement, n int, p *kbuild.Product) (result.Run, error) {
	name := c.ID() + ":" + place.Name
	kernel := []string{version, s.Guest, p.LinuxSum, strconv.FormatInt(place.Mem, 10), strconv.FormatBool(place.ASLR)}
	parts := slices.Concat([]string{"run"}, kernel, []string{strconv.Itoa(n)})
	t, err := s.take(ctx, c, p)
	if err != nil {
		return infra(c, err), err
	}
	var modules []uml.Module
	in := outcome.Input{Steps: t.Wanted, Output: map[string]*regexp.Regexp{}, Silent: map[string]bool{}, Unsure: map[string]bool{}}
	tried := c.Tried()
	for _, m := range c.Modules {
		built := p.Modules[m.Path]
		var needs []uml.Module
		for _, n := range p.Needed(c.Modules, m) {
			needs = append(needs, uml.Module{Name: n.Name, Path: p.Modules[n.Path].Path, Params: n.Params})
			parts = append(parts, "needs", p.Modules[n.Path].Sum)
		}
		if slices.ContainsFunc(tried, func(t scenario.Module) bool { return t.Name == m.Name }) {
			modules = append(modules, uml.Module{Name: m.Name, Path: built.Path, Params: m.Params, Needs: needs})
		}
		output := m.Output
		if output == nil && !m.Silent {
			if output, err = built.Prints(); err != nil {
				return infra(c, err), err
			}
			in.Unsure[m.Name] = output != nil
		}
		if output == nil {
			output, in.Silent[m.Name] = regexp.MustCompile("^$"), true // no line that says anything
		}
		parts = append(parts, m.Name, built.Sum, strings.Join(m.Params, "\x00"), output.String())
		if in.Unsure[m.Name] {
			parts = append(parts, "unsure")
		}
		in.Output[m.Name] = output
	}
	if extra := c.Variant.Params(); len(extra) > 0 {
		parts = append(append(parts, "extra"), extra...)
	}
	parts = append(parts, t.parts...)
	key := store.Key(parts...)
	unlock, err := s.Store.Lock(ctx, "run-"+key)
	if err != nil {
		return infra(c, err), err
	}
	defer unlock()
	var kept result.Run
	boots := s.boots(store.Key(slices.Concat([]string{"boots"}, kernel, c.Variant.Params())...))
	if !s.job.Fresh && s.Store.Get("run", key, &kept) && !(shows(kept, outcome.BootFailed) && boots(attempt{Run: kept})) {
		kept.Cached = true
		if transcript, there := s.Store.Kept(kept.Transcript); there { // else it is gone, and so is the proof
			kept.Transcript = transcript
			return kept, nil
		}
	}
	release, err := s.some(ctx, 1, reserve(place.Mem))
	if err != nil {
		return infra(c, err), err
	}
	defer release()
	s.task.Status(name)
	run, err := sure(func() (attempt, error) { return s.boot(ctx, c, t, modules, in, place, p) },
		func(run result.Run) (all, contradicted bool) { return s.foreseen(c.Alone(), p, place, run) }, boots)
	if err != nil {
		return infra(c, err), fmt.Errorf("boot %s: %w", name, err)
	}
	// What the machine spoiled is tried again the next time.
	if !shows(run, outcome.Infra) {
		err = s.Store.Put("run", key, run)
	}
	return run, err
}

// boot boots until every module was tried and the steps were taken: a module that
// brings the machine down, or leaves it in doubt, keeps what is behind it from
// being tried in that boot.
// The transcripts stand one behind the other, and offsets count from the first.
// in says what the modules print.
func (s *session) boot(
	ctx context.Context, c scenario.Cell, t taken, modules []uml.Module, in outcome.Input, place scenario.Placement, p *kbuild.Product,
) (run attempt, err error) {
	t.Steps = slices.Clone(t.Steps)
	var transcript []byte
	rest, took := modules, len(t.Wanted) == 0
	for len(rest) > 0 || !took {
		booted, err := s.Booter.Boot(ctx, uml.Spec{Kernel: p.Linux, Modules: rest, Steps: t.Steps, Finds: t.Finds, Loads: t.Loads,
			Mem: place.Mem, ASLR: place.ASLR, Extra: c.Variant.Params(), Within: t.Within})
		if err != nil {
			return run, err
		}
		in.Transcript, in.End, in.Modules = booted.Transcript, end(booted.End), nil
		if s.Formats != nil {
			in.Loader = s.Formats()
		}
		run.cut = run.cut || booted.End.Kind != console.Halted
		var at []int // of each module, in what is judged
		for _, m := range rest {
			for _, n := range m.Needs { // an insmod of its own
				in.Modules = append(in.Modules, n.Name)
			}
			at, in.Modules = append(at, len(in.Modules)), append(in.Modules, m.Name)
		}
		classified := outcome.Classify(in)
		run.ready = run.ready || classified.Boot.Ready
		if run.Command == "" {
			run.Command, run.Kernel, run.Gap = booted.Command, classified.Boot.Kernel, classified.Boot.Gap
		}
		took = took || t.took(&run.Run, c, in, classified, int64(len(transcript)), len(rest) == 0)
		boot := result.Boot{Modules: []string{}, Gap: classified.Boot.Gap}
		var left []uml.Module
		for i, tried := range rest {
			m := classified.Modules[at[i]]
			needs := classified.Modules[at[i]-len(tried.Needs) : at[i]]
			// The first module of a boot is judged in any case: a boot that does
			// not even come to it shows nothing new when it is made again.
			if i > 0 && (!m.Reached || m.Outcome.Kind == outcome.Unproved) {
				left = append(left, tried)
				continue
			}
			if n := slices.IndexFunc(needs, stopped); n >= 0 && !m.Reached {
				m.Outcome = needs[n].Outcome
				m.Outcome.Address = ""
				m.Outcome.Detail = strings.TrimSpace(fmt.Sprintf("While %s was loaded, which it needs. %s", needs[n].Name, m.Outcome.Detail))
			}
			if m.Outcome.Kind == outcome.Unproved {
				why := fmt.Sprintf("the boot was cut short (%s %s) and no line says why", in.End.Kind, in.End.Status)
				m.Outcome = outcome.Outcome{Kind: outcome.Infra, Detail: why}
			}
			m.Outcome.Offset += int64(len(transcript))
			run.Modules = append(run.Modules, result.Module{Name: m.Name, Outcome: m.Outcome})
			boot.Modules = append(boot.Modules, m.Name)
		}
		run.Boots = append(run.Boots, boot)
		transcript = append(transcript, booted.Transcript...)
		run.Seconds += booted.Seconds
		for i := range left { // without what brought the machine down
			left[i].Needs = slices.DeleteFunc(slices.Clone(left[i].Needs), func(n uml.Module) bool {
				return slices.ContainsFunc(run.Modules, func(m result.Module) bool {
					return m.Name == n.Name && (m.Outcome.Kind == outcome.Oops || m.Outcome.Kind == outcome.Timeout)
				})
			})
		}
		if rest = left; took {
			t.Steps, in.Steps = nil, nil
		}
	}
	path, err := s.Store.Bytes(ctx, transcript)
	run.Transcript = path
	return run, err
}

// stopped reports whether the guest did not get past a module.
func stopped(m outcome.ModuleOutcome) bool {
	return m.Reached && (m.Outcome.Kind == outcome.Oops || m.Outcome.Kind == outcome.Timeout)
}

// Variant is what results say of the variant of a cell.
func Variant(c scenario.Cell) result.Variant {
	v := result.Variant{Scope: c.Scope}
	for _, s := range c.Variant.Settings {
		switch {
		case s.Kind == scenario.OfRustc && s.Name == "relocation-model":
			v.RelocationModel = s.Value
		case s.Kind == scenario.OfRustc && s.Name == "code-model":
			v.CodeModel = s.Value
		default:
			v.Settings = append(v.Settings, result.Setting{Axis: s.Axis.String(), Value: s.Value})
		}
	}
	return v
}

// end tells the classifier how the console ended; both spell the kinds alike.
func end(e console.End) outcome.End {
	out := outcome.End{Kind: outcome.EndKind(e.Kind), Stage: cmp.Or(e.Step, string(e.Stage)), Status: e.Exit.String()}
	if e.Kind == console.Infra {
		out.Status = fmt.Sprint(e.Err)
	}
	return out
}

// infra is a run that says nothing of the kernel.
func infra(c scenario.Cell, err error) result.Run {
	var run result.Run
	failed := outcome.Outcome{Kind: outcome.Infra, Evidence: err.Error()}
	for _, step := range c.Steps {
		run.Steps = append(run.Steps, result.Step{Name: step.Name, Kind: string(step.Kind), Outcome: &failed})
	}
	for _, m := range c.Tried() {
		run.Modules = append(run.Modules, result.Module{Name: m.Name, Outcome: failed})
	}
	return run
}

// reserve is the part of a guest's memory that is set aside for it. A guest of
// the matrix touches some 30 MB of it, whatever mem= says.
func reserve(mem int64) int64 { return min(mem, 256<<20) }

// newMemory keeps the guests' memories within half of the machine's: mem= is a
// sparse file, of which a guest can touch all.
func newMemory() *semaphore.Weighted {
	var info unix.Sysinfo_t
	total := int64(1 << 30)
	if unix.Sysinfo(&info) == nil {
		total = int64(info.Totalram) * int64(info.Unit) / 2
	}
	return semaphore.NewWeighted(max(total, 256<<20))
}
