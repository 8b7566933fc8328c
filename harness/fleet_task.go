package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/fleet"
	"umlab/harness/kconfig"
	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/tree"
	"umlab/harness/tree/patch"
	"umlab/harness/usage"
)

// What tasks are.
const (
	kindPiece = "piece" // a piece of a plan
	kindPair  = "pair"  // a plan before and after patches
)

// errand is what a task says: how the plan is made again that a piece is of, on a machine that has nothing of it.
type errand struct {
	Flags  plan.Flags
	Own    string `json:",omitempty"` // the user's own directory, as messages name it
	Config []byte `json:",omitempty"` // a parcel of what settings read of it
	Files  []byte `json:",omitempty"` // a parcel of what the plan read
	Pin    string // see sources.Pin; "" where nothing is known beforehand
	Once   string `json:",omitempty"` // of a run whose answers are for nobody else
	Piece  plan.Piece
	Tree   *tree.Tree `json:",omitempty"` // that lies in the cache: it is of the user's own, see sendTree
	// Modules are the directories of modules, by the names that Flags have; they lie in the cache, or in the store that both use.
	Modules map[string]scenario.External `json:",omitempty"`

	Range   string        `json:",omitempty"` // of a pair, as of change
	Patches []patch.Patch `json:",omitempty"` // likewise
	First   bool          `json:",omitempty"` // what does not depend on the toolchain is wanted as well

	Facts       bool `json:",omitempty"` // what tells its kernel from others is wanted as well
	FromNothing bool `json:",omitempty"` // its kernel may not go on from another
}

// decode is the errand of a task.
func decode(t fleet.Task) (e errand, err error) {
	if err = json.Unmarshal(t.Body, &e); err != nil {
		err = fmt.Errorf("task %s: %w", t.Name, err)
	}
	return e, err
}

// fleetVersion is which umlab this is, for those that work together: they have to be the same.
func (l *Lab) fleetVersion() (string, error) {
	if rev, built := BuiltOf(); built {
		return fmt.Sprintf("%d %s", fleet.Protocol, rev), nil
	}
	self, err := l.self()
	return fmt.Sprintf("%d umlab with digest %s", fleet.Protocol, store.Short(self)), err
}

// request is a plan as tasks.
type request struct {
	plan     *plan.Plan // with Asked
	pieces   []plan.Piece
	groups   []*plan.Group
	errand   errand
	version  string
	need     string   // of the worker
	lanes    []string // of the groups: what they are built on
	controls []string
}

// ask makes the tasks of a plan; once marks those whose answers can be of no use to another run.
func (l *Lab) ask(ctx context.Context, src *sources.Sources, p *plan.Plan, once string) (*request, error) {
	p, err := p.Snapshot(ctx, l.store, l.sink)
	if err != nil {
		return nil, err
	}
	a := &request{plan: p, pieces: p.Pieces(), groups: p.Groups(), controls: p.ControlNames()}
	if a.version, err = l.fleetVersion(); err != nil {
		return nil, err
	}
	src = src.For(p.Flags.Subarch)
	c, err := src.Spec(ctx, p.Flags.Toolchain)
	if err != nil {
		return nil, err
	}
	pin, pinned, err := src.Pin(ctx, p.Flags.Tree, c)
	if err != nil {
		return nil, err
	}
	e := errand{Flags: p.Flags, Pin: pin}
	e.Flags.Command, e.Flags.Jobs, e.Flags.Tree = "", 0, tree.Absolute(p.Flags.Tree)
	e.Modules = directories(p)
	here := l.hereAlone(p, c, true, true)
	if !here {
		if e.Tree, err = l.sendTree(ctx, src, p); err != nil {
			return nil, err
		}
		sent, err := l.sendModules(ctx, e.Modules)
		if err != nil {
			return nil, err
		}
		here = l.hereAlone(p, c, e.Tree != nil, sent)
	}
	if !pinned || p.Flags.Fresh || here {
		e.Once = once
	}
	if e.Files, err = p.Parcel(); err != nil {
		return nil, err
	}
	if p.Scenario.OwnFile != "" || len(p.OwnNotes()) > 0 {
		e.Own = l.options.Own
		if e.Config, err = ownConfig(l, e.Own); err != nil {
			return nil, err
		}
	}
	a.errand, a.need = e, l.needs(p, c, here)
	for _, g := range a.groups {
		a.lanes = append(a.lanes, store.Key("lane", pin, e.Once, e.Flags.Compiler, e.Flags.Tree, e.Flags.Toolchain, e.Flags.Subarch,
			kconfig.Text(p.Options), fmt.Sprint(g.Settings, g.Unpatched, e.FromNothing), fmt.Sprint(e.Flags.Select.Modules)))
	}
	return a, nil
}

