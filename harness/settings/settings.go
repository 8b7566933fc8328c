// Package settings reads the TOML files of configs/ that name trees, toolchains,
// suites and limits, strictly. Of umlab it imports unpack, for the
// names of tarballs, and it fetches nothing.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
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

// Load reads suites.toml, trees.toml, toolchains.toml and limits.toml of configs and checks
// them against each other; all mistakes are reported at once.
func Load(configs fs.FS) (*Settings, error) {
	var suites struct {
		Suite map[string]Suite `toml:"suite"`
	}
	var trees struct {
		Default string          `toml:"default"`
		Tree    map[string]Tree `toml:"tree"`
	}
	var chains struct {
		Default       string               `toml:"default"`
		DefaultSeries string               `toml:"default-series"`
		Common        []string             `toml:"common"`
		Toolchain     map[string]Toolchain `toml:"toolchain"`
		Series        map[string]Series    `toml:"series"`
		Subarch       map[string]Subarch   `toml:"subarch"`
	}
	var limits Limits
	var errs []error
	for _, f := range []struct {
		name string
		into any
	}{{"suites.toml", &suites}, {"trees.toml", &trees}, {"toolchains.toml", &chains}, {"limits.toml", &limits}} {
		errs = append(errs, read(configs, f.name, f.into))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	bad := func(file, format string, args ...any) {
		errs = append(errs, fmt.Errorf("configs/"+file+": "+format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(suites.Suite)) {
		s := suites.Suite[name]
		if len(s.Components) == 0 {
			s.Components = []string{"main"}
			suites.Suite[name] = s
		}
		if s.Snapshot != "" && !stamp.MatchString(s.Snapshot) {
			bad("suites.toml", "suite %s: snapshot %q is not of the form YYYYMMDDTHHMMSSZ", name, s.Snapshot)
		}
	}
	for name, v := range map[string]int64{
		"build.minutes": int64(limits.Build.Minutes), "build.processes": int64(limits.Build.Processes), "build.memory-mb": limits.Build.MemoryMB,
		"build.disk-mb": limits.Build.DiskMB, "build.file-mb": limits.Build.FileMB, "boot.seconds": int64(limits.Boot.Seconds),
		"boot.processes": int64(limits.Boot.Processes), "boot.output-mb": limits.Boot.OutputMB, "boot.disk-mb": limits.Boot.DiskMB,
	} {
		if v <= 0 {
			bad("limits.toml", "%s = %d: a limit is a number above 0", name, v)
		}
	}
	if keep := limits.Store.KeepGB; keep < 0 {
		bad("limits.toml", "store.keep-gb = %d: a limit is a number above 0; 0 is none", keep)
	}
	if runs := limits.Store.Runs; runs < 0 {
		bad("limits.toml", "store.runs = %d: a limit is a number above 0; 0 is none", runs)
	}
	known := strings.Join(slices.Sorted(maps.Keys(suites.Suite)), ", ")
	for _, name := range slices.Sorted(maps.Keys(trees.Tree)) {
		t := trees.Tree[name]
		for _, wrong := range t.mistakes(name) {
			bad("trees.toml", "tree %s%s", name, wrong)
		}
		if _, ok := suites.Suite[t.Suite]; !ok && (t.Package != "" || t.Suite != "") {
			bad("trees.toml", "tree %s: unknown suite %q (configs/suites.toml has %s)", name, t.Suite, known)
		}
	}
	toolchains(chains.Toolchain, chains.Common, suites.Suite, bad)
	series(chains.Series, chains.Toolchain, suites.Suite, bad)
	if _, ok := trees.Tree[trees.Default]; !ok {
		bad("trees.toml", "default = %q names no tree", trees.Default)
	}
	if _, ok := chains.Toolchain[chains.Default]; !ok {
		bad("toolchains.toml", "default = %q names no toolchain", chains.Default)
	}
	if _, ok := chains.Series[chains.DefaultSeries]; !ok && (chains.DefaultSeries != "" || len(chains.Series) > 0) {
		bad("toolchains.toml", "default-series = %q names no series", chains.DefaultSeries)
	}
	return &Settings{
		Suites: suites.Suite, Trees: trees.Tree, DefaultTree: trees.Default,
		Toolchains: chains.Toolchain, DefaultToolchain: chains.Default,
		Series: chains.Series, DefaultSeries: chains.DefaultSeries, Subarches: chains.Subarch, Limits: limits,
	}, errors.Join(errs...)
}

// read decodes one file of configs/; an error names it, with line and column.
func read(configs fs.FS, name string, into any) error {
	where := "configs/" + name
	b, err := fs.ReadFile(configs, name)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	err = toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(into)
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var errs []error
		for _, e := range unknown.Errors {
			row, col := e.Position()
			errs = append(errs, fmt.Errorf("%s:%d:%d: unknown key %s (the head of the file lists what there is)",
				where, row, col, strings.Join(e.Key(), ".")))
		}
		return errors.Join(errs...)
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, col := wrong.Position()
		return fmt.Errorf("%s:%d:%d: %w", where, row, col, err)
	}
	return err
}
