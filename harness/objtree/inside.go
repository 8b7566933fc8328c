package objtree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What a make leaves in a directory is whatever the Makefiles want: links to anywhere on the machine, pipes, files of any
// size. By name, only what follows reads, writes or removes something there: it never leaves the directory, and waits for nothing.

// mostText is up to how many bytes a file is read as text.
const mostText = 256 << 20

// strangeError says that a make left something else where there should be a file.
type strangeError struct{ name, why string }

func (e *strangeError) Error() string {
	return fmt.Sprintf("%s of the build directory is not the file that Kbuild makes: %s; the tree's Makefiles, or a module's, made it",
		e.name, e.why)
}

// In calls do with the directory dir, which nothing leads out of.
func In(dir, name string, do func(root *os.Root, name string) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = do(root, filepath.FromSlash(name))
	var at *fs.PathError
	if errors.As(err, &at) && at.Err.Error() == "path escapes from parent" { // os has no name for it
		return &strangeError{name, "it leads out of the directory"}
	}
	return err
}

// Regular says with an error where there is no regular file of that name: ErrNotExist, or a *strangeError.
func Regular(dir, name string) error {
	return In(dir, name, func(root *os.Root, at string) error {
		info, err := root.Lstat(at)
		if err == nil && !info.Mode().IsRegular() {
			err = &strangeError{name, "it is no regular file"}
		}
		return err
	})
}

// Read reads a regular file.
func Read(dir, name string) (text []byte, err error) {
	err = In(dir, name, func(root *os.Root, at string) error {
		f, err := root.OpenFile(at, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe would be waited for
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return &strangeError{name, "it is no regular file"}
		case info.Size() > mostText:
			return &strangeError{name, fmt.Sprintf("it has %d bytes", info.Size())}
		}
		text, err = io.ReadAll(f)
		return err
	})
	return text, err
}

// Write makes a file, in place of whatever has its name.
func Write(dir, name string, text []byte) error {
	return In(dir, name, func(root *os.Root, at string) error {
		if err := root.RemoveAll(at); err != nil {
			return err
		}
		f, err := root.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		return errors.Join(err, f.Close())
	})
}

// Remove removes a file; one that is not there is no error.
func Remove(dir, name string) error {
	err := In(dir, name, func(root *os.Root, at string) error { return root.Remove(at) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
