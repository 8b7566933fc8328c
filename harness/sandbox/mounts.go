package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Everything here works on file descriptors, so that no path of the host needs quoting and nothing can be exchanged
// for a symbolic link between two calls. It needs Linux 5.12 (mount_setattr).

const (
	attrHost  = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV // of everything the host lends
	attrRead  = attrHost | unix.MOUNT_ATTR_RDONLY
	attrNoRun = attrHost | unix.MOUNT_ATTR_NOEXEC
)

// option is one key=value of a file system; a value of "" makes it a flag.
type option struct{ key, value string }

// newMount makes a detached mount of a new file system and returns its file descriptor.
func newMount(fs string, attr int, opts ...option) (int, error) {
	ctx, err := unix.Fsopen(fs, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(ctx)
	for _, o := range opts {
		if o.value == "" {
			err = unix.FsconfigSetFlag(ctx, o.key)
		} else {
			err = unix.FsconfigSetString(ctx, o.key, o.value)
		}
		if err != nil {
			return -1, explained(ctx, err, "option "+o.key)
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return -1, explained(ctx, err, "")
	}
	fd, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attr)
	if err != nil {
		return -1, explained(ctx, err, "")
	}
	return fd, nil
}

// explained adds to err what the kernel logged about the file system context ctx, see fsopen(2).
func explained(ctx int, err error, detail string) error {
	said := []string{}
	if detail != "" {
		said = append(said, detail)
	}
	buf := make([]byte, 512)
	for range 16 { // the kernel keeps 8 messages
		n, e := unix.Read(ctx, buf)
		if e != nil || n <= 0 {
			break
		}
		line := strings.TrimSpace(string(buf[:n]))
		said = append(said, strings.TrimPrefix(strings.TrimPrefix(line, "e "), "w "))
	}
	if len(said) == 0 {
		return err
	}
	return &detailed{err, strings.Join(said, ": ")}
}

func newTmpfs(size int64, mode uint32, attr int) (int, error) {
	opts := []option{{"source", "umlab"}, {"mode", fmt.Sprintf("%o", mode)}}
	if size > 0 {
		opts = append(opts, option{"size", strconv.FormatInt(size, 10)})
	}
	return newMount("tmpfs", attr, opts...)
}

// newOverlay makes a detached overlay of directories opened with O_PATH, the topmost first; upper and work are -1 for a
// read-only one, which needs two lower directories.
//
// userxattr is needed in a user namespace. It is used outside of one as well, so that an upper directory means the
// same whichever way this machine allows.
func newOverlay(upper, work int, lower ...int) (int, error) {
	paths := make([]string, len(lower))
	for i, fd := range lower {
		paths[i] = magic(fd)
	}
	opts := []option{{"source", "umlab"}, {"lowerdir", strings.Join(paths, ":")}}
	attr := attrRead
	if upper >= 0 {
		attr = attrHost
		opts = append(opts, option{"upperdir", magic(upper)}, option{"workdir", magic(work)})
	}
	// An index would make the next mount of the same upper directory fail while the last one is being torn down.
	opts = append(opts, option{"index", "off"}, option{"userxattr", ""})
	return newMount("overlay", attr, opts...)
}

// magic is a path that leads to what fd has open, mount included. It is good until the host's /proc is left.
func magic(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// cloneTree makes a detached copy of what is mounted at path (relative to dir) and below it.
func cloneTree(dir int, path string, attr uint64, flags uint) (int, error) {
	fd, err := unix.OpenTree(dir, path, flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, err
	}
	if err := setAttr(fd, attr, unix.AT_RECURSIVE); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// setAttr adds attributes to the mount that fd is the root of.
func setAttr(fd int, attr uint64, flags uint) error {
	return unix.MountSetattr(fd, "", flags|unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: attr})
}

// attach mounts the detached mount fd on what is open as target.
func attach(fd, target int) error {
	return unix.MoveMount(fd, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// detach unmounts the mount that fd is the root of; what uses it goes on.
func detach(fd int) error { return unix.Unmount(magic(fd), unix.MNT_DETACH) }

// openIn opens path with O_PATH as a process would whose root is dir: neither "..", nor a symbolic link leads out.
func openIn(dir int, path string) (int, error) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(dir, path, how)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) { // a rename somewhere made the walk unsafe
			continue
		}
		return fd, err
	}
}

// openHost opens a path of the host with O_PATH.
func openHost(path string, flags int) (int, error) {
	return unix.Open(path, flags|unix.O_PATH|unix.O_CLOEXEC, 0)
}

// canonical returns where fd, opened below dir, lies in dir: "/" for dir itself.
func canonical(dir, fd int) (string, error) {
	base, err := os.Readlink(magic(dir))
	if err != nil {
		return "", err
	}
	p, err := os.Readlink(magic(fd))
	if err != nil {
		return "", err
	}
	if !within(base, p) {
		return "", unix.EXDEV
	}
	if base != "/" {
		p = strings.TrimPrefix(p, base)
	}
	if p == "" {
		p = "/"
	}
	return p, nil
}

func isDir(fd int) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

// makeFile makes an empty file to mount something on.
func makeFile(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// makePath makes the directories of path below dir, and at its end a directory or an empty file.
func makePath(dir int, path string, wantDir bool) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	at, err := unix.Dup(dir)
	if err != nil {
		return err
	}
	defer func() { unix.Close(at) }()
	for i, name := range parts {
		if i == len(parts)-1 && !wantDir {
			return makeFile(at, name)
		}
		if err := unix.Mkdirat(at, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		next, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		unix.Close(at)
		at = next
	}
	return nil
}
