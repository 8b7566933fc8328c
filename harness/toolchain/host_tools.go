package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// need is something that a kernel build and a guest want of the machine.
type need struct {
	names []string // programs: one of them will do
	file  string   // or a file below system
	from  string   // the package that has it, in Debian
	also  string   // another way to get it
}

// needs are what the machine must have for toolchain host. What compiles is
// looked at by itself.
var needs = []need{
	{names: []string{"rustc"}, from: "rustc", also: "rustup's"},
	{names: []string{"bindgen"}, from: "bindgen", also: "cargo install bindgen-cli"},
	{names: []string{"make"}, from: "make"},
	{names: []string{"ld"}, from: "binutils"},
	{names: []string{"flex"}, from: "flex"},
	{names: []string{"bison"}, from: "bison"},
	{names: []string{"bc"}, from: "bc"},
	{names: []string{"gawk", "mawk", "awk"}, from: "gawk"},
	{names: []string{"sed"}, from: "sed"},
	{names: []string{"grep"}, from: "grep"},
	{names: []string{"find"}, from: "findutils"},
	{names: []string{"cmp"}, from: "diffutils"},
	{names: []string{"xz"}, from: "xz-utils"},
	{names: []string{"git"}, from: "git"},
	{names: []string{"perl"}, from: "perl"},
	{file: "include/stdio.h", from: "libc6-dev"},
}

// clangs are what LLVM=1 calls; gccs what is called without.
var (
	clangs = []string{"clang", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-objdump", "llvm-readelf", "llvm-strip"}
	gccs   = []string{"gcc", "ld", "ar", "nm", "objcopy", "objdump", "readelf", "strip"}
)

// anywhere tells the programs that may lie outside of the system's directories,
// as those that rustup and cargo install do: they are shown by themselves.
func anywhere(name string) bool { return name == "rustc" || name == "bindgen" }

// missing says, a sentence each with the remedy, what the machine lacks.
func (h host) missing() (list []string) {
	for _, n := range needs {
		if n.file != "" {
			at := filepath.Join(h.shown[0], n.file)
			if _, err := os.Stat(at); err != nil {
				list = append(list, fmt.Sprintf("there is no %s: install it (Debian: %s)", at, n.from))
			}
			continue
		}
		at, ok := h.find(n.names...)
		switch {
		case ok && (anywhere(n.names[0]) || h.systems(at)):
		case ok && h.inSystem(n.names...):
		case ok:
			list = append(list, fmt.Sprintf("%s is %s, which the sandbox does not show: install one below %s (Debian: %s)",
				n.names[0], at, h.shown[0], n.from))
		default:
			list = append(list, absent(n.names, n.from, n.also))
		}
	}
	var lacking []string
	for _, set := range [][]string{clangs, gccs} {
		var without []string
		for _, name := range set {
			if !h.inSystem(name) {
				without = append(without, name)
			}
		}
		if len(without) == 0 {
			return list
		}
		lacking = append(lacking, strings.Join(without, ", "))
	}
	return append(list, fmt.Sprintf("there is no C compiler with all that belongs to it below %s: LLVM lacks %s, GCC lacks %s; "+
		"install one (Debian: clang, lld and llvm, or gcc)", h.shown[0], lacking[0], lacking[1]))
}

func absent(names []string, from, also string) string {
	how := "Debian: " + from
	if also != "" {
		how += ", or " + also
	}
	return fmt.Sprintf("%s is not on PATH: install it (%s)", strings.Join(names, " or "), how)
}

// systems reports whether the sandbox shows the file at that path of the machine.
func (h host) systems(path string) bool {
	at, err := filepath.EvalSymlinks(path)
	return err == nil && slices.ContainsFunc(h.shown, func(dir string) bool { return strings.HasPrefix(at+"/", dir+"/") })
}

// inSystem reports whether one of the programs is found where the sandbox looks.
func (h host) inSystem(names ...string) bool {
	at, ok := find(h.path(), names...)
	return ok && h.systems(at)
}

// path are the directories of PATH that the sandbox shows, and the usual ones, by
// the names that they have there.
func (h host) path() (dirs []string) {
	search := slices.Clone(h.search)
	for _, dir := range []string{"sbin", "bin"} {
		search = append(search, filepath.Join(h.shown[0], dir))
	}
	for _, dir := range search {
		if at, err := filepath.EvalSymlinks(dir); err == nil && h.systems(at) && !slices.Contains(dirs, at) {
			dirs = append(dirs, at)
		}
	}
	return dirs
}
