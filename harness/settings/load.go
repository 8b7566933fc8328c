package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"umlab/harness/usage"
)

const (
	suitesFile     = "suites.toml"
	treesFile      = "trees.toml"
	toolchainsFile = "toolchains.toml"
	limitsFile     = "limits.toml"
)

// file is one that was read.
type file struct {
	path string // as messages name it
	text []byte
	own  bool // the user's
}

// loader collects what files say.
type loader struct {
	suites           map[string]Suite
	trees            map[string]Tree
	toolchains       map[string]Toolchain
	series           map[string]Series
	subarches        map[string]Subarch
	limits           Limits
	common           []string
	defaultTree      string
	defaultToolchain string
	defaultSeries    string

	from map[string]*file // by "tree NAME", "common", or the file's name: which file an entry, a key or the rest is of
	errs []error
}

// readAll reads the files of a directory that is called name; where they are the
// user's own, those that are there.
func (l *loader) readAll(dir fs.FS, name string, own bool) (errs []error) {
	if own {
		errs = append(errs, strange(dir, name)...)
	}
	for base, take := range map[string]func(*file) error{
		suitesFile: l.takeSuites, treesFile: l.takeTrees, toolchainsFile: l.takeToolchains, limitsFile: l.takeLimits,
	} {
		f := &file{path: path.Join(name, base), own: own}
		var err error
		if f.text, err = fs.ReadFile(dir, base); own && errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.path, err))
			continue
		}
		l.from[base] = f
		errs = append(errs, take(f))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return errs
}

// strange are the TOML files of a user's directory that nothing reads.
func strange(dir fs.FS, name string) (errs []error) {
	known := []string{suitesFile, treesFile, toolchainsFile, limitsFile}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return []error{fmt.Errorf("%s: %w", name, err)}
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".toml" && !slices.Contains(known, e.Name()) {
			errs = append(errs, fmt.Errorf("%s: nothing reads this file; what is read there is %s, and scenarios/*.toml%s",
				path.Join(name, e.Name()), strings.Join(known, ", "), usage.Meant(e.Name(), known)))
		}
	}
	return errs
}

func (l *loader) takeSuites(f *file) error {
	var in struct {
		Suite map[string]Suite `toml:"suite"`
	}
	err := f.decode(&in)
	enter(l, &l.suites, in.Suite, "suite", f)
	return err
}

func (l *loader) takeTrees(f *file) error {
	var in struct {
		Default string          `toml:"default"`
		Tree    map[string]Tree `toml:"tree"`
	}
	err := f.decode(&in)
	enter(l, &l.trees, in.Tree, "tree", f)
	if in.Default != "" {
		l.defaultTree = in.Default
	}
	return err
}

func (l *loader) takeToolchains(f *file) error {
	var in struct {
		Default       string               `toml:"default"`
		DefaultSeries string               `toml:"default-series"`
		Common        []string             `toml:"common"`
		Toolchain     map[string]Toolchain `toml:"toolchain"`
		Series        map[string]Series    `toml:"series"`
		Subarch       map[string]Subarch   `toml:"subarch"`
	}
	err := f.decode(&in)
	enter(l, &l.toolchains, in.Toolchain, "toolchain", f)
	enter(l, &l.series, in.Series, "series", f)
	enter(l, &l.subarches, in.Subarch, "subarch", f)
	if in.Default != "" {
		l.defaultToolchain = in.Default
	}
	if in.DefaultSeries != "" {
		l.defaultSeries = in.DefaultSeries
	}
	if in.Common != nil {
		l.common, l.from["common"] = in.Common, f
	}
	return err
}

// takeLimits takes the limits that a file sets; the others stay.
func (l *loader) takeLimits(f *file) error { return f.decode(&l.limits) }

// enter adds entries of a kind, and notes where they are from.
func enter[T any](l *loader, into *map[string]T, more map[string]T, kind string, f *file) {
	if *into == nil {
		*into = map[string]T{}
	}
	for name, v := range more {
		(*into)[name], l.from[kind+" "+name] = v, f
	}
}

// decode decodes a file strictly; an error names it, with line and column.
func (f *file) decode(into any) error {
	err := toml.NewDecoder(bytes.NewReader(f.text)).DisallowUnknownFields().Decode(into)
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var errs []error
		for _, e := range unknown.Errors {
			row, col := e.Position()
			errs = append(errs, fmt.Errorf("%s:%d:%d: unknown key %s (the head of configs/%s lists what there is)",
				f.path, row, col, strings.Join(e.Key(), "."), path.Base(f.path)))
		}
		return errors.Join(errs...)
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, col := wrong.Position()
		return fmt.Errorf("%s:%d:%d: %w", f.path, row, col, err)
	}
	return err
}

// bad notes what is wrong with an entry, with the place of its head.
func (l *loader) bad(kind, name, format string, args ...any) {
	f := l.from[kind+" "+name]
	quoted := regexp.QuoteMeta(name)
	head := regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*` + kind + `[ \t]*\.[ \t]*(?:` + quoted + `|"` + quoted + `"|'` + quoted + `')[ \t]*\]`)
	l.errs = append(l.errs, fmt.Errorf("%s: %s %s%s", f.place(head), kind, name, fmt.Sprintf(format, args...)))
}

// badKey notes what is wrong with a key of a file.
func (l *loader) badKey(base, key, format string, args ...any) {
	f := l.from[base]
	l.errs = append(l.errs, fmt.Errorf("%s: %s", f.place(regexp.MustCompile(`(?m)^[ \t]*`+key+`[ \t]*=`)), fmt.Sprintf(format, args...)))
}

// place is where a line of the file is, "FILE:LINE:COLUMN"; the file alone where it has none.
func (f *file) place(line *regexp.Regexp) string {
	at := line.FindIndex(f.text)
	if at == nil {
		return f.path
	}
	start := at[0] + len(f.text[at[0]:at[1]]) - len(bytes.TrimLeft(f.text[at[0]:at[1]], " \t"))
	return fmt.Sprintf("%s:%d:%d", f.path, bytes.Count(f.text[:start], []byte("\n"))+1, start-bytes.LastIndexByte(f.text[:start], '\n'))
}
