package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kbuild"
	"umlab/harness/loader"
	"umlab/harness/oracle"
	"umlab/harness/result"
)

// lines are source lines with where they come from, or why there are none.
type lines struct {
	*loader.Lines
	said string
}

// linesOf reads the lines of a module's second build, and believes them only
// where it has the relocations of the first.
func linesOf(ko *loader.Module, d *kbuild.Debugged, target string, err error) lines {
	unknown := func(format string, args ...any) lines {
		return lines{nil, "source lines are unknown: " + fmt.Sprintf(format, args...)}
	}
	if err != nil {
		return unknown("%v", err)
	}
	made, ok := d.Modules[target]
	switch {
	case ko == nil:
		return lines{}
	case !ok:
		return unknown("the module was not built again with debug information")
	}
	debug, err := loader.OpenFile(made.Path)
	if err == nil {
		err = loader.SameRelocations(ko, debug)
	}
	if err != nil {
		return unknown("a second build with debug information is not the same code: %v", err)
	}
	l, err := loader.ReadLines(debug)
	if err != nil {
		return unknown("%v", err)
	}
	return lines{l, "source lines: of a second build with debug information, whose code and relocations are the same"}
}

// groups are the relocations that the loader refuses or writes wrong.
func groups(f oracle.Forecast, l lines) ([]result.RejectedGroup, error) {
	out := []result.RejectedGroup{}
	if f.Err != nil || f.Ko == nil {
		return out, nil
	}
	list, err := loader.Rejected(f.Tree, f.Kernel, f.Ko, f.Prediction.Placement)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", f.Module, err)
	}
	attributed := loader.Attribute(f.Ko, list, l.Lines)
	decides := -1
	if d := f.Prediction.Entry; d != nil {
		decides = slices.IndexFunc(list, func(a loader.Applied) bool { return a.Section == d.Section && a.Index == d.Index })
	}
	for _, g := range loader.Groups(attributed) {
		group := result.RejectedGroup{Summary: g.String(), Entries: []result.RejectedLocation{}}
		for i, a := range attributed {
			if a.Relocation.Type == g.Relocation.Type {
				group.Entries = append(group.Entries, result.RejectedLocation{
					Relocation: a.Relocation, Entry: a.Entry, Decides: i == decides, Symbol: a.Symbol, Function: a.Function,
					Within: a.Within, Instruction: a.Instruction, Source: a.Source, Inlined: a.Inlined, Value: a.Value, Detail: a.Detail,
				})
			}
		}
		out = append(out, group)
	}
	// What decides comes first.
	slices.SortStableFunc(out, func(a, b result.RejectedGroup) int { return cmp.Compare(deciding(b), deciding(a)) })
	return out, nil
}

// deciding counts the entries of a group that decide: one or none.
func deciding(g result.RejectedGroup) (n int) {
	for _, e := range g.Entries {
		if e.Decides {
			n++
		}
	}
	return n
}

// relocate names the sources of a module of the user's where the user has them,
// and not where the sandbox showed them.
func relocate(groups []result.RejectedGroup, sandboxed, own string) {
	for i := range groups {
		groups[i].Summary = strings.ReplaceAll(groups[i].Summary, sandboxed, own)
		for k := range groups[i].Entries {
			r := &groups[i].Entries[k]
			r.Source, r.Inlined = strings.ReplaceAll(r.Source, sandboxed, own), strings.ReplaceAll(r.Inlined, sandboxed, own)
		}
	}
}
