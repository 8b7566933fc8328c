package conclude

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/result"
)

// conclude says what the deltas prove, and no more: what changed, what did not,
// and what that leaves as a cause.
func conclude(d *result.Delta) string {
	var out []string
	said := slices.Concat([]string{saidCompilers(d)}, saidModels(d), []string{saidTold(d), saidRelocations(d), saidCauses(d), saidUnknown(d)})
	for _, s := range said {
		if s != "" {
			out = append(out, s+".")
		}
	}
	return strings.Join(out, " ")
}

func changeOf(list []result.Change, name string) (result.Change, bool) {
	i := slices.IndexFunc(list, func(c result.Change) bool { return c.Name == name })
	if i < 0 {
		return result.Change{}, false
	}
	return list[i], true
}

// rustc is the change of the compiler itself: another version, or another commit
// of one version.
func rustc(d *result.Delta) (result.Change, bool) {
	if c, ok := changeOf(d.Toolchain, "rustc"); ok {
		return c, true
	}
	return changeOf(d.Toolchain, "rustc-commit")
}

func saidCompilers(d *result.Delta) string {
	if d.UnknownAspect(result.AspectToolchain) {
		return ""
	}
	rustc, other := rustc(d)
	llvm, otherLLVM := changeOf(d.Toolchain, "rustc-llvm")
	switch {
	case other && otherLLVM:
		return fmt.Sprintf("rustc (%s) and its LLVM (%s) both changed", rustc, llvm)
	case other:
		return fmt.Sprintf("rustc changed (%s), on the same LLVM", rustc)
	case otherLLVM:
		return fmt.Sprintf("LLVM changed (%s) under the same rustc", llvm)
	}
	return "rustc and its LLVM are the same"
}

// isModel reports whether an option or key says where code may lie.
func isModel(name string) bool {
	key, _, _ := strings.Cut(strings.TrimPrefix(name, "-C"), "=")
	key = strings.ReplaceAll(key, "_", "-")
	return key == "relocation-model" || key == "code-model"
}

// saidModels are the sentences about another relocation or code model, which is
// what decides the types of relocations.
func saidModels(d *result.Delta) (out []string) {
	for _, f := range d.Flags {
		models := func(options []string) string {
			var m []string
			for _, o := range options {
				if isModel(o) {
					m = append(m, o)
				}
			}
			return strings.Join(m, " ")
		}
		if good, bad := models(f.Good), models(f.Bad); good+bad != "" {
			out = append(out, fmt.Sprintf("The flags of %s changed: %s", f.Object, result.Change{Good: good, Bad: bad}))
		}
	}
	for _, c := range d.Target {
		if isModel(c.Name) {
			out = append(out, fmt.Sprintf("target.json's %s changed: %s", c.Name, c))
		}
	}
	if len(out) > 0 || d.UnknownAspect(result.AspectFlags) || d.UnknownAspect(result.AspectTarget) {
		return out
	}
	for _, c := range d.Resolved {
		if isModel(c.Name) {
			out = append(out, fmt.Sprintf("rustc's own default changed: its %s is another (%s), "+
				"and neither flags nor target.json ask for it", c.Name, c))
		}
	}
	return out
}

// saidTold is what rustc was told, apart from the models.
func saidTold(d *result.Delta) string {
	if d.UnknownAspect(result.AspectFlags) || d.UnknownAspect(result.AspectTarget) {
		return ""
	}
	resolved := ""
	if !d.UnknownAspect(result.AspectResolved) {
		switch {
		case len(d.Resolved) == 0:
			resolved = ", and rustc resolves them to the same (rustc --print cfg)"
		case !slices.ContainsFunc(d.Resolved, func(c result.Change) bool { return isModel(c.Name) }):
			resolved = ", and rustc resolves them to the same relocation model (rustc --print cfg)"
		}
	}
	switch {
	case len(d.Flags)+len(d.Target) == 0:
		return "What rustc was told is equal: flags and target.json" + resolved
	case len(d.Flags) == 0:
		return "The flags are equal, target.json differs in " + list(changedNames(d.Target)) + resolved
	case len(d.Target) == 0:
		return "target.json is equal, flags differ" + resolved
	}
	return "Flags differ, and target.json in " + list(changedNames(d.Target)) + resolved
}

func saidRelocations(d *result.Delta) string {
	missing := slices.ContainsFunc(d.Unknown, func(g result.Gap) bool { return strings.HasPrefix(g.Aspect, result.AspectRelocations) })
	if missing || len(d.Modules) == 0 || recompiled(d) {
		return ""
	}
	if !slices.ContainsFunc(d.Modules, func(m result.ModuleDelta) bool { return !m.Same }) {
		return "What is loaded of the modules is the same, byte for byte, so that they do not explain the change"
	}
	return "The relocations of the modules are equal, so that they do not explain the change"
}

// causes are what could have made the change: everything of the two sides that
// is an input and differs.
func causes(d *result.Delta) (out []string, codegen bool) {
	codegen = true
	if len(d.Tree) > 0 {
		out, codegen = append(out, "the tree"), false
	}
	if _, other := rustc(d); other {
		out = append(out, "rustc with its core library")
	}
	if _, other := changeOf(d.Toolchain, "rustc-llvm"); other {
		out = append(out, "LLVM")
	}
	var rest []string
	for _, c := range d.Toolchain {
		if !strings.HasPrefix(c.Name, "rust") {
			rest = append(rest, c.Name)
		}
	}
	if len(rest) > 0 {
		out, codegen = append(out, "the other tools ("+list(rest)+")"), false
	}
	if len(d.Flags) > 0 {
		out, codegen = append(out, "the flags"), false
	}
	if len(d.Target) > 0 {
		out, codegen = append(out, "target.json"), false
	}
	var options []string
	for _, c := range d.Config {
		if !recordsVersion(c.Name) {
			options = append(options, c.Name)
		}
	}
	if len(options) > 0 {
		out, codegen = append(out, ".config ("+list(options)+")"), false
	}
	return out, codegen && len(out) > 0
}

func saidCauses(d *result.Delta) string {
	out, codegen := causes(d)
	switch {
	case len(out) == 0 && recompiled(d):
		return "Nothing that could have made them differ, and that was compared, differs: and yet the modules do"
	case len(out) == 0:
		return "Nothing that was compared differs"
	case codegen && len(out) == 2:
		return "Nothing else that was compared differs: the change is in code generation, " +
			"by rustc with its core library or by LLVM; the deltas do not tell which"
	case len(out) == 1:
		return "Nothing else that was compared differs, which leaves " + out[0]
	}
	last := len(out) - 1
	return fmt.Sprintf("The change comes from %s or %s, or several of them; the deltas do not tell which",
		strings.Join(out[:last], ", "), out[last])
}

func saidUnknown(d *result.Delta) string {
	var aspects []string
	for _, g := range d.Unknown {
		aspects = append(aspects, g.Aspect)
	}
	if len(aspects) == 0 {
		return ""
	}
	return "Not compared: " + strings.Join(aspects, ", ")
}

func changedNames(changes []result.Change) (out []string) {
	for _, c := range changes {
		out = append(out, c.Name)
	}
	return out
}

// list is the first few names, and how many more there are.
func list(names []string) string {
	const shown = 4
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
