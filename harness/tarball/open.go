package tarball

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Decompress returns the content of the xz stream r. Closing it ends whatever
// decompresses.
type Decompress func(ctx context.Context, r io.Reader) (io.ReadCloser, error)

// Open yields the tar stream of the file, by what its first bytes say. xz
// decompresses what needs it; gzip, zstd and bzip2 are at hand.
func Open(ctx context.Context, path string, xz Decompress) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	head, _ := r.Peek(512) // a shorter one is told by the switch
	both := func(inner io.Reader, closing func() error) io.ReadCloser {
		return &stream{inner, func() error { return errors.Join(closing(), f.Close()) }}
	}
	none := func() error { return nil }
	switch {
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		// The decompressor reads the file itself: a pipe in between would cost.
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			f.Close()
			return nil, err
		}
		plain, err := xz(ctx, f)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(plain, plain.Close), nil
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(z, z.Close), nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(r)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(z, func() error { z.Close(); return nil }), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return both(bzip2.NewReader(r), none), nil
	case len(head) == 512 && string(head[257:262]) == "ustar":
		return both(r, none), nil
	}
	f.Close()
	return nil, errors.New("it is no tar archive, nor one compressed with xz, gzip, zstd or bzip2")
}

type stream struct {
	io.Reader
	closing func() error
}

func (s *stream) Close() error { return s.closing() }
