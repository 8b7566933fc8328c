package cache

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"umlab/harness/store"
	"umlab/harness/tree"
)

// packing writes a tar archive that is the same for the same directory: in the order of the names, without owners, with the times of
// files alone.
type packing struct {
	*tar.Writer
	members int
	bytes   int64
	named   map[uint64]string // files with several names: the first, by inode
}

func newPacking(w io.Writer) *packing {
	return &packing{Writer: tar.NewWriter(w), named: map[uint64]string{}}
}

// dir adds all that is below the directory dir, but for the files that lie as the same file below over, which may be "".
func (p *packing) dir(ctx context.Context, dir, over string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || path == dir {
			return err
		}
		rel := path[len(dir)+1:]
		info, err := d.Info()
		if err != nil {
			return err
		}
		if over != "" && info.Mode().IsRegular() {
			if was, err := os.Lstat(filepath.Join(over, rel)); err == nil && os.SameFile(was, info) {
				return nil
			}
		}
		if err := p.add(path, filepath.ToSlash(rel), info); err != nil {
			return fmt.Errorf("pack %s: %w", rel, err)
		}
		return nil
	})
}

// add adds the file, directory or link at path under that name.
func (p *packing) add(path, name string, info fs.FileInfo) error {
	h := &tar.Header{Name: name, Format: tar.FormatPAX, Mode: int64(info.Mode().Perm())}
	st, _ := info.Sys().(*syscall.Stat_t)
	p.members++
	switch {
	case info.IsDir():
		h.Name, h.Typeflag = name+"/", tar.TypeDir
		if info.Mode()&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	case !info.Mode().IsRegular():
		return errors.New("it is neither a file nor a directory nor a link")
	case st != nil && st.Nlink > 1 && p.named[st.Ino] != "":
		h.Typeflag, h.Linkname = tar.TypeLink, p.named[st.Ino]
	default:
		if st != nil {
			p.named[st.Ino] = name
		}
		return p.file(path, h, info)
	}
	return p.WriteHeader(h)
}

// file adds the file at path with its time.
func (p *packing) file(path string, h *tar.Header, info fs.FileInfo) error {
	h.Typeflag, h.Size, h.ModTime = tar.TypeReg, info.Size(), info.ModTime()
	p.bytes += h.Size
	if err := p.WriteHeader(h); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(p, f)
	return err
}

// lacks reports whether the directory top lacks something that base has, so that it cannot be laid over that.
func lacks(ctx context.Context, top, base string) (bool, error) {
	errLacks := errors.New("")
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || path == base {
			return err
		}
		is, err := os.Lstat(filepath.Join(top, path[len(base):]))
		if errors.Is(err, fs.ErrNotExist) || err == nil && is.Mode().Type() != d.Type() {
			return errLacks
		}
		return err
	})
	if err == errLacks {
		return true, nil
	}
	return false, err
}

// madeNow gives the files below dir times that are in the order of those that they have, as if all of them had been made now: make
// must find them newer than the tree and the tools of this machine, however long these have been here.
func madeNow(ctx context.Context, dir string, now time.Time) error {
	at := map[int64][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := d.Info()
		if err == nil {
			at[info.ModTime().UnixNano()] = append(at[info.ModTime().UnixNano()], path)
		}
		return err
	})
	if err != nil {
		return err
	}
	times := make([]int64, 0, len(at))
	for t := range at {
		times = append(times, t)
	}
	slices.Sort(times)
	now = now.Truncate(time.Microsecond)
	for rank, t := range times {
		made := now.Add(time.Duration(rank) * time.Microsecond)
		for _, path := range at[t] {
			if err := os.Chtimes(path, made, made); err != nil {
				return err
			}
		}
	}
	time.Sleep(time.Until(now.Add(time.Duration(len(times)) * time.Microsecond))) // else they lie in the future
	return nil
}

// overOf is what the artifact of a tree lies over; nil for a whole one.
func overOf(a *About) (*tree.Layer, error) {
	if len(a.Record) == 0 {
		return nil, nil
	}
	l := &tree.Layer{}
	if err := json.Unmarshal(a.Record, l); err != nil {
		return nil, fmt.Errorf("what it lies over: %w", err)
	}
	if !slices.Contains(a.Needs, store.Entry{Kind: tree.Kind, Key: l.Base}) {
		return nil, errors.New("it lies over a tree that it does not need")
	}
	return l, nil
}
