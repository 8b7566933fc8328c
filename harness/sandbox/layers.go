package sandbox

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// isDir reports whether the layer is mounted on a directory. Only a bind can be of a file.
func (l *layer) isDir() (bool, error) {
	if l.Kind != layerBind {
		return true, nil
	}
	fi, err := os.Stat(l.Source)
	if err != nil {
		return false, errors.Unwrap(err)
	}
	return fi.IsDir(), nil
}

func (r *newRoot) mountLayers() error {
	for i := range r.Layers {
		if err := r.mountLayer(&r.Layers[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *newRoot) mountLayer(l *layer) error {
	dir, err := l.isDir()
	if err != nil {
		return faultOf(stageSource, l.Source, err)
	}
	at, err := r.mountPoint(mountPoint{l.Target, dir})
	if err != nil {
		return faultOf(stageMountPoint, l.Target, err)
	}
	defer unix.Close(at)

	var (
		fd    int
		stage stageName
	)
	switch l.Kind {
	case layerBind:
		stage = stageBind
		attr := uint64(attrHost)
		if l.ReadOnly {
			attr = attrRead
		}
		fd, err = cloneTree(unix.AT_FDCWD, l.Source, attr, 0)
	case layerTmpfs:
		stage = stageTmpfs
		attr := attrHost
		if !l.Exec {
			attr = attrNoRun
		}
		fd, err = newTmpfs(r.Limits.Disk, 0o1777, attr)
	case layerOverlay:
		stage = stageOverlay
		fd, err = r.overlay(l)
	}
	if err != nil {
		if stageOf(err) != "" {
			return err
		}
		return faultOf(stage, l.Target, err)
	}
	defer unix.Close(fd)
	if err := attach(fd, at); err != nil {
		return faultOf(stage, l.Target, err)
	}
	if l.Kind != layerBind && !l.ReadOnly {
		return faultOf(stage, l.Target, r.claim(fd))
	}
	return nil
}

// overlay makes the detached mount of an overlay layer.
func (r *newRoot) overlay(l *layer) (int, error) {
	open := func(p string) (int, error) {
		fd, err := openHost(p, unix.O_DIRECTORY)
		return fd, faultOf(stageSource, p, err)
	}
	lower, err := open(l.Source)
	if err != nil {
		return -1, err
	}
	defer unix.Close(lower)
	if l.ReadOnly {
		var layers []int
		for _, p := range l.Over {
			over, err := open(p)
			if err != nil {
				return -1, err
			}
			defer unix.Close(over)
			layers = append(layers, over)
		}
		return newOverlay(-1, -1, append(layers, lower)...)
	}
	if l.Upper != "" {
		upper, err := open(l.Upper)
		if err != nil {
			return -1, err
		}
		defer unix.Close(upper)
		work, err := open(l.Work)
		if err != nil {
			return -1, err
		}
		defer unix.Close(work)
		return newOverlay(upper, work, lower)
	}
	stage, done, err := r.stage(r.Limits.Disk)
	if err != nil {
		return -1, err
	}
	defer done()
	var dirs [2]int
	for i, name := range []string{"upper", "work"} {
		if err := unix.Mkdirat(stage, name, 0o755); err != nil {
			return -1, err
		}
		if dirs[i], err = unix.Openat(stage, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return -1, err
		}
		defer unix.Close(dirs[i])
	}
	return newOverlay(dirs[0], dirs[1], lower)
}

// stage mounts a tmpfs to hold a part of an overlay: the kernel takes only directories that are mounted somewhere in
// this namespace. done unmounts it; the overlay keeps the file system.
func (r *newRoot) stage(size int64) (fd int, done func(), err error) {
	r.stages++
	name := ".umlab-" + strconv.Itoa(r.stages)
	if fd, err = newTmpfs(size, 0o755, attrHost); err != nil {
		return -1, nil, err
	}
	if err = unix.Mkdirat(r.fd, name, 0o755); err == nil {
		err = unix.MoveMount(fd, "", r.fd, name, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	if err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	return fd, func() {
		// What fails here is a name too many in the sandbox, and no more.
		_ = detach(fd)
		_ = unix.Unlinkat(r.fd, name, unix.AT_REMOVEDIR)
		unix.Close(fd)
	}, nil
}

// mountPoint opens the place to mount on, and makes it where that changes nothing outside of the sandbox.
func (r *newRoot) mountPoint(p mountPoint) (int, error) {
	fd, err := openIn(r.fd, p.path)
	if errors.Is(err, unix.ENOENT) {
		if err := r.makeMountPoint(p); err != nil {
			return -1, err
		}
		fd, err = openIn(r.fd, p.path)
	}
	if err != nil {
		return -1, err
	}
	dir, err := isDir(fd)
	switch {
	case err != nil:
	case dir && !p.dir:
		err = unix.EISDIR
	case !dir && p.dir:
		err = unix.ENOTDIR
	default:
		return fd, nil
	}
	unix.Close(fd)
	return -1, err
}

func (r *newRoot) makeMountPoint(p mountPoint) error {
	have := path.Dir(p.path)
	fd, err := openIn(r.fd, have)
	for errors.Is(err, unix.ENOENT) && have != "/" {
		have = path.Dir(have)
		fd, err = openIn(r.fd, have)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if !r.own[st.Dev] {
		return unix.EROFS
	}
	return makePath(fd, strings.TrimPrefix(p.path, have), p.dir)
}
