package debian

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// An arReader reads the members of an ar archive, which a .deb is (deb(5)), in
// their order.
type arReader struct {
	r    io.Reader
	rest int64 // bytes of the current member not yet read
	pad  int64 // 1 where a padding byte follows it
}

// newArReader reads the archive's magic.
func newArReader(r io.Reader) (*arReader, error) {
	const magic = "!<arch>\n"
	b := make([]byte, len(magic))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("no ar archive: %w", noEOF(err))
	}
	if string(b) != magic {
		return nil, fmt.Errorf("no ar archive: it begins with %q", b)
	}
	return &arReader{r: r}, nil
}

// next goes to the next member; at the end it returns io.EOF. Read then reads
// the member.
func (a *arReader) next() (name string, err error) {
	if n := a.rest + a.pad; n > 0 {
		if _, err := io.CopyN(io.Discard, a.r, n); err != nil {
			return "", fmt.Errorf("ar member: %w", noEOF(err))
		}
	}
	a.rest, a.pad = 0, 0
	var h [60]byte // name 16, time 12, owner 6, group 6, mode 8, size 10, magic 2
	if _, err := io.ReadFull(a.r, h[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return "", io.EOF
		}
		return "", fmt.Errorf("ar header: %w", err)
	}
	if !bytes.Equal(h[58:], []byte("`\n")) {
		return "", fmt.Errorf("ar header: it ends with %q", h[58:])
	}
	size, err := strconv.ParseInt(strings.TrimRight(string(h[48:58]), " "), 10, 64)
	if err != nil || size < 0 {
		return "", fmt.Errorf("ar header: size %q", h[48:58])
	}
	a.rest, a.pad = size, size&1
	return strings.TrimSuffix(strings.TrimRight(string(h[:16]), " "), "/"), nil
}

// Read reads the current member.
func (a *arReader) Read(b []byte) (int, error) {
	if a.rest == 0 {
		return 0, io.EOF
	}
	n, err := a.r.Read(b[:min(int64(len(b)), a.rest)])
	a.rest -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if a.rest > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// noEOF makes an end that came too early an error of its own.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
