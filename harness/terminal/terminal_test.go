package terminal

import (
	"io"
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"umlab/harness/console"
)

// TestRemind leaves what is typed unread, as a UML does that looked too early:
// the process that the pty's signals go to hears of it again, until it has read.
func TestRemind(t *testing.T) {
	reminded := make(chan os.Signal, 1)
	signal.Notify(reminded, unix.SIGIO)
	defer signal.Stop(reminded)
	master, slave, err := console.NewPTY()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	// The owner of a pty that is not O_ASYNC gets no signal from the kernel.
	if _, err := unix.FcntlInt(slave.Fd(), unix.F_SETOWN, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	guest, err := slave.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	keyboard, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	typed, unplug, err := newInput(keyboard, guest)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	left := make(chan struct{})
	go func() { done <- typed.forward(master, func() { close(left) }) }()
	if _, err := io.WriteString(keys, "key"); err != nil {
		t.Fatal(err)
	}
	<-reminded
	<-reminded
	got := make([]byte, 3)
	if _, err := io.ReadFull(slave, got); err != nil || string(got) != "key" {
		t.Errorf("the guest reads %q, %v", got, err)
	}
	if remind(guest) {
		t.Error("reminded of what was read")
	}
	keys.Close()
	<-left
	unplug()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
