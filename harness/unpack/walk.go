package unpack

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// ErrStop, returned by the visitor of Walk, ends the walk without being an error.
var ErrStop = errors.New("stop")

// A Visitor is shown a member of an archive: its name as Name returns it, its header
// and its content.
type Visitor func(name string, h *tar.Header, r io.Reader) error

// Walk calls visit for each member of the tar stream, and closes the stream. An error of visit ends the walk and is
// returned as it is; what is wrong with the archive is a FormatError.
func Walk(ctx context.Context, stream io.ReadCloser, visit Visitor) error {
	err := walk(ctx, stream, visit)
	cerr := stream.Close()
	switch {
	case err == ErrStop:
		return nil // a decompressor that was left before its end may complain of it
	case ctx.Err() != nil && err != nil:
		return context.Cause(ctx)
	case cerr != nil && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)):
		// A decompressor that died shows as an early end first; its own word says
		// more.
		return &FormatError{cerr}
	}
	return err
}

func walk(ctx context.Context, stream io.Reader, visit Visitor) error {
	stream = bufio.NewReaderSize(stream, 128<<10)
	t := tar.NewReader(stream)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// What is behind the end is read too: a compressed stream's own check is
			// there, and who writes the stream never meets a closed pipe.
			if _, err := io.Copy(io.Discard, stream); err != nil {
				return &FormatError{err}
			}
			return nil
		}
		if err != nil {
			return &FormatError{err}
		}
		name, err := Name(h.Name)
		if err != nil {
			return &FormatError{err}
		}
		r := &content{r: t}
		switch err := visit(name, h, r); {
		case r.err != nil:
			return &FormatError{fmt.Errorf("%s: %w", h.Name, noEOF(r.err))}
		case err != nil:
			return err
		}
	}
}

// A content remembers an error of the archive, to tell it from one of what the
// member is written to.
type content struct {
	r   io.Reader
	err error
}

func (m *content) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// Name makes the name of an archive's member, or of what a hard link leads to, one
// below the root: without "./" or "/" before it. The root itself is ".". One that
// leads out of the root is an error.
func Name(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("member %q leads out of the root", name)
	}
	if strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("member %q has a zero byte in its name", name)
	}
	return cmp.Or(strings.TrimPrefix(path.Clean("/"+name), "/"), "."), nil
}
