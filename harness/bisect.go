package harness

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"umlab/harness/bisect"
	"umlab/harness/predicate"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/tree"
)

// BisectOptions are the flags of `mage bisect`. Empty means a default.
type BisectOptions struct {
	Good, Bad string // a member of the series, a tree, or a commit
	Axis      string // toolchain or tree; default: toolchain
	Series    string // default: that of configs/toolchains.toml
	Cell      string // CELL[:PLACEMENT[:MODULE]]; default: stock
	Until     string // see predicate.Parse
	Log       string // file that answers are taken from and added to
	Outputs   BisectOutputs
	MatrixOptions
}

// BisectOutputs are files that a bisection is also written to.
type BisectOutputs struct{ JSON, HTML, Markdown string }

// Bisect finds where a list of toolchains or of kernels changes from how it is at
// the good end, and prints it. Where no single candidate is the culprit, the error
// is an *EndError.
func (l *Lab) Bisect(ctx context.Context, o BisectOptions) (*result.Bisection, error) {
	b, err := l.bisect(ctx, o)
	if err != nil {
		return nil, err
	}
	l.sink.Close()
	if err := report.BisectionText(l.stdout, b, l.table); err != nil {
		return b, err
	}
	if err := o.Outputs.write(b); err != nil {
		return b, err
	}
	return b, bisectEnds(b)
}

// bisect is Bisect without its outputs.
func (l *Lab) bisect(ctx context.Context, o BisectOptions) (*result.Bisection, error) {
	started := l.now()
	q, err := l.planBisect(o)
	if err != nil {
		return nil, err
	}
	if err := sandbox.Check(ctx); err != nil {
		return nil, err
	}
	b := &result.Bisection{
		Schema: result.BisectionSchema, Command: o.Command, Started: started.UTC(), Axis: q.axis,
		Scenario: q.job.named(),
		Tree:     q.job.Tree, Toolchain: q.job.Toolchain, Target: q.target.String(), Until: q.cond.String(),
	}
	switch q.axis {
	case result.AxisCommit:
		b.Tree, b.Series = "", q.repository
		err = l.bisectRepository(ctx, q, b)
	default:
		var line *lineup
		if line, err = l.lineup(ctx, q); err == nil {
			err = l.bisectList(ctx, q, line, b)
		}
	}
	if err != nil {
		return nil, keptSoFar(b, err)
	}
	b.Seconds = l.now().Sub(started).Seconds()
	return b, nil
}

// keptSoFar adds to an error that ended a bisection what the same command will do,
// where that helps: the fault may be gone then, and an answer is there to go on
// from.
func keptSoFar(b *result.Bisection, err error) error {
	var fault *bisect.FaultError
	if !errors.As(err, &fault) || lasts(err) || len(b.Steps) == 0 {
		return err
	}
	return fmt.Errorf("%w\nwhat was found out so far is kept: the same command goes on from there", err)
}

// question is a validated bisection.
type question struct {
	BisectOptions
	axis       string // as in result
	repository string // of AxisCommit: its path
	target     predicate.Target
	cond       predicate.Condition
	job        *job // of the options as they are
}

func (l *Lab) planBisect(o BisectOptions) (*question, error) {
	q := &question{BisectOptions: o}
	errs := &multierror.Error{ErrorFormat: onePerLine}
	wrong := func(format string, args ...any) { errs = multierror.Append(errs, usagef(format, args...)) }
	if o.Good == "" || o.Bad == "" {
		wrong("give two ends: a good one and a bad one")
	}
	m := o.MatrixOptions
	switch o.Axis {
	case "", "toolchain":
		q.axis = result.AxisToolchain
		if q.Series == "" {
			q.Series = l.settings.DefaultSeries
		}
		if _, err := l.knownSeries(q.Series); err != nil {
			errs = multierror.Append(errs, err)
		}
		if o.Toolchain != "" {
			wrong("-toolchain=%s: the toolchain is what varies along a series; -axis=tree varies the kernel", o.Toolchain)
			m.Toolchain = ""
		}
	case "tree":
		q.axis = result.AxisTree
		if o.Series != "" {
			wrong("-series=%s is of toolchains, and -axis=tree varies the kernel", o.Series)
		}
		if o.Tree != "" {
			q.axis = result.AxisCommit
			var err error
			if q.repository, err = l.repository(o.Tree); err != nil {
				errs = multierror.Append(errs, err)
				m.Tree = ""
			} else {
				if m.Compiler == "" {
					m.Compiler = l.settings.Trees[o.Tree].Compiler
				}
				m.Tree = q.repository + "#" + o.Good
			}
		}
	default:
		wrong("-axis=%s: toolchain or tree", o.Axis)
	}
	var err error
	if q.Cell == "" {
		q.Cell = scenario.Stock
	}
	if q.target, err = predicate.ParseTarget(q.Cell); err != nil {
		wrong("-cell=%w", err)
	}
	if q.cond, err = predicate.Parse(o.Until); err != nil {
		errs = multierror.Append(errs, &UsageError{err})
	}
	m.Select.Cells = []string{q.target.Cell}
	if q.target.Placement != "" && len(m.Select.Placements)+len(m.Select.Mem) == 0 {
		m.Select.Placements = []string{q.target.Placement}
	}
	if q.target.Module != "" && len(m.Select.Modules) == 0 {
		m.Select.Modules = []string{q.target.Module}
	}
	errs = multierror.Append(errs, o.Outputs.check(), checkOutput("log", o.Log))
	if o.Fresh && answered(o.Log) {
		wrong("-fresh asks anew, and -log=%s has answers: name another file, or leave -fresh out", o.Log)
	}
	if q.job, err = l.plan(m); err != nil {
		errs = multierror.Append(errs, err)
	} else {
		errs = multierror.Append(errs, q.check())
	}
	q.MatrixOptions = m
	return q, errs.ErrorOrNil()
}

