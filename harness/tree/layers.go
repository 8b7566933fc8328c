package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"umlab/harness/sandbox"
	"umlab/harness/store"
)

// A tree is stored whole, or as what differs from a whole one that is there: a directory with the files that are other,
// and a whiteout (a character device 0/0, as overlayfs has it) for each that is gone.

const (
	kindTree  = "tree"  // whole trees, by digest
	kindLayer = "layer" // the others; a record of the same kind says over which one they lie
)

// A Layer is the record of a tree that is stored as a difference.
type Layer struct {
	Base  string            // digest of a whole tree
	Files map[string]string // as in digest; "" for one that is gone
}

// opened finds the tree of a digest in the store.
func opened(st *store.Store, digest string) (layers []string, ok bool) {
	if dir, ok := st.Lookup(kindTree, digest); ok {
		return []string{dir}, true
	}
	var l Layer
	if !st.Get(kindLayer, digest, &l) {
		return nil, false
	}
	top, ok := st.Lookup(kindLayer, digest)
	base, there := st.Lookup(kindTree, l.Base)
	return []string{top, base}, ok && there
}

// content gives the files of a tree that is to be kept.
type content struct {
	// whole is a directory on the store's file system that is the tree, and may be moved; "" for none.
	whole string
	// place puts one file, or link, at dst.
	place func(ctx context.Context, name, dst string) error
	// ready is told before which files will be placed; it may be nil.
	ready func(ctx context.Context, names []string) error
}

// placeAll puts files into dir.
func (c content) placeAll(ctx context.Context, dir string, files map[string]string) error {
	if c.ready != nil {
		if err := c.ready(ctx, slices.Sorted(maps.Keys(files))); err != nil {
			return err
		}
	}
	return placeAll(ctx, dir, files, c.place)
}

// keep stores the tree that d lists, unless it is there, and returns its digest: as a layer over the whole tree that is nearest,
// where one is near. hint is the digest of one that was near before, or "".
func keep(ctx context.Context, st *store.Store, d *digest, hint string, c content) (sum string, err error) {
	var base string
	var delta map[string]string
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		sum = d.sum()
		return nil
	})
	g.Go(func() error {
		for name := range d.files {
			if d.hides(name) { // through a link, it would be written elsewhere
				return fmt.Errorf("%s lies below what is no directory", name)
			}
		}
		return nil
	})
	g.Go(func() (err error) {
		base, delta, err = nearest(gctx, st, d, hint)
		return err
	})
	if err := g.Wait(); err != nil {
		return "", err
	}
	if _, ok := opened(st, sum); ok {
		return sum, nil
	}
	if base != "" {
		_, _, err := st.Dir(ctx, kindLayer, sum, func(ctx context.Context, dir string) error {
			err := st.Needs(kindLayer, sum, store.Entry{Kind: kindTree, Key: base})
			if err = errors.Join(err, st.Put(kindLayer, sum, Layer{base, delta})); err != nil {
				return err
			}
			return c.layOver(ctx, dir, d, delta)
		})
		if !errors.Is(err, syscall.EPERM) { // else no whiteouts can be made here
			return sum, err
		}
	}
	if err := keepManifest(ctx, st, d); err != nil {
		return sum, err
	}
	_, _, err = st.Dir(ctx, kindTree, sum, func(ctx context.Context, dir string) error {
		if c.whole != "" {
			return errors.Join(os.Remove(dir), os.Rename(c.whole, dir))
		}
		return c.placeAll(ctx, dir, d.files)
	})
	return sum, err
}

// near is the part of a tree's files, as one in so many, in which a whole tree may differ from it.
const near = 10

