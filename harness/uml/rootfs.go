package uml

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"

	"umlab/harness/manifest"
)

// modulesDir is where the guest finds its modules.
const modulesDir = "modules"

// moduleName is what a module may be called: it becomes a word of the console's protocol and a file's name.
var moduleName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$`)

// buildRootfs lays out a guest's root directory in dir, which is created and must be empty: what the manifest of
// rootfs lists, busybox (the path of a statically linked one), and modules (name to the path of its .ko file) as
// /modules/NAME.ko, and more. Nothing is written outside of dir, whatever the manifest says.
func buildRootfs(dir, busybox string, rootfs fs.FS, modules map[string]string, more Extra) error {
	entries, err := manifest.Read(rootfs, "rootfs")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if left, err := os.ReadDir(dir); err != nil {
		return err
	} else if len(left) > 0 {
		return fmt.Errorf("%s is not empty; remove it", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := layAll(root, entries, busybox, rootfs); err != nil {
		return err
	}
	if err := root.MkdirAll(modulesDir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if !moduleName.MatchString(name) {
			return fmt.Errorf("module %q: a name has letters, digits, '_' and '-' only", name)
		}
		open := func() (fs.File, error) { return os.Open(modules[name]) }
		if err := copyFile(root, path.Join(modulesDir, name+".ko"), 0o644, open); err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
	}
	if err := more.lay(root, busybox); err != nil {
		return err
	}
	// Directories get their modes last: one may not be writable.
	for _, e := range slices.Concat(more.Entries, entries) {
		if e.Kind == "dir" {
			if err := root.Chmod(e.Path, e.Mode); err != nil {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
		}
	}
	return nil
}

// layAll lays out what a manifest lists, but for the modes of directories. Files come from beside the manifest.
func layAll(root *os.Root, entries []manifest.Entry, busybox string, beside fs.FS) error {
	for _, e := range entries {
		if err := lay(root, e, busybox, beside); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	return nil
}

func lay(root *os.Root, e manifest.Entry, busybox string, rootfs fs.FS) error {
	if err := root.MkdirAll(path.Dir(e.Path), 0o755); err != nil {
		return err
	}
	switch e.Kind {
	case "dir":
		return root.MkdirAll(e.Path, 0o755)
	case "link":
		return root.Symlink(e.Source, e.Path)
	case "busybox":
		return copyFile(root, e.Path, e.Mode, func() (fs.File, error) { return os.Open(busybox) })
	}
	return copyFile(root, e.Path, e.Mode, func() (fs.File, error) { return rootfs.Open(e.Source) })
}

func copyFile(root *os.Root, name string, mode fs.FileMode, open func() (fs.File, error)) error {
	from, err := open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	// The umask is not to decide what the guest can run.
	return errors.Join(err, to.Chmod(mode), to.Close())
}
