package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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

// blame turns the failure of a make into the error that says whose fault it is.
// logPath is where the output lies; it is kept in the store under its digest.
func (b *Builder) blame(ctx context.Context, what string, err error, logPath string) error {
	exit, ok := errors.AsType[*exitError](err)
	if !ok {
		return err
	}
	log, rerr := os.ReadFile(logPath)
	if rerr != nil {
		return errors.Join(err, rerr)
	}
	kept, kerr := b.Store.Bytes(ctx, log)
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

// told is err, of a make for a cell of base, with what the tools said, where it is a *BuildError.
func (b Base) told(c scenario.Cell, err error) error {
	if e, ok := errors.AsType[*BuildError](err); ok {
		e.Frame, e.Brief = b.frame(c, e.Log)
	}
	return err
}

// mostFrame is how many lines of what the tools said are shown, so that the first message is whole as a rule.
const mostFrame = 60

// frame is what the tools said in a log, and the first of it on one line. The log has the names of the sandbox: the user's
// may differ from one run to the next, so that the result is not kept.
func (b Base) frame(c scenario.Cell, logPath string) (lines []string, brief string) {
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
			return append(lines, "", fmt.Sprintf("… and %d more %s", len(said)-i, plural(len(said)-i, "error"))), brief
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
		for _, e := range externals(c) {
			if rest, ok := strings.CutPrefix(file+"/", "/"+e.Mount+"/"); ok {
				return path.Join(e.Given, rest)
			}
		}
		if rest, ok := strings.CutPrefix(file, srcDir+"/"); ok {
			return path.Join(top, rest)
		}
		rest, ok := strings.CutPrefix(file, buildDir+"/")
		if _, err := fs.Stat(b.Tree.FS(), rest); ok && err == nil {
			return path.Join(top, rest)
		}
		return rest
	}
}

const kindFailure = "failure"

// failure is a baseline that cannot be built: the same inputs fail again.
type failure struct {
	On     bool         `json:"on,omitempty"` // it went on from another
	Build  *BuildError  `json:"build,omitempty"`
	Config *ConfigError `json:"config,omitempty"`
}

// failed tells whether err is the source's fault, so that the same inputs fail again.
func failed(err error) bool {
	var f failure
	return errors.As(err, &f.Build) || errors.As(err, &f.Config)
}

// noteFailure keeps an error of the source, for failedBefore. It returns err.
func (b *Builder) noteFailure(base Base, on bool, err error) error {
	err = base.told(scenario.Cell{}, err)
	f := failure{On: on}
	if !errors.As(err, &f.Build) && !errors.As(err, &f.Config) {
		return err
	}
	return errors.Join(err, b.Store.Put(kindFailure, base.key(), f))
}

// failedBefore returns what building base failed with before; nil where it did not, or where its log is gone.
func (b *Builder) failedBefore(base Base) error {
	var f failure
	if !b.Store.Get(kindFailure, base.key(), &f) || f.On && b.FromNothing {
		return nil
	}
	b.Sink.Note(fmt.Sprintf("%s failed before with the same inputs: it was not built again", base.Tree.Name))
	if f.Config != nil {
		for i, d := range f.Config.Dropped { // which may be asked for elsewhere now
			for _, o := range base.Options {
				if o.Name == d.Option.Name {
					f.Config.Dropped[i].Option = o
				}
			}
		}
		return f.Config
	}
	var ok bool
	if f.Build.Log, ok = b.Store.Kept(filepath.Base(f.Build.Log)); !ok {
		return nil
	}
	return base.told(scenario.Cell{}, f.Build)
}
