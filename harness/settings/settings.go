// Package settings reads the TOML files of configs/ and of the user that name trees,
// toolchains, suites and limits, strictly. Of umlab it imports parcel, unpack, for the names
// of tarballs, and usage, and it fetches nothing.
package settings

import (
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/parcel"
)

// Settings is what the files of configs/ say.
type Settings struct {
	Suites           map[string]Suite
	Trees            map[string]Tree
	DefaultTree      string
	Toolchains       map[string]Toolchain
	DefaultToolchain string
	Series           map[string]Series
	DefaultSeries    string
	Subarches        map[string]Subarch
	Limits           Limits

	own map[string]string // which entries are the user's own, and of which file, see loader.from
}

// Limits are what one make, one boot and the store may use, see configs/limits.toml.
type Limits struct {
	Build BuildLimits `toml:"build"`
	Boot  BootLimits  `toml:"boot"`
	Store StoreLimits `toml:"store"`
}

// BuildLimits bound one make.
type BuildLimits struct {
	Minutes   int   `toml:"minutes"`   // wall time
	Processes int   `toml:"processes"` // and threads, at a time
	MemoryMB  int64 `toml:"memory-mb"` // address space of one process
	DiskMB    int64 `toml:"disk-mb"`   // of the build's own directory, and of each tmpfs
	FileMB    int64 `toml:"file-mb"`   // of one file
}

// BootLimits bound one boot.
type BootLimits struct {
	Seconds   int   `toml:"seconds"` // wall time
	Processes int   `toml:"processes"`
	OutputMB  int64 `toml:"output-mb"` // of the console
	DiskMB    int64 `toml:"disk-mb"`   // of each tmpfs
}

// StoreLimits bound what is kept between runs.
type StoreLimits struct {
	KeepGB int64 `toml:"keep-gb"` // 10^9 bytes; 0: all is kept
	Runs   int   `toml:"runs"`    // whose results are kept; 0: of all
}

// Suite is a suite of the Debian archive, see configs/suites.toml.
type Suite struct {
	Components  []string `toml:"components"`
	AllowFrozen bool     `toml:"allow-frozen"`
	Snapshot    string   `toml:"snapshot"` // YYYYMMDDTHHMMSSZ, or empty
}

// Subarch is a SUBARCH of UML other than x86_64, see configs/toolchains.toml. configs/NAME.config has its kernel options.
type Subarch struct {
	Packages []string `toml:"packages"` // of Debian, that a toolchain needs for it besides its own
}

// Tree is a named kernel tree, see configs/trees.toml: exactly one of Package,
// URL and Tarball is set.
type Tree struct {
	Package string `toml:"package"` // of the Debian suite Suite
	Suite   string `toml:"suite"`

	URL string `toml:"url"` // of a git repository: https, http, git, or an absolute path
	Ref string `toml:"ref"` // branch, tag or commit of it

	Tarball string `toml:"tarball"` // https or http URL, or an absolute path
	SHA256  string `toml:"sha256"`  // of Tarball, hex

	Compiler string `toml:"compiler"` // clang or gcc; may be empty where there is no Package: the tree decides
}

var stamp = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z$`)

// Load reads suites.toml, trees.toml, toolchains.toml and limits.toml of configs and
// checks them against each other; all mistakes are reported at once. Own is the
// user's own directory, one of user's, "" for none: of the same files those that are there add
// entries, and replace those of the same name.
func Load(configs fs.FS, user parcel.Files, own string) (*Settings, error) {
	l := &loader{from: map[string]*file{}}
	errs := l.readAll(configs, "configs", false)
	if own != "" {
		errs = append(errs, l.readAll(user(own), own, true)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(l.suites)) {
		s := l.suites[name]
		if len(s.Components) == 0 {
			s.Components = []string{"main"}
			l.suites[name] = s
		}
		if s.Snapshot != "" && !stamp.MatchString(s.Snapshot) {
			l.bad("suite", name, ": snapshot %q is not of the form YYYYMMDDTHHMMSSZ", s.Snapshot)
		}
	}
	l.checkLimits()
	known := strings.Join(slices.Sorted(maps.Keys(l.suites)), ", ")
	for _, name := range slices.Sorted(maps.Keys(l.trees)) {
		t := l.trees[name]
		for _, wrong := range t.mistakes(name) {
			l.bad("tree", name, "%s", wrong)
		}
		if _, ok := l.suites[t.Suite]; !ok && (t.Package != "" || t.Suite != "") {
			l.bad("tree", name, ": unknown suite %q (configs/suites.toml has %s)", t.Suite, known)
		}
	}
	toolchains(l.toolchains, l.common, l.suites, l.bad)
	series(l.series, l.toolchains, l.suites, l.bad)
	if _, ok := l.trees[l.defaultTree]; !ok {
		l.badKey(treesFile, "default", "default = %q names no tree", l.defaultTree)
	}
	if _, ok := l.toolchains[l.defaultToolchain]; !ok {
		l.badKey(toolchainsFile, "default", "default = %q names no toolchain", l.defaultToolchain)
	}
	if _, ok := l.series[l.defaultSeries]; !ok && (l.defaultSeries != "" || len(l.series) > 0) {
		l.badKey(toolchainsFile, "default-series", "default-series = %q names no series", l.defaultSeries)
	}
	set := &Settings{
		Suites: l.suites, Trees: l.trees, DefaultTree: l.defaultTree, Toolchains: l.toolchains, DefaultToolchain: l.defaultToolchain,
		Series: l.series, DefaultSeries: l.defaultSeries, Subarches: l.subarches, Limits: l.limits, own: map[string]string{},
	}
	for key, f := range l.from {
		if f.own {
			set.own[key] = f.path
		}
	}
	return set, errors.Join(l.errs...)
}

// checkLimits checks limits.toml.
func (l *loader) checkLimits() {
	build, boot := l.limits.Build, l.limits.Boot
	for _, v := range []struct {
		table, key string
		n          int64
	}{
		{"build", "minutes", int64(build.Minutes)}, {"build", "processes", int64(build.Processes)}, {"build", "memory-mb", build.MemoryMB},
		{"build", "disk-mb", build.DiskMB}, {"build", "file-mb", build.FileMB}, {"boot", "seconds", int64(boot.Seconds)},
		{"boot", "processes", int64(boot.Processes)}, {"boot", "output-mb", boot.OutputMB}, {"boot", "disk-mb", boot.DiskMB},
	} {
		if v.n <= 0 {
			l.badKey(limitsFile, v.key, "%s.%s = %d: a limit is a number above 0", v.table, v.key, v.n)
		}
	}
	if keep := l.limits.Store.KeepGB; keep < 0 {
		l.badKey(limitsFile, "keep-gb", "store.keep-gb = %d: a limit is a number above 0; 0 is none", keep)
	}
	if runs := l.limits.Store.Runs; runs < 0 {
		l.badKey(limitsFile, "runs", "store.runs = %d: a limit is a number above 0; 0 is none", runs)
	}
}
