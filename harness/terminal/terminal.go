// Package terminal joins a guest's console to the user's terminal. It may import
// console, for the pty, and sandbox, for how a guest ended; it knows nothing of what
// runs in the guest but that UML must be told of its input.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"umlab/harness/console"
	"umlab/harness/sandbox"
)

// Is reports whether f is a terminal.
func Is(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// LeftError is the error of a guest that ended because the user typed the way out.
type LeftError struct{}

func (*LeftError) Error() string { return "left by the user" }

// wayOut is ^], as in telnet and virsh.
const wayOut = 0x1d

// Attach runs a guest on a pty of its own and joins that to the user's terminal,
// which is raw meanwhile. The pty keeps the guest from being stopped as a
// background job of the terminal, and gives it one that nothing else reads.
func Attach(
	ctx context.Context, in, out *os.File, guest func(context.Context, *os.File) (sandbox.Status, error),
) (status sandbox.Status, err error) {
	master, slave, err := console.NewPTY()
	if err != nil {
		return status, err
	}
	defer master.Close()
	defer slave.Close()
	// Ends by signal must not leave the terminal raw.
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)

	restore, err := raw(in)
	if err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, restore()) }()

	// Not slave.Fd: that clears O_NONBLOCK for all that have the pty open, and UML,
	// which reads it in a signal handler, would wait there for keys.
	guestEnd, err := slave.SyscallConn()
	if err != nil {
		return status, err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	resize := func() {
		if size, err := unix.IoctlGetWinsize(int(in.Fd()), unix.TIOCGWINSZ); err == nil {
			_ = guestEnd.Control(func(fd uintptr) {
				_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) // without it, the guest takes 80 columns
			})
		}
	}
	resize()
	typed, unplug, err := newInput(in, guestEnd)
	if err != nil {
		return status, err
	}
	ended := make(chan struct{})
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(out, master) // to EIO, which is how a pty ends
		if errors.Is(err, unix.EIO) || errors.Is(err, os.ErrClosed) {
			err = nil
		}
		done <- err
	}()
	go func() { done <- typed.forward(master, func() { leave(&LeftError{}) }) }()
	go func() {
		for {
			select {
			case <-resized:
				resize()
			case <-ended:
				return
			}
		}
	}()
	status, err = guest(ctx, slave)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	close(ended)
	unplug()
	slave.Close() // so that the master comes to its end
	return status, errors.Join(err, <-done, <-done)
}

// raw makes a terminal hand on every key at once and as it is. Line ends of the
// output stay its business: the kernel prints some without a carriage return.
func raw(f *os.File) (restore func() error, err error) {
	fd := int(f.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	restore = func() error {
		if err := term.Restore(fd, before); err != nil {
			return fmt.Errorf("restore the terminal: %w; type: stty sane", err)
		}
		return nil
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		t.Oflag |= unix.OPOST | unix.ONLCR
		err = unix.IoctlSetTermios(fd, unix.TCSETS, t)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the terminal raw: %w", err), restore())
	}
	return restore, nil
}

// input reads a terminal until it is unplugged, and takes no key after that: a
// blocked read would swallow the first one that is meant for the user's shell.
type input struct {
	terminal *os.File
	guest    syscall.RawConn // where the guest reads what is typed
	end      *os.File
}

func newInput(terminal *os.File, guest syscall.RawConn) (in *input, unplug func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	return &input{terminal, guest, r}, func() { w.Close() }, nil
}

// remindFor is how long after a key it is looked, every remindEvery, whether
// the guest has read it.
const (
	remindFor   = time.Second
	remindEvery = 50 * time.Millisecond
)

// forward copies what is typed to w, and calls leave when the way out is.
func (i *input) forward(w io.Writer, leave func()) error {
	defer i.end.Close()
	buf := make([]byte, 4096)
	var typed time.Time
	for {
		fds := []unix.PollFd{{Fd: int32(i.terminal.Fd()), Events: unix.POLLIN}, {Fd: int32(i.end.Fd()), Events: unix.POLLIN}}
		wait := -1
		if time.Since(typed) < remindFor {
			wait = int(remindEvery.Milliseconds())
		}
		if n, err := unix.Poll(fds, wait); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return fmt.Errorf("wait for the terminal: %w", err)
		} else if n == 0 {
			if remind(i.guest) {
				typed = time.Now()
			}
			continue
		}
		if fds[1].Revents != 0 {
			return nil
		}
		n, err := i.terminal.Read(buf)
		typed = time.Now()
		if at := strings.IndexByte(string(buf[:n]), wayOut); at >= 0 {
			leave()
			return nil
		}
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return nil // the guest has ended, and says so itself
			}
		}
		if err != nil {
			leave() // the terminal is gone
			return nil
		}
	}
}

// remind tells the guest once more of input that it leaves unread, and reports
// whether there was any. UML reads when SIGIO comes and epoll has something, and
// the host's n_tty_receive_buf_common sends the signal before it wakes epoll: a
// guest that looks between the two finds nothing, and without another signal
// would not look again until the next key (see _sigio_handler in
// arch/um/kernel/irq.c).
func remind(guest syscall.RawConn) (unread bool) {
	_ = guest.Control(func(fd uintptr) { // fails once the pty is closed: there is nobody to remind
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		unread = err == nil && n > 0
		if !unread {
			return
		}
		// The owner is whom UML had the signals sent to; none means that it has not
		// come to its console yet. It may end at any moment, and its number may pass
		// to another, whom the signal would kill.
		owner, err := unix.FcntlInt(fd, unix.F_GETOWN, 0)
		if err != nil || owner <= 0 {
			return
		}
		process, err := unix.PidfdOpen(owner, 0)
		if err != nil {
			return
		}
		defer unix.Close(process)
		if still, err := unix.FcntlInt(fd, unix.F_GETOWN, 0); err == nil && still == owner {
			_ = unix.PidfdSendSignal(process, unix.SIGIO, nil, 0)
		}
	})
	return unread
}
