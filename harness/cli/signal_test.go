package cli

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"umlab/harness/result"
)

// TestInterrupt: an interrupt ends what runs, with a code of its own; where something cannot hear it, a second one does.
func TestInterrupt(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan struct{})
	go func() {
		c, err := silent.Accept()
		if err == nil {
			defer c.Close()
			close(asked)
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = c.Read(make([]byte, 1)) // no answer, until it leaves
		}
	}()
	umlab := filepath.Join(program(t), "umlab")
	c := exec.Command(umlab, "matrix")
	var said bytes.Buffer
	c.Stderr = &said
	c.Env = append(os.Environ(), "UMLAB_HOME="+t.TempDir(), "UMLAB_DEBIAN_MIRROR=http://"+silent.Addr().String()+"/debian")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != result.ExitInterrupted || !strings.Contains(said.String(), "Error: interrupted: ") {
		t.Errorf("exit code %d: %s", code, said.String())
	}

	c = exec.Command(umlab, "classify", "-")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c.Env = append(os.Environ(), "UMLAB_HOME="+t.TempDir())
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(make([]byte, 1<<17)); err != nil { // more than a pipe holds: it reads
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != result.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

// TestPanic: a fault of umlab itself is none of the user's.
func TestPanic(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a := New(Installed)
	a.Stdout, a.Stderr, a.described = out, out, nil
	if code := a.Main([]string{"doctor"}); code != result.ExitInfra {
		t.Errorf("exit code %d", code)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil || !strings.Contains(string(text), "Error: umlab itself failed, please report it") {
		t.Errorf("%v: %s", err, text)
	}
}
