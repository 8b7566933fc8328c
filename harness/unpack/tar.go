package unpack

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"umlab/harness/progress"
)

// Seen is told what was unpacked; either may be nil.
type Seen struct {
	File func(name string, executable bool, sha256 []byte)
	Link func(name, target string)
}

// Tar writes the members of the tar stream, which it closes, into the directory
// dir, which is empty or is made, without their first path element (linux-6.12/,
// llvm-20.1.3-rust-1.86.0-x86_64/). Files, directories and links are all that it
// takes, and a name that comes twice is an error. task, if not nil, is told of the
// bytes of the stream.
func Tar(ctx context.Context, stream io.ReadCloser, dir string, task progress.Task, seen Seen) error {
	err := os.MkdirAll(dir, 0o755)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(dir)
	}
	if err != nil {
		stream.Close()
		return err
	}
	defer root.Close()
	if task != nil {
		stream = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(stream, progress.Writer{Task: task}), stream}
	}
	w := NewWriter(root, false)
	defer w.Close()
	return Walk(ctx, stream, func(name string, h *tar.Header, r io.Reader) error {
		_, name, ok := strings.Cut(name, "/")
		if !ok {
			return nil // the top directory itself, or a pax header
		}
		if err := member(w, name, h, r, seen); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		return nil
	})
}

// member writes one member of the archive under that name.
func member(w *Writer, name string, h *tar.Header, r io.Reader, seen Seen) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return w.Mkdir(name, 0o755)
	case tar.TypeReg:
		executable, sum := h.FileInfo().Mode()&0o111 != 0, sha256.New()
		perm := fs.FileMode(0o644)
		if executable {
			perm = 0o755
		}
		if seen.File != nil {
			r = io.TeeReader(r, sum)
		}
		err := w.File(name, perm, time.Time{}, r)
		if err == nil && seen.File != nil {
			seen.File(name, executable, sum.Sum(nil))
		}
		return err
	case tar.TypeSymlink:
		if seen.Link != nil {
			seen.Link(name, h.Linkname)
		}
		return w.Symlink(h.Linkname, name)
	case tar.TypeLink:
		to, err := Name(h.Linkname)
		if err != nil {
			return err
		}
		_, to, ok := strings.Cut(to, "/")
		if !ok || seen.File != nil {
			return fmt.Errorf("a hard link to %q has no place in this archive", h.Linkname)
		}
		return w.Link(to, name)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return fmt.Errorf("a member of type %q has no place in such an archive", h.Typeflag)
}