// nearest returns the whole tree in the store that differs least from d, and how d differs from it; "" where none is
// near.
func nearest(ctx context.Context, st *store.Store, d *digest, hint string) (base string, delta map[string]string, err error) {
	keys, err := st.Keys(kindTree)
	if err != nil {
		return "", nil, err
	}
	if i := slices.Index(keys, hint); i > 0 {
		keys[0], keys[i] = keys[i], keys[0]
	}
	for _, key := range keys {
		m, err := manifest(ctx, st, key)
		if err != nil {
			if ctx.Err() != nil {
				return "", nil, context.Cause(ctx)
			}
			continue // its files were changed: nothing is laid over that
		}
		diff := m.delta(d)
		if len(diff)*near <= len(d.files) && (base == "" || len(diff) < len(delta)) {
			base, delta = key, diff
		}
		if base == hint && base != "" {
			break
		}
	}
	return base, delta, nil
}

// layOver fills dir with what delta has, and hides what it has not.
func (c content) layOver(ctx context.Context, dir string, d *digest, delta map[string]string) error {
	here, dirs := map[string]string{}, map[string]bool{}
	for name, what := range delta {
		if what != "" {
			here[name] = what
			for up := path.Dir(name); up != "."; up = path.Dir(up) {
				dirs[up] = true
			}
		}
	}
	// First, since it is here that a file system may refuse: nothing was moved yet.
	for name, what := range delta {
		if what != "" || dirs[name] || d.hides(name) {
			continue
		}
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := unix.Mknod(at, unix.S_IFCHR, 0); err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return c.placeAll(ctx, dir, here)
}

// hides reports whether a file of d stands where a directory of name was.
func (d *digest) hides(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := d.files[dir]; ok {
			return true
		}
	}
	return false
}

func placeAll(ctx context.Context, dir string, files map[string]string, place func(ctx context.Context, name, dst string) error) error {
	made := map[string]bool{}
	for name := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at := filepath.Join(dir, filepath.FromSlash(name))
		if parent := filepath.Dir(at); !made[parent] {
			if err := os.MkdirAll(parent, 0o755); err != nil {
				return err
			}
			made[parent] = true
		}
		if err := place(ctx, name, at); err != nil {
			return err
		}
	}
	return nil
}

// put makes at dst what a digest says of a file: a link, or a copy of what open opens.
func put(what, dst string, open func() (fs.File, error)) error {
	if target, ok := strings.CutPrefix(what, "l "); ok {
		return os.Symlink(target, dst)
	}
	perm := fs.FileMode(0o644)
	if strings.HasPrefix(what, "x ") {
		perm = 0o755
	}
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Close())
}

// Mount shows the tree at target in a sandbox.
func (t *Tree) Mount(target string) sandbox.Mount {
	last := len(t.Layers) - 1
	return sandbox.Mount{Source: t.Layers[last], Over: t.Layers[:last], Target: target, ReadOnly: true}
}

// FS is the tree's files, each checked when it is opened: see store.Check. Links are followed within the tree.
func (t *Tree) FS() fs.FS { return layered{t.Layers, t.store} }

// layered are directories of the host, the topmost first.
type layered struct {
	dirs  []string
	store *store.Store // that they are of; nil for others
}

// check says whether name is in dir what was stored.
func (l layered) check(dir, name string) error {
	if l.store == nil {
		return nil
	}
	return l.store.Check(context.Background(), filepath.Join(dir, filepath.FromSlash(name)))
}

// mostLinks is how many links may lead to each other, as in the kernel.
const mostLinks = 40

// Open opens a file of the topmost directory that has it.
func (l layered) Open(name string) (fs.File, error) { return l.open(name, name, 0) }

