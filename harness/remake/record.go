// Package remake decides what a build has to make again for another tree: pure but for reading and writing the record of
// what the build read. It may import tree; it runs nothing, and copies and removes nothing.
package remake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Record is what a build read of its tree.
type Record struct {
	// Read are the files of the tree that anything of the build opened, sorted; see sandbox.Opened. Lost says that some
	// are missing.
	Read []string
	Lost bool
	Dirs []string // of the tree, by their paths in the build's sandbox, sorted
	// Steps are its targets that have a .cmd file, with those files of the tree that it names: the source, the
	// prerequisites that the compiler told, and the words of the command.
	Steps []Step
}

// Step is one target of a build that has a .cmd file.
type Step struct {
	Target string  // of the build directory: "kernel/fork.o"
	Names  []int32 // of the files, in Record.Read
}

const file = "record"

// Save writes r into the directory dir.
func (r *Record) Save(dir string) error {
	f, err := os.Create(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(r), f.Close())
}

// Load reads what Save wrote.
func Load(dir string) (*Record, error) {
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &Record{}
	return r, gob.NewDecoder(f).Decode(r)
}

// Targets are those of r.Steps.
func (r *Record) Targets() map[string]bool {
	made := make(map[string]bool, len(r.Steps))
	for _, s := range r.Steps {
		made[s.Target] = true
	}
	return made
}

// Target is the target that the .cmd file called name is of: "kernel/fork.o" of "kernel/.fork.o.cmd".
func Target(name string) (target string, ok bool) {
	dir, base := path.Split(name)
	target, ok = strings.CutSuffix(base, ".cmd")
	if ok {
		target, ok = strings.CutPrefix(target, ".")
	}
	return dir + target, ok && target != ""
}

// ReadSteps sets the steps: it reads what the .cmd files below the directory build name of the files in r.Read. The tree was
// at source. was is the record of an earlier build, of which kept tells the .cmd files that are still there.
func (r *Record) ReadSteps(ctx context.Context, build, source string, was *Record, kept func(cmd fs.FileInfo) bool) error {
	index := make(map[string]int32, len(r.Read))
	for i, name := range r.Read {
		index[name] = int32(i)
	}
	known := map[string][]int32{}
	if slices.Equal(r.Read, was.Read) { // else a .cmd file may name what is new in it
		for _, s := range was.Steps {
			known[s.Target] = s.Names
		}
	}
	return filepath.WalkDir(build, func(p string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return cmp.Or(err, context.Cause(ctx))
		}
		if filepath.Ext(p) != ".cmd" || !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(build, p)
		if err != nil {
			return err
		}
		target, ok := Target(filepath.ToSlash(rel))
		if !ok {
			return nil
		}
		if names, ok := known[target]; ok {
			info, err := d.Info()
			if err != nil {
				return err
			}
			if kept(info) {
				r.Steps = append(r.Steps, Step{target, names})
				return nil
			}
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		s := Step{Target: target}
		for word := range strings.FieldsSeq(string(text)) {
			if i, ok := index[named(word, source)]; ok {
				s.Names = append(s.Names, i)
			}
		}
		slices.Sort(s.Names)
		s.Names = slices.Compact(s.Names)
		r.Steps = append(r.Steps, s)
		return nil
	})
}

// named is the file of the tree that a word of a command names: "kernel/fork.c" of "/src/kernel/fork.c", "@/src/x",
// "--cfg=/src/x" or "/src/x;". It is "" for a word that names none.
func named(word, source string) string {
	_, name, ok := strings.Cut(word, source+"/")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(name, ";,:)'\"`"); i >= 0 {
		name = name[:i]
	}
	return path.Clean(name)
}

// Speak returns for each of the names of files which files of r.Read, as source has them, speak of it: by that name, or by
// what stands before its first dot where a macro may make a name of that (see include/trace/define_trace.h).
func (r *Record) Speak(ctx context.Context, source fs.FS, names []string) (map[string][]int32, error) {
	found := map[string][]int32{}
	if len(names) == 0 {
		return found, nil
	}
	for i, file := range r.Read {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		text, err := fs.ReadFile(source, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed, and what names it goes anyway
		}
		if err != nil {
			return nil, err
		}
		makesNames := bytes.Contains(text, []byte("INCLUDE")) || bytes.Contains(text, []byte("TRACE_SYSTEM"))
		for _, name := range names {
			word := name
			if makesNames {
				word = stem(name)
			}
			if bytes.Contains(text, []byte(word)) {
				found[name] = append(found[name], int32(i))
			}
		}
	}
	return found, nil
}
