package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// feed copies a reader to the command's standard input. os/exec would do it as well, but wait for the reader, which may
// block long after the command has gone.
type feed struct {
	from        io.Reader
	read, write *os.File
	failed      chan error
}

// newFeed returns what init is to have as standard input, and nil where that needs no copying.
func newFeed(stdin io.Reader) (io.Reader, *feed, error) {
	if _, file := stdin.(*os.File); file || stdin == nil {
		return stdin, nil, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: standard input: %w", err)
	}
	return r, &feed{from: stdin, read: r, write: w, failed: make(chan error, 1)}, nil
}

// start starts the copying; init has its end of the pipe.
func (f *feed) start() {
	if f == nil {
		return
	}
	f.read.Close()
	go func() {
		_, err := io.Copy(f.write, f.from)
		if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, os.ErrClosed) {
			f.failed <- fmt.Errorf("copy standard input: %w", err)
		}
		f.write.Close()
	}()
}

// end ends the copying, or all that there is of it where it never started.
func (f *feed) end() error {
	if f == nil {
		return nil
	}
	f.read.Close()
	f.write.Close()
	select {
	case err := <-f.failed:
		return err
	default:
		return nil
	}
}
