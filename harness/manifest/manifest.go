// Package manifest reads lists of what a guest's root directory holds. It imports nothing of umlab,
// and never lays anything out.
package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Name is what a manifest is called; rootfs/manifest explains its format.
const Name = "manifest"

// Entry is one line of a manifest.
type Entry struct {
	Kind   string // dir, file, busybox or link
	Path   string // below the guest's root, slashes, clean
	Mode   fs.FileMode
	Source string // file: name beside the manifest; link: what it points to
	Line   int
}

// Parse reads a manifest, whose name messages start with. The error names each line that is wrong.
func Parse(name string, r io.Reader) ([]Entry, error) {
	columns := map[string]int{"dir": 3, "file": 4, "busybox": 3, "link": 3}
	var (
		entries []Entry
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
		e := Entry{Kind: f[0], Path: f[1], Line: n}
		if !fs.ValidPath(e.Path) || e.Path == "." {
			wrong("path %q is not a clean path below the guest's root", e.Path)
			continue
		}
		if before, twice := seen[e.Path]; twice {
			wrong("path %q stands on line %d already", e.Path, before)
			continue
		}
		seen[e.Path] = n
		if e.Kind == "link" {
			e.Source = f[2]
		} else {
			mode, err := strconv.ParseUint(f[2], 8, 32)
			if err != nil || mode > 0o777 {
				wrong("mode %q is not an octal number up to 0777", f[2])
				continue
			}
			e.Mode = fs.FileMode(mode)
		}
		if e.Kind == "file" {
			if e.Source = f[3]; !fs.ValidPath(e.Source) {
				wrong("source %q is not a clean path below the manifest's directory", e.Source)
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

// Read reads the manifest of a directory, which messages call dir.
func Read(fsys fs.FS, dir string) ([]Entry, error) {
	f, err := fsys.Open(Name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	defer f.Close()
	return Parse(dir+"/"+Name, f)
}
