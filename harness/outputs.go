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
		{"json", o.JSON, report.JSON}, {"junit", o.JUnit, report.JUnit}, {"ktap", o.KTAP, report.KTAP},
		{"html", o.HTML, report.HTML}, {"md", o.Markdown, report.Markdown},
	}
}

func (o Outputs) check() error { return checkOutputs(o.formats()) }

func (o Outputs) write(r *result.Results) error { return writeOutputs(o.formats(), r) }

// checkOutputs says before the work whether the files can be written after it.
func checkOutputs[T any](formats []format[T]) error {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	for _, f := range formats {
		if f.path == "" {
			continue
		}
		dir, err := os.Stat(filepath.Dir(f.path))
		if err == nil && !dir.IsDir() {
			err = fs.ErrInvalid
		}
		if err == nil {
			if at, serr := os.Stat(f.path); serr == nil && at.IsDir() {
				err = errors.New("is a directory")
			}
		}
		if err != nil {
			errs = multierror.Append(errs, usagef("-%s=%s cannot be written: %w", f.flag, f.path, err))
		}
	}
	return errs.ErrorOrNil()
}

func writeOutputs[T any](formats []format[T], v *T) error {
	errs := &multierror.Error{ErrorFormat: onePerLine}
	for _, f := range formats {
		if f.path == "" {
			continue
		}
		var text bytes.Buffer
		err := f.write(&text, v)
		if err == nil {
			err = renameio.WriteFile(f.path, text.Bytes(), 0o644)
		}
		if err != nil {
			errs = multierror.Append(errs, fmt.Errorf("write %s: %w", f.path, err))
		}
	}
	return errs.ErrorOrNil()
}
