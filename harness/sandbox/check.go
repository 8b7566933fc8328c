package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Check finds out whether this machine lets this user have a sandbox, overlays included, by making an empty one, with an
// overlay over dir, an empty directory where overlays will be. The error is a *stageError whose hint names the setting to change.
func Check(ctx context.Context, dir string) error {
	c := Command{Args: []string{"probe"}, Overlays: []Overlay{{Lower: dir, Target: "/overlay"}}}
	s, err := c.plan()
	if err != nil {
		return err
	}
	s.Probe = true
	p, err := start(ctx, s, &c)
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

// facts is the state of this machine, as far as it can be why a sandbox fails.
type facts struct {
	root    bool              // effective UID 0
	release string            // of the kernel, as uname -r says
	sysctl  map[string]string // by dotted name; those that do not exist are absent
	seccomp bool              // a seccomp filter is in force, as in a container
	inside  []string          // mount points inside the directory that the overlay was to show
	upperFS string            // kind of the file system that Upper is on, where overlayfs cannot write to it
	upper   string            // Upper
}

// relevant are the settings that forbid namespaces, and how to change them.
var relevant = []string{"kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns", "kernel.yama.ptrace_scope",
	"user.max_user_namespaces", "user.max_mnt_namespaces", "user.max_pid_namespaces", "user.max_ipc_namespaces",
	"user.max_uts_namespaces", "user.max_net_namespaces"}

// gather reads the facts. What cannot be read is taken for innocent.
func gather(r report, s *spec) facts {
	f := facts{root: os.Geteuid() == 0, sysctl: map[string]string{}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		f.release = unix.ByteSliceToString(u.Release[:])
	}
	for _, name := range relevant {
		if b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/")); err == nil {
			f.sysctl[name] = strings.TrimSpace(string(b))
		}
	}
	if b, err := os.ReadFile("/proc/self/status"); err == nil {
		f.seccomp = strings.Contains(string(b), "\nSeccomp:\t2\n")
	}
	for _, l := range s.Layers {
		if r.Stage == stageOverlay && l.Target == r.Path && l.Kind == layerOverlay {
			f.inside = mountsBelow(l.Source)
			f.upper, f.upperFS = l.Upper, unfit(l.Upper)
		}
	}
	if r.Stage == stageMountPoint && s.Root != "" {
		f.inside = mountsBelow(s.Root)
	}
	return f
}

// mountsBelow lists the mount points inside of dir.
func mountsBelow(dir string) (found []string) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(real))
	if err != nil {
		return nil
	}
	for _, m := range mounts {
		if m.Mountpoint != real {
			found = append(found, m.Mountpoint)
		}
	}
	return found
}

// unfit names the kind of file system of dir if overlayfs cannot write to it.
func unfit(dir string) string {
	var st unix.Statfs_t
	if dir == "" || unix.Statfs(dir, &st) != nil {
		return ""
	}
	switch int64(st.Type) {
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "an overlay"
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.V9FS_MAGIC:
		return "9p"
	case unix.FUSE_SUPER_MAGIC:
		return "FUSE"
	case unix.MSDOS_SUPER_MAGIC:
		return "FAT"
	}
	return ""
}

// kernelAtLeast compares the release that uname gives with a version. One that it cannot read counts as older.
func kernelAtLeast(release string, major, minor int) bool {
	a, rest, _ := strings.Cut(release, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(rest)
	return err1 == nil && err2 == nil && (x > major || x == major && y >= minor)
}