// ownConfig is a parcel of the user's own configuration.
func ownConfig(l *Lab, own string) ([]byte, error) {
	if own == "" {
		return nil, nil
	}
	configs, err := fs.Sub(l.project, "configs")
	if err != nil {
		return nil, err
	}
	read := &parcel.Record{}
	if _, err := settings.Load(configs, read.Files, own); err != nil {
		return nil, &usage.Error{Err: err}
	}
	return read.Pack()
}

// task is the i-th piece of the plan as a task.
func (a *request) task(i int) (t fleet.Task, err error) {
	e, piece := a.errand, a.pieces[i]
	e.Piece = piece
	f := a.plan.Flags
	t = fleet.Task{Kind: kindPiece, Name: fmt.Sprintf("%s of %s with %s", a.plan.NameOf(piece), f.Tree, f.Toolchain), Capability: a.need,
		Version: a.version, Weight: a.weight(piece)}
	if at := a.plan.GroupOf(a.groups, piece); at >= 0 && !a.plan.Scenario.BuildOnly() {
		t.Baseline = a.lanes[at]
	}
	if t.Body, err = json.Marshal(e); err == nil {
		t.Key = store.Key("piece", a.version, string(t.Body))
	}
	return t, err
}

// Seconds that it is thought to take to build a kernel, the modules of one, and to boot.
const (
	kernelSeconds = 60
	moduleSeconds = 5
)

// weight is about how long a piece takes once its baseline is there.
func (a *request) weight(piece plan.Piece) int {
	if piece.Cell == len(a.plan.Cells) {
		return moduleSeconds
	}
	c := a.plan.Cells[piece.Cell]
	seconds := moduleSeconds
	if !c.ModulesOnly() || a.plan.Scenario.BuildOnly() {
		seconds = kernelSeconds
	}
	for _, place := range c.Placements {
		seconds += place.Repeat
	}
	return seconds
}

// What a worker can do is a word for each: where its toolchains come from, up to how much memory its guests have, and, of what lies on
// one machine alone, on which.
const (
	fromArchive = "debian"
	fromRustup  = "rustup"
	fromTarball = "tarball"
)

// memories are the amounts that workers are told apart by, in GiB.
var memories = []int64{1, 2, 4, 8, 16, 32, 64}

// needs is the word for what a worker has to be able to do for a plan, whose toolchain is c.
func (l *Lab) needs(p *plan.Plan, c settings.Toolchain, here bool) string {
	var most int64
	for _, c := range p.Cells {
		for _, place := range c.Placements {
			most = max(most, place.Mem)
		}
	}
	at := slices.IndexFunc(memories, func(gib int64) bool { return gib<<30 >= most })
	if at < 0 {
		at = len(memories) - 1
	}
	from := fromArchive
	switch {
	case c.Rustup != "":
		from = fromRustup
	case c.Tarball != "":
		from = fromTarball
	}
	return word(from, memories[at], here)
}

func word(from string, gib int64, here bool) string {
	w := fmt.Sprintf("%s_%dg", from, gib)
	if here {
		w += "_" + machine()
	}
	return w
}

// abilities are the words for what this machine can do, whose memory is in bytes.
func (l *Lab) abilities(memory int64) (words []string) {
	from := []string{fromArchive, fromTarball}
	if l.sources.HasRustup() {
		from = append(from, fromRustup)
	}
	for _, f := range from {
		for _, gib := range memories {
			if gib == memories[0] || gib<<30 <= memory {
				words = append(words, word(f, gib, false), word(f, gib, true))
			}
		}
	}
	return words
}

// machine is this machine for others.
func machine() string {
	name, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	return store.Key("machine", name, string(id))[:12]
}

// ownTree reports whether the tree of a plan is one that only this machine has.
func (l *Lab) ownTree(p *plan.Plan) bool {
	t, configured := l.settings.Trees[p.Flags.Tree]
	source := p.Flags.Tree
	if configured {
		source = t.URL + t.Tarball
	}
	return tree.IsPath(source) && !strings.Contains(source, "://")
}

// hereAlone reports whether a plan, whose toolchain is c, rests on what only this machine has: a directory of the user's, unless the
// tree, or the modules, were sent, or its own tools.
func (l *Lab) hereAlone(p *plan.Plan, c settings.Toolchain, tree, modules bool) bool {
	return c.Host || l.ownTree(p) && !tree || len(directories(p)) > 0 && !modules
}

// directories are the user's directories of modules of a plan with Asked, by the names that its flags have.
func directories(p *plan.Plan) map[string]scenario.External {
	names, all := map[string]string{}, map[string]scenario.External{}
	for _, name := range p.Flags.Select.Modules {
		if abs, err := filepath.Abs(name); err == nil {
			names[abs] = name
		}
	}
	for _, m := range p.Modules() {
		if m.External != nil {
			e := *m.External
			e.Dir = ""
			all[cmp.Or(names[e.Given], e.Given)] = e
		}
	}
	return all
}
