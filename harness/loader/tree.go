package loader

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Tree is what the module loader of one kernel tree does.
type Tree struct {
	Rules   *Rules
	Regions *Regions
	Space   *Space
	Config  Config
	Kbuild  string // KBUILD_MODNAME of the relocation code, the prefix of its messages: "subarch"
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

// TreeFiles lists the files that ReadTree reads, so that a caller can key a
// cache by them or hand over only these.
func TreeFiles() []string {
	return []string{RulesFile, makeFile, mainFile, headerFile, pgtableFile, pageFile, umArchFile, osMainFile}
}

// ReadTree reads the loader of the tree at fsys, patches included, under the
// resolved .config. version only labels it. A *SourceError says which file is
// not as expected; nothing may be predicted then.
func ReadTree(fsys fs.FS, version string, config []byte) (*Tree, error) {
	text := map[string][]byte{}
	for _, name := range TreeFiles() {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read the loader of tree %s: %w", version, err)
		}
		text[name] = b
	}
	t := &Tree{Config: ReadConfig(config)}
	var err error
	if t.Rules, err = ReadRules(text[RulesFile], version); err != nil {
		return nil, err
	}
	if t.Kbuild, err = KbuildName(text[makeFile], "../kernel/module.o"); err != nil {
		return nil, err
	}
	if t.Regions, err = ReadRegions(text[mainFile], text[headerFile], t.Config); err != nil {
		return nil, err
	}
	if t.Space, err = ReadSpace(text[pgtableFile], text[pageFile], text[umArchFile], text[osMainFile], t.Config); err != nil {
		return nil, err
	}
	return t, nil
}

// KbuildName finds the composite object of arch/x86/um/Makefile that object is
// linked into; its name is the KBUILD_MODNAME of that object's messages.
func KbuildName(makefile []byte, object string) (string, error) {
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
	return "", &SourceError{File: makeFile, Want: object + " in a composite object", Found: "none"}
}