func (l layered) open(name, given string, links int) (fs.File, error) {
	fail := func(err error) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: given, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	var dirs []*os.File // of which a directory is made
	merged := func() (fs.File, error) { return mergeDir(dirs) }
	for _, dir := range l.dirs {
		if err := l.check(dir, name); err != nil {
			return fail(err)
		}
		f, target, err := openIn(dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, errHidden):
			if len(dirs) == 0 {
				return fail(fs.ErrNotExist)
			}
			return merged()
		case err != nil:
			return fail(err)
		case target != "":
			if path.IsAbs(target) || links == mostLinks {
				return fail(fs.ErrNotExist) // it leads out of the tree, or nowhere
			}
			return l.open(path.Join(path.Dir(name), target), given, links+1)
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return fail(err)
		}
		if !info.IsDir() && len(dirs) == 0 {
			return f, nil
		}
		if !info.IsDir() {
			f.Close() // a directory has taken its place
			return merged()
		}
		dirs = append(dirs, f)
	}
	if len(dirs) == 0 {
		return fail(fs.ErrNotExist)
	}
	return merged()
}

// Lstat looks at a file of the topmost directory that has it, and follows no link, see fs.ReadLinkFS.
func (l layered) Lstat(name string) (info fs.FileInfo, err error) {
	err = l.first("lstat", name, func(root *os.Root, is fs.FileInfo) error {
		info = is
		return nil
	})
	return info, err
}

// ReadLink returns what a link leads to, see fs.ReadLinkFS.
func (l layered) ReadLink(name string) (target string, err error) {
	err = l.first("readlink", name, func(root *os.Root, _ fs.FileInfo) error {
		target, err = root.Readlink(filepath.FromSlash(name))
		return err
	})
	return target, err
}

// first calls do with the topmost directory that has the file.
func (l layered) first(op, name string, do func(root *os.Root, info fs.FileInfo) error) error {
	fail := func(err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	for _, dir := range l.dirs {
		if err := l.check(dir, name); err != nil {
			return fail(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		info, err := root.Lstat(filepath.FromSlash(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, syscall.ENOTDIR), err == nil && isWhiteout(info):
			return fail(fs.ErrNotExist)
		case err != nil:
			return err
		}
		return do(root, info)
	}
	return fail(fs.ErrNotExist)
}

var errHidden = errors.New("hidden")

// openIn opens name below dir, or tells what it links to. The error is errHidden for what is hidden there.
func openIn(dir, name string) (f *os.File, target string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, syscall.ENOTDIR): // a file stands where a directory would have to
		return nil, "", errHidden
	case err != nil:
		return nil, "", err
	case isWhiteout(info):
		return nil, "", errHidden
	case info.Mode()&fs.ModeSymlink != 0:
		target, err = root.Readlink(filepath.FromSlash(name))
		return nil, target, err
	}
	f, err = root.Open(filepath.FromSlash(name))
	return f, "", err
}

func isWhiteout(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && s.Rdev == 0
}

// mergedDir is a directory of several layers.
type mergedDir struct {
	*os.File // the topmost
	entries  []fs.DirEntry
}

// mergeDir makes one directory of dirs, the topmost first.
func mergeDir(dirs []*os.File) (fs.File, error) {
	byName := map[string]fs.DirEntry{}
	hidden := map[string]bool{}
	m := &mergedDir{File: dirs[0]}
	for i, d := range dirs {
		entries, err := d.ReadDir(-1)
		if i > 0 {
			d.Close()
		}
		if err != nil {
			dirs[0].Close()
			return nil, err
		}
		for _, e := range entries {
			if _, ok := byName[e.Name()]; ok || hidden[e.Name()] {
				continue
			}
			if info, err := e.Info(); err == nil && isWhiteout(info) {
				hidden[e.Name()] = true
				continue
			}
			byName[e.Name()] = e
		}
	}
	for _, e := range byName {
		m.entries = append(m.entries, e)
	}
	slices.SortFunc(m.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return m, nil
}

// ReadDir returns the next n entries, as fs.ReadDirFile has it.
func (m *mergedDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(m.entries) {
		if n > 0 && len(m.entries) == 0 {
			return nil, io.EOF
		}
		n = len(m.entries)
	}
	out := m.entries[:n]
	m.entries = m.entries[n:]
	return out, nil
}
