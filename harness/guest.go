package harness

import (
	"io/fs"
	"time"

	"umlab/harness/console"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/uml"
)

// newGuest boots cells with the busybox and the libc of a toolchain. Its root
// directories lie in the store until done.
func (l *Lab) newGuest(tc *toolchain.Toolchain) (b *uml.Booter, done func(), err error) {
	rootfs, err := fs.Sub(l.project, "rootfs")
	if err != nil {
		return nil, nil, err
	}
	scratch, done, err := l.store.Scratch("guests")
	if err != nil {
		return nil, nil, err
	}
	boot := l.settings.Limits.Boot
	return &uml.Booter{
		Sysroot: tc.Root, Mounts: tc.Mounts, Busybox: tc.Busybox, Rootfs: rootfs, Scratch: scratch, Whole: l.store.Whole, Stay: l.store.Stay,
		Limits:  console.Limits{Total: time.Duration(boot.Seconds) * time.Second, Bytes: boot.OutputMB << 20},
		Sandbox: sandbox.Limits{Processes: boot.Processes, Disk: boot.DiskMB << 20},
	}, done, nil
}
