package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
)

// RustOptions are the options of rustc that decide the code of an object of the baseline, see objtree.Dir.RustOptions. ok is false
// where the baseline did not build the object with rustc.
func (b *Baseline) RustOptions(object string) (options []string, ok bool) {
	return b.made().RustOptions(object)
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
	err := b.Run(ctx, kmake.Job{
		What: "rustc --print cfg", Base: bl.Base, Dir: buildDir, Log: &out, Errors: &errs,
		Mounts: []sandbox.Mount{{Source: bl.Build(), Target: buildDir, ReadOnly: true}},
		// As in the tree's Makefile: the options are not all stable ones.
		Env:  []string{"RUSTC_BOOTSTRAP=1"},
		Args: args,
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

// mismatch says how the effective options of an object differ from the
// variant's; it is empty where they are equal.
func mismatch(v scenario.Variant, o objtree.RustObject) string {
	var wrong []string
	options := slices.Concat(o.Options, unstable(v, o))
	for _, want := range v.Flags() {
		if slices.Contains(options, want) {
			continue
		}
		key, _, _ := strings.Cut(want, "=")
		got := "no " + key
		for _, have := range options {
			if k, _, _ := strings.Cut(have, "="); k == key {
				got = have
			}
		}
		wrong = append(wrong, fmt.Sprintf("%s was built with %s, not %s", o.Name, got, want))
	}
	return strings.Join(wrong, "; ")
}

// unstable are the -Z options of an object that count, of those that the variant sets.
func unstable(v scenario.Variant, o objtree.RustObject) (options []string) {
	for _, s := range v.Of(scenario.OfRustc) {
		last := ""
		for _, have := range objtree.Options(o.Command) {
			if key, _, _ := strings.Cut(have, "="); s.Prefix == "-Z" && strings.ReplaceAll(key, "_", "-") == s.Prefix+s.Name {
				last = have
			}
		}
		if last != "" {
			options = append(options, last)
		}
	}
	return options
}

// without removes the given options from a command, wherever they stand.
func without(command string, options []string) string {
	words := strings.Fields(command)
	words = slices.DeleteFunc(words, func(w string) bool { return slices.Contains(options, w) })
	return strings.Join(words, " ")
}
