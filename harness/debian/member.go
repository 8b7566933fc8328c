package debian

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// errStop ends a walk early.
var errStop = errors.New("stop")

// walk calls visit for each member of a .deb's data archive. Names are given as
// archiveName returns them. An error of visit ends the walk; errStop does so
// without being one.
func walk(ctx context.Context, deb string, hook Decompress, visit func(name string, h *tar.Header, r io.Reader) error) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	return walkReader(ctx, deb, bufio.NewReaderSize(f, 64<<10), hook, visit)
}

// walkReader is walk over a package that is called deb in errors.
func walkReader(ctx context.Context, deb string, r io.Reader, hook Decompress, visit func(name string, h *tar.Header, r io.Reader) error) error {
	bad := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &FormatError{deb, err}
	}
	a, err := newArReader(r)
	if err != nil {
		return bad(err)
	}
	for {
		name, _, err := a.next()
		if err == io.EOF {
			return bad(errors.New("no data.tar member: not a package"))
		}
		if err != nil {
			return bad(err)
		}
		if ext, ok := strings.CutPrefix(name, "data.tar"); ok {
			return walkData(ctx, a, ext, hook, bad, visit)
		}
	}
}

func walkData(ctx context.Context, data io.Reader, ext string, hook Decompress, bad func(error) error, visit func(string, *tar.Header, io.Reader) error) (err error) {
	z, err := decompress(ctx, data, ext, hook)
	if err != nil && hook != nil && ext == ".xz" {
		return fmt.Errorf("start decompression: %w", err) // says nothing of the package
	}
	if err != nil {
		return bad(err)
	}
	stopped := false
	defer func() {
		// A decompressor that was left before its end may complain of it.
		if e := z.Close(); e != nil && err == nil && !stopped {
			err = bad(e)
		}
	}()
	t := tar.NewReader(z)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// The compressed stream's own check comes at its end.
			if _, err := io.Copy(io.Discard, z); err != nil {
				return bad(err)
			}
			return nil
		}
		if err != nil {
			return bad(err)
		}
		name, err := archiveName(h.Name)
		if err != nil {
			return bad(err)
		}
		r := &memberReader{t, nil}
		err = visit(name, h, r)
		switch {
		case err == errStop:
			stopped = true
			return nil
		case r.err != nil:
			return bad(fmt.Errorf("%s: %w", h.Name, noEOF(r.err)))
		case err != nil:
			return err
		}
	}
}

// A memberReader remembers an error of the archive, to tell it from one of what
// the member is written to.
type memberReader struct {
	r   io.Reader
	err error
}

func (m *memberReader) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// archiveName makes a member's name one below the root, without a leading "./"
// or "/", and with the names that a merged /usr replaced put where they are now.
// The root itself is ".".
func archiveName(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("member %q leads out of the root", name)
	}
	if strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("member %q has a zero byte in its name", name)
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return ".", nil
	}
	first, _, _ := strings.Cut(name, "/")
	if first != name && slices.Contains(mergedDirs(), first) {
		return "usr/" + name, nil
	}
	return name, nil
}

// mergedDirs are the directories of / that are links into /usr since Debian 12.
func mergedDirs() []string { return []string{"bin", "sbin", "lib", "lib64"} }

// Extract writes one file out of a package, such as
// "usr/src/linux-source-6.12.tar.xz", to w. Returns an error that is
// fs.ErrNotExist where the package has no such regular file.
func Extract(ctx context.Context, deb, name string, w io.Writer, hook Decompress) error {
	want, err := archiveName(name)
	if err != nil {
		return fmt.Errorf("extract %s: %w", name, err)
	}
	found := false
	err = walk(ctx, deb, hook, func(name string, h *tar.Header, r io.Reader) error {
		if name != want || h.Typeflag != tar.TypeReg {
			return nil
		}
		found = true
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
		return errStop
	})
	if err == nil && !found {
		err = fmt.Errorf("%s holds no such file: %w; look at the version of the package", path.Base(deb), os.ErrNotExist)
	}
	return doing("extract "+name+" of "+path.Base(deb), err)
}
