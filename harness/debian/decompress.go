package debian

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Decompress turns an xz stream into what it holds: a hook for a quicker
// implementation than the built-in one, such as an xz process in a sandbox. The
// result's Close is called once, also where it was not read to its end; it
// releases everything, and reports what went wrong. r is not used after it.
type Decompress func(ctx context.Context, r io.Reader) (io.ReadCloser, error)

// decompress reads r in the form that the extension says; xzHook may be nil.
func decompress(ctx context.Context, r io.Reader, ext string, xzHook Decompress) (io.ReadCloser, error) {
	r = &contextReader{ctx, r}
	switch ext {
	case "":
		return io.NopCloser(r), nil
	case ".gz":
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", noEOF(err))
		}
		return z, nil
	case ".xz":
		if xzHook != nil {
			return xzHook(ctx, r)
		}
		z, err := xz.NewReader(bufio.NewReaderSize(r, 64<<10))
		if err != nil {
			return nil, fmt.Errorf("xz: %w", noEOF(err))
		}
		return io.NopCloser(z), nil
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", noEOF(err))
		}
		return z.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("compression %s is not known", ext)
}

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
