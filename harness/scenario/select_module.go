package scenario

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/usage"
)

// same reports whether m and n are one module of the tree, or of one directory, and not only two of one name.
func (m Module) same(n Module) bool {
	a, b := m.External, n.External
	return m.Name == n.Name && m.Path == n.Path && (a == nil) == (b == nil) && (a == nil || filepath.Clean(a.Given) == filepath.Clean(b.Given))
}

// AllModules, among the modules of a selection, stands for every Rust sample that UML can build in the tree.
const AllModules = "all"

// IsAll reports whether m stands for AllModules, which the tree is yet to be asked for.
func (m Module) IsAll() bool { return m.Name == AllModules && m.Path == "" && m.External == nil }

// Own returns the scenario's module of a target; ok is false where it has none.
func (s *Scenario) Own(target string) (m Module, ok bool) {
	for _, m = range s.Modules {
		if m.Path == target && m.External == nil {
			return m, true
		}
	}
	return Module{}, false
}

// silentOutput is the -output= of a module that prints nothing.
const silentOutput = "none"

// selectModules returns the modules that a selection names. Of names that only
// the tree can tell, and of directories, the caller finds out the rest: they
// have no Path yet.
func (s *Scenario) selectModules(sel Selection, wrong usageFunc) []Module {
	var output *regexp.Regexp
	if sel.Output != "" && sel.Output != silentOutput {
		var err error
		if output, err = regexp.Compile(sel.Output); err != nil {
			wrong("-output=%s is no regular expression: write Go's syntax: %v", sel.Output, err)
		}
	}
	if len(sel.Modules) == 0 {
		if sel.Output == silentOutput || output != nil { // else it was told that it is none
			wrong("-output= says what modules of your choice print: name them with -modules=")
		}
		return s.Modules
	}
	var out []Module
	for _, name := range sel.Modules {
		m, ok := named(s.Modules, name)
		if !ok {
			if m, ok = otherModule(name); !ok {
				own := names(s.Modules)
				wrong("module %q is unknown: scenario %s has %s; allowed are also names of the tree's samples, "+
					"all for its Rust samples, targets of the tree, as in samples/rust/rust_minimal.ko, "+
					"and directories of your own, as in ./hello%s", name, s.Name, list(own), usage.Meant(name, own))
				continue
			}
			m.Output, m.Silent = output, sel.Output == silentOutput
		}
		i := slices.Index(names(out), m.Name)
		switch {
		case i < 0:
			out = append(out, m)
		case !out[i].same(m):
			wrong("-modules= names two modules %s, of which the guest can load only one at a time", m.Name)
		}
	}
	for _, m := range s.stepped() {
		if i := slices.Index(names(out), m.Name); i < 0 {
			out = append(out, m)
		} else if !out[i].same(m) {
			wrong("-modules= names a module %s that is not the one which the steps of scenario %s load", m.Name, s.Name)
		}
	}
	return out
}

// otherModule reads what names no module of the scenario.
func otherModule(name string) (Module, bool) {
	switch {
	case strings.HasSuffix(name, ".ko"):
		if !strings.Contains(name, "/") || !targetForm.MatchString(name) {
			return Module{}, false
		}
		return Module{Name: ModuleName(path.Base(name)), Path: name}, true
	case strings.Contains(name, "/"), name == ".", name == "..":
		abs, err := filepath.Abs(name)
		return Module{Name: ModuleName(filepath.Base(abs)), External: &External{Given: name}}, err == nil
	}
	name = ModuleName(name)
	return Module{Name: name}, moduleName.MatchString(name)
}

// ModuleName is the name that /proc/modules has for an object or a module file.
func ModuleName(file string) string {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".ko"), ".o")
	return strings.ReplaceAll(file, "-", "_")
}
