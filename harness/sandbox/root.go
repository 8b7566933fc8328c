package sandbox

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// newRoot is the sandbox's root while it is being built: a tmpfs mounted over the host's root of this mount namespace,
// where absolute paths still lead to the host.
type newRoot struct {
	*spec
	fd      int             // root of the tmpfs
	sysroot int             // O_PATH of Root, or -1
	own     map[uint64]bool // devices that belong to this sandbox alone: mount points may be made there
	stages  int             // counts the tmpfs that hold parts of overlays
}

// makeRoot builds the root and makes it the only thing that this process can see.
func makeRoot(s *spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return faultOf(stagePrivate, "/", err)
	}
	r := &newRoot{spec: s, sysroot: -1, own: map[uint64]bool{}}
	for _, step := range []func() error{r.begin, r.graft, r.proc, r.dev, r.mountLayers, r.pivot} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *newRoot) begin() (err error) {
	if r.Root != "" {
		if r.sysroot, err = openHost(r.Root, unix.O_DIRECTORY); err != nil {
			return faultOf(stageSource, r.Root, err)
		}
	}
	if r.fd, err = newTmpfs(16<<20, 0o755, attrHost); err != nil {
		return faultOf(stageRoot, "/", err)
	}
	if err := unix.MoveMount(r.fd, "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return faultOf(stageRoot, "/", err)
	}
	return faultOf(stageRoot, "/", r.claim(r.fd))
}

// claim notes that what is mounted at fd belongs to the sandbox.
func (r *newRoot) claim(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	r.own[st.Dev] = true
	return nil
}

// graft shows the sysroot: each top-level entry is bound read-only, so that the root directory itself can hold mount
// points that the sysroot lacks. Where one is missing deeper, its parent becomes an overlay that has it.
func (r *newRoot) graft() error {
	if r.sysroot < 0 {
		return nil
	}
	points := []mountPoint{{"/proc", true}, {"/dev", true}}
	replaced := map[string]bool{"proc": true, "dev": true}
	for _, l := range r.Layers {
		dir, err := l.isDir()
		if err != nil {
			return faultOf(stageSource, l.Source, err)
		}
		points = append(points, mountPoint{l.Target, dir})
		if name := l.Target[1:]; !strings.Contains(name, "/") {
			replaced[name] = true
		}
	}
	entries, err := readDir(r.sysroot)
	if err != nil {
		return faultOf(stageSource, r.Root, err)
	}
	for _, e := range entries {
		if replaced[e.Name()] {
			continue
		}
		if err := r.graftEntry(e); err != nil {
			return faultOf(stageRoot, path.Join("/", e.Name()), err)
		}
	}
	need := missing(points, r.lookSysroot)
	for _, dir := range slices.Sorted(maps.Keys(need)) { // a parent sorts before what lies below it
		if err := r.extend(dir, need[dir]); err != nil {
			return faultOf(stageMountPoint, path.Join(dir, need[dir][0].path), err)
		}
	}
	return nil
}

func (r *newRoot) graftEntry(e os.DirEntry) error {
	name := e.Name()
	switch t := e.Type(); {
	case t&os.ModeSymlink != 0:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(r.sysroot, name, buf)
		if err != nil {
			return err
		}
		return unix.Symlinkat(string(buf[:n]), r.fd, name)
	case t.IsDir() || t.IsRegular():
		if err := makePath(r.fd, name, t.IsDir()); err != nil {
			return err
		}
		tree, err := cloneTree(r.sysroot, name, attrRead, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil {
			return err
		}
		defer unix.Close(tree)
		return unix.MoveMount(tree, "", r.fd, name, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	return nil // sockets, pipes and devices are of no use inside
}

// lookSysroot is missing's view of the sysroot.
func (r *newRoot) lookSysroot(p string) (string, bool) {
	fd, err := openIn(r.sysroot, p)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	real, err := canonical(r.sysroot, fd)
	return real, err == nil
}

// extend covers dir of the sysroot with a read-only overlay that also has the given mount points.
func (r *newRoot) extend(dir string, points []mountPoint) error {
	stage, done, err := r.stage(0)
	if err != nil {
		return err
	}
	defer done()
	for _, p := range points {
		if err := makePath(stage, p.path, p.dir); err != nil {
			return err
		}
	}
	// The lower one comes from the sysroot, not from the new root, where it may be an overlay already: the kernel
	// stacks two and no more.
	lower, err := openIn(r.sysroot, dir)
	if err != nil {
		return err
	}
	defer unix.Close(lower)
	ovl, err := newOverlay(-1, -1, stage, lower)
	if err != nil {
		return err
	}
	defer unix.Close(ovl)
	at, err := openIn(r.fd, dir)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	return attach(ovl, at)
}

// pivot makes the new root read-only and leaves the old one.
func (r *newRoot) pivot() error {
	if err := setAttr(r.fd, unix.MOUNT_ATTR_RDONLY, 0); err != nil {
		return faultOf(stagePivot, "/", err)
	}
	if err := unix.Fchdir(r.fd); err != nil {
		return faultOf(stagePivot, "/", err)
	}
	// With both arguments the same, the old root ends up mounted over the new one, see pivot_root(2).
	if err := unix.PivotRoot(".", "."); err != nil {
		return faultOf(stagePivot, "/", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return faultOf(stagePivot, "/", err)
	}
	unix.Close(r.fd)
	if r.sysroot >= 0 {
		unix.Close(r.sysroot)
	}
	return faultOf(stagePivot, "/", unix.Chdir("/"))
}

// readDir lists the directory that dir has open with O_PATH.
func readDir(dir int) ([]os.DirEntry, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "sysroot")
	defer f.Close()
	return f.ReadDir(-1)
}
