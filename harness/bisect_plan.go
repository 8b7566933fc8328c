package harness

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/plan"
	"umlab/harness/predicate"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// question is a validated bisection.
type question struct {
	BisectOptions
	axis       string // as in result
	repository string // of AxisCommit: its path
	target     predicate.Target
	cond       predicate.Condition
	plan       *plan.Plan // of the options as they are
	wide       *plan.Plan // of the options at all placements and with all modules; its boots show the target, too
}

// planBisect says what cannot be meant, all of it at once.
func (l *Lab) planBisect(o BisectOptions) (*question, error) {
	q := &question{BisectOptions: o}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, usage.Errorf(format, args...)) }
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
		if _, err := l.sources.KnownSeries(q.Series); err != nil {
			errs = append(errs, err)
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
				errs = append(errs, err)
				m.Tree = ""
			} else {
				m.Compiler = l.sources.Compiler(m.Compiler, o.Tree)
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
		errs = append(errs, &usage.Error{Err: err})
	}
	m.Select.Cells = []string{q.target.Cell}
	wide := m
	if q.target.Placement != "" && len(m.Select.Placements)+len(m.Select.Mem) == 0 {
		m.Select.Placements = []string{q.target.Placement}
	}
	errs = append(errs, checkOutputs(o.Outputs.formats()), checkOutput("log", o.Log))
	if o.Fresh && answered(o.Log) {
		wrong("-fresh asks anew, and -log=%s has answers: name another file, or leave -fresh out", o.Log)
	}
	if q.wide, err = l.plan(wide); err == nil {
		if one := q.target.Module; one != "" && len(m.Select.Modules) == 0 && !q.wide.Scenario.Takes(one) {
			m.Select.Modules = []string{one}
		}
		q.plan, err = l.plan(m)
	}
	if err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, q.check())
	}
	q.MatrixOptions = m
	return q, usage.Join(errs...)
}

// check says where the target is not what the cells of the plan have.
func (q *question) check() error {
	var places, modules []string
	all := q.plan.CellIDs()
	if len(all) != 1 {
		return usage.Errorf("-cell=%s is %d cells (%s): a bisection looks at one", q.Cell, len(all), strings.Join(all, ", "))
	}
	q.target.Cell = all[0]
	for _, p := range q.plan.Cells[0].Placements {
		places = append(places, p.Name)
	}
	for _, m := range q.plan.Cells[0].Modules {
		modules = append(modules, m.Name)
	}
	if p := q.target.Placement; p != "" && !slices.Contains(places, p) {
		return usage.Errorf("-cell=%s: the placements that are booted are %s", q.Cell, strings.Join(places, ", "))
	}
	// Directories and -modules=all are known only with a tree.
	if m := q.cond.Module(); m != "" && len(q.Select.Modules) == 0 && !slices.Contains(modules, m) {
		return usage.Errorf("-until=%s is about a module that is not built: the scenario builds %s; -modules= takes others",
			q.Until, strings.Join(modules, ", "))
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
		return "", usage.Errorf("tree %s is no local git repository: without -tree=, -axis=tree goes along the trees of configs/trees.toml; "+
			"with the path of a git repository, along its commits", name)
	case !tree.IsPath(name) || strings.ContainsAny(name, "#") || strings.Contains(name, "://"):
		return "", usage.Errorf("-tree=%s: with -axis=tree, give the path of a local git repository, and its commits as the two ends "+
			"(clone what lies elsewhere)", name)
	}
	return name, nil
}

// bisectVersion is raised when the same question would be answered otherwise.
const bisectVersion = "2"

// lines is what a question is, for its log; pinned is what does not vary.
func (q *question) lines(pinned string) []string {
	until := q.Until
	if q.cond.Empty() {
		until = "whatever differs from the good end"
	}
	axis := q.axis
	if q.Series != "" {
		axis += " of " + q.Series
	}
	asked := store.Key(bisectVersion, q.Compiler, q.plan.Asked.Digest)
	if q.Fixed {
		axis += ", the first good one: here good is as the first end is, which is broken, and bad as the other is"
	}
	return []string{
		"along " + axis, pinned,
		fmt.Sprintf("scenario %s %s", q.plan.Scenario.Name, store.Short(q.plan.Scenario.Digest)),
		"cell " + q.target.String(), "until " + until, "options " + store.Short(asked),
	}
}
