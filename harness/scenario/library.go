package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/parcel"
	"umlab/harness/usage"
)

// Where the files lie in umlab's checkout.
const (
	scenarioDir = "scenarios"
	fragmentDir = "configs"

	// GuestFragment is the one with what every guest needs to boot and to tell anything.
	GuestFragment = "uml.config"
)

// Library is where scenarios are looked for.
type Library struct {
	Project fs.FS        // umlab's own: scenarios/ and configs/
	Own     string       // the user's directory, with scenarios/ or without; "" for none
	Files   parcel.Files // what the user names; nil: as it is on this machine
	// Taken are directories of modules of which there are snapshots already, by the names that the user gives them.
	Taken map[string]External
}

// User are the files that the user names.
func (l Library) User() parcel.Files {
	if l.Files == nil {
		return parcel.Machine
	}
	return l.Files
}

// place is a directory with scenarios.
type place struct {
	fs.FS
	name string // as messages name it
	own  bool   // the user's
}

// places are the directories of the library, the user's first: its scenarios stand before umlab's of the same name.
func (l Library) places() (list []place, err error) {
	if l.Own != "" {
		if dir := filepath.Join(l.Own, scenarioDir); l.User().IsDirectory(dir) {
			list = append(list, place{l.User()(dir), dir, true})
		}
	}
	sub, err := fs.Sub(l.Project, scenarioDir)
	return append(list, place{sub, scenarioDir, false}), err
}

// Names are the scenarios of the library, sorted.
func (l Library) Names() (names []string, err error) {
	places, err := l.places()
	for _, p := range places {
		more, perr := filesOf(p, ".toml")
		names, err = append(names, more...), cmp.Or(err, perr)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// find is the place of a scenario, by name, or by the path of its file.
func (l Library) find(name string) (place, string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".toml") {
		dir, base := filepath.Dir(name), filepath.Base(name)
		id, ok := strings.CutSuffix(base, ".toml")
		if _, err := l.User().Stat(name); err != nil {
			return place{}, "", usage.Errorf("-scenario=%s: %w", name, errors.Unwrap(err))
		}
		if !ok || l.User().IsDirectory(name) {
			return place{}, "", usage.Errorf("-scenario=%s: give a name, or the path of a file NAME.toml", name)
		}
		return place{l.User()(dir), dir, true}, id, nil
	}
	places, err := l.places()
	if err != nil {
		return place{}, "", err
	}
	for _, p := range places {
		if _, err := fs.Stat(p, name+".toml"); err == nil {
			return p, name, nil
		}
	}
	names, err := l.Names()
	if err != nil {
		return place{}, "", fmt.Errorf("load scenario %q: %w", name, err)
	}
	return place{}, "", usage.Errorf("scenario %q is unknown: there are %s%s", name, list(names), usage.Meant(name, names))
}

// filesOf are the files of a directory that end in suffix, without it, sorted.
func filesOf(dir place, suffix string) ([]string, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir.name, errors.Unwrap(err))
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}
