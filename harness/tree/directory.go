package tree

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// settle is how long a file must have been left alone before its times are
// trusted to stand for its content, as git does for its index: a file written
// again within the clock's tick would look unchanged.
const settle = 2 * time.Second

// readers is how many files or directories are read at once.
const readers = 4

// Clean removes the products of an in-place build from dir, which is no tree of the user's (make mrproper, in the
// sandbox).
type Clean func(ctx context.Context, dir string) error

// found is a file of a directory as it looks.
type found struct {
	Path         string // relative, with slashes
	Mode         fs.FileMode
	Size         int64
	Ino          uint64
	Mtime, Ctime int64 // ns
}

// look lists the files below dir but those of .git, by path.
func look(ctx context.Context, dir string) ([]found, error) {
	top, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	l := looking{ctx: ctx, dir: dir}
	l.walks.SetLimit(readers)
	var root place
	err = errors.Join(l.below(top, "", &root), l.walks.Wait())
	return root.list(make([]found, 0, l.files.Load())), err
}

// looking is a walk of look, which costs a system call for each name.
type looking struct {
	ctx   context.Context
	dir   string
	walks errgroup.Group
	files atomic.Int64
}

// place is a file, or a directory with what is in it; that one's path ends in a slash, so that all below it follows in its order.
type place struct {
	found
	in []place
}

// list appends the files that are there.
func (p *place) list(all []found) []found {
	for i := range p.in {
		if strings.HasSuffix(p.in[i].Path, "/") {
			all = p.in[i].list(all)
		} else {
			all = append(all, p.in[i].found)
		}
	}
	return all
}

// below looks at what is in the open directory fd, which it closes; its names begin with prefix. Directories in it are looked at
// beside it where a worker is free.
func (l *looking) below(fd int, prefix string, at *place) error {
	f := os.NewFile(uintptr(fd), filepath.Join(l.dir, prefix))
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil || l.ctx.Err() != nil {
		return cmp.Or(context.Cause(l.ctx), err)
	}
	at.in = make([]place, 0, len(names))
	for _, name := range names {
		var st unix.Stat_t
		if prefix == "" && name == ".git" {
			continue
		}
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return &fs.PathError{Op: "lstat", Path: filepath.Join(l.dir, prefix, name), Err: err}
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			at.in = append(at.in, place{found: found{Path: prefix + name + "/"}})
			continue
		}
		at.in = append(at.in, place{found: found{prefix + name, modeOf(st.Mode), st.Size, st.Ino, st.Mtim.Nano(), st.Ctim.Nano()}})
		l.files.Add(1)
	}
	slices.SortFunc(at.in, func(a, b place) int { return strings.Compare(a.Path, b.Path) })
	for i := range at.in {
		sub := &at.in[i]
		name, dir := strings.CutSuffix(sub.Path[len(prefix):], "/")
		if !dir {
			continue
		}
		in, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: filepath.Join(l.dir, sub.Path), Err: err}
		}
		visit := func() error { return l.below(in, sub.Path, sub) }
		if l.walks.TryGo(visit) {
			continue
		}
		if err := visit(); err != nil {
			return err
		}
	}
	return nil
}

// modeOf is the mode of a file: what it is, and its permissions.
func modeOf(stat uint32) fs.FileMode {
	mode := fs.FileMode(stat & 0o777)
	switch stat & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	default:
		mode |= fs.ModeIrregular
	}
	return mode
}

// memory is what is remembered of a directory, so that what was read before is not read again.
type memory struct {
	Digest   string // of the tree that it was
	Base     string // of the whole tree that is near, "" for none
	Files    looks
	What     []string // of each file, as in digest; "" for one that is to be read again, or that is no source
	Names    string   // digest of the names, where the directory was built in
	Products []string // what was built there, sorted
}

const kindMemory = "directory"

func memoryKey(dir string) string { return store.Key(kindMemory, "2", dir) }

// looks are files as they look. A record has them in columns, which gob reads and writes without reflection upon each.
type looks []found

type columns struct {
	Path                          []string
	Mode, Size, Ino, Mtime, Ctime []int64
}

