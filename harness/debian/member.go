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

	"umlab/harness/unpack"
)

// walk calls visit for each member of a .deb's data archive. Names are given as
// archiveName returns them. An error of visit ends the walk; unpack.ErrStop does so
// without being one.
func walk(ctx context.Context, deb string, hook unpack.Decompress, visit unpack.Visitor) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	return walkReader(ctx, deb, bufio.NewReaderSize(f, 64<<10), hook, visit)
}

// walkReader is walk over a package that is called deb in errors.
func walkReader(ctx context.Context, deb string, r io.Reader, hook unpack.Decompress, visit unpack.Visitor) error {
	data, err := dataOf(ctx, r, hook)
	if err == nil {
		err = unpack.Walk(ctx, data, func(name string, h *tar.Header, r io.Reader) error { return visit(merged(name), h, r) })
	}
	var bad *unpack.FormatError
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &bad):
		return &formatError{deb, bad.Err}
	}
	return err
}

// dataOf yields the data archive of a package.
func dataOf(ctx context.Context, r io.Reader, hook unpack.Decompress) (io.ReadCloser, error) {
	a, err := newArReader(r)
	for err == nil {
		var name string
		if name, err = a.next(); err == io.EOF {
			err = errors.New("no data.tar member: not a package")
		} else if ext, ok := strings.CutPrefix(name, "data.tar"); ok && err == nil {
			return unpack.Reader(ctx, a, ext, hook)
		}
	}
	return nil, &unpack.FormatError{Err: err}
}

// merged puts the names that a merged /usr replaced where they are now.
func merged(name string) string {
	if first, _, below := strings.Cut(name, "/"); below && slices.Contains(mergedDirs(), first) {
		return "usr/" + name
	}
	return name
}

// archiveName is the name of a member, or of what a hard link leads to, below the
// root.
func archiveName(name string) (string, error) {
	name, err := unpack.Name(name)
	return merged(name), err
}

// mergedDirs are the directories of / that are links into /usr since Debian 12.
func mergedDirs() []string { return []string{"bin", "sbin", "lib", "lib64"} }

// Extract writes one file out of a package, such as
// "usr/src/linux-source-6.12.tar.xz", to w. Returns an error that is
// fs.ErrNotExist where the package has no such regular file.
func Extract(ctx context.Context, deb, name string, w io.Writer, hook unpack.Decompress) error {
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
		return unpack.ErrStop
	})
	if err == nil && !found {
		err = fmt.Errorf("%s holds no such file: %w; look at the version of the package", path.Base(deb), os.ErrNotExist)
	}
	return doing("extract "+name+" of "+path.Base(deb), err)
}
