package remake

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/tree"
)

// Remake is what has to be made again for a build to be one of another tree.
type Remake struct {
	targets map[string]bool // targets of the build that have to go
	stems   map[string]bool // "kernel/fork" for all files kernel/fork.* of the build, which have to go
	dirs    map[string]bool // of changed makefiles: what is generated there without a .cmd file has to go
	Newer   []string        // files of the new tree that make has to see as newer than anything in the build
	Rules   bool            // what Kbuild exports to its recipes may be another
	Config  bool            // .config is made from nothing
	Shrink  bool            // what was a target may be none any more
	// Refused says why only a build from nothing is sure to be right; "" where going on is.
	Refused string
}

// Nothing reports whether the build is one of the new tree as it stands: no step of it read what changed, and none could
// find what is new.
func (m *Remake) Nothing() bool {
	return len(m.Newer) == 0 && !m.Rules && !m.Config && !m.Shrink && m.Refused == ""
}

// SourcesOnly reports whether sources and headers differ and nothing that says what is made of them, or how: no makefile, no Kconfig
// file, no script, and no file came or went.
func (m *Remake) SourcesOnly() bool {
	return !m.Rules && !m.Config && !m.Shrink && m.Refused == "" &&
		!slices.ContainsFunc(m.Newer, func(name string) bool { return strings.HasPrefix(name, "scripts/") })
}

// ForModules reports whether a file of a build may have a part in every module that is built beside it: all may, but what is linked
// or packed of the kernel or of one module.
func ForModules(name string) bool {
	if target, ok := Target(name); ok {
		name = target
	}
	dir, base := path.Split(name)
	of := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case slices.ContainsFunc([]string{"scripts/", "rust/", "tools/", "include/"}, of):
		return true
	case dir == "":
		ofKernel := []string{"vmlinux", ".vmlinux.", ".tmp_vmlinux", ".umlab."}
		return base != "linux" && base != "System.map" && path.Ext(base) != ".a" && !slices.ContainsFunc(ofKernel, of)
	}
	return !slices.Contains([]string{".o", ".a", ".ko", ".mod"}, path.Ext(base)) && !ofModpost(base)
}

// isMakefile tells what make reads. It finds out by itself what a change there means for each target that has a .cmd
// file: it holds the command that made it against what that would be now.
func isMakefile(name string) bool {
	base := path.Base(name)
	return base == "Makefile" || base == "Kbuild" || base == "Platform" || strings.HasPrefix(base, "Makefile.") ||
		strings.HasPrefix(base, "Makefile-") || strings.HasPrefix(base, "Kbuild.") || strings.HasSuffix(base, ".mk")
}

// isRules tells the makefiles that hold the rules of all others, and those of tools/, which know no .cmd files of
// Kbuild's kind: what a rule does besides its command is not recorded.
func isRules(name string) bool {
	dir, base := path.Split(name)
	return dir == "scripts/" && (strings.HasPrefix(base, "Makefile.") || strings.HasSuffix(base, ".include")) ||
		strings.HasPrefix(dir, "tools/") && isMakefile(name)
}

func isKconfig(name string) bool { return strings.HasPrefix(path.Base(name), "Kconfig") }

