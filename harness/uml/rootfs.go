package uml

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// manifestName is the file of a rootfs that says what the guest's root directory holds. The file itself explains its
// format.
const manifestName = "manifest"

// modulesDir is where the guest finds its modules.
const modulesDir = "modules"

// entry is one line of a manifest.
type entry struct {
	kind   string // dir, file, busybox or link
	path   string // below the guest's root, slashes, clean
	mode   fs.FileMode
	source string // file: name in the rootfs; link: what it points to
}

// parseManifest reads a manifest. The error names each line that is wrong.
func parseManifest(name string, r io.Reader) ([]entry, error) {
	columns := map[string]int{"dir": 3, "file": 4, "busybox": 3, "link": 3}
	var (
		entries []entry
		bad     []error
	)
	seen := map[string]int{}
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		wrong := func(format string, args ...any) {
			bad = append(bad, fmt.Errorf("%s:%d: %w", name, n, fmt.Errorf(format, args...)))
		}
		f := strings.Fields(sc.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		want, known := columns[f[0]]
		switch {
		case !known:
			wrong("kind %q; allowed are dir, file, busybox and link", f[0])
			continue
		case len(f) != want:
			wrong("%s has %d columns, want %d", f[0], len(f), want)
			continue
		}
		e := entry{kind: f[0], path: f[1]}
		if !fs.ValidPath(e.path) || e.path == "." {
			wrong("path %q is not a clean path below the guest's root", e.path)
			continue
		}
		if before, twice := seen[e.path]; twice {
			wrong("path %q stands on line %d already", e.path, before)
			continue
		}
		seen[e.path] = n
		if e.kind == "link" {
			e.source = f[2]
		} else {
			mode, err := strconv.ParseUint(f[2], 8, 32)
			if err != nil || mode > 0o777 {
				wrong("mode %q is not an octal number up to 0777", f[2])
				continue
			}
			e.mode = fs.FileMode(mode)
		}
		if e.kind == "file" {
			if e.source = f[3]; !fs.ValidPath(e.source) {
				wrong("source %q is not a clean path below the rootfs", e.source)
				continue
			}
		}
		entries = append(entries, e)
	}
	if err := sc.Err(); err != nil {
		bad = append(bad, fmt.Errorf("%s: %w", name, err))
	}
	return entries, errors.Join(bad...)
}

// readManifest reads the manifest of a rootfs.
func readManifest(rootfs fs.FS) ([]entry, error) {
	f, err := rootfs.Open(manifestName)
	if err != nil {
		return nil, fmt.Errorf("rootfs: %w", err)
	}
	defer f.Close()
	return parseManifest("rootfs/"+manifestName, f)
}

// moduleName is what a module may be called: it becomes a word of the console's protocol and a file's name.
var moduleName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$`)

// buildRootfs lays out a guest's root directory in dir, which is created and must be empty: what the manifest of
// rootfs lists, busybox (the path of a statically linked one), and modules (name to the path of its .ko file) as
// /modules/NAME.ko. Nothing is written outside of dir, whatever the manifest says.
func buildRootfs(dir, busybox string, rootfs fs.FS, modules map[string]string) error {
	entries, err := readManifest(rootfs)
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
	// Directories get their modes last: one may not be writable.
	for _, e := range entries {
		if err := lay(root, e, busybox, rootfs); err != nil {
			return fmt.Errorf("%s: %w", e.path, err)
		}
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
	for _, e := range entries {
		if e.kind == "dir" {
			if err := root.Chmod(e.path, e.mode); err != nil {
				return err
			}
		}
	}
	return nil
}

func lay(root *os.Root, e entry, busybox string, rootfs fs.FS) error {
	if err := root.MkdirAll(path.Dir(e.path), 0o755); err != nil {
		return err
	}
	switch e.kind {
	case "dir":
		return root.MkdirAll(e.path, 0o755)
	case "link":
		return root.Symlink(e.source, e.path)
	case "busybox":
		return copyFile(root, e.path, e.mode, func() (fs.File, error) { return os.Open(busybox) })
	}
	return copyFile(root, e.path, e.mode, func() (fs.File, error) { return rootfs.Open(e.source) })
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
