package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync"

	"golang.org/x/sys/unix"
)

// stdio is the standard files of a command: what init inherits, and the copying on our side.
type stdio struct {
	child   [3]*os.File
	owned   []*os.File // of child: ours to close once init has them
	start   []func()   // copying, to be started when the command is
	stdin   *os.File   // our end of the pipe to the command, or nil
	readers []*os.File // our ends of the pipes from it
	outputs sync.WaitGroup
	mu      sync.Mutex
	err     error // what went wrong while copying
}

func openStdio(c *Command) (*stdio, error) {
	s := &stdio{}
	if c.TTY != nil {
		s.child = [3]*os.File{c.TTY, c.TTY, c.TTY}
		return s, nil
	}
	if err := s.open(c); err != nil {
		s.abandon()
		return nil, fmt.Errorf("sandbox: standard files: %w", err)
	}
	return s, nil
}

func (s *stdio) open(c *Command) (err error) {
	if s.child[0], err = s.input(c.Stdin); err != nil {
		return err
	}
	if s.child[1], err = s.output(c.Stdout); err != nil {
		return err
	}
	if same(c.Stdout, c.Stderr) {
		s.child[2] = s.child[1]
		return nil
	}
	s.child[2], err = s.output(c.Stderr)
	return err
}

// same reports whether both are one writer.
func same(a, b io.Writer) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

func (s *stdio) null() (*os.File, error) {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		s.owned = append(s.owned, f)
	}
	return f, err
}

func (s *stdio) input(r io.Reader) (*os.File, error) {
	if f, ok := r.(*os.File); ok && f != nil {
		return f, nil
	}
	if r == nil {
		return s.null()
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.owned = append(s.owned, pr)
	s.stdin = pw
	// Nobody waits for this: a reader may block long after the command has gone.
	s.start = append(s.start, func() {
		_, err := io.Copy(pw, r)
		if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, os.ErrClosed) {
			s.fail(fmt.Errorf("copy standard input: %w", err))
		}
		pw.Close()
	})
	return pr, nil
}

func (s *stdio) output(w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok && f != nil {
		return f, nil
	}
	if w == nil {
		return s.null()
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.owned = append(s.owned, pw)
	s.readers = append(s.readers, pr)
	s.outputs.Add(1)
	s.start = append(s.start, func() {
		defer s.outputs.Done()
		defer pr.Close() // so that a command whose output nobody takes gets EPIPE
		if _, err := io.Copy(w, pr); err != nil {
			s.fail(fmt.Errorf("copy output: %w", err))
		}
	})
	return pw, nil
}

func (s *stdio) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

// run starts the copying and closes what only the command needs.
func (s *stdio) run() {
	for _, f := range s.owned {
		f.Close()
	}
	for _, copying := range s.start {
		go copying()
	}
}

// wait returns when all output of the ended command has been written.
func (s *stdio) wait() error {
	if s.stdin != nil {
		s.stdin.Close()
	}
	s.outputs.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// abandon closes everything when the command never started.
func (s *stdio) abandon() {
	for _, f := range s.owned {
		f.Close()
	}
	s.owned = nil
	if s.stdin != nil {
		s.stdin.Close()
	}
	for _, f := range s.readers {
		f.Close()
	}
}
