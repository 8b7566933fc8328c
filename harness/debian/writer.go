package debian

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
)

// A writer makes files below a root, for one package at a time. It keeps the
// directory it was last in open: packages are sorted, and a root walks each
// name from its top.
type writer struct {
	root    *os.Root
	buffers *sync.Pool // *[]byte

	dir string
	at  *os.Root // of dir
}

func (w *writer) close() {
	if w.at != nil {
		w.at.Close()
		w.at = nil
	}
}

// enter opens the directory of name, making it where it is missing.
func (w *writer) enter(name string) (at *os.Root, base string, err error) {
	dir := path.Dir(name)
	if w.at == nil || w.dir != dir {
		w.close()
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

var errIsDir = errors.New("it is a directory already; unpack into an empty directory")

// place runs create in the directory of name, and again after removing what
// stands in its place.
func (w *writer) place(name string, create func(at *os.Root, base string) error) error {
	at, base, err := w.enter(name)
	if err != nil {
		return err
	}
	if err = create(at, base); !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := at.Lstat(base)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: %w", name, errIsDir)
	}
	if err := at.Remove(base); err != nil {
		return err
	}
	return create(at, base)
}

// mkdir makes a directory. One that is there stays, as dpkg leaves it, also
// where it is a link to one. Only a mode that is not the usual one is set, so
// that the order of packages does not matter.
func (w *writer) mkdir(name string, h *tar.Header) error {
	if err := w.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	if mode := h.FileInfo().Mode()&(fs.ModePerm|fs.ModeSticky) | 0o700; mode != 0o755 {
		return w.root.Chmod(name, mode)
	}
	return nil
}

// file writes a regular file.
func (w *writer) file(name string, h *tar.Header, r io.Reader) error {
	return w.place(name, func(at *os.Root, base string) error {
		f, err := at.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		buf := w.buffers.Get().(*[]byte)
		defer w.buffers.Put(buf)
		// The plain Writer keeps CopyBuffer from allocating a buffer for each file.
		if _, err := io.CopyBuffer(struct{ io.Writer }{f}, r, *buf); err != nil {
			return err
		}
		if err := f.Chmod(h.FileInfo().Mode().Perm()); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		// What is built against the files depends on them by time: unpacking
		// them again must not make them new.
		return at.Chtimes(base, h.ModTime, h.ModTime)
	})
}

// symlink makes a link to what target says, which need not exist and may lie
// anywhere: nothing here follows it out of the root.
func (w *writer) symlink(target, name string) error {
	err := w.place(name, func(at *os.Root, base string) error { return at.Symlink(target, base) })
	if errors.Is(err, errIsDir) {
		return nil // dpkg, too, keeps a directory where a package has a link
	}
	return err
}

// link makes a hard link to a file below the root.
func (w *writer) link(target, name string) error {
	return w.place(name, func(*os.Root, string) error { return w.root.Link(target, name) })
}