// GobEncode implements [gob.GobEncoder].
func (l looks) GobEncode() ([]byte, error) {
	var c columns
	for _, f := range l {
		c.Path, c.Mode, c.Size = append(c.Path, f.Path), append(c.Mode, int64(f.Mode)), append(c.Size, f.Size)
		c.Ino, c.Mtime, c.Ctime = append(c.Ino, int64(f.Ino)), append(c.Mtime, f.Mtime), append(c.Ctime, f.Ctime)
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(c)
	return b.Bytes(), err
}

// GobDecode implements [gob.GobDecoder].
func (l *looks) GobDecode(b []byte) error {
	var c columns
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&c); err != nil {
		return err
	}
	for _, column := range [][]int64{c.Mode, c.Size, c.Ino, c.Mtime, c.Ctime} {
		if len(column) != len(c.Path) {
			return errors.New("columns of several lengths")
		}
	}
	*l = make(looks, len(c.Path))
	for i, path := range c.Path {
		(*l)[i] = found{path, fs.FileMode(c.Mode[i]), c.Size[i], uint64(c.Ino[i]), c.Mtime[i], c.Ctime[i]}
	}
	return nil
}

// FromDirectory snapshots the kernel source at dir into the store, as it is, and leaves it untouched. Of a tree that was
// built in place the products are left out. Only what looks otherwise than the last time is read.
func FromDirectory(ctx context.Context, st *store.Store, sink progress.Sink, dir string, clean Clean) (*Tree, error) {
	abs, err := actual(dir)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w (give a name of configs/trees.toml, or the path of a kernel directory)", dir, err)
	}
	version, err := Version(abs)
	if err != nil {
		return nil, err
	}
	t := &Tree{Name: dir, Version: version, Origin: "directory " + abs}
	key := memoryKey(abs)
	var m memory
	recall := make(chan bool, 1)
	go func() { recall <- st.Load(kindMemory, key, &m) }()
	start := time.Now()
	files, err := look(ctx, abs)
	remembered := <-recall
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", dir, err)
	}
	if remembered && slices.Equal(files, m.Files) {
		if layers, ok := opened(st, m.Digest); ok {
			t.Layers, t.Digest, t.store = layers, m.Digest, st
			return t, nil
		}
	}
	task := sink.Start("snapshot tree "+dir, progress.Bytes, 0)
	now, err := m.update(ctx, st, abs, files, start, task, clean)
	task.Done(err)
	if err != nil {
		return nil, fmt.Errorf("snapshot tree %s: %w", dir, err)
	}
	t.Digest, t.store = now.Digest, st
	var ok bool
	if t.Layers, ok = opened(st, now.Digest); !ok {
		return nil, fmt.Errorf("snapshot tree %s: %w", dir, errLost)
	}
	st.Meanwhile(func() error {
		if err := unchanged(ctx, abs, files, "the tree"); err != nil {
			return fmt.Errorf("snapshot tree %s: %w", dir, err)
		}
		return st.Save(kindMemory, key, now)
	})
	return t, nil
}

// unchanged says that the directory dir is as it looked before it was read: what was read must be one state of it, not two
// halves. What keep copies is held against that by content. what is the word for it.
func unchanged(ctx context.Context, dir string, files []found, what string) error {
	again, err := look(ctx, dir)
	if err == nil && !slices.Equal(again, files) {
		err = fmt.Errorf("%s changed while it was read: wait until nothing writes to it (an editor, a build, git) and run again", what)
	}
	return err
}

