package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"umlab/harness/sandbox"
)

// XZ decompresses r with the xz of t.
func (t *Toolchain) XZ(ctx context.Context, r io.Reader) (io.ReadCloser, error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	proc, err := sandbox.Start(ctx, t.In(sandbox.Command{Args: []string{"xz", "-dc", "-T2"}, Stdin: r, Stdout: pw, Stderr: &said}))
	pw.Close()
	if err != nil {
		pr.Close()
		return nil, err
	}
	return &xz{File: pr, wait: func() error {
		status, err := proc.Wait()
		if err == nil && !status.Success() {
			err = fmt.Errorf("xz: %s: %s", status, strings.TrimSpace(said.String()))
		}
		return err
	}}, nil
}

type xz struct {
	*os.File
	wait func() error
}

// Close ends xz and returns what it complained about, if anything.
func (x *xz) Close() error { return errors.Join(x.File.Close(), x.wait()) }
