// Package sample finds sample modules of a tree, and others, with the options that building them needs, in its Makefiles and
// Kconfig files. It may import kconfig and scenario; it builds nothing, and Kconfig has the last word on what it says.
package sample

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/scenario"
)

// samplesDir is where a tree has its sample modules.
const samplesDir = "samples"

// Module is a sample module of a tree.
type Module struct {
	Name    string           // as /proc/modules shows it
	Target  string           // "samples/rust/rust_misc_device.ko"
	Option  string           // that makes it: "CONFIG_SAMPLE_RUST_MISC_DEVICE"; "" where its directory's do
	Options []kconfig.Option // what building it needs, dependencies first; File and Line are of the tree's Kconfig
}

// UnknownError says that a tree has no sample of a name.
type UnknownError struct {
	Name  string
	Names []string // of the samples that it has
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("module %q is neither the scenario's nor a sample of the tree, which has %s; a target of the tree, as in "+
		"drivers/misc/dummy-irq.ko, and a directory of your own, as in ./%s, are allowed too",
		e.Name, strings.Join(e.Names, ", "), e.Name)
}

// Find finds the sample called name in the tree, with the options that
// its Makefiles and Kconfig files name. Dependencies of the form A && B are
// requested; of others (!A, A || B) Kconfig has the last word, and its answer is
// compared as ever. The error is an *UnknownError where there is none.
func Find(tree fs.FS, name string) (Module, error) {
	all, err := allSamples(tree)
	if err != nil {
		return Module{}, err
	}
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return Module{}, &UnknownError{name, slices.Compact(names)}
}

// sample is a module with the options that building it needs.
func (k symbols) sample(m sampleRule) Module {
	s := Module{Name: m.name, Target: m.target, Option: m.option}
	asked := map[string]bool{}
	for _, o := range m.options {
		s.Options = k.request(s.Options, o, symbol{}, o == m.options[len(m.options)-1], asked)
	}
	return s
}

// sampleRule is a module that a Makefile below samples/ makes.
type sampleRule struct {
	name, target string
	option       string   // its own, or ""
	options      []string // that its directories and it depend on, outermost first: "CONFIG_SAMPLES_RUST"
}

var assignment = regexp.MustCompile(`^(?:obj|subdir)-(?:\$\((CONFIG_\w+)\)|m|y)\s*[:+]?=\s*(.*)$`)

// rulesOf are the matches of the lines of a Makefile, without their comments and the ends that go on in the next.
func rulesOf(text []byte, re *regexp.Regexp) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
			line, _, _ = strings.Cut(line, "#")
			if m := re.FindStringSubmatch(strings.TrimSpace(line)); m != nil && !yield(m) {
				return
			}
		}
	}
}

// samplesOf reads the Makefiles from samples/ downward, as Kbuild does.
func samplesOf(tree fs.FS) ([]sampleRule, error) {
	type visit struct {
		dir     string
		options []string
	}
	var out []sampleRule
	todo := []visit{{samplesDir, []string{"CONFIG_SAMPLES"}}}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		text, err := fs.ReadFile(tree, path.Join(at.dir, "Kbuild"))
		if errors.Is(err, fs.ErrNotExist) {
			text, err = fs.ReadFile(tree, path.Join(at.dir, "Makefile"))
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the tree's samples: %w", err)
		}
		for m := range rulesOf(text, assignment) {
			options := slices.Clip(slices.Clone(at.options))
			if m[1] != "" {
				options = append(options, m[1])
			}
			for _, word := range strings.Fields(m[2]) {
				switch {
				case strings.ContainsAny(word, "$()"):
				case strings.HasSuffix(word, ".o"):
					if !strings.HasPrefix(m[0], "subdir") {
						out = append(out, sampleRule{scenario.ModuleName(word), path.Join(at.dir, strings.TrimSuffix(word, ".o")+".ko"), m[1], options})
					}
				default:
					if dir := path.Join(at.dir, word); len(dir) > len(at.dir) {
						todo = append(todo, visit{dir, options})
					}
				}
			}
		}
	}
	return out, nil
}

