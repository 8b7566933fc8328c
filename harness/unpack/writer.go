package unpack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// A Writer makes files below a root, for one goroutine at a time. Nothing that it
// is given leads out of the root. It keeps the directory it was last in open:
// archives are sorted, and a root walks each name from its top.
type Writer struct {
	root    *os.Root
	replace bool
	buf     []byte

	dir string
	at  *os.Root // of dir
}

// NewWriter returns a writer below root, to be closed. Where replace is set, a file
// takes the place of one that is there; else that is an error.
func NewWriter(root *os.Root, replace bool) *Writer {
	return &Writer{root: root, replace: replace, buf: make([]byte, 128<<10)}
}

// Close ends the use of the writer, and not the root.
func (w *Writer) Close() {
	if w.at != nil {
		w.at.Close()
		w.at = nil
	}
}

// enter opens the directory of name, making it where it is missing.
func (w *Writer) enter(name string) (at *os.Root, base string, err error) {
	dir := path.Dir(name)
	if w.at == nil || w.dir != dir {
		w.Close()
		w.at, err = w.root.OpenRoot(dir)
		if errors.Is(err, fs.ErrNotExist) {
			if err = w.root.MkdirAll(dir, 0o755); err == nil {
				w.at, err = w.root.OpenRoot(dir)
			}
		}
		if err != nil {
			w.at = nil
			return nil, "", err
		}
		w.dir = dir
	}
	return w.at, path.Base(name), nil
}

// ErrIsDir says that what is to be a file or a link is a directory already.
var ErrIsDir = errors.New("it is a directory already; unpack into an empty directory")

// place runs create in the directory of name, and again after removing what
// stands in its place, where that may be.
func (w *Writer) place(name string, create func(at *os.Root, base string) error) error {
	at, base, err := w.enter(name)
	if err != nil {
		return err
	}
	if err = create(at, base); !w.replace || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := at.Lstat(base)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: %w", name, ErrIsDir)
	}
	if err := at.Remove(base); err != nil {
		return err
	}
	return create(at, base)
}

// Mkdir makes a directory. One that is there stays, as dpkg leaves it, also where
// it is a link to one. Only a mode that is not the usual one is set, so that the
// order of archives does not matter.
func (w *Writer) Mkdir(name string, mode fs.FileMode) error {
	if err := w.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	if mode = mode&(fs.ModePerm|fs.ModeSticky) | 0o700; mode != 0o755 {
		return w.root.Chmod(name, mode)
	}
	return nil
}

// File writes a regular file with the permissions of mode and, unless it is zero,
// that time.
func (w *Writer) File(name string, mode fs.FileMode, made time.Time, r io.Reader) error {
	return w.place(name, func(at *os.Root, base string) error {
		f, err := at.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		// The plain Writer keeps CopyBuffer from allocating a buffer for each file.
		if _, err := io.CopyBuffer(struct{ io.Writer }{f}, r, w.buf); err != nil {
			return err
		}
		if err := f.Chmod(mode.Perm()); err != nil {
			return err
		}
		if err := f.Close(); err != nil || made.IsZero() {
			return err
		}
		return at.Chtimes(base, made, made)
	})
}

// Symlink makes a link to what target says, which need not exist and may lie
// anywhere: nothing here follows it out of the root.
func (w *Writer) Symlink(target, name string) error {
	return w.place(name, func(at *os.Root, base string) error { return at.Symlink(target, base) })
}

// Link makes a hard link to a file below the root.
func (w *Writer) Link(target, name string) error {
	return w.place(name, func(*os.Root, string) error { return w.root.Link(target, name) })
}