// NewNames are the names of the added files, without directories: the words by which a step could find them.
func NewNames(changes []tree.Change) (names []string) {
	for _, c := range changes {
		if c.Kind == tree.Added && !isMakefile(c.Path) && !isKconfig(c.Path) {
			names = append(names, path.Base(c.Path))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Decide says what a build, of which r is the record, has to make again for the changes of its tree. speak tells for each
// of NewNames which files of r.Read speak of it, see Speak.
//
// Why what is then made is what a build from nothing makes: a target whose .cmd file names nothing that changed, and
// nothing that speaks of what is new, was made by its command from the same files, and make holds the command against
// what it would be now. A target that names something else is removed, and made again if it is still one. What a target
// without .cmd file is made from make tells by time: it sees what changed as newer. What no step opened has no part in
// the build. For what is left (opened, and no step says by whom) Decide refuses.
func Decide(r *Record, changes []tree.Change, speak map[string][]int32) *Remake {
	m := &Remake{targets: map[string]bool{}, stems: map[string]bool{}, dirs: map[string]bool{}}
	if r.Lost && len(changes) > 0 {
		m.Refused = "what that build opened is not known (it was resumed, or the kernel lost count)"
		return m
	}
	users := map[int32][]string{}
	for _, s := range r.Steps {
		for _, i := range s.Names {
			users[i] = append(users[i], s.Target)
		}
	}
	remove := func(files ...int32) {
		for _, i := range files {
			for _, t := range users[i] {
				m.targets[t] = true
			}
		}
	}
	for _, c := range changes {
		i, opened := slices.BinarySearch(r.Read, c.Path)
		named := opened && len(users[int32(i)]) > 0
		if c.Kind == tree.Modified && !opened && !c.Link {
			continue
		}
		if why := refusal(c, named, opened); why != "" && m.Refused == "" {
			m.Refused = fmt.Sprintf("%s was %s: %s", c.Path, c.Kind, why)
		}
		if named {
			remove(int32(i))
		}
		if c.Kind != tree.Removed {
			m.Newer = append(m.Newer, c.Path)
		}
		m.Shrink = m.Shrink || c.Kind != tree.Modified
		switch {
		case isKconfig(c.Path):
			m.Config, m.Rules, m.Shrink = true, true, true
			continue
		case isMakefile(c.Path):
			m.Rules, m.Shrink, m.dirs[path.Dir(c.Path)] = true, true, true
			if strings.HasPrefix(c.Path, "arch/") || c.Path == "Makefile" {
				m.stems["linux"], m.stems["vmlinux"] = true, true // whose rules are theirs
			}
			continue
		case c.Kind == tree.Added:
			remove(speak[path.Base(c.Path)]...)
			if path.Ext(c.Path) == ".rs" { // mod x; finds x.rs and x/mod.rs
				dir := path.Dir(c.Path)
				remove(r.rustIn(dir)...)
				remove(r.rustIn(path.Dir(dir))...)
			}
		}
		m.stems[stem(c.Path)] = true
		m.Config = m.Config || strings.HasPrefix(c.Path, kconfigDir)
	}
	for t := range m.targets { // which only configuring makes
		m.Config = m.Config || strings.HasPrefix(t, kconfigDir)
	}
	return m
}

const kconfigDir = "scripts/kconfig/"

// refusal says why nobody can tell what a change means for a build, if so.
func refusal(c tree.Change, named, opened bool) string {
	switch {
	case c.Link:
		return "what is found through a symbolic link is not recorded"
	case isRules(c.Path) && (opened || c.Kind == tree.Added && strings.HasPrefix(c.Path, "scripts/")):
		return "it holds rules that no command tells"
	case c.Kind != tree.Added && opened && !named && !isMakefile(c.Path) && !isKconfig(c.Path):
		return "the build opens it, and no step records that"
	}
	return ""
}

// stem is a path up to the first dot of its last element.
func stem(name string) string {
	dir, base := path.Split(name)
	first, _, _ := strings.Cut(strings.TrimPrefix(base, "."), ".")
	return dir + first
}

// rustIn are the Rust files of the directory dir.
func (r *Record) rustIn(dir string) (files []int32) {
	for i, name := range r.Read {
		if path.Ext(name) == ".rs" && path.Dir(name) == dir {
			files = append(files, int32(i))
		}
	}
	return files
}

// generated tells a source that a rule may have made, from what else lies beside objects.
func generated(name string) bool {
	switch path.Ext(name) {
	case ".c", ".h", ".S", ".s", ".rs", ".lds", ".inc":
		return !ofModpost(name)
	}
	return false
}

// ofModpost tells what modpost makes of a module, and what is compiled of that. It looks at all modules when one of them was made
// again, and writes where something differs.
func ofModpost(name string) bool {
	return strings.HasSuffix(name, ".mod.c") || strings.HasSuffix(name, ".mod.o")
}

// Outdated tells which files of the build directory have to go: all that m names, with their .cmd files. made are the
// targets that have one.
func (m *Remake) Outdated(made map[string]bool) func(name string) bool {
	return func(name string) bool {
		if target, ok := Target(name); ok {
			name = target
		}
		return m.targets[name] || m.stems[stem(name)] && !ofModpost(name) || m.dirs[path.Dir(name)] && !made[name] && generated(name)
	}
}
