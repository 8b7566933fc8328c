package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/go-multierror"

	"umlab/harness/report"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// format is a file that a result is also written to, by the flag that asks for
// it; without a path it is not.
type format[T any] struct {
	flag, path string
	write      func(io.Writer, *T) error
}

// Outputs are files that a run also writes its results to.
type Outputs struct{ JSON, JUnit, KTAP, HTML, Markdown string }

func (o Outputs) formats() []format[result.Results] {
	return []format[result.Results]{
		{"json", o.JSON, report.JSON}, {"junit", o.JUnit, report.Form(report.MatrixChecks, checks.JUnit)},
		{"ktap", o.KTAP, report.Form(report.MatrixChecks, checks.KTAP)},
		{"html", o.HTML, report.Form(report.Matrix, doc.HTML)}, {"md", o.Markdown, report.Form(report.Matrix, doc.Markdown)},
	}
}

func (o Outputs) check() error { return checkOutputs(o.formats()) }

func (o Outputs) write(r *result.Results) error { return writeOutputs(o.formats(), r) }

// checkOutputs says before the work whether the files can be written after it.
func checkOutputs[T any](formats []format[T]) error {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	for _, f := range formats {
		if err := checkOutput(f.flag, f.path); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	return errs.ErrorOrNil()
}

// checkOutput says before the work whether the file of a flag can be written
// after it; without a path it is not.
func checkOutput(flag, path string) error {
	if path == "" {
		return nil
	}
	wrong := func(what string) error { return usagef("-%s=%s cannot be written: %s", flag, path, what) }
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrong("there is no directory " + dir + ": make it, or name another file")
	case err != nil:
		return wrong(err.Error())
	case !info.IsDir():
		return wrong(dir + " is no directory")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return wrong("it is a directory: give a file")
	}
	return nil
}

func writeOutputs[T any](formats []format[T], v *T) error {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	for _, f := range formats {
		if err := f.save(v); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	return errs.ErrorOrNil()
}

// save writes the file that f names, whole or not at all.
func (f format[T]) save(v *T) error {
	if f.path == "" {
		return nil
	}
	var text bytes.Buffer
	err := f.write(&text, v)
	if err == nil {
		err = renameio.WriteFile(f.path, text.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}
