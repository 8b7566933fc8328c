package uml

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"umlab/harness/console"
	"umlab/harness/manifest"
	"umlab/harness/sandbox"
)

// version is part of Identity: it is raised when a guest is handled differently, though none of its files changed.
const version = "3"

// Booter boots kernels with one busybox and one sysroot.
type Booter struct {
	Sysroot string          // directory on the host: has the libc that `linux` was linked with
	Mounts  []sandbox.Mount // what is seen over Sysroot
	Busybox string          // path of a statically linked busybox on the host
	Rootfs  fs.FS           // the directory rootfs/: manifest, and the files that it names
	Scratch string          // directory on the host where guests' root directories are made and removed; "" for os.TempDir
	Limits  console.Limits
	Sandbox sandbox.Limits // of the guest's processes; FileSize would bound its memory
	// Whole says before a boot whether what lies at these paths is what was stored there, see store.Whole; nil: nobody asks.
	Whole func(ctx context.Context, paths ...string) error
	// Stay says of what lies there, when the guest has ended, whether it did all the time, see store.Stay; nil: nobody asks.
	Stay func(paths ...string) (still func() error)
}

// Module is a module to be loaded.
type Module struct {
	Name   string   // as in /proc/modules
	Path   string   // of the .ko on the host
	Params []string // "name=value" for insmod
	Needs  []Module // loaded before it, in this order, and removed behind it
}

// Spec is one boot to be made.
type Spec struct {
	Kernel  string   // path of `linux` on the host
	Modules []Module // tried in this order
	Steps   []Step   // taken behind them, in this order
	Loads   []Module // that steps load: they stand in /modules
	Finds   Extra    // what else the steps find in the guest
	Mem     int64    // bytes

	Within time.Duration // to the guest's prompt; 0: Booter.Limits decides
	ASLR   bool          // leave the host's address randomisation on
	Extra  []string      // further parameters of the kernel
}

// Result is what one boot left.
type Result struct {
	Command    string // "linux mem=64M …"
	Transcript []byte // everything on the console
	End        console.End
	Seconds    float64 // exec to the end of the console
}

// Boot boots a kernel and tries the modules one after the other: insmod, a look at /proc/modules, rmmod. Then it takes
// the steps. At the first sign that the kernel has faulted, and at the end of the guest, nothing further is tried. Then
// the guest is halted.
//
// An error is never the guest's fault: the sandbox or the console failed, or ctx ended. The result is not nil where a
// transcript exists all the same.
func (b *Booter) Boot(ctx context.Context, s Spec) (*Result, error) {
	still := func() error { return nil }
	if b.Stay != nil {
		still = b.Stay(b.used(s)...)
	}
	dir, remove, err := b.guestRoot(ctx, s)
	if err != nil {
		return nil, cmp.Or(still(), err)
	}
	defer remove()
	c := b.command(s, dir, false)
	c.Limits = b.Sandbox
	r := &Result{Command: "linux " + strings.Join(c.Args[1:], " ")}
	limits := b.Limits
	limits.Boot = cmp.Or(s.Within, limits.Boot)
	for _, step := range s.Steps {
		if limits.Total > 0 {
			limits.Total += step.Within
		}
	}
	begun := time.Now()
	session, err := start(ctx, c, limits)
	if err != nil {
		return nil, cmp.Or(still(), fmt.Errorf("boot: %w", err))
	}
	// Whatever goes wrong from here on is the session's end as well.
	if session.Ready(ctx) == nil && tryAll(ctx, session, s.Modules, s.Steps) == nil {
		if _, err := session.Do(ctx, "log", "", logShell); err == nil {
			_ = session.Halt(ctx)
		}
	}
	t, err := session.Close()
	r.Transcript, r.End, r.Seconds = t.Bytes, t.End, time.Since(begun).Seconds()
	if err == nil && t.End.Kind == console.Killed {
		err = t.End.Err
	}
	err = cmp.Or(still(), err)
	if err != nil {
		return r, fmt.Errorf("boot: %w", err)
	}
	return r, nil
}

// used are the paths of what every guest of s is made of, but for its modules.
func (b *Booter) used(s Spec) []string {
	used := []string{b.Sysroot, b.Busybox, s.Kernel}
	for _, m := range b.Mounts {
		used = append(used, m.Source)
	}
	return used
}

// logShell prints the kernel's own log, which tells its lines from those that a process wrote.
const logShell = "dmesg -r"

