package objtree

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"umlab/harness/pattern"
)

var rustcCall = pattern.New(`(^|[ /])rustc(-[0-9][0-9.]*)? --edition`)

// Options are the options of a rustc command that decide code, each as one
// word and without quotes, in their order: "-Cpanic=abort", "-Zunstable-options",
// "--cfg=MODULE", "--target=x", "--edition=2021".
func Options(command string) (options []string) {
	words := strings.Fields(strings.NewReplacer(`'`, "", `"`, "").Replace(command))
	for i, word := range words {
		switch word {
		case "-C", "--codegen", "-Z", "--cfg", "--target", "--edition": // the value is a word of its own
			if i+1 == len(words) {
				continue
			}
			switch word {
			case "--codegen":
				word = "-C"
			case "--cfg", "--target", "--edition":
				word += "="
			}
			options = append(options, word+words[i+1])
		default:
			of := func(prefix string) bool { return strings.HasPrefix(word, prefix) }
			if slices.ContainsFunc([]string{"-C", "-Z", "--cfg=", "--target=", "--edition="}, of) {
				options = append(options, word)
			}
		}
	}
	return options
}

func isCodegen(option string) bool { return strings.HasPrefix(option, "-C") }

// codegen returns the -C options of a rustc command line that count, sorted: of
// options given more than once, rustc takes the last. ok is false for a command
// that does not call rustc.
func codegen(command string) (options []string, ok bool) {
	if !rustcCall.MatchString(command) {
		return nil, false
	}
	last := map[string]string{}
	for _, option := range Options(command) {
		if isCodegen(option) {
			key, value, has := strings.Cut(option, "=")
			key = strings.ReplaceAll(key, "_", "-") // to rustc they are the same
			last[key] = key
			if has {
				last[key] += "=" + value
			}
		}
	}
	return slices.Sorted(maps.Values(last)), true
}

// Debug asks rustc for all that lines need.
const Debug = "-Cdebuginfo=2"

// Given lists the -C options of a rustc command in their order, without
// Debug.
func Given(command string) []string {
	return slices.DeleteFunc(Options(command), func(o string) bool { return !isCodegen(o) || o == Debug })
}

// RustOptions are the options of rustc that decide the code of an object, sorted: -C (those that count), -Z, --target, --edition
// and --cfg. Lints, paths and what names the object are left out. ok is false where the object was not built with rustc.
func (d Dir) RustOptions(object string) (options []string, ok bool) {
	command, err := d.Command(path.Clean(object))
	if err != nil {
		return nil, false
	}
	if options, ok = codegen(command); !ok {
		return nil, false
	}
	options = append(options, slices.DeleteFunc(Options(command), isCodegen)...)
	slices.Sort(options)
	return slices.Compact(options), true
}

// rustTool matches the name of a program of the Rust side, as a word of a
// command: "rustc", "/opt/rust/bin/rustc", "rustc-1.85;". bindgen is no part of
// it, but what it makes is for rustc to read.
var rustTool = pattern.New(`^(?:[^-].*/)?(?:rustc|rustdoc|rustfmt|clippy-driver|bindgen)(?:-[0-9][0-9.]*)?;?$`)

// rustMade lists what a command makes with a Rust tool beside its target, which
// is the operand of --emit=KIND=FILE and -o. ok is false for a command that
// calls none.
func rustMade(command string) (beside []string, ok bool) {
	words := strings.Fields(command)
	for i, w := range words {
		if rustTool.MatchString(w) {
			ok = true
		}
		if emit, is := strings.CutPrefix(w, "--emit="); is {
			for kind := range strings.SplitSeq(emit, ",") {
				if _, file, has := strings.Cut(kind, "="); has {
					beside = append(beside, path.Clean(file))
				}
			}
		}
		if w == "-o" && i+1 < len(words) {
			beside = append(beside, path.Clean(strings.TrimSuffix(words[i+1], ";")))
		}
	}
	return beside, ok
}

// MadeByRust are the files of a build directory that a Rust tool made, by the .cmd
// files, and those .cmd files themselves, without which Kbuild makes a target again
// whatever else it finds.
func MadeByRust(ctx context.Context, build string) (map[string]bool, error) {
	rust := map[string]bool{}
	err := Commands(ctx, build, func(rel, target, command string) {
		if beside, ok := rustMade(command); ok {
			for _, name := range append(beside, rel, target) {
				rust[name] = true
			}
		}
	})
	return rust, err
}
