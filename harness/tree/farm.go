package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"umlab/harness/progress"
)

// linkers is how many files are linked at once, and batch how many one of them
// takes at a time.
const (
	linkers = 4
	batch   = 512
)

// farm makes the directory to with the files of from: hard links, so that an
// untouched file costs nothing and keeps its times, but copies of what touched
// names, so that no write can reach from. It returns the files that could not
// be linked and were copied too.
func farm(ctx context.Context, from, to string, touched map[string]bool) (map[string]bool, error) {
	var mu sync.Mutex
	copied := map[string]bool{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(linkers)
	link := func(names []string) error {
		for _, n := range names {
			err := os.Link(filepath.Join(from, n), filepath.Join(to, n))
			if errors.Is(err, syscall.EMLINK) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EXDEV) {
				// A file system's own limits; the copy is as good.
				err = cloneFile(filepath.Join(from, n), filepath.Join(to, n))
				mu.Lock()
				copied[n] = true
				mu.Unlock()
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var names []string
	walk := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil || gctx.Err() != nil {
			return cmp.Or(err, context.Cause(gctx))
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.Mkdir(filepath.Join(to, rel), 0o755)
		case touched[filepath.ToSlash(rel)]:
			return cloneFile(p, filepath.Join(to, rel))
		}
		if names = append(names, rel); len(names) == batch {
			some := names
			g.Go(func() error { return link(some) })
			names = nil
		}
		return nil
	})
	g.Go(func() error { return link(names) })
	return copied, cmp.Or(g.Wait(), walk)
}

// cloneFile copies a file or a symbolic link with its mode and time.
func cloneFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if err := copyFile(from, to, info.Mode(), progress.Discard{}.Start("", progress.None, 0)); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// audit holds the patched tree at dir against d: what is there must be what d
// lists, and whatever is not touched must still be the base's own file. It is
// what makes the digest true even where git understood a patch to change more
// than was read from it.
func audit(ctx context.Context, dir string, d *digest, touched, copied map[string]bool) error {
	seen := 0
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if e.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if rel == ".git" {
			return errors.New("git made a .git")
		}
		rel = filepath.ToSlash(rel)
		if _, ok := d.files[rel]; !ok {
			return fmt.Errorf("git made %s, which the patch does not name", rel)
		}
		seen++
		if touched[rel] || copied[rel] {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink < 2 {
			return fmt.Errorf("git changed %s, which the patch does not name", rel)
		}
		return nil
	})
	if err == nil && seen != len(d.files) {
		err = fmt.Errorf("%d files are left of %d: git removed some that the patch does not name", seen, len(d.files))
	}
	return err
}

// escaping are the symbolic links of d that lead out of the tree at dir: who
// follows them, outside of the sandbox, would read the user's own files.
func escaping(dir string, d *digest) (map[string]bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	out := map[string]bool{}
	for name, what := range d.files {
		if what[0] != 'l' {
			continue
		}
		_, err := root.Stat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			out[name] = true
		}
	}
	return out, nil
}
