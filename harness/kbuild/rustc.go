package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/objtree"
	"umlab/harness/pattern"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
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

const kindOffers = "rustc-options"

// offered is a line of rustc's help: "    -C      code-model=val -- …", "    -Z                    plt=val -- …".
var offered = pattern.New(`(?m)^\s+-([CZ])\s+([a-z][a-z0-9-]*)(?:=\S*)? -- `)

// RustOffers are the options that the toolchain's rustc has, with the letter that they
// take, as its help lists them: "plt" -> "-Z", "code-model" -> "-C".
func (b *Builder) RustOffers(ctx context.Context, t *toolchain.Toolchain) (map[string]string, error) {
	key, offers := store.Key(kindOffers, "1", t.Digest), map[string]string{}
	if b.Store.Get(kindOffers, key, &offers) {
		return offers, nil
	}
	var out, errs bytes.Buffer
	status, err := sandbox.Run(ctx, t.In(sandbox.Command{Args: []string{"sh", "-c", "rustc -Z help && rustc -C help"}, Dir: "/",
		Env: []string{"RUSTC_BOOTSTRAP=1"}, Stdout: &out, Stderr: &errs, Limits: b.Limits.Sandbox}))
	if err == nil && !status.Success() {
		err = fmt.Errorf("%s: %s", status, strings.TrimSpace(errs.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("which options has the rustc of toolchain %s: %w", t.Name, err)
	}
	for _, m := range offered.Regexp().FindAllStringSubmatch(out.String(), -1) {
		offers[m[2]] = "-" + m[1]
	}
	return offers, b.Store.Put(kindOffers, key, offers)
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
