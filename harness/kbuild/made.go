package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/scenario"
)

// made is what make made in a directory: the build directory of the tree, or one
// of the user's own. It is an overlay, so that a file is looked for in upper
// first, then in lower; either may be "".
type made struct {
	upper, lower string
	mount        string // of a user's own directory, see scenario.External; "" for the build directory
}

// inside is the path of a file below the directory. Kbuild names the files of a
// user's directory by its path, or (from 6.13 on) as seen from it.
func (d made) inside(name string) string {
	if d.mount != "" {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "/"), d.mount+"/")
	}
	return path.Clean(name)
}

// where returns the layer that has a file; ok is false where there is none, or it is no file: a whiteout is a device.
func (d made) where(name string) (layer string, ok bool) {
	for _, layer := range []string{d.upper, d.lower} {
		if layer == "" {
			continue
		}
		if err := regularIn(layer, d.inside(name)); !errors.Is(err, fs.ErrNotExist) {
			return layer, err == nil
		}
	}
	return "", false
}

// find returns the path on the host of a file, in whichever layer it is.
func (d made) find(name string) (string, bool) {
	layer, ok := d.where(name)
	return filepath.Join(layer, filepath.FromSlash(d.inside(name))), ok
}

// again is d without what an earlier build made.
func (d made) again() made { return made{upper: d.upper, mount: d.mount} }

func (d made) read(name string) ([]byte, error) {
	if layer, ok := d.where(name); ok {
		return readIn(layer, d.inside(name))
	}
	return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

// objects lists the objects that a module is linked from, as modpost's .mod file
// tells.
func (d made) objects(module string) ([]string, error) {
	b, err := d.read(strings.TrimSuffix(module, ".ko") + ".mod")
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

// command is the command that made an object.
func (d made) command(object string) (string, error) {
	b, err := d.read(cmdFile(object))
	if err != nil {
		return "", fmt.Errorf("how was %s made: %w", object, err)
	}
	command, ok := savedCommand(string(b))
	if !ok {
		return "", fmt.Errorf("how was %s made: %s does not begin with a saved command", object, cmdFile(object))
	}
	return command, nil
}

// rustObject is one Rust object of a build with the command that made it.
type rustObject struct {
	name    string // samples/rust/rust_minimal.o; of a user's directory below its mount
	command string
	options []string // -C options that count
}

// rust returns the Rust objects among objects.
func (d made) rust(objects ...string) ([]rustObject, error) {
	var rust []rustObject
	for _, o := range objects {
		command, err := d.command(o)
		if err != nil {
			return nil, err
		}
		if options, ok := codegen(command); ok {
			rust = append(rust, rustObject{path.Join(d.mount, d.inside(o)), command, options})
		}
	}
	return rust, nil
}

// rustOf returns the Rust objects that a module is linked from.
func (d made) rustOf(module string) ([]rustObject, error) {
	objects, err := d.objects(module)
	if err != nil {
		return nil, err
	}
	return d.rust(objects...)
}

// products are the directories that the build of a cell's modules made something
// in.
type products struct {
	kernel    made
	externals []made
}

// of is the directory that m is made in.
func (p products) of(m scenario.Module) made {
	for _, d := range p.externals {
		if m.External != nil && m.External.Mount == d.mount {
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
		if d.upper == "" {
			continue
		}
		err = errors.Join(err, walkCommands(ctx, d.upper, func(_, target, command string) {
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

// cmdFile is the name of the .cmd file of an object.
func cmdFile(object string) string {
	return path.Join(path.Dir(object), "."+path.Base(object)+".cmd")
}

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

// commandOf is the target that a file of a build directory is the .cmd file of,
// with the command that made it. ok is false for any other file.
func commandOf(rel string, content []byte) (target, command string, ok bool) {
	name, ok := strings.CutSuffix(path.Base(rel), ".cmd")
	if !ok {
		return "", "", false
	}
	name, dotted := strings.CutPrefix(name, ".")
	command, ok = savedCommand(string(content))
	return path.Join(path.Dir(rel), name), command, dotted && ok
}

// walkCommands visits the .cmd files below dir, each with its target and the command
// that made that.
func walkCommands(ctx context.Context, dir string, visit func(rel, target, command string)) error {
	return walkFiles(ctx, dir, func(rel string, _ fs.FileInfo) error {
		if path.Ext(rel) != ".cmd" {
			return nil
		}
		content, err := readIn(dir, rel)
		if err != nil {
			return err
		}
		if target, command, ok := commandOf(rel, content); ok {
			visit(rel, target, command)
		}
		return nil
	})
}

// walkFiles visits the files below dir, by their slash-separated path there.
func walkFiles(ctx context.Context, dir string, visit func(rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(rel), info)
	})
}
