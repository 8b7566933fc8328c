// Package parcel carries files of the user's that were read on this machine to another one, where they are read under the same
// names. It imports nothing of umlab, and looks into no file.
package parcel

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Files are the user's, by directory, as the user names it: "/home/me", "../x", ".".
type Files func(dir string) fs.FS

// Machine are the files of this machine.
func Machine(dir string) fs.FS { return os.DirFS(dir) }

// split is a path as a directory and a name that fs.FS takes.
func split(path string) (dir, name string) {
	path = filepath.Clean(path)
	if dir, name = filepath.Dir(path), filepath.Base(path); name == ".." || dir == path {
		return path, "."
	}
	return dir, name
}

// Read reads a file.
func (f Files) Read(path string) ([]byte, error) {
	dir, name := split(path)
	text, err := fs.ReadFile(f(dir), name)
	return text, named(err, path)
}

// Stat says what a path is.
func (f Files) Stat(path string) (fs.FileInfo, error) {
	dir, name := split(path)
	info, err := fs.Stat(f(dir), name)
	return info, named(err, path)
}

// IsDirectory reports whether a path is a directory; of a parcel, one that something was read of.
func (f Files) IsDirectory(path string) bool {
	info, err := fs.Stat(f(path), ".")
	return err == nil && info.IsDir()
}

// named is the error of a path, with all of the path.
func named(err error, path string) error {
	if wrong, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: wrong.Op, Path: path, Err: wrong.Err}
	}
	return err
}

// Record notes what is read through its Files.
type Record struct {
	From Files // nil: those of this machine

	mu   sync.Mutex
	read map[string][]byte // by their names in a parcel
}

// Files are those that the record is from; what is read of them goes into it, as it was read.
func (r *Record) Files(dir string) fs.FS {
	if r.From == nil {
		return &noted{Machine(dir), dir, r}
	}
	return &noted{r.From(dir), dir, r}
}

// noted is a directory whose files are noted when they are opened.
type noted struct {
	fs.FS
	dir string
	to  *Record
}

// Open opens a file, which is read and noted then.
func (n *noted) Open(name string) (fs.File, error) {
	f, err := n.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	n.to.note(n.dir, name, text)
	return &file{bytes.NewReader(text), info}, nil
}

// Stat says what a file is, and notes nothing.
func (n *noted) Stat(name string) (fs.FileInfo, error) { return fs.Stat(n.FS, name) }

// file is one that was read.
type file struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (*file) Close() error                 { return nil }

func (r *Record) note(dir, name string, text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = map[string][]byte{}
	}
	r.read[place(dir)+"/"+name] = text
}

// place is where the files of a directory lie in a parcel, whose names know no root and no "..".
func place(dir string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(filepath.Clean(dir))))[:16]
}

// Pack is the parcel of what was read: the same bytes for the same files. It is empty where nothing was read.
func (r *Record) Pack() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.read) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(r.read)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(r.read[name])
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Open returns the files of a parcel. There are no others, on whatever machine that is.
func Open(packed []byte) (Files, error) {
	if len(packed) == 0 {
		return func(string) fs.FS { return none{} }, nil
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, fmt.Errorf("open a parcel: %w", err)
	}
	return func(dir string) fs.FS {
		sub, err := fs.Sub(r, place(dir))
		if err != nil {
			return none{}
		}
		return sub
	}, nil
}

// none has no files.
type none struct{}

func (none) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
