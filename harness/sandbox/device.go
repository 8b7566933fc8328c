package sandbox

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// proc mounts the /proc of the new PID namespace. The kernel allows that only while the host's own /proc is still
// visible, so it comes before the pivot.
func (r *newRoot) proc() error {
	fd, err := newMount("proc", attrNoRun, option{"source", "proc"})
	if err != nil {
		return faultOf(stageProc, "", err)
	}
	defer unix.Close(fd)
	if r.UserNamespace {
		// Without CAP_SYS_ADMIN in some user namespace, most of the kernel's attack surface is out of reach.
		if err := writeAt(fd, "sys/user/max_user_namespaces", "0"); err != nil {
			return faultOf(stageProc, "sys/user/max_user_namespaces", err)
		}
	}
	if n := r.Limits.Processes; n > 0 && pidMaxIsOurs() {
		// The kernel's least value is 301.
		if err := writeAt(fd, "sys/kernel/pid_max", strconv.Itoa(301+n)); err != nil && !errors.Is(err, unix.EINVAL) {
			return faultOf(stageProc, "sys/kernel/pid_max", err)
		}
	}
	if err := setAttr(fd, unix.MOUNT_ATTR_RDONLY, 0); err != nil {
		return faultOf(stageProc, "", err)
	}
	at, err := r.mountPoint(mountPoint{"/proc", true})
	if err != nil {
		return faultOf(stageProc, "", err)
	}
	defer unix.Close(at)
	return faultOf(stageProc, "", attach(fd, at))
}

// pidMaxIsOurs reports whether kernel.pid_max belongs to the PID namespace. Before Linux 6.14 it is the host's.
func pidMaxIsOurs() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return kernelAtLeast(unix.ByteSliceToString(u.Release[:]), 6, 14)
}

func writeAt(dir int, name, value string) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(value))
	return errors.Join(err, unix.Close(fd))
}

// dev makes the minimal /dev. Devices cannot be made in a user namespace, so they are bound from the host.
func (r *newRoot) dev() error {
	at, err := r.mountPoint(mountPoint{"/dev", true})
	if err != nil {
		return faultOf(stageDev, "/dev", err)
	}
	defer unix.Close(at)
	dev, err := newTmpfs(1<<20, 0o755, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return faultOf(stageDev, "/dev", err)
	}
	defer unix.Close(dev)
	if err := attach(dev, at); err != nil {
		return faultOf(stageDev, "/dev", err)
	}
	if err := r.claim(dev); err != nil {
		return faultOf(stageDev, "/dev", err)
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := bindDevice(dev, name); err != nil && (name == "null" || !errors.Is(err, unix.ENOENT)) {
			return faultOf(stageDev, "/dev/"+name, err)
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
		"stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := unix.Symlinkat(to, dev, name); err != nil {
			return faultOf(stageDev, "/dev/"+name, err)
		}
	}
	if err := unix.Mkdirat(dev, "pts", 0o755); err != nil {
		return faultOf(stageDev, "/dev/pts", err)
	}
	pts, err := newMount("devpts", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC,
		option{"source", "devpts"}, option{"newinstance", ""}, option{"ptmxmode", "0666"}, option{"mode", "0620"})
	if err != nil {
		return faultOf(stageDev, "/dev/pts", err)
	}
	defer unix.Close(pts)
	return faultOf(stageDev, "/dev/pts", unix.MoveMount(pts, "", dev, "pts", unix.MOVE_MOUNT_F_EMPTY_PATH))
}

func bindDevice(dev int, name string) error {
	// Not through cloneTree: nodev would make it useless.
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/dev/"+name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	// Read-only says nothing about what is written to a device, but keeps root from changing the host's node.
	if err := setAttr(tree, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, 0); err != nil {
		return err
	}
	if err := makeFile(dev, name); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", dev, name, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
