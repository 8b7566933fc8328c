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

// facts gathers what is known of a cell of a plan that was run, by the name of what
// varies: "debian-rustc:1.96.1". What is not known is noted as missing; an error is
// one of the machine.
func (l *Lab) facts(ctx context.Context, r *ran, id, name string) (conclude.Facts, error) {
	if r.told != nil { // by who built it
		told := *r.told
		told.Name = name
		return told, nil
	}
	if r.plan == nil {
		return conclude.Facts{}, fmt.Errorf("the worker that ran %s did not say", name)
	}
	f := conclude.Facts{Name: name, Toolchain: r.Toolchain.Identity, Missing: map[string]string{},
		Tree: map[string]string{"name": r.Tree.Name, "version": r.Tree.Version, "digest": r.Tree.Digest,
			"patches": strings.Join(r.Tree.Patches, " ")}}
	at := slices.IndexFunc(r.plan.Cells, func(c scenario.Cell) bool { return c.ID() == id })
	if at < 0 {
		return f, fmt.Errorf("%s is none of the cells that were run: %s", id, strings.Join(r.plan.CellIDs(), ", "))
	}
	missing := func(why string, aspects ...string) {
		for _, a := range aspects {
			f.Missing[a] = why
		}
	}
	cell := r.plan.Cells[at]
	baseline := r.of(cell)
	if baseline == nil {
		missing("the baseline was not built: "+unbuiltReason(r.Results, id),
			result.AspectTarget, result.AspectConfig, result.AspectFlags, result.AspectResolved, result.AspectRelocations)
		return f, nil
	}
	p, _, err := l.builder.Fork(ctx, baseline, kbuild.Request{Cell: cell}, false)
	if err != nil {
		return f, err
	}
	if f.Config, err = readConfig(baseline.ResolvedConfig()); err != nil {
		missing(err.Error(), result.AspectConfig)
	}
	if f.Target, err = readTarget(filepath.Join(baseline.Build(), "scripts", "target.json")); err != nil {
		missing(err.Error(), result.AspectTarget)
	}
	if p.Outcome != nil {
		missing("the modules were not built: "+unbuiltReason(r.Results, id), result.AspectFlags, result.AspectResolved, result.AspectRelocations)
		return f, nil
	}
	if f.Flags = flags(baseline, p); len(f.Flags) == 0 {
		f.Flags = nil
		missing("no Rust object belongs to the modules", result.AspectFlags, result.AspectResolved)
	} else if f.Resolved, err = l.resolved(ctx, baseline, f.Flags); err != nil {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		missing(err.Error(), result.AspectResolved)
	}
	f.Modules = map[string]conclude.ModuleFacts{}
	for _, m := range cell.Modules {
		if f.Modules[m.Name], err = readModule(p.Modules[m.Path].Path); err != nil {
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
func flags(bl *kbuild.Baseline, p *kbuild.Product) map[string][]string {
	out := map[string][]string{}
	for object, effective := range p.Effective {
		options := slices.Clone(effective)
		given, _ := bl.RustOptions(object) // none of an object of the user's own directory
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