// actual is where a path of the user's leads to.
func actual(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// update keeps the tree that the directory dir is, and returns what to remember of it. files are what it holds, as it
// looked after start.
func (m *memory) update(
	ctx context.Context, st *store.Store, dir string, files []found, start time.Time, task progress.Task, clean Clean,
) (*memory, error) {
	now := &memory{Base: m.Base, Files: slices.Clone(files)}
	if err := now.leaveOut(ctx, st, dir, m, task, clean); err != nil {
		return nil, err
	}
	var sources []found
	for _, f := range files {
		if _, product := slices.BinarySearch(now.Products, f.Path); !product {
			sources = append(sources, f)
		}
	}
	d, err := m.read(ctx, dir, sources, task)
	if err != nil {
		return nil, err
	}
	task.Status("keep what differs")
	if now.Digest, err = keep(ctx, st, d, m.Base, content{place: d.copyFrom(dir)}); err != nil {
		return nil, err
	}
	var l Layer
	if now.Base = now.Digest; st.Get(kindLayer, now.Digest, &l) {
		now.Base = l.Base
	}
	for i, f := range files {
		what := d.files[f.Path]
		if f.Ctime > start.Add(-settle).UnixNano() {
			now.Files[i].Ctime, what = 0, "" // it may be written again and look the same
		}
		now.What = append(now.What, what)
	}
	return now, nil
}

// read makes the list of the files, reading those that look otherwise than they did.
func (m *memory) read(ctx context.Context, dir string, files []found, task progress.Task) (*digest, error) {
	d := newDigest()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	i := 0
	for _, f := range files {
		for i < len(m.Files) && m.Files[i].Path < f.Path {
			i++
		}
		if i < len(m.Files) && m.Files[i] == f && m.What[i] != "" {
			d.set(f.Path, m.What[i])
			continue
		}
		g.Go(func() error {
			if gctx.Err() != nil {
				return context.Cause(gctx)
			}
			task.Add(f.Size)
			return d.readIn(dir, f.Path, f.Mode)
		})
	}
	return d, g.Wait()
}

// readIn adds the file, or the link, name of the directory dir. Sockets, pipes and devices are nothing that make reads.
func (d *digest) readIn(dir, name string, mode fs.FileMode) error {
	at := filepath.Join(dir, filepath.FromSlash(name))
	switch {
	case mode.IsRegular():
		f, err := os.Open(at)
		if err != nil {
			return err
		}
		return d.read(name, mode, f)
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(at)
		d.link(name, target)
		return err
	}
	return nil
}

// copyFrom copies files of d out of the directory dir, and refuses one that is not what d says any more.
func (d *digest) copyFrom(dir string) func(ctx context.Context, name, dst string) error {
	return func(_ context.Context, name, dst string) error {
		what := d.files[name]
		err := put(what, dst, func() (fs.File, error) { return os.Open(filepath.Join(dir, filepath.FromSlash(name))) })
		if err != nil || strings.HasPrefix(what, "l ") {
			return err
		}
		sum, err := store.SumFile(dst)
		if err == nil && sum != what[2:] {
			err = fmt.Errorf("%s changed while it was read: wait until nothing writes to the tree and run again", name)
		}
		return err
	}
}

// readDigest computes the digest of the tree at dir.
func readDigest(ctx context.Context, dir string) (*digest, error) {
	files, err := look(ctx, dir)
	if err != nil {
		return nil, err
	}
	return (&memory{}).read(ctx, dir, files, progress.Discard{}.Start("", progress.None, 0))
}

// leaveOut finds out what was built in the directory dir: what make mrproper removes where all files of those names are.
// It works on a directory of files that are empty but for those that make reads.
func (m *memory) leaveOut(ctx context.Context, st *store.Store, dir string, was *memory, task progress.Task, clean Clean) error {
	built := false
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Path)
		built = built || f.Path == ".config" || path.Ext(f.Path) == ".o" || strings.HasPrefix(f.Path, "include/config/") ||
			strings.HasPrefix(f.Path, "include/generated/")
		if rules(f.Path) {
			names = append(names, fmt.Sprint(f.Size, f.Mtime, f.Ctime, f.Ino))
		}
	}
	if !built {
		return nil
	}
	if m.Names = store.Key(names...); m.Names == was.Names {
		m.Products = was.Products
		return nil
	}
	task.Status("make mrproper, in a copy without content: the tree was built in place")
	tmp, remove, err := st.Scratch("mrproper")
	if err != nil {
		return err
	}
	defer remove()
	all, modes := map[string]string{}, map[string]fs.FileMode{}
	for _, f := range m.Files {
		if f.Mode.IsRegular() || f.Mode&fs.ModeSymlink != 0 {
			all[f.Path], modes[f.Path] = f.Path, f.Mode
		}
	}
	err = placeAll(ctx, tmp, all, func(_ context.Context, name, dst string) error {
		switch src := filepath.Join(dir, filepath.FromSlash(name)); {
		case modes[name]&fs.ModeSymlink != 0:
			target, err := os.Readlink(src)
			return errors.Join(err, os.Symlink(target, dst))
		case rules(name):
			_, err := store.CopyFile(dst, src, modes[name].Perm()|0o600)
			return err
		default:
			return os.WriteFile(dst, nil, modes[name].Perm()|0o600)
		}
	})
	if err != nil {
		return err
	}
	if err := clean(ctx, tmp); err != nil {
		return fmt.Errorf("find out what was built in it: %w", err)
	}
	for name := range all {
		if _, err := os.Lstat(filepath.Join(tmp, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			m.Products = append(m.Products, name)
		}
	}
	slices.Sort(m.Products)
	return nil
}

// rules tells the files that make mrproper reads.
func rules(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "Makefile") || strings.HasPrefix(base, "Kbuild") ||
		strings.HasPrefix(name, "scripts/") && path.Ext(name) != ".o"
}
