package uml

import (
	"context"
	"errors"
	"io"
	"slices"

	"umlab/harness/console"
	"umlab/harness/sandbox"
	"umlab/harness/shell"
)

// Where a guest's process finds what it was given, inside the sandbox.
const (
	insideKernel = "/umlab/linux"
	insideRoot   = "/umlab/root"
)

// Command is the sandboxed `linux` with the options o, whose RootDir is filled in. kernel and rootDir are paths on
// the host; sysroot is the directory whose libc `linux` was linked with, or "" for a static one. Standard files or a
// terminal are for the caller to add.
func Command(sysroot, kernel, rootDir string, o Options, aslr bool) sandbox.Command {
	o.RootDir = insideRoot
	return sandbox.Command{
		Root: sysroot,
		Mounts: []sandbox.Mount{
			{Source: kernel, Target: insideKernel, ReadOnly: true},
			{Source: rootDir, Target: insideRoot, ReadOnly: true},
		},
		Args: append([]string{insideKernel}, o.Cmdline()...),
		// The guest's memory is a sparse file in /tmp, mapped executable (create_mem_file, arch/um/os-Linux/mem.c).
		Env:    []string{"TMPDIR=/tmp", "HOME=/tmp"},
		NoASLR: !aslr,
	}
}

// command is that of a guest whose root directory is dir.
func (b *Booter) command(s Spec, dir string, interactive bool) sandbox.Command {
	c := Command(b.Sysroot, s.Kernel, dir, Options{Mem: s.Mem, Extra: s.Extra, Interactive: interactive}, s.ASLR)
	c.Mounts = append(slices.Clone(b.Mounts), c.Mounts...)
	return c
}

// errKilled is the cause that ends a sandbox when the console asks for it.
var errKilled = errors.New("killed by the console")

// process is a sandbox as the console sees it.
type process struct {
	*sandbox.Process
	kill context.CancelCauseFunc
}

// Wait implements console.Guest.
func (p process) Wait() (console.Exit, error) {
	s, err := p.Process.Wait()
	if errors.Is(err, errKilled) {
		err = nil
	}
	return console.Exit{Code: s.Code, Signal: int(s.Signal)}, err
}

// Kill implements console.Guest.
func (p process) Kill() { p.kill(errKilled) }

// start starts c on a new pty, and opens a session with it.
func start(ctx context.Context, c sandbox.Command, l console.Limits) (*console.Session, error) {
	master, slave, err := console.NewPTY()
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	c.TTY = slave
	// The console ends the sandbox when ctx does. Were the sandbox to do so by itself, the console could not tell it
	// from a guest that fell over.
	own, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	p, err := sandbox.Start(own, c)
	if err != nil {
		kill(nil)
		master.Close()
		return nil, err
	}
	return console.Open(ctx, master, process{p, kill}, l)
}

// Interact boots the kernel of b with a person's shell instead of umlab at the console: in and out should be a
// terminal. Modules are in the guest's /modules. It returns when the guest has ended.
func (b *Booter) Interact(ctx context.Context, s Spec, in io.Reader, out io.Writer) (sandbox.Status, error) {
	dir, remove, err := b.guestRoot(ctx, s)
	if err != nil {
		return sandbox.Status{Code: -1}, err
	}
	defer remove()
	c := b.command(s, dir, true)
	c.Stdin, c.Stdout, c.Stderr = in, out, out
	return sandbox.Run(ctx, c)
}

// Insmod is the command of the guest's shell that loads m.
func (m Module) Insmod() string {
	return shell.Join(append([]string{"insmod", "/" + modulesDir + "/" + m.Name + ".ko"}, m.Params...)...)
}
