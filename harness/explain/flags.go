package explain

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/result"
)

// modelKeys are the options that decide which relocations a module holds: they
// are told of even where nothing gives them.
var modelKeys = []string{"relocation-model", "code-model"}

// makefiles are those files of a tree that can add to the flags of a Rust
// object of ARCH=um, besides those of the directories of the modules.
func makefiles(tree fs.FS, dirs ...string) map[string]string {
	texts := map[string]string{}
	patterns := []string{"Makefile", "arch/um/Makefile*", "arch/x86/Makefile.um", "scripts/Makefile*", "rust/Makefile"}
	for _, d := range dirs {
		patterns = append(patterns, path.Join(d, "Makefile"), path.Join(d, "Kbuild"))
	}
	for _, p := range patterns {
		names, _ := fs.Glob(tree, p)
		for _, name := range names {
			if text, err := fs.ReadFile(tree, name); err == nil {
				texts[name] = string(text)
			}
		}
	}
	return texts
}

// origin is a place of a Makefile that gives an option.
type origin struct {
	at    string // "arch/um/Makefile:65"
	exact bool   // written there as rustc got it; else by an expression
}

var assignment = regexp.MustCompile(`^\s*(?:export\s+|override\s+)*([A-Za-z0-9_$(){}.@-]+)\s*(?:[:+?]*=|:::=)`)

// givenRE finds the -C options that a line gives, with key and value.
var givenRE = regexp.MustCompile(`(?:^|[\s,(])-C\s*([\w-]+)(?:=(\S*)|[\s,)\\]|$)`)

// originsOf finds where the Makefiles give a -C option to Rust code of the
// target: the places that spell it, else those that give its key a computed
// value.
func originsOf(texts map[string]string, option string) []string {
	key, value, _ := strings.Cut(strings.TrimPrefix(option, "-C"), "=")
	var found []origin
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		variable, continued := "", false
		for i, line := range strings.Split(texts[name], "\n") {
			if !continued {
				variable = ""
				if m := assignment.FindStringSubmatch(line); m != nil {
					variable = m[1]
				}
			}
			continued = strings.HasSuffix(line, `\`)
			code, _, _ := strings.Cut(line, "#")
			if strings.Contains(variable, "HOST") { // of programs that run while the kernel is built
				continue
			}
			for _, m := range givenRE.FindAllStringSubmatch(code, -1) {
				got := strings.TrimRight(m[2], `)\`)
				switch {
				case optionKey(m[1]) != optionKey(key):
				case got == value:
					found = append(found, origin{fmt.Sprintf("%s:%d", name, i+1), true})
				case strings.HasPrefix(m[2], "$"):
					found = append(found, origin{fmt.Sprintf("%s:%d", name, i+1), false})
				}
			}
		}
	}
	exact := slices.ContainsFunc(found, func(o origin) bool { return o.exact })
	out := []string{}
	for _, o := range found {
		if o.exact == exact && !slices.Contains(out, o.at) {
			out = append(out, o.at)
		}
	}
	return out
}

// objectFlags says for each option that rustc got where it comes from.
// requested are the variant's flags where they reach the object, and how is
// where the user gave them.
func objectFlags(texts map[string]string, target []byte, object string, given, requested []string, how string) result.ObjectFlags {
	f := result.ObjectFlags{Object: object, Options: []result.GivenOption{}}
	last := map[string]int{}
	for i, o := range given {
		last[optionKey(o)] = i
	}
	for i, o := range given {
		opt := result.GivenOption{Option: o, Key: optionKey(o), Overridden: last[optionKey(o)] != i}
		if !opt.Overridden && slices.Contains(requested, o) {
			opt.Origins = []string{how}
		} else {
			opt.Origins = originsOf(texts, o)
		}
		f.Options = append(f.Options, opt)
	}
	for _, key := range modelKeys {
		if _, ok := last[key]; !ok {
			f.Options = append(f.Options, result.GivenOption{Key: key, Origins: targetSays(target, key)})
		}
	}
	return f
}

// optionKey is "relocation-model" of "-Crelocation_model=pie": rustc reads _ and
// - as the same.
func optionKey(option string) string {
	key, _, _ := strings.Cut(strings.TrimPrefix(option, "-C"), "=")
	return strings.ReplaceAll(key, "_", "-")
}

// targetSays looks a default up in the target specification that the tree
// generates for rustc.
func targetSays(target []byte, key string) []string {
	var spec map[string]any
	if json.Unmarshal(target, &spec) == nil {
		if v, ok := spec[key]; ok {
			return []string{fmt.Sprintf("scripts/target.json: %q: %q, from scripts/generate_rust_target.rs", key, v)}
		}
	}
	return []string{}
}

// dirsOf are the directories of targets.
func dirsOf(targets []string) (dirs []string) {
	for _, t := range targets {
		if d := path.Dir(t); !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}
