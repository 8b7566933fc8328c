package plan

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// questionVersion is raised when the same plan would ask something else.
const questionVersion = "1"

// Snapshot is p with a snapshot of each of the user's directories, and with Asked; p itself where it has them already.
func (p *Plan) Snapshot(ctx context.Context, st *store.Store, sink progress.Sink) (*Plan, error) {
	if p.Asked != nil {
		return p, nil
	}
	taken := map[string]*scenario.External{}
	for _, m := range p.Modules() {
		if m.External == nil {
			continue
		}
		if e, there := p.taken[m.External.Given]; there {
			taken[m.External.Given] = &e
			continue
		}
		abs, err := filepath.Abs(m.External.Given)
		if err != nil {
			return nil, err
		}
		e := &scenario.External{Given: abs, Mount: "ext/" + unusual.ReplaceAllString(filepath.Base(abs), "_")}
		if e.Dir, e.Digest, err = tree.FromModules(ctx, st, sink, abs); err != nil {
			return nil, err
		}
		taken[m.External.Given] = e
	}
	q := p.replaced(func(m scenario.Module) []scenario.Module {
		if m.External != nil {
			m.External = taken[m.External.Given]
		}
		return []scenario.Module{m}
	})
	q.Asked = &result.Question{Digest: q.questionDigest(), Own: q.own()}
	return q, nil
}

// Question is what the plan asks of a tree. It needs Asked.
func (p *Plan) Question(t *tree.Tree) *result.Question {
	q := *p.Asked
	if c := p.Compiler(t); p.usualCompiler != "" && c != p.usualCompiler || p.usualCompiler == "" && c != t.Compiler() {
		q.Own = append(slices.Clone(q.Own), "compiler "+c)
	}
	return &q
}

// SameContent reports whether two plans with Asked were made of the same content of the user's directories and fragments.
func (p *Plan) SameContent(q *Plan) bool {
	directories := func(p *Plan) (digests []string) {
		for _, m := range p.Modules() {
			if m.External != nil {
				digests = append(digests, m.External.Digest)
			}
		}
		return digests
	}
	return slices.Equal(directories(p), directories(q)) && slices.Equal(p.fragmentSums, q.fragmentSums)
}

// questionDigest is the digest of all that the plan's cells ask, see result.Question. The scenario's title, its variants and
// what it expects are none of it.
func (p *Plan) questionDigest() string {
	parts := []string{"question", questionVersion, kconfig.Text(p.Options), p.Flags.Subarch}
	for _, m := range p.Modules() {
		parts = append(parts, "module", m.Name, m.Path, strconv.FormatBool(m.Silent), strings.Join(m.Params, " "))
		if m.Output != nil {
			parts = append(parts, "prints", m.Output.String())
		}
		if m.External != nil {
			parts = append(parts, "directory", m.External.Digest)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.named)) { // the ID of a variant has no more than their names
		parts = append(parts, "fragment", name, kconfig.Text(p.named[name].Options))
	}
	for _, o := range p.deciding() {
		parts = append(parts, "own", o.Name, o.Text)
	}
	if p.Scenario.OwnFile != "" {
		parts = append(parts, "own scenario", p.Scenario.Digest)
	}
	for _, place := range p.first().Placements {
		boots := strconv.Itoa(place.Repeat)
		if place.Confidence > 0 {
			boots = fmt.Sprintf("for %d %%", place.Confidence)
		}
		parts = append(parts, fmt.Sprintf("placement %s mem=%d aslr=%v boots=%s", place.Name, place.Mem, place.ASLR, boots))
	}
	return store.Key(parts...)
}

// deciding are the entries of the user's own configuration that decide what is built and booted: limits do not.
func (p *Plan) deciding() []settings.Own {
	return slices.DeleteFunc(slices.Clone(p.ownConfig), func(o settings.Own) bool { return o.Limits() })
}

// own says where the plan is not the scenario's own choice.
func (p *Plan) own() []string {
	own := []string{}
	usual, err := p.Scenario.Select(scenario.Selection{})
	if err != nil { // what the file says was checked when it was read
		return append(own, err.Error())
	}
	of := Plan{Plan: *usual}
	if !slices.EqualFunc(p.Modules(), of.Modules(), func(a, b scenario.Module) bool { return a.Name == b.Name && a.Path == b.Path }) {
		own = append(own, "modules "+strings.Join(each(p.Modules(), func(m scenario.Module) string {
			if m.External != nil {
				return fmt.Sprintf("%s (as of %s)", filepath.Base(m.External.Given), store.Short(m.External.Digest))
			}
			return m.Name
		}), ", "))
	}
	if p.Flags.Subarch != "" {
		own = append(own, "SUBARCH="+p.Flags.Subarch)
	}
	for _, o := range p.deciding() {
		own = append(own, o.String())
	}
	if p.Scenario.OwnFile != "" {
		own = append(own, fmt.Sprintf("scenario %s of %s (as of %s)", p.Scenario.Name, p.Scenario.OwnFile, store.Short(p.Scenario.Digest)))
	}
	if p.Flags.Select.Output != "" {
		own = append(own, "output "+p.Flags.Select.Output)
	}
	for i, name := range p.Flags.Fragments {
		own = append(own, fmt.Sprintf("fragment %s (as of %s)", filepath.Base(name), p.fragmentSums[i]))
	}
	for _, name := range slices.Sorted(maps.Keys(p.named)) {
		text := kconfig.Text(p.named[name].Options)
		own = append(own, fmt.Sprintf("variants of %s (as of %s)", filepath.Base(name), store.Short(store.Key(text))))
	}
	if places := p.first().Placements; !slices.Equal(places, of.first().Placements) {
		own = append(own, "at "+strings.Join(each(places, described), ", "))
	}
	return own
}

// described is a placement with what its name does not say: "low", "512M", "high (aslr off, 20 boots)".
func described(p scenario.Placement) string {
	var more []string
	usual, ok := scenario.Builtin(p.Name)
	if ok && usual.Mem != p.Mem {
		more = append(more, p.MemText)
	}
	if usual.ASLR != p.ASLR {
		more = append(more, "aslr "+map[bool]string{true: "on", false: "off"}[p.ASLR])
	}
	if p.Confidence > 0 {
		more = append(more, fmt.Sprintf("boots for a confidence of %d %%", p.Confidence))
	}
	if p.Repeat > 1 {
		more = append(more, fmt.Sprintf("%d boots", p.Repeat))
	}
	if len(more) == 0 {
		return p.Name
	}
	return p.Name + " (" + strings.Join(more, ", ") + ")"
}
