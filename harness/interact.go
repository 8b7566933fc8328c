package harness

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
	"umlab/harness/report"
	"umlab/harness/sandbox"
	"umlab/harness/uml"
	"umlab/harness/usage"
)

// Interact boots a cell's kernel with the guest's shell on the user's terminal.
// Everything typed goes to the guest, ^C too; ^] ends a guest that hangs. The
// terminal is as before when it returns.
//
// Both must be a terminal: UML loses what is typed while its kernel prints, so
// that commands from a file would run or not by chance.
func (l *Lab) Interact(ctx context.Context, cell string, o MatrixOptions, in, out *os.File) error {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return usage.Errorf("boot needs a terminal on standard input and output; without one: go tool mage explain %s, or matrix -cells=%s", cell, cell)
	}
	p, _, err := l.planCell(cell, o)
	if err != nil {
		return err
	}
	b, err := l.buildCell(ctx, p)
	if err != nil {
		return err
	}
	g, closeGuest, err := l.newGuest(b.baseline.Base.Toolchain)
	if err != nil {
		return err
	}
	defer closeGuest()
	spec, intro := interactive(b)
	l.sink.Close()
	if err := report.Introduce(l.stdout, intro); err != nil {
		return err
	}
	status, err := attach(ctx, in, out, func(ctx context.Context, tty *os.File) (sandbox.Status, error) {
		return g.Interact(ctx, spec, tty, tty)
	})
	var left *leftError
	switch {
	case errors.As(err, &left):
		fmt.Fprintln(l.stdout, report.Ended(""))
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintln(l.stdout, report.Ended(status.String()))
	return nil
}

// interactive is the boot of a cell for a person, and what the person is told.
func interactive(b *built) (uml.Spec, report.Intro) {
	base, place := b.baseline.Base, b.cell.Placements[0]
	spec := uml.Spec{Kernel: b.product.Linux, Mem: place.Mem, ASLR: place.ASLR}
	intro := report.Intro{
		Cell: b.cell.ID() + ":" + place.Name, Tree: base.Tree.Name, Version: base.Tree.Version, Toolchain: base.Toolchain.Name,
		Mem: place.MemText, ASLR: place.ASLR, Kernel: b.product.Linux,
	}
	for _, m := range b.cell.Modules {
		given := uml.Module{Name: m.Name, Path: b.product.Modules[m.Path].Path, Params: m.Params}
		spec.Modules = append(spec.Modules, given)
		intro.Insmod = append(intro.Insmod, given.Insmod())
	}
	return spec, intro
}

// leftError is the cause that ends a guest when the user typed the way out.
type leftError struct{}

func (*leftError) Error() string { return "left by the user" }

// wayOut is ^], as in telnet and virsh.
const wayOut = 0x1d

// attach runs a guest on a pty of its own and joins that to the user's terminal,
// which is raw meanwhile. The pty keeps the guest from being stopped as a
// background job of the terminal, and gives it one that nothing else reads.
func attach(ctx context.Context, in, out *os.File, guest func(context.Context, *os.File) (sandbox.Status, error)) (status sandbox.Status, err error) {
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
	go func() { done <- typed.forward(master, func() { leave(&leftError{}) }) }()
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
