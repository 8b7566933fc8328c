package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/sandbox"
)

// RustOptions are the options of rustc that decide the code of an object of the
// baseline, sorted: -C (those that count), -Z, --target, --edition and --cfg.
// Lints, paths and what names the object are left out. ok is false where the
// baseline did not build the object with rustc.
func (b *Baseline) RustOptions(object string) (options []string, ok bool) {
	text, err := os.ReadFile(filepath.Join(b.Build(), filepath.FromSlash(cmdFile(path.Clean(object)))))
	if err != nil {
		return nil, false
	}
	command, ok := savedCommand(string(text))
	if !ok {
		return nil, false
	}
	return rustOptions(command)
}

func rustOptions(command string) (options []string, ok bool) {
	options, ok = codegen(command)
	if !ok {
		return nil, false
	}
	words := strings.Fields(command)
	for i := 0; i < len(words); i++ {
		word := strings.Trim(words[i], `'"`)
		switch {
		case word == "-Z" || word == "--cfg" || word == "--target" || word == "--edition":
			if i++; i >= len(words) {
				continue
			}
			value := strings.Trim(words[i], `'"`)
			if word == "-Z" {
				options = append(options, word+value)
			} else {
				options = append(options, word+"="+value)
			}
		case strings.HasPrefix(word, "-Z"), strings.HasPrefix(word, "--cfg="), strings.HasPrefix(word, "--target="), strings.HasPrefix(word, "--edition="):
			options = append(options, strings.ReplaceAll(strings.ReplaceAll(word, "'", ""), `"`, ""))
		}
	}
	slices.Sort(options)
	return slices.Compact(options), true
}

// RustConfig is what rustc makes of the options of an object (see RustOptions)
// and of the target.json of the tree: its own defaults included, as `rustc
// --print cfg` tells, sorted: `relocation_model="pic"`, `target_arch="x86_64"`.
func (b *Builder) RustConfig(ctx context.Context, bl *Baseline, options []string) ([]string, error) {
	var out, errs bytes.Buffer
	args := []string{"rustc", "--print", "cfg", "--crate-name", "umlab", "--crate-type", "rlib"}
	for _, o := range options {
		if !strings.HasPrefix(o, "--cfg") { // they would only be repeated
			args = append(args, o)
		}
	}
	err := b.run(ctx, job{
		what: "rustc --print cfg", base: bl.Base, dir: buildDir, log: &out, errors: &errs,
		mounts: []sandbox.Mount{{Source: bl.Build(), Target: buildDir, ReadOnly: true}},
		// As in the tree's Makefile: the options are not all stable ones.
		env:  []string{"RUSTC_BOOTSTRAP=1"},
		args: args,
	})
	if err != nil {
		if first, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n"); first != "" {
			err = fmt.Errorf("%w: %s", err, first)
		}
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(lines)
	return lines, nil
}