// tryAll tries the modules and takes the steps until all are done or the kernel has faulted. The error is the session's.
func tryAll(ctx context.Context, s *console.Session, modules []Module, steps []Step) error {
	for _, m := range modules {
		faulted := false
		do := func(step, name, shell string) (ok bool, err error) {
			reply, err := s.Do(ctx, step, name, shell)
			faulted = faulted || reply.Oops != ""
			// A step that came to its end was not what faulted, if anything did: a line may be another's word.
			return err == nil && reply.Status == 0, err
		}
		insmod := func(m Module) (ok bool, err error) { return do("insmod", m.Name, m.Insmod()) }
		rmmod := func(m Module) (ok bool, err error) { return do("rmmod", m.Name, "rmmod "+m.Name) }
		var there []Module // what it needs and was loaded for it
		for _, n := range m.Needs {
			ok, err := insmod(n)
			if err != nil || faulted {
				return err
			}
			if ok {
				there = append(there, n)
			}
		}
		ok, err := insmod(m)
		if ok {
			if ok, err = do("modules", m.Name, "cat /proc/modules"); ok {
				_, err = rmmod(m)
			}
		}
		for _, n := range slices.Backward(there) {
			if err != nil || faulted {
				break
			}
			_, err = rmmod(n)
		}
		if err != nil || faulted {
			return err
		}
	}
	return takeAll(ctx, s, steps)
}

// guestRoot checks s and makes its guest's root directory.
func (b *Booter) guestRoot(ctx context.Context, s Spec) (dir string, remove func(), err error) {
	modules := map[string]string{}
	var all []Module
	for _, m := range slices.Concat(s.Modules, s.Loads) {
		all = append(append(all, m.Needs...), m)
	}
	for _, m := range all {
		if !moduleName.MatchString(m.Name) {
			return "", nil, fmt.Errorf("boot: module %q: a name has letters, digits, '_' and '-' only", m.Name)
		}
		for _, p := range m.Params {
			if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r > '~' }) || len(p) > 500 {
				return "", nil, fmt.Errorf("boot: module %s: parameter %.40q cannot be typed at a console", m.Name, p)
			}
		}
		if before, twice := modules[m.Name]; twice && before != m.Path {
			return "", nil, fmt.Errorf("boot: module %s is both %s and %s; boot them separately", m.Name, before, m.Path)
		}
		modules[m.Name] = m.Path
	}
	if s.Mem <= 0 {
		return "", nil, fmt.Errorf("boot: %d bytes of memory", s.Mem)
	}
	if b.Whole != nil {
		if err := b.Whole(ctx, slices.AppendSeq(b.used(s), maps.Values(modules))...); err != nil {
			return "", nil, fmt.Errorf("boot: %w", err)
		}
	}
	dir, err = os.MkdirTemp(b.Scratch, "guest-")
	if err != nil {
		return "", nil, fmt.Errorf("boot: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) } // what stays takes space and does no other harm
	if err := buildRootfs(dir, b.Busybox, b.Rootfs, modules, s.Finds); err != nil {
		remove()
		return "", nil, fmt.Errorf("boot: build the guest's root directory: %w", err)
	}
	return dir, remove, nil
}

// Identity is a digest of everything of a guest that decides results besides the kernel, the modules and the sysroot:
// busybox, the rootfs, the kernel's parameters, and how umlab handles it.
func (b *Booter) Identity() (string, error) {
	entries, err := manifest.Read(b.Rootfs, "rootfs")
	if err != nil {
		return "", fmt.Errorf("identify the guest: %w", err)
	}
	busybox, err := os.ReadFile(b.Busybox)
	if err != nil {
		return "", fmt.Errorf("identify the guest: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %q\n", version, Options{RootDir: insideRoot}.Cmdline())
	for _, e := range entries {
		fmt.Fprintf(h, "%q %q %o %q\n", e.Kind, e.Path, e.Mode, e.Source)
		if e.Kind == "file" {
			text, err := fs.ReadFile(b.Rootfs, e.Source)
			if err != nil {
				return "", fmt.Errorf("identify the guest: %w", err)
			}
			fmt.Fprintf(h, "%q %x\n", e.Source, sha256.Sum256(text))
		}
	}
	fmt.Fprintf(h, "%q %x\n", "busybox", sha256.Sum256(busybox))
	return hex.EncodeToString(h.Sum(nil)), nil
}
