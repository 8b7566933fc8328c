package console

import (
	"fmt"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// NewPTY opens a pty that adds, drops and echoes nothing: what the guest writes is what is read from the master. The
// caller hands slave to the guest's process, closes it, and hands master to Open, which then owns it.
func NewPTY() (master, slave *os.File, err error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open a pty: %w; is /dev/pts mounted, and kernel.pty.max not reached?", err)
	}
	if err := raw(s); err != nil {
		m.Close()
		s.Close()
		return nil, nil, fmt.Errorf("make the pty raw: %w", err)
	}
	// pty.Open leaves the master in blocking mode, where a read cannot be interrupted.
	master, err = pollable(m)
	m.Close()
	if err != nil {
		s.Close()
		return nil, nil, fmt.Errorf("open a pty: %w", err)
	}
	return master, s, nil
}

// raw is cfmakeraw(3) without any output processing left: UML turns OPOST on around each message of its kernel, and
// what stands beside it would then turn \n into \r\n for some lines and not for others.
func raw(f *os.File) error {
	fd := int(f.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag = 0
	t.Oflag = 0
	t.Lflag = 0
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// pollable returns a duplicate of f that has deadlines.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
