package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/loader/csrc"
)

// Tree is what the module loader of one kernel tree does.
type Tree struct {
	Rules   *Rules
	regions *regions
	Space   *Space
	config  kconfig.Config
	kbuild  string // KBUILD_MODNAME of the relocation code, the prefix of its messages: "subarch"
}

// Files of the tree that ReadTree reads, besides RulesFile.
const (
	makeFile    = "arch/x86/um/Makefile"
	mainFile    = "kernel/module/main.c"
	headerFile  = "include/linux/module.h"
	pgtableFile = "arch/um/include/asm/pgtable.h"
	pageFile    = "arch/um/include/asm/page.h"
	umArchFile  = "arch/um/kernel/um_arch.c"
	osMainFile  = "arch/um/os-Linux/main.c"
)

// ReadTree reads the loader of the tree at fsys, patches included, under the
// resolved .config. version only names it in errors. A *csrc.Error says which
// file is not as expected; nothing may be predicted then.
func ReadTree(fsys fs.FS, version string, config []byte) (*Tree, error) {
	t, err := readTree(fsys, config)
	if _, unknown := errors.AsType[*csrc.Error](err); unknown {
		return nil, fmt.Errorf("%w: nothing is predicted for this tree (report the source as unknown, observed outcomes still stand)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the loader of tree %s: %w", version, err)
	}
	return t, nil
}

func readTree(fsys fs.FS, config []byte) (*Tree, error) {
	text := map[string][]byte{}
	for _, name := range []string{RulesFile, makeFile, mainFile, headerFile, pgtableFile, pageFile, umArchFile, osMainFile} {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		text[name] = b
	}
	t := &Tree{}
	var err error
	if t.config, err = kconfig.ParseConfig(".config", config); err != nil {
		return nil, err
	}
	if t.Rules, err = readRules(text[RulesFile], machineOf(t.config)); err != nil {
		return nil, err
	}
	if t.kbuild, err = kbuildName(text[makeFile], "../kernel/module.o"); err != nil {
		return nil, err
	}
	if t.regions, err = readRegions(text[mainFile], text[headerFile], t.config); err != nil {
		return nil, err
	}
	if t.Space, err = readSpace(text[pgtableFile], text[pageFile], text[umArchFile], text[osMainFile], t.config); err != nil {
		return nil, err
	}
	return t, nil
}

// defined returns what the preprocessor of a build under config knows.
func defined(config kconfig.Config) func(name string) (value, known bool) {
	return func(name string) (value, known bool) {
		if v, ok := machineOf(config).known(name); ok {
			return v, true
		}
		if base, ok := strings.CutSuffix(name, "_MODULE"); ok && config.Get(base) == "m" {
			return true, true
		}
		v := config.Get(name)
		return v != "m" && v != kconfig.Unset, strings.HasPrefix(name, "CONFIG_")
	}
}

// kbuildName finds the composite object of arch/x86/um/Makefile that object is
// linked into; its name is the KBUILD_MODNAME of that object's messages.
func kbuildName(makefile []byte, object string) (string, error) {
	lines := strings.ReplaceAll(string(makefile), "\\\n", " ")
	for line := range strings.Lines(lines) {
		left, right, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(right) {
			if word != object {
				continue
			}
			left = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(left), "+:?"))
			name, _, ok := strings.Cut(left, "-")
			if !ok || name == "" {
				break
			}
			if name == "obj" || name == "lib" {
				name = strings.TrimSuffix(path.Base(object), ".o")
			}
			return name, nil
		}
	}
	return "", &csrc.Error{File: makeFile, Want: object + " in a composite object", Found: "none"}
}
