package sample

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/scenario"
)

// Rust reports whether building the module needs Rust.
func (m Module) Rust() bool {
	return slices.ContainsFunc(m.Options, func(o kconfig.Option) bool { return o.Name == "CONFIG_RUST" || o.Name == "CONFIG_SAMPLES_RUST" })
}

var (
	objects   = regexp.MustCompile(`^obj-\$\((CONFIG_\w+)\)\s*[:+]?=\s*(.*)$`)
	elsewhere = []string{"Documentation", "tools", "scripts", "arch", "LICENSES", "certs"} // no module of UML's is there
)

// Made finds which of the names a tree makes modules of, samples or not, by the line of a Makefile that makes each by an option
// of its own. What that needs besides, and whether UML can have it, Kconfig has the last word on.
func Made(tree fs.FS, names ...string) (map[string]Module, error) {
	found := map[string]Module{}
	samples, err := allSamples(tree)
	if err != nil {
		return nil, err
	}
	for _, s := range samples {
		if _, twice := found[s.Name]; slices.Contains(names, s.Name) && !twice {
			found[s.Name] = s
		}
	}
	rules, err := made(tree, func(dir, object string) bool {
		_, have := found[scenario.ModuleName(object)]
		return !have && slices.Contains(names, scenario.ModuleName(object))
	})
	if err != nil || len(rules) == 0 {
		return found, err
	}
	k, err := readKconfigs(tree, ".")
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if _, twice := found[r.name]; !twice {
			found[r.name] = k.sample(r)
		}
	}
	return found, nil
}

// made are the rules of a tree's Makefiles for objects that are wanted.
func made(tree fs.FS, wanted func(dir, object string) bool) (rules []sampleRule, err error) {
	err = fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(elsewhere, file) {
			return fs.SkipDir
		}
		if d.IsDir() || d.Name() != "Makefile" && d.Name() != "Kbuild" {
			return nil
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		dir := path.Dir(file)
		for m := range rulesOf(text, objects) {
			for _, word := range strings.Fields(m[2]) {
				if object, ok := strings.CutSuffix(word, ".o"); ok && !strings.ContainsAny(word, "$()") && wanted(dir, word) {
					rules = append(rules, sampleRule{scenario.ModuleName(word), path.Join(dir, object+".ko"), m[1], []string{m[1]}})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree's Makefiles: %w", err)
	}
	return rules, nil
}

var suiteName = regexp.MustCompile(`\.name\s*=\s*"([^"]+)"`)

// Suite finds what a tree makes a suite of KUnit by, from the name that its source gives it; nil where no source of a test has
// such a name, or no option makes it.
func Suite(tree fs.FS, suite string) (*Module, error) {
	var rule []sampleRule
	err := fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || len(rule) > 0 {
			return err
		}
		if d.IsDir() && slices.Contains(elsewhere, file) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(file) != ".c" || !strings.Contains(file, "test") && !strings.Contains(file, "kunit") {
			return nil
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(suiteName.FindAllStringSubmatch(string(text), -1), func(m []string) bool { return m[1] == suite }) {
			return nil
		}
		rule, err = made(tree, func(dir, object string) bool { return path.Join(dir, object) == strings.TrimSuffix(file, ".c")+".o" })
		return err
	})
	if err != nil || len(rule) == 0 {
		return nil, err
	}
	k, err := readKconfigs(tree, ".")
	if err != nil {
		return nil, err
	}
	m := k.sample(rule[0])
	return &m, nil
}
