package sandbox

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	hintContainer = "a container's seccomp filter forbids it: start the container with --security-opt seccomp=unconfined (docker, " +
		"podman) or run umlab outside of it"
	hintKernel = "umlab needs Linux 5.12 or newer with user, mount, PID, IPC, UTS and network namespaces; this is %s"
	hintRoot   = ", or run umlab as root"
	hintOwner  = "the user who runs umlab must be able to read it and to search every directory above it; as root, too, it must " +
		"be root's own or open to all"
)

// hint says what the user can do about errno at a stage. It is pure: what it knows of the machine is in f.
func hint(stage stageName, errno unix.Errno, f facts) string {
	if errno == unix.ENOSYS {
		if f.seccomp {
			return hintContainer
		}
		return fmt.Sprintf(hintKernel, f.release)
	}
	if lacks := hintSpent(stage, errno); lacks != "" {
		return lacks
	}
	denied := errno == unix.EPERM || errno == unix.EACCES
	switch stage {
	case stageNamespaces, stagePrivate:
		return hintNamespaces(errno, f)
	case stageProc:
		if denied {
			return "the kernel shows a new /proc only to who sees all of the old one, and a container hides parts: start it with " +
				"--security-opt systempaths=unconfined (docker) or --security-opt unmask=ALL (podman)"
		}
	case stageSource, stageBind, stageRoot:
		switch {
		case denied && f.restricted():
			return hintNamespaces(errno, f)
		case denied:
			return hintOwner
		}
	case stageDev:
		if errno == unix.ENOENT {
			return "this machine's own /dev lacks it"
		}
	case stageMountPoint:
		switch {
		case errno == unix.EROFS:
			return "the directory above it is lent by the host and is not written to: make it there first"
		case errno == unix.ENOTDIR, errno == unix.EISDIR:
			return "a file can be mounted only on a file, a directory only on a directory"
		}
		return hintOverlay(errno, f)
	case stageOverlay:
		return hintOverlay(errno, f)
	case stagePivot:
		if errno == unix.EINVAL {
			return "the root of this machine is its initramfs, or umlab was started in a chroot: run it where / is a mounted file system"
		}
	case stageLookup, stageExec:
		return hintExec(stage, errno, f)
	}
	return ""
}

// hintSpent says what the machine, or what this user may have of it, is at the end of, whatever was being done.
func hintSpent(stage stageName, errno unix.Errno) string {
	switch errno {
	case unix.EMFILE:
		return "this process may open too few files: raise ulimit -n (1024 is enough)"
	case unix.ENFILE:
		return "this machine has too many files open: as root, sysctl -w fs.file-max, or end other programs"
	case unix.EAGAIN:
		return "this user may have no more processes: raise ulimit -u or the container's pids limit, or end some"
	case unix.ENOMEM:
		return "this machine has too little memory left, or ulimit -v or the container's limit gives too little"
	case unix.EDQUOT:
		return "this user's disk quota is used up: give UMLAB_HOME another place, or run `umlab clean`"
	case unix.ENOSPC:
		if stage != stageNamespaces { // there it speaks of their number
			return "no space is left, or no inodes (df -h, df -i): give UMLAB_HOME another place, or run `umlab clean`"
		}
	case unix.EIO:
		return "the disk cannot be read or written: the kernel log (dmesg) says which"
	}
	return ""
}

func (f facts) restricted() bool {
	v := f.sysctl["kernel.apparmor_restrict_unprivileged_userns"]
	return v != "" && v != "0"
}

func hintNamespaces(errno unix.Errno, f facts) string {
	orRoot := hintRoot
	if f.root {
		orRoot = ""
	}
	var spent []string
	for _, name := range relevant {
		if strings.HasPrefix(name, "user.max_") && f.sysctl[name] == "0" {
			spent = append(spent, "sysctl -w "+name+"=10000")
		}
	}
	switch {
	case len(spent) > 0:
		return "as root: " + strings.Join(spent, "; ") + orRoot
	case errno == unix.ENOSPC, errno == unix.EUSERS:
		return "too many namespaces are in use or nested: raise user.max_*_namespaces with sysctl, or end other sandboxes"
	case f.sysctl["kernel.unprivileged_userns_clone"] == "0" && !f.root:
		return "as root: sysctl -w kernel.unprivileged_userns_clone=1" + orRoot
	case f.restricted() && !f.root:
		return "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give this program an AppArmor profile that " +
			"allows userns" + orRoot
	case errno == unix.EINVAL:
		return fmt.Sprintf(hintKernel, f.release)
	case errno == unix.ENOENT:
		return "/proc must be mounted: the program executes /proc/self/exe"
	case errno != unix.EPERM && errno != unix.EACCES:
	case f.seccomp:
		return hintContainer
	case f.root:
		return "this root lacks CAP_SYS_ADMIN: start the container with --privileged, or with --cap-add SYS_ADMIN --security-opt " +
			"apparmor=unconfined"
	default:
		return "user namespaces are forbidden here: a chroot, SELinux (setsebool user_namespace) or an LSM does that" + orRoot
	}
	return ""
}

func hintOverlay(errno unix.Errno, f facts) string {
	switch {
	case errno == unix.ENODEV:
		return "this kernel has no overlayfs: as root, modprobe overlay"
	case len(f.inside) > 0:
		return "a lower directory must contain no mounts; unmount " + strings.Join(f.inside, ", ")
	case f.upperFS != "":
		return fmt.Sprintf("%s lies on %s, which overlayfs cannot write to: use a directory on ext4, xfs, btrfs or tmpfs (UMLAB_HOME)",
			f.upper, f.upperFS)
	case errno == unix.EPERM && !f.root && f.release != "" && !kernelAtLeast(f.release, 5, 11):
		return "overlays without root need Linux 5.11; this is " + f.release
	case errno == unix.EPERM || errno == unix.EACCES:
		return hintOwner
	case errno == unix.EINVAL:
		return "Upper and Work must be on one mount, and on none that is an overlay already; the kernel log (dmesg) has the reason"
	}
	return ""
}

func hintExec(stage stageName, errno unix.Errno, f facts) string {
	switch {
	case errno == unix.ENOENT && stage == stageLookup:
		return "it is not in the sysroot, or not in the PATH that the command was given"
	case errno == unix.ENOENT:
		return "the file is there: what is missing is its interpreter, the #! line's or the dynamic loader"
	case errno == unix.ENOEXEC:
		return "it is of another architecture, or a script without #!"
	case errno == unix.EPERM && f.sysctl["kernel.yama.ptrace_scope"] == "3":
		return "limits are set through ptrace, which kernel.yama.ptrace_scope=3 forbids until the next boot; UML needs it as well"
	case errno == unix.EACCES, errno == unix.EPERM:
		return "it is not executable, or on a file system mounted noexec"
	}
	return ""
}
