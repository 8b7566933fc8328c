package harness

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"umlab/harness/console"
	"umlab/harness/outcome"
	"umlab/harness/runner"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/uml"
)

// guest boots cells with the busybox and the libc of a toolchain, as the
// runner's Booter.
type guest struct {
	booter   *uml.Booter
	identity string
}

// newGuest makes a guest whose root directories lie in the store until close.
func (l *Lab) newGuest(tc *toolchain.Toolchain) (g *guest, close func(), err error) {
	rootfs, err := fs.Sub(l.project, "rootfs")
	if err != nil {
		return nil, nil, err
	}
	scratch, remove, err := l.store.Scratch("guests")
	if err != nil {
		return nil, nil, err
	}
	boot := l.settings.Limits.Boot
	g = &guest{booter: &uml.Booter{
		Sysroot: tc.Root, Mounts: tc.Mounts, Busybox: tc.Busybox, Rootfs: rootfs, Scratch: scratch,
		Limits:  console.Limits{Total: time.Duration(boot.Seconds) * time.Second, Bytes: boot.OutputMB << 20},
		Sandbox: sandbox.Limits{Processes: boot.Processes, Disk: boot.DiskMB << 20},
	}}
	if g.identity, err = g.booter.Identity(); err != nil {
		remove()
		return nil, nil, err
	}
	// The kernel runs with the sysroot's libc.
	g.identity += " " + tc.Digest
	return g, remove, nil
}

// Identity is that of the guest's files, its handling and its libc.
func (g *guest) Identity() string { return g.identity }

// Boot makes one boot.
func (g *guest) Boot(ctx context.Context, b runner.Boot) (*runner.Booted, error) {
	s := uml.Spec{Kernel: b.Kernel, Mem: b.Mem, ASLR: b.ASLR}
	for _, m := range b.Modules {
		s.Modules = append(s.Modules, uml.Module{Name: m.Name, Path: m.Path, Params: m.Params})
	}
	r, err := g.booter.Boot(ctx, s)
	if err != nil {
		return nil, err
	}
	return &runner.Booted{Transcript: r.Transcript, End: end(r.End), Command: r.Command, Seconds: r.Seconds}, nil
}

// end tells the classifier how the console ended; both spell the kinds alike.
func end(e console.End) outcome.End {
	out := outcome.End{Kind: outcome.EndKind(e.Kind), Stage: string(e.Stage), Status: e.Exit.String()}
	if e.Step != "" {
		out.Stage = e.Step
	}
	if e.Kind == console.Infra {
		out.Status = fmt.Sprint(e.Err)
	}
	return out
}
