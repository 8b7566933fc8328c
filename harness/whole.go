package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// writeWhole writes a file whole or not at all, and replaces one that is there. What is half-written has no name, so that a
// run that is killed leaves nothing in a directory of the user's, but between two system calls where it replaces one.
func writeWhole(path string, text []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, uint32(mode))
	if err != nil {
		return renameio.WriteFile(path, text, mode) // not every file system has files without names; and it says what is wrong
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if was, err := os.Stat(path); err == nil {
		if err := f.Chmod(was.Mode().Perm()); err != nil {
			return err
		}
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	name := func(at string) error { // see open(2), O_TMPFILE: it needs no rights but these
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, at, unix.AT_SYMLINK_FOLLOW)
	}
	err = name(path)
	if errors.Is(err, fs.ErrExist) {
		next := filepath.Join(dir, fmt.Sprintf(".%s.%d", filepath.Base(path), rand.Int64()))
		if err = name(next); err == nil {
			if err = os.Rename(next, path); err != nil {
				_ = os.Remove(next)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
