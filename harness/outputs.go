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

	"umlab/harness/usage"
)

// format is a file that a result is also written to, by the flag that asks for
// it; without a path it is not.
type format[T any] struct {
	flag, path string
	write      func(io.Writer, *T) error
}

// publish ends the progress display, prints a result, and writes the files that it
// is asked for in.
func publish[T any](l *Lab, v *T, print func(io.Writer) error, files []format[T]) error {
	l.sink.Close()
	if err := print(l.stdout); err != nil {
		return err
	}
	return writeOutputs(files, v)
}

// checkOutputs says before the work whether the files can be written after it.
func checkOutputs[T any](formats []format[T]) error {
	var errs []error
	for _, f := range formats {
		errs = append(errs, checkOutput(f.flag, f.path))
	}
	return errors.Join(errs...)
}

// checkOutput says before the work whether the file of a flag can be written
// after it; without a path it is not.
func checkOutput(flag, path string) error {
	if path == "" {
		return nil
	}
	wrong := func(what string) error { return usage.Errorf("-%s=%s cannot be written: %s", flag, path, what) }
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
	var errs []error
	for _, f := range formats {
		errs = append(errs, f.save(v))
	}
	return errors.Join(errs...)
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
