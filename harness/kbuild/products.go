package kbuild

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/objtree"
	"umlab/harness/scenario"
)

// products are the directories that the build of a cell's modules made something
// in.
type products struct {
	kernel    objtree.Dir
	externals []objtree.Dir
}

// of is the directory that m is made in.
func (p products) of(m scenario.Module) objtree.Dir {
	for _, d := range p.externals {
		if m.External != nil && m.External.Mount == d.Mount {
			return d
		}
	}
	return p.kernel
}

// unread says which variables of make, besides those with options of rustc, no
// command that was run has: a sentence each. Each command that make runs stands in
// a .cmd file.
func (p products) unread(ctx context.Context, r Request) (wrong []string, err error) {
	asked := r.Cell.Variant.Of(scenario.OfMake)
	if len(asked) == 0 {
		return nil, nil
	}
	found := map[string]bool{}
	for _, d := range append(slices.Clone(p.externals), p.kernel) {
		if d.Upper == "" {
			continue
		}
		err = errors.Join(err, objtree.Commands(ctx, d.Upper, func(_, target, command string) {
			for _, s := range asked {
				_, object, of := strings.Cut(s.Name, "FLAGS_")
				if of = of && strings.HasSuffix(object, ".o"); (!of || path.Base(target) == object) && hasWords(command, s.Value) {
					found[s.Name] = true
				}
			}
		}))
	}
	for _, s := range asked {
		if !found[s.Name] {
			wrong = append(wrong, fmt.Sprintf("no command of the build has %s, which %s asks for", s.Value, s.Name))
		}
	}
	return wrong, err
}

// hasWords reports whether a command has all words of value.
func hasWords(command, value string) bool {
	words := strings.Fields(strings.NewReplacer(`'`, "", `"`, "").Replace(command))
	return !slices.ContainsFunc(strings.Fields(value), func(w string) bool { return !slices.Contains(words, w) })
}