// symbol is an option that a Kconfig file below samples/ defines.
type symbol struct {
	tristate bool
	depends  []string // symbols that it needs, all of them
	file     string
	line     int
}

type symbols map[string]symbol

var (
	configLine  = regexp.MustCompile(`^(?:menu)?config (\w+)$`)
	dependsLine = regexp.MustCompile(`^depends on (.+)$`)
	ifLine      = regexp.MustCompile(`^if (.+)$`)
	needed      = regexp.MustCompile(`^([A-Z0-9_]+)(?: ?= ?y)?$`)
)

// conjunction returns the symbols that an expression needs to be on.
func conjunction(expression string) []string {
	if strings.Contains(expression, "||") {
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(expression, "&&") {
		if m := needed.FindStringSubmatch(strings.TrimSpace(part)); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

// readKconfigs reads the Kconfig files below a directory.
func readKconfigs(tree fs.FS, dir string) (symbols, error) {
	all := symbols{}
	err := fs.WalkDir(tree, dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(d.Name(), "Kconfig") || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		var around [][]string // the symbols of each open if
		current := ""
		for i, line := range strings.Split(string(text), "\n") {
			top := !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") // a help text has an if as well
			line = strings.TrimSpace(line)
			if m := configLine.FindStringSubmatch(line); m != nil {
				current = m[1]
				all[current] = symbol{depends: slices.Concat(around...), file: file, line: i + 1}
				continue
			}
			s, in := all[current]
			switch {
			case top && ifLine.MatchString(line):
				around = append(around, conjunction(ifLine.FindStringSubmatch(line)[1]))
				current = ""
			case top && strings.HasPrefix(line, "endif") && len(around) > 0:
				around = around[:len(around)-1]
				current = ""
			case in && (strings.HasPrefix(line, "tristate") || strings.HasPrefix(line, "def_tristate")):
				s.tristate = true
				all[current] = s
			case in && dependsLine.MatchString(line):
				s.depends = append(slices.Clip(s.depends), conjunction(dependsLine.FindStringSubmatch(line)[1])...)
				all[current] = s
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree's Kconfig: %w", err)
	}
	return all, nil
}

// request adds what the option and its dependencies need to have. What is no
// option of a sample is told by the place that needs it. asked ends circles.
func (k symbols) request(options []kconfig.Option, option string, by symbol, module bool, asked map[string]bool) []kconfig.Option {
	if asked[option] {
		return options
	}
	asked[option] = true
	s, known := k[strings.TrimPrefix(option, "CONFIG_")]
	if !known {
		s = symbol{file: by.file, line: by.line}
	}
	for _, d := range s.depends {
		options = k.request(options, "CONFIG_"+d, s, false, asked)
	}
	o := kconfig.Option{Name: option, Value: "y", File: s.file, Line: s.line}
	if module && s.tristate {
		o.Value = "m"
	}
	return append(options, o)
}

// rustSamplesDir is where a tree has its Rust samples.
const rustSamplesDir = samplesDir + "/rust/"

// Rust returns the samples that a tree's samples/rust/ makes, in the order
// of its Makefile. Which of them UML can build only Kconfig can tell, see
// Configure.
func Rust(tree fs.FS) ([]Module, error) {
	all, err := allSamples(tree)
	return slices.DeleteFunc(all, func(s Module) bool { return !strings.HasPrefix(s.Target, rustSamplesDir) }), err
}

// allSamples returns the samples of a tree, in the order of its Makefiles.
func allSamples(tree fs.FS) ([]Module, error) {
	rules, err := samplesOf(tree)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	k, err := readKconfigs(tree, samplesDir)
	if err != nil {
		return nil, err
	}
	var out []Module
	for _, m := range rules {
		out = append(out, k.sample(m))
	}
	return out, nil
}
