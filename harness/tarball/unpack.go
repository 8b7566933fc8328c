package tarball

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Seen is told what was unpacked; either may be nil.
type Seen struct {
	File func(name string, executable bool, sha256 []byte)
	Link func(name, target string)
}

// Unpack writes the members of the tar stream below root, without their first
// path element (linux-6.12/, llvm-20.1.3-rust-1.86.0-x86_64/). Files, directories
// and links are all that it takes. root keeps every member inside, whatever its
// name or links say; it is empty at first, and a name that comes twice is an
// error.
func Unpack(ctx context.Context, r io.Reader, root *os.Root, seen Seen) error {
	r = bufio.NewReaderSize(r, 1<<20)
	tr := tar.NewReader(r)
	made := map[string]bool{".": true}
	mkdir := func(dir string) error {
		if made[dir] {
			return nil
		}
		made[dir] = true
		return root.MkdirAll(dir, 0o755)
	}
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			// The padding behind the end is read too, so that who writes the
			// stream never meets a closed pipe.
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		name, ok := inner(h.Name)
		if !ok {
			continue // the top directory itself, or a pax header
		}
		if err := mkdir(path.Dir(name)); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = mkdir(name)
		case tar.TypeReg:
			err = unpackFile(tr, root, name, h.FileInfo().Mode()&0o111 != 0, seen)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
			if seen.Link != nil {
				seen.Link(name, h.Linkname)
			}
		case tar.TypeLink:
			to, ok := inner(h.Linkname)
			if !ok || seen.File != nil {
				err = fmt.Errorf("a hard link to %q has no place in this archive", h.Linkname)
				break
			}
			err = root.Link(to, name)
		case tar.TypeXGlobalHeader:
		default:
			err = fmt.Errorf("a member of type %q has no place in such an archive", h.Typeflag)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
	}
}

// inner is a member's name without the archive's top directory.
func inner(name string) (string, bool) {
	_, rest, ok := strings.Cut(strings.TrimPrefix(path.Clean(name), "/"), "/")
	return rest, ok
}

func unpackFile(r io.Reader, root *os.Root, name string, executable bool, seen Seen) error {
	perm := fs.FileMode(0o644)
	if executable {
		perm = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	var w io.Writer = f
	var h hash.Hash
	if seen.File != nil {
		h = sha256.New()
		w = io.MultiWriter(f, h)
	}
	if _, err := io.Copy(w, r); err != nil {
		f.Close()
		return err
	}
	if h != nil {
		seen.File(name, executable, h.Sum(nil))
	}
	return f.Close()
}
