package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"umlab/harness/plan"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/sources"
	"umlab/harness/usage"
	"umlab/harness/watch"
)

// WatchMatrix runs Matrix, and again whenever the tree, a module's directory or a fragment is saved, until ctx ends; then
// the error is nil.
func WatchMatrix(ctx context.Context, base Options, o MatrixOptions, files Outputs) error {
	return again(ctx, base, watched[result.Results]{
		plan:   func(l *Lab) (*plan.Plan, error) { return l.plan(o) },
		writes: ofMatrix().files(files.paths()),
		run:    func(ctx context.Context, l *Lab) (*result.Results, error) { return l.Matrix(ctx, o, files) },
		print: func(w io.Writer, l *Lab, was, r *result.Results) error {
			return doc.Terminal(w, report.MatrixSince(was, r), l.table)
		},
		line: report.MatrixLine,
	})
}

// WatchVerify is Verify as WatchMatrix is Matrix; the patch is watched, too.
func WatchVerify(ctx context.Context, base Options, o VerifyOptions, files VerifyOutputs) error {
	if o.Patch == "-" {
		return usage.Errorf("-watch cannot read standard input again: give the patch as a file")
	}
	return again(ctx, base, watched[result.Verification]{
		plan: func(l *Lab) (*plan.Plan, error) {
			plans, err := l.verifyPlans(o)
			if err != nil {
				return nil, err
			}
			return plans[0], nil
		},
		commits: o.Range != "",
		patch:   o.Patch,
		writes:  files.formats(),
		run:     func(ctx context.Context, l *Lab) (*result.Verification, error) { return l.Verify(ctx, o, files) },
		print: func(w io.Writer, _ *Lab, was, v *result.Verification) error {
			return doc.Mail(w, report.Since(report.Verification(v), report.VerificationChanges(was, v)))
		},
		line: report.VerificationLine,
	})
}

// WatchExplain is Explain as WatchMatrix is Matrix.
func WatchExplain(ctx context.Context, base Options, cell string, o MatrixOptions, files ExplainOutputs) error {
	return again(ctx, base, watched[result.Explanation]{
		plan:   func(l *Lab) (*plan.Plan, error) { p, _, err := l.planCell(cell, o); return p, err },
		writes: files.formats(),
		into:   files.Script,
		run:    func(ctx context.Context, l *Lab) (*result.Explanation, error) { return l.Explain(ctx, cell, o, files) },
		print: func(w io.Writer, l *Lab, was, e *result.Explanation) error {
			return doc.Terminal(w, report.Since(report.Explanation(e), report.ExplanationChanges(was, e)), l.table)
		},
		line: report.ExplanationLine,
	})
}

// watched is a flow that is run again and again.
type watched[T any] struct {
	plan    func(*Lab) (*plan.Plan, error) // which says what can be saved
	commits bool                           // the tree is of commits, not of the files of its directory
	patch   string                         // a file; "" for none
	writes  []format[T]                    // files of the flow's own
	into    string                         // a directory of such files; "" for none
	run     func(context.Context, *Lab) (*T, error)
	print   func(w io.Writer, l *Lab, was, is *T) error // in full, with what changed; was is nil the first time
	line    func(was, is *T) string                     // likewise, short
}

// files are what can be saved. The error has what is wrong with the flags.
func (f watched[T]) files(base Options) (files watch.Files, err error) {
	err = Run(base, func(l *Lab) error {
		p, err := f.plan(l)
		if err != nil {
			return err
		}
		files.Writes = []string{l.store.Root()}
		if dir, own := sources.Directory(p.Flags.Tree); own && !f.commits {
			files.Directories = append(files.Directories, dir)
		}
		for _, m := range p.Modules() {
			if m.External != nil {
				files.Directories = append(files.Directories, m.External.Given)
			}
		}
		files.Files = append(files.Files, p.Flags.Fragments...)
		if f.patch != "" {
			files.Files = append(files.Files, f.patch)
		}
		if len(files.Directories)+len(files.Files) == 0 {
			return usage.Errorf("-watch runs again when a file is saved, and here is none: tree %s does not change. "+
				"It watches -tree=DIRECTORY, -modules=DIRECTORY, -fragment=FILE, and the patch that verify is given", p.Flags.Tree)
		}
		if f.into != "" {
			if err := checkDirectory("script", f.into); err != nil {
				return err
			}
			files.Writes = append(files.Writes, f.into)
		}
		for _, w := range f.writes {
			if w.toStdout() {
				return usage.Errorf("-%s=%s beside -watch, which shows each run on standard output: name a file", w.flag, w.path)
			}
			if err := checkOutput(w.flag, w.path); err != nil {
				return err
			}
			if w.path != "" {
				files.Writes = append(files.Writes, w.path)
			}
		}
		for _, list := range [][]string{files.Directories, files.Files, files.Writes} {
			for i := range list {
				if list[i], err = filepath.Abs(list[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return files, err
}

// errStale ends a run whose files were saved while it ran.
var errStale = fmt.Errorf("%w: a file was saved while it ran", context.Canceled)

// again runs a flow, and then each time that something was saved. What is saved during a run ends it: its result would be
// of files that are no more. A run that fails is told, and watching goes on.
func again[T any](ctx context.Context, base Options, f watched[T]) error {
	files, err := f.files(base)
	if err != nil {
		return err
	}
	w, err := watch.Open(files)
	if err != nil {
		return err
	}
	defer w.Close()
	s := newScreen(base, files)
	run := repeated[T]{watched: f, base: base, screen: s}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	for ctx.Err() == nil { // else the user ends it
		running, cancel := context.WithCancelCause(ctx)
		next := make(chan error, 1)
		var saved []string
		go func() {
			var err error
			saved, err = w.Next(waiting)
			cancel(errStale)
			next <- err
		}()
		err := run.once(running)
		if err != nil {
			stop() // nobody sees it any more
		}
		if nerr := <-next; err == nil && ctx.Err() == nil {
			err = nerr
		}
		if err != nil {
			return err
		}
		s.saved = saved
	}
	return nil
}

// repeated is a flow between its runs.
type repeated[T any] struct {
	watched[T]
	base   Options
	screen *screen
	was    *T // of the last run that proved something
}

// once runs the flow and tells what came of it, unless ctx ended. The error is that of telling. Each run has a lab of its
// own, so that nothing holds the store while nothing runs.
func (r *repeated[T]) once(ctx context.Context) error {
	var is *T
	var page bytes.Buffer
	err := Run(r.base, func(l *Lab) (err error) {
		l.stdout = io.Discard
		if is, err = r.run(l.Trace(ctx), l); is == nil {
			return err
		}
		return errors.Join(err, r.print(&page, l, r.was, is))
	})
	if ctx.Err() != nil {
		return nil
	}
	var end *EndError
	var wrong string
	if err != nil && (is == nil || !errors.As(err, &end)) { // what an end says, the result says, too
		wrong = err.Error()
	}
	if is == nil {
		return r.screen.show(nil, "", wrong)
	}
	line := r.line(r.was, is)
	if ExitCode(err) != result.ExitInfra {
		r.was = is
	}
	return r.screen.show(page.Bytes(), line, wrong)
}
