package kbuild

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/scenario"
)

// savedCommand is the command that fixdep recorded in a .cmd file:
// "savedcmd_X.o := ..." (before 6.3: "cmd_X.o := ...").
func savedCommand(cmdFile string) (string, bool) {
	first, _, _ := strings.Cut(cmdFile, "\n")
	name, command, ok := strings.Cut(first, ":=")
	if !ok || !strings.Contains(name, "cmd_") {
		return "", false
	}
	return strings.Join(strings.Fields(command), " "), true
}

var rustcCall = regexp.MustCompile(`(^|[ /])rustc(-[0-9][0-9.]*)? --edition`)

// codegen returns the -C options of a rustc command line that count, sorted: of
// options given more than once, rustc takes the last. ok is false for a command
// that does not call rustc.
func codegen(command string) (options []string, ok bool) {
	if !rustcCall.MatchString(command) {
		return nil, false
	}
	last := map[string]string{}
	words := strings.Fields(command)
	for i := 0; i < len(words); i++ {
		opt, isC := strings.CutPrefix(words[i], "-C")
		if !isC {
			continue
		}
		if opt == "" && i+1 < len(words) {
			i++
			opt = words[i]
		}
		opt = strings.Trim(opt, `'"`)
		key, _, _ := strings.Cut(opt, "=")
		// rustc reads _ and - as the same.
		last[strings.ReplaceAll(key, "_", "-")] = opt
	}
	for key, opt := range last {
		_, value, has := strings.Cut(opt, "=")
		if has {
			key += "=" + value
		}
		options = append(options, "-C"+key)
	}
	slices.Sort(options)
	return options, true
}

// objectsOf lists the objects that a module is linked from, as modpost's .mod
// file tells; paths are relative to the build directory. read gives a file of
// the build directory.
func objectsOf(module string, read func(name string) ([]byte, error)) ([]string, error) {
	b, err := read(strings.TrimSuffix(module, ".ko") + ".mod")
	if err != nil {
		return nil, fmt.Errorf("which objects is %s made of: %w", module, err)
	}
	var objects []string
	for _, f := range strings.Fields(string(b)) {
		if strings.HasSuffix(f, ".o") {
			objects = append(objects, f)
		}
	}
	return objects, nil
}

// cmdFile is the name of the .cmd file of an object.
func cmdFile(object string) string {
	return path.Join(path.Dir(object), "."+path.Base(object)+".cmd")
}

// rustObject is one Rust object of a build with the command that made it.
type rustObject struct {
	name    string // samples/rust/rust_minimal.o
	command string
	options []string // -C options that count
}

// rustObjects returns the Rust objects among objects.
func rustObjects(objects []string, read func(name string) ([]byte, error)) ([]rustObject, error) {
	var rust []rustObject
	for _, o := range objects {
		b, err := read(cmdFile(o))
		if err != nil {
			return nil, fmt.Errorf("how was %s made: %w", o, err)
		}
		command, ok := savedCommand(string(b))
		if !ok {
			return nil, fmt.Errorf("how was %s made: %s does not begin with a saved command", o, cmdFile(o))
		}
		if options, ok := codegen(command); ok {
			rust = append(rust, rustObject{o, command, options})
		}
	}
	return rust, nil
}

// mismatch says how the effective options of an object differ from the
// variant's; it is empty where they are equal.
func mismatch(v scenario.Variant, o rustObject) string {
	var wrong []string
	for _, want := range v.Flags() {
		if slices.Contains(o.options, want) {
			continue
		}
		key, _, _ := strings.Cut(want, "=")
		got := "no " + key
		for _, have := range o.options {
			if k, _, _ := strings.Cut(have, "="); k == key {
				got = have
			}
		}
		wrong = append(wrong, fmt.Sprintf("%s was built with %s, not %s", o.name, got, want))
	}
	return strings.Join(wrong, "; ")
}

// without removes the given options from a command, wherever they stand.
func without(command string, options []string) string {
	words := strings.Fields(command)
	words = slices.DeleteFunc(words, func(w string) bool { return slices.Contains(options, w) })
	return strings.Join(words, " ")
}

// reader reads files of a build directory that is an overlay: from upper, else
// from lower.
func reader(upper, lower string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if p, ok := find(upper, lower, name); ok {
			return os.ReadFile(p)
		}
		return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
	}
}

func find(upper, lower, name string) (string, bool) {
	for _, dir := range []string{upper, lower} {
		if dir == "" {
			continue
		}
		p := filepath.Join(dir, filepath.FromSlash(name))
		if info, err := os.Lstat(p); err == nil {
			return p, info.Mode().IsRegular() // a whiteout is a device
		}
	}
	return "", false
}