// swapped is the bisection from the other end, as it is typed.
func (q *question) swapped() string { return fmt.Sprintf("bisect %s %s", q.Bad, q.Good) }

// check says where the target is not what the cells of the plan have.
func (q *question) check() error {
	var places, modules []string
	all := ids(q.job.plan.Cells)
	if len(all) != 1 {
		return usagef("-cell=%s is %d cells (%s): a bisection looks at one", q.Cell, len(all), strings.Join(all, ", "))
	}
	q.target.Cell = all[0]
	for _, p := range q.job.plan.Cells[0].Placements {
		places = append(places, p.Name)
	}
	for _, m := range q.job.plan.Cells[0].Modules {
		modules = append(modules, m.Name)
	}
	if p := q.target.Placement; p != "" && !slices.Contains(places, p) {
		return usagef("-cell=%s: the placements that are booted are %s", q.Cell, strings.Join(places, ", "))
	}
	// Directories and -modules=all are known only with a tree.
	if m := q.cond.Module(); m != "" && len(q.Select.Modules) == 0 && !slices.Contains(modules, m) {
		return usagef("-until=%s is about a module that is not built: the scenario builds %s; -modules= takes others", q.Until, strings.Join(modules, ", "))
	}
	return nil
}

// repository is the path of the git repository that -tree= names.
func (l *Lab) repository(name string) (string, error) {
	t, configured := l.settings.Trees[name]
	switch {
	case configured && strings.HasPrefix(t.URL, "/"):
		return t.URL, nil
	case configured:
		return "", usagef("tree %s is no local git repository: without -tree=, -axis=tree goes along the trees of configs/trees.toml; with the path of a git repository, along its commits", name)
	case !tree.IsPath(name) || strings.ContainsAny(name, "#") || strings.Contains(name, "://"):
		return "", usagef("-tree=%s: with -axis=tree, give the path of a local git repository, and its commits as the two ends (clone what lies elsewhere)", name)
	}
	return name, nil
}

// bisectList searches a list and fills b.
func (l *Lab) bisectList(ctx context.Context, q *question, line *lineup, b *result.Bisection) error {
	var list []string
	for _, c := range line.candidates {
		list = append(list, c.name)
		b.Candidates = append(b.Candidates, result.BisectCandidate{Name: c.name, Detail: c.detail})
	}
	b.Good, b.Bad, b.Series = list[0], list[len(list)-1], q.Series
	if q.axis == result.AxisToolchain {
		b.Toolchain = ""
	} else {
		b.Tree = ""
	}
	b.Notes = append(b.Notes, line.notes...)
	b.Bound = bits.Len(uint(len(list)-1)) + 3
	log, err := l.openBisectLog(ctx, q, line.pinned, list, (*bisect.Log).Check)
	if err != nil {
		return err
	}
	defer log.close()
	p := &prober{target: q.target, cond: q.cond, good: bisectEnd{name: list[0]}, bad: bisectEnd{name: list[len(list)-1]}, run: line.run}
	if line.reversed {
		p.swapped = q.swapped()
	}
	if err := p.restore(log); err != nil {
		return err
	}
	s := &bisect.Search{Names: list, Inquiry: l.inquiry(p, log, b)}
	known := l.earlier(log.question)
	guesses := l.guesses(ctx, q, p, list, known)
	s.Hint = func(_ context.Context, lo, hi int) (guess []bisect.Verdict) {
		for _, n := range list[lo+1 : hi] {
			guess = append(guess, guesses.of(n))
		}
		return guess
	}
	s.Cost = func(i int) int { // what was run before is built
		if guesses.built(list[i]) {
			return 0
		}
		return 1
	}
	found, err := s.Run(ctx)
	l.remembered(log.question, known, b.Steps)
	if err = l.conclude(b, p, log, err); err != nil || b.Conclusion != "" {
		return err
	}
	b.Conclusion, b.Exit = result.BisectedTo, ExitExpected
	for _, i := range found.Skipped {
		b.Skipped = append(b.Skipped, list[i])
	}
	if !found.Exact() {
		b.Conclusion, b.Exit = result.BisectedRange, ExitDiffers
	}
	return l.conclude(b, p, log, l.boundaries(ctx, b, p, log, list[found.Good], list[found.Bad], line.side))
}

// inquiry asks p, writes to log, and tells the user and b what happens.
func (l *Lab) inquiry(p *prober, log *bisectLog, b *result.Bisection) bisect.Inquiry {
	return bisect.Inquiry{
		Probe: p.probe, Lasts: lasts, Now: l.now, Log: log, Replay: log.replay,
		On: func(e bisect.Event) {
			if e.Kind != bisect.Ended { // the answer is for stdout
				l.sink.Note(bisect.Trace(e))
			}
			if e.Kind == bisect.Stepped {
				record(b, e.Step)
			}
		},
	}
}

// lasts reports whether trying again would end the same way.
func lasts(err error) bool { return ExitCode(err) == ExitUsage }
