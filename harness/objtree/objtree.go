// Package objtree reads what Kbuild left in an output directory (O=): files by their names there, the commands that made them, and
// what these asked of rustc. It imports nothing of umlab but pattern; it runs nothing, never leaves the directory, and waits for
// nothing that lies there.
package objtree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Dir is what make made in a directory: the build directory of the tree, or one
// of the user's own. It is an overlay, so that a file is looked for in Upper
// first, then in Lower; either may be "".
type Dir struct {
	Upper, Lower string
	Mount        string // of a user's own directory, see scenario.External; "" for the build directory
}

// Inside is the path of a file below the directory. Kbuild names the files of a
// user's directory by its path, or (from 6.13 on) as seen from it.
func (d Dir) Inside(name string) string {
	if d.Mount != "" {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "/"), d.Mount+"/")
	}
	return path.Clean(name)
}

// where returns the layer that has a file; ok is false where there is none, or it is no file: a whiteout is a device.
func (d Dir) where(name string) (layer string, ok bool) {
	for _, layer := range []string{d.Upper, d.Lower} {
		if layer == "" {
			continue
		}
		if err := Regular(layer, d.Inside(name)); !errors.Is(err, fs.ErrNotExist) {
			return layer, err == nil
		}
	}
	return "", false
}

// Find returns the path on the host of a file, in whichever layer it is.
func (d Dir) Find(name string) (string, bool) {
	layer, ok := d.where(name)
	return filepath.Join(layer, filepath.FromSlash(d.Inside(name))), ok
}

// Again is d without what an earlier build made.
func (d Dir) Again() Dir { return Dir{Upper: d.Upper, Mount: d.Mount} }

func (d Dir) read(name string) ([]byte, error) {
	if layer, ok := d.where(name); ok {
		return Read(layer, d.Inside(name))
	}
	return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

// Objects lists the objects that a module is linked from, as modpost's .mod file
// tells.
func (d Dir) Objects(module string) ([]string, error) {
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

// Command is the command that made an object.
func (d Dir) Command(object string) (string, error) {
	b, err := d.read(CmdFile(object))
	if err != nil {
		return "", fmt.Errorf("how was %s made: %w", object, err)
	}
	command, ok := savedCommand(string(b))
	if !ok {
		return "", fmt.Errorf("how was %s made: %s does not begin with a saved command", object, CmdFile(object))
	}
	return command, nil
}

// RustObject is one Rust object of a build with the command that made it.
type RustObject struct {
	Name    string // samples/rust/rust_minimal.o; of a user's directory below its mount
	Command string
	Options []string // -C options that count
}

// Rust returns the Rust objects among objects.
func (d Dir) Rust(objects ...string) ([]RustObject, error) {
	var rust []RustObject
	for _, o := range objects {
		command, err := d.Command(o)
		if err != nil {
			return nil, err
		}
		if options, ok := codegen(command); ok {
			rust = append(rust, RustObject{path.Join(d.Mount, d.Inside(o)), command, options})
		}
	}
	return rust, nil
}

// RustOf returns the Rust objects that a module is linked from.
func (d Dir) RustOf(module string) ([]RustObject, error) {
	objects, err := d.Objects(module)
	if err != nil {
		return nil, err
	}
	return d.Rust(objects...)
}

// CmdFile is the name of the .cmd file of an object.
func CmdFile(object string) string {
	return path.Join(path.Dir(object), "."+path.Base(object)+".cmd")
}

// savedCommand is the command that fixdep recorded in a .cmd file:
// "savedcmd_X.o := ..." (before 6.3: "cmd_X.o := ...").
func savedCommand(text string) (string, bool) {
	first, _, _ := strings.Cut(text, "\n")
	name, command, ok := strings.Cut(first, ":=")
	if !ok || !strings.Contains(name, "cmd_") {
		return "", false
	}
	return strings.Join(strings.Fields(command), " "), true
}

// commandOf is the target that a file of a build directory is the .cmd file of,
// with the command that Dir it. ok is false for any other file.
func commandOf(rel string, content []byte) (target, command string, ok bool) {
	name, ok := strings.CutSuffix(path.Base(rel), ".cmd")
	if !ok {
		return "", "", false
	}
	name, dotted := strings.CutPrefix(name, ".")
	command, ok = savedCommand(string(content))
	return path.Join(path.Dir(rel), name), command, dotted && ok
}

// Commands visits the .cmd files below dir, each with its target and the command
// that Dir that.
func Commands(ctx context.Context, dir string, visit func(rel, target, command string)) error {
	return Walk(ctx, dir, func(rel string, _ fs.FileInfo) error {
		if path.Ext(rel) != ".cmd" {
			return nil
		}
		content, err := Read(dir, rel)
		if err != nil {
			return err
		}
		if target, command, ok := commandOf(rel, content); ok {
			visit(rel, target, command)
		}
		return nil
	})
}

// Walk visits the files below dir, by their slash-separated path there.
func Walk(ctx context.Context, dir string, visit func(rel string, info fs.FileInfo) error) error {
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
