package harness

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/kbuild"
	"umlab/harness/kconfig"
	"umlab/harness/loader"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// side is one side of a change: a cell as one toolchain makes it of one tree.
type side struct {
	name     string // "debian-rustc:1.96.1"
	cell     scenario.Cell
	results  *result.Results
	baseline *kbuild.Baseline // nil where it does not build
	product  *kbuild.Product  // nil where there is nothing to boot
}

// side takes everything of one cell of a plan that was run that delta compares.
func (l *Lab) side(ctx context.Context, r *ran, cell, name string) (side, error) {
	s := side{name: name, results: r.Results, baseline: r.baseline}
	at := slices.IndexFunc(r.plan.Cells, func(c scenario.Cell) bool { return c.ID() == cell })
	if at < 0 {
		return side{}, fmt.Errorf("compare the sides: %s is none of the cells that were run: %s", cell, strings.Join(r.plan.CellIDs(), ", "))
	}
	s.cell = r.plan.Cells[at]
	if r.baseline == nil {
		return s, nil
	}
	p, _, err := l.builder.Fork(ctx, r.baseline, kbuild.Request{Cell: s.cell}, false)
	if err != nil {
		return side{}, fmt.Errorf("compare the sides: %s: %w", name, err)
	}
	if p.Outcome == nil {
		s.product = p
	}
	return s, nil
}

// delta says what differs between the two sides of a change. What one side does
// not have is a gap of the delta and no error.
func (l *Lab) delta(ctx context.Context, good, bad side) (*result.Delta, error) {
	var facts [2]conclude.Facts
	for i, s := range []side{good, bad} {
		var err error
		if facts[i], err = l.facts(ctx, s); err != nil {
			return nil, fmt.Errorf("why it changed: %s: %w", s.name, err)
		}
	}
	return conclude.Delta(bad.cell.ID(), facts[0], facts[1]), nil
}

// facts gathers what is known of a side. Only the end of ctx is an error.
func (l *Lab) facts(ctx context.Context, s side) (conclude.Facts, error) {
	r := s.results
	f := conclude.Facts{Name: s.name, Toolchain: r.Toolchain.Identity, Missing: map[string]string{},
		Tree: map[string]string{"name": r.Tree.Name, "version": r.Tree.Version, "digest": r.Tree.Digest, "patches": strings.Join(r.Tree.Patches, " ")}}
	missing := func(why string, aspects ...string) {
		for _, a := range aspects {
			f.Missing[a] = why
		}
	}
	if s.baseline == nil {
		missing("the baseline was not built: "+unbuiltReason(r, s.cell.ID()), result.AspectTarget, result.AspectConfig, result.AspectFlags, result.AspectResolved, result.AspectRelocations)
		return f, nil
	}
	var err error
	if f.Config, err = readConfig(s.baseline.ResolvedConfig()); err != nil {
		missing(err.Error(), result.AspectConfig)
	}
	if f.Target, err = readTarget(filepath.Join(s.baseline.Build(), "scripts", "target.json")); err != nil {
		missing(err.Error(), result.AspectTarget)
	}
	if s.product == nil {
		missing("the modules were not built: "+unbuiltReason(r, s.cell.ID()), result.AspectFlags, result.AspectResolved, result.AspectRelocations)
		return f, nil
	}
	if f.Flags = s.flags(); len(f.Flags) == 0 {
		f.Flags = nil
		missing("no Rust object belongs to the modules", result.AspectFlags, result.AspectResolved)
	} else if f.Resolved, err = l.resolved(ctx, s.baseline, f.Flags); err != nil {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		missing(err.Error(), result.AspectResolved)
	}
	f.Modules = map[string]conclude.ModuleFacts{}
	for _, m := range s.cell.Modules {
		if f.Modules[m.Name], err = readModule(s.product.Modules[m.Path].Path); err != nil {
			f.Modules = nil
			missing(m.Name+": "+err.Error(), result.AspectRelocations)
			break
		}
	}
	return f, nil
}

// unbuiltReason is what the results say of a cell without binaries.
func unbuiltReason(r *result.Results, cell string) string {
	if c := r.Cell(cell); c != nil && c.Build.Outcome != nil {
		return cmp.Or(c.Build.Outcome.Evidence, c.Build.Outcome.String())
	}
	return string(outcome.Infra)
}

// flags are the options that decide the code of the Rust objects of the modules:
// those that the product records as effective, and of the other kinds of options
// those of the same object in the baseline, which variants leave alone.
func (s side) flags() map[string][]string {
	out := map[string][]string{}
	for object, effective := range s.product.Effective {
		options := slices.Clone(effective)
		given, _ := s.baseline.RustOptions(object) // none of an object of the user's own directory
		for _, o := range given {
			if !strings.HasPrefix(o, "-C") {
				options = append(options, o)
			}
		}
		slices.Sort(options)
		out[object] = options
	}
	return out
}

// resolved is what rustc makes of the flags of the first of the objects: where
// the objects of a cell differ in what decides code, flags tells.
func (l *Lab) resolved(ctx context.Context, bl *kbuild.Baseline, flags map[string][]string) (map[string]string, error) {
	first := slices.Sorted(maps.Keys(flags))[0]
	lines, err := l.builder.RustConfig(ctx, bl, flags[first])
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if value = strings.Trim(value, `"`); value == "" {
			value = "set"
		}
		if old := out[name]; old != "" {
			value = old + " " + value
		}
		out[name] = value
	}
	return out, nil
}

func readConfig(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := kconfig.ParseConfig(".config", text)
	if err != nil {
		return nil, err
	}
	return c.Values(), nil
}

// readTarget reads a target specification: each key with its value as JSON. A
// tree that generates none has no keys.
func readTarget(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	var spec map[string]json.RawMessage
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("target.json: %w", err)
	}
	out := map[string]string{}
	for key, value := range spec {
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, fmt.Errorf("target.json: %s: %w", key, err)
		}
		out[key] = compact.String()
	}
	return out, nil
}

// readModule reads what a module's file tells of its relocations.
func readModule(path string) (conclude.ModuleFacts, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return conclude.ModuleFacts{}, err
	}
	ko, err := loader.Open(bytes.NewReader(text))
	if err != nil {
		return conclude.ModuleFacts{}, err
	}
	sum, err := loader.Signature(bytes.NewReader(text))
	if err != nil {
		return conclude.ModuleFacts{}, err
	}
	symbols, functions := ko.References()
	return conclude.ModuleFacts{Sum: sum, Symbols: symbols, Functions: functions}, nil
}
