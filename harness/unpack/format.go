// Package unpack tells archives by their names and their first bytes, undoes
// their compression, and unpacks tar archives so that nothing lands outside of
// the directory they are meant for. It may import progress; it runs nothing, and
// knows nothing of what the archives hold.
package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Decompress returns the content of the xz stream r: a hook for a quicker
// implementation than the built-in one, such as an xz process in a sandbox. The
// result's Close is called once, also where it was not read to its end; it
// releases everything, and reports what went wrong. r is not used after it.
type Decompress func(ctx context.Context, r io.Reader) (io.ReadCloser, error)

// formats are the compressions that are known.
var formats = []struct {
	ext   string // of a file of that form: ".xz"
	short string // of a tarball of that form, besides ".tar" + ext
	magic string // what it begins with
	open  func(r io.Reader) (io.ReadCloser, error)
}{
	{".xz", ".txz", "\xfd7zXZ\x00", func(r io.Reader) (io.ReadCloser, error) {
		z, err := xz.NewReader(r)
		return io.NopCloser(z), err
	}},
	{".gz", ".tgz", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{".zst", ".tzst", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{".bz2", ".tbz2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
}

// IsTarball reports whether a file or URL is called as a tar archive is, packed or
// not.
func IsTarball(name string) bool {
	name = strings.ToLower(name)
	for _, f := range formats {
		if strings.HasSuffix(name, ".tar"+f.ext) || strings.HasSuffix(name, f.short) {
			return true
		}
	}
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tbz")
}

// Reader yields what r holds in the form that ext (".xz"; "" is plain) says. hook,
// which may be nil, decompresses xz.
func Reader(ctx context.Context, r io.Reader, ext string, hook Decompress) (io.ReadCloser, error) {
	if ext == ".xz" && hook != nil {
		z, err := hook(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("start decompression: %w", err)
		}
		return z, nil
	}
	r = &contextReader{ctx, r}
	if ext == "" {
		return io.NopCloser(r), nil
	}
	for _, f := range formats {
		if f.ext == ext {
			z, err := f.open(bufio.NewReaderSize(r, 64<<10))
			if err != nil {
				return nil, &FormatError{fmt.Errorf("%s: %w", ext[1:], noEOF(err))}
			}
			return z, nil
		}
	}
	return nil, &FormatError{fmt.Errorf("compression %s is not known", ext)}
}

// Open yields the tar stream of the file, by what its first bytes say; see Reader
// for hook.
func Open(ctx context.Context, path string, hook Decompress) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 512)
	n, _ := f.ReadAt(head, 0) // a shorter one is told by the rest
	ext, known := "", n == len(head) && string(head[257:262]) == "ustar"
	for _, form := range formats {
		if bytes.HasPrefix(head[:n], []byte(form.magic)) {
			ext, known = form.ext, true
		}
	}
	if !known {
		f.Close()
		return nil, errors.New("it is no tar archive, nor one compressed with xz, gzip, zstd or bzip2")
	}
	// An xz process reads the file itself: a pipe in between would cost.
	z, err := Reader(ctx, f, ext, hook)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &stream{z, f}, nil
}

// A stream closes its file, too.
type stream struct {
	io.ReadCloser
	file *os.File
}

func (s *stream) Close() error { return errors.Join(s.ReadCloser.Close(), s.file.Close()) }

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(b)
}

// A FormatError says that the bytes of an archive are not what they should be.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return "read archive: " + e.Err.Error() }

func (e *FormatError) Unwrap() error { return e.Err }

// noEOF makes an end that came too early an error of its own.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
