package harness

import (
	"io"
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"umlab/harness/console"
	"umlab/harness/kbuild"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
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

// TestInteractiveInsmod: what a person is told to type gives a module the
// parameters that a matrix gives it.
func TestInteractiveInsmod(t *testing.T) {
	b := &built{
		cell:     scenario.Cell{Modules: []scenario.Module{{Name: "m", Params: []string{"n=1", "name=it's  $x"}}}, Placements: []scenario.Placement{{}}},
		baseline: &kbuild.Baseline{Base: kbuild.Base{Tree: &tree.Tree{}, Toolchain: &toolchain.Toolchain{}}}, product: &kbuild.Product{},
	}
	_, intro := interactive(b)
	if want := `insmod /modules/m.ko n=1 'name=it'\''s  $x'`; len(intro.Insmod) != 1 || intro.Insmod[0] != want {
		t.Errorf("%q, want %q", intro.Insmod, want)
	}
}
