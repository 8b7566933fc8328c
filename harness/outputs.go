package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"umlab/harness/usage"
)

// toStdout is the path of an output that goes to standard output, in place of
// what is printed there otherwise.
const toStdout = "-"

// format is a file that a result is also written to, by the flag that asks for
// it; without a path it is not.
type format[T any] struct {
	flag, path string
	write      func(io.Writer, *T) error
}

func (f format[T]) toStdout() bool { return f.path == toStdout }

// publish ends the progress display, prints a result, unless one of the files is
// standard output, and writes the files that it is asked for in.
func publish[T any](l *Lab, v *T, print func(io.Writer) error, files []format[T]) error {
	l.sink.Close()
	if !slices.ContainsFunc(files, format[T].toStdout) {
		if err := print(l.stdout); err != nil {
			return err
		}
	}
	return writeOutputs(l.stdout, privacy(l.getenv), files, v)
}

// checkOutputs says before the work whether the files can be written after it.
func checkOutputs[T any](formats []format[T]) error {
	var errs []error
	by := map[string]string{}
	for _, f := range formats {
		if other := by[f.path]; f.path != "" && other != "" {
			where := f.path
			if f.path == toStdout {
				where = "standard output"
			}
			errs = append(errs, usage.Errorf("-%s= and -%s= both go to %s: one would spoil the other", other, f.flag, where))
			continue
		}
		by[f.path] = f.flag
		errs = append(errs, checkOutput(f.flag, f.path))
	}
	return errors.Join(errs...)
}

// checkOutput says before the work whether the file of a flag can be written
// after it; without a path it is not.
func checkOutput(flag, path string) error {
	if path == "" || path == toStdout {
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

func writeOutputs[T any](stdout io.Writer, p private, formats []format[T], v *T) error {
	var errs []error
	for _, f := range formats {
		errs = append(errs, f.save(stdout, p, v))
	}
	return errors.Join(errs...)
}

// save writes the file that f names, whole or not at all.
func (f format[T]) save(stdout io.Writer, p private, v *T) error {
	if f.path == "" {
		return nil
	}
	var text bytes.Buffer
	err := f.write(&text, v)
	if err == nil {
		err = writeTo(stdout, f.path, p.hide(text.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("write -%s=%s: %w", f.flag, f.path, err)
	}
	return nil
}

// writeTo writes a file whole or not at all, or to standard output. What is no
// file, a pipe or a device, stays what it is and is written to.
func writeTo(stdout io.Writer, path string, text []byte) error {
	if path == toStdout {
		_, err := stdout.Write(text)
		return err
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() {
		if to, err := filepath.EvalSymlinks(path); err == nil {
			path = to
		}
		return writeWhole(path, text, 0o644)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// Checked is standard output, and remembers the first error of writing to it:
// not all that prints looks at each.
type Checked struct {
	To io.Writer

	mu  sync.Mutex
	err error
}

// Write writes to standard output.
func (c *Checked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.To.Write(p)
	if err != nil {
		err = fmt.Errorf("standard output: %w", cause(err))
	}
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// Err is that error.
func (c *Checked) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// checkDirectory says before the work whether the directory of a flag can be made after it, or is there.
func checkDirectory(flag, dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			return usage.Errorf("-%s=%s: %s is a file: give a directory, which is made where there is none", flag, dir, at)
		case err == nil || at == filepath.Dir(at):
			return nil
		}
	}
}
