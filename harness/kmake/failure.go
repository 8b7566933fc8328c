package kmake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/outcome"
	"umlab/harness/scenario"
	"umlab/harness/tree"
)

// BuildError says that make failed because of what it was given to build.
type BuildError struct {
	What   string // "baseline", "static-small@module"
	First  string // the line of the first error
	Offset int    // of First in the log, bytes
	Log    string // path of all of make's output

	// What the tools said, as of outcome.Outcome, and that on one line; in the names that the user has for the files.
	Frame []string `json:"-"`
	Brief string   `json:"-"`

	Refused *Refusal // where nothing was built, because rustc refused beforehand
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("build %s: %s (all of it: %s)", e.What, cmp.Or(e.Brief, e.First), e.Log)
}

// Outcome is what the error is of a cell.
func (e *BuildError) Outcome() outcome.Outcome {
	o := outcome.Outcome{Kind: outcome.BuildFailed, Evidence: e.First, Offset: int64(e.Offset), Detail: e.Brief, Frame: e.Frame}
	if e.Refused != nil {
		o.Diagnostic, o.Detail = &e.Refused.Diagnostic, e.Refused.String()
	}
	return o
}

// Blame turns the failure of a make into the error that says whose fault it is.
// logPath is where the output lies; it is kept in the store under its digest.
func (r Runner) Blame(ctx context.Context, what string, err error, logPath string) error {
	exit, ok := errors.AsType[*ExitError](err)
	if !ok {
		return err
	}
	log, rerr := os.ReadFile(logPath)
	if rerr != nil {
		return errors.Join(err, rerr)
	}
	kept, kerr := r.Store.Bytes(ctx, log)
	if kerr != nil {
		return errors.Join(err, kerr)
	}
	if line := buildlog.Machine(log); line != "" || exit.status.Signal != 0 {
		return &machineError{what: what, line: cmp.Or(line, exit.status.String()), log: kept}
	}
	failed := &BuildError{What: what, First: exit.Error(), Log: kept}
	if said := buildlog.Errors(log); len(said) > 0 {
		failed.First, failed.Offset = said[0].Lines[said[0].First], said[0].Offset
	}
	return failed
}

// Told is err, of a make for a cell of base, with what the tools said, where it is a *BuildError.
func (b Base) Told(c scenario.Cell, err error) error {
	if e, ok := errors.AsType[*BuildError](err); ok {
		e.Frame, e.Brief = b.Frame(c, e.Log)
	}
	return err
}

// mostFrame is how many lines of what the tools said are shown, so that the first message is whole as a rule.
const mostFrame = 60

// Frame is what the tools said in a log, and the first of it on one line. The log has the names of the sandbox: the user's
// may differ from one run to the next, so that the result is not kept.
func (b Base) Frame(c scenario.Cell, logPath string) (lines []string, brief string) {
	log, err := os.ReadFile(logPath)
	if err != nil {
		return nil, ""
	}
	name := b.named(c)
	said := buildlog.Errors(log)
	for i, m := range said {
		own := m.Told(name)
		switch {
		case i == 0:
			brief = m.Brief(name)
		case len(lines)+1+len(own) > mostFrame:
			return append(lines, "", fmt.Sprintf("… and %d more %s", len(said)-i, Plural(len(said)-i, "error"))), brief
		default:
			lines = append(lines, "")
		}
		if len(own) > mostFrame {
			own = append(own[:mostFrame:mostFrame], "…")
		}
		lines = append(lines, own...)
	}
	return lines, brief
}

// named says how the user calls a file that the sandbox shows, in a build of c: by the path of the tree or the directory that
// was given; below the top of a tree that umlab fetched, and below the build directory.
func (b Base) named(c scenario.Cell) func(string) string {
	top := ""
	if src, err := tree.ParseSource(b.Tree.Name); err == nil {
		top = src.Directory
	}
	return func(file string) string {
		for _, e := range Externals(c) {
			if rest, ok := strings.CutPrefix(file+"/", "/"+e.Mount+"/"); ok {
				return path.Join(e.Given, rest)
			}
		}
		if rest, ok := strings.CutPrefix(file, buildlog.Source+"/"); ok {
			return path.Join(top, rest)
		}
		rest, ok := strings.CutPrefix(file, buildlog.Build+"/")
		if _, err := fs.Stat(b.Tree.FS(), rest); ok && err == nil {
			return path.Join(top, rest)
		}
		return rest
	}
}

// Refusal says that rustc does not take what the tree asks of it.
type Refusal struct {
	buildlog.Said
	Gives   string  `json:"gives,omitempty"` // file and line of the tree that ask for what is refused: "scripts/generate_rust_target.rs:242"
	Seconds float64 `json:"seconds"`         // that asking took
}

// String says how it is known, and what to look at.
func (r *Refusal) String() string {
	text := fmt.Sprintf("rustc was asked before anything was built, by the command of %s on an empty crate (%.1f s), "+
		"and refused before it read any source", r.Step, r.Seconds)
	if r.Gives != "" {
		text += "; what it refuses is given by " + r.Gives
	}
	return text
}

// Plural is a word for n things: "file" or "files".
func Plural(n int, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}
