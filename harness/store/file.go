package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// kindSum are the records of SumOutside.
const kindSum = "sum"

// SumFile returns the sha256 (hex) of a file's content.
func SumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// SumOutside is SumFile for a file that others own, remembered for as long as it
// has the same size, times and inode.
func (s *Store) SumOutside(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	own, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", path)
	}
	key := Key("file", path, fmt.Sprint(own.Dev, own.Ino, own.Size, own.Mtim, own.Ctim))
	var sum string
	if s.Get(kindSum, key, &sum) {
		return sum, nil
	}
	if sum, err = SumFile(path); err != nil {
		return "", err
	}
	return sum, s.Put(kindSum, key, sum)
}

// CopyFile copies the content of a file to one that is made with mode, and
// returns how many bytes that is. It fails where the second is there already.
func CopyFile(to, from string, mode fs.FileMode) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	return n, errors.Join(err, out.Close())
}

// CopyTree makes to of what is at from: directories of its own, with mode 0755,
// and links that lead where from's do. Of everything else place makes what it
// will; it is also told of each directory once that is made. The directory that
// to is in must be there.
func CopyTree(ctx context.Context, to, from string, place func(to, from string, info fs.FileInfo) error) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, at)
		}
		if d.IsDir() {
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return place(at, path, info)
	})
}
