package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds are what an archive may come to.
type Bounds struct {
	Members int
	Bytes   int64 // of its files together
	// Links are directories, by absolute paths, that symbolic links may lead to beside those within the archive; "/" for any.
	Links []string
	// Future lets files be of later than now, whatever the clock was that made them; else none is.
	Future bool
}

// Exact writes the members of the tar stream, which it closes, into the directory dir, with their modes and the times of
// files, hard links included. A file or link takes the place of one that is in dir already; a name that comes twice is an error,
// and so is more or less than the bounds say.
func Exact(ctx context.Context, stream io.ReadCloser, dir string, b Bounds) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		stream.Close()
		return err
	}
	defer root.Close()
	e := &exact{Writer: NewWriter(root, true), bounds: b, left: b, now: time.Now(), seen: map[string]bool{}, links: map[string]bool{}}
	defer e.Close()
	err = Walk(ctx, stream, func(name string, h *tar.Header, r io.Reader) error {
		if err := e.member(name, h, r); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		return nil
	})
	if err == nil && (e.left.Members != 0 || e.left.Bytes != 0) {
		return &FormatError{fmt.Errorf("%d members with %d bytes of %d with %d are missing", e.left.Members, e.left.Bytes, b.Members, b.Bytes)}
	}
	return err
}

// exact is an Exact at work.
type exact struct {
	*Writer
	bounds, left Bounds
	now          time.Time
	seen, links  map[string]bool
}

func (e *exact) member(name string, h *tar.Header, r io.Reader) error {
	switch {
	case e.below(name):
		return &FormatError{errors.New("it lies below a link")}
	case e.seen[name]:
		return &FormatError{fmt.Errorf("%q comes twice", name)}
	case e.left.Members == 0 || h.Size > e.left.Bytes:
		return &FormatError{fmt.Errorf("there is more than the %d members with %d bytes that were announced", e.bounds.Members, e.bounds.Bytes)}
	}
	e.seen[name] = true
	e.left.Members--
	e.left.Bytes -= h.Size
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		return e.Mkdir(name, mode&(fs.ModePerm|fs.ModeSticky))
	case tar.TypeReg:
		at := h.ModTime
		if at.After(e.now) && !e.bounds.Future {
			at = e.now
		}
		return e.File(name, mode, at, r)
	case tar.TypeSymlink:
		if !e.leads(name, h.Linkname) {
			return &FormatError{fmt.Errorf("it is a link to %q, which lies outside", h.Linkname)}
		}
		e.links[name] = true
		return e.Symlink(h.Linkname, name)
	case tar.TypeLink:
		to, err := Name(h.Linkname)
		if err != nil {
			return err
		}
		if !e.seen[to] {
			return &FormatError{fmt.Errorf("it is a hard link to %q, which did not come before it", h.Linkname)}
		}
		return e.Link(to, name)
	}
	return &FormatError{fmt.Errorf("a member of type %q has no place in such an archive", h.Typeflag)}
}

// leads reports whether a symbolic link leads to where it may. Links that lead through others stay inside, as each of them does:
// none lies below another, and none goes up again once it went down.
func (e *exact) leads(name, target string) bool {
	to := path.Clean(target)
	if !path.IsAbs(target) {
		down := strings.TrimLeft(target, "./")
		to = path.Join(path.Dir(name), target)
		if to != ".." && !strings.HasPrefix(to, "../") && !slices.Contains(strings.Split(down, "/"), "..") {
			return true
		}
	}
	return slices.ContainsFunc(e.bounds.Links, func(dir string) bool { return dir == "/" || to == dir || strings.HasPrefix(to, dir+"/") })
}

// below reports whether a name lies below a link of the archive.
func (e *exact) below(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if e.links[dir] {
			return true
		}
	}
	return false
}
