package tree

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/fetch"
	"umlab/harness/unpack"
	"umlab/harness/usage"
)

// Source is where the value of -tree= says that a tree comes from. Exactly one of
// its fields is set.
type Source struct {
	Name      string // of configs/trees.toml
	Directory string // path of a kernel directory, taken as it is
	Git       *GitSource
	Tarball   *Tarball
}

// Origin is that of the tree, see Tree. It is empty of a package, and of what cannot be told before it was read.
func (s Source) Origin() string {
	switch {
	case s.Directory != "":
		return located("directory", s.Directory, "")
	case s.Git != nil:
		return s.Git.origin()
	case s.Tarball != nil && s.Tarball.Sum != "":
		return "tarball " + s.Tarball.Sum
	}
	return ""
}

func (s *GitSource) origin() string {
	if s.Path == "" {
		return "git " + s.URL + "#" + s.Ref
	}
	return located("git", s.Path, "#"+s.Ref)
}

// PackageOrigin is the origin of a tree that comes in a package, which may be followed by its version.
func PackageOrigin(name string) string {
	name, _, _ = strings.Cut(name, " ")
	return "package " + name
}

// located is the origin that lies at a path, which is not there where it leads nowhere.
func located(kind, path, ref string) string {
	at, err := actual(path)
	if err != nil {
		return ""
	}
	return kind + " " + at + ref
}

// SourceSyntax says what -tree= takes, for the errors and the help of a command.
const SourceSyntax = `a name of configs/trees.toml
  /path/to/linux                          a kernel directory, as it is
  /path/to/linux#REF                      a branch, tag or commit of a local git repository
  git+https://HOST/linux.git#REF          the same of one elsewhere (git+http, git+git)
  /path/to/linux.tar.xz[#sha256=DIGEST]   a tarball (xz, gz, zst, bz2)
  https://HOST/linux.tar.xz#sha256=DIGEST one to fetch`

// ParseSource reads the value of -tree=. It looks at the machine's files only
// where a path could mean two things.
func ParseSource(value string) (Source, error) {
	bad := func(format string, args ...any) (Source, error) {
		return Source{}, fmt.Errorf("-tree=%s: %s; -tree= takes\n  %s", value, fmt.Sprintf(format, args...), SourceSyntax)
	}
	if value == "" {
		return bad("nothing is named")
	}
	base, fragment, hash := cutLast(value, "#")
	if hash && !strings.Contains(value, "://") {
		if _, err := os.Stat(value); err == nil {
			base, fragment, hash = value, "", false // a path that holds a #
		}
	}
	sum, isSum := strings.CutPrefix(fragment, "sha256=")
	if inner, ok := strings.CutPrefix(base, "git+"); ok && strings.Contains(inner, "://") {
		if fragment == "" {
			return bad("it does not say which branch, tag or commit: add #REF")
		}
		if path, ok := strings.CutPrefix(inner, "file://"); ok {
			return Source{Git: &GitSource{Name: value, Path: path, Ref: fragment}}, nil
		}
		return Source{Git: &GitSource{Name: value, URL: inner, Ref: fragment}}, nil
	}
	if strings.HasPrefix(base, "https://") || strings.HasPrefix(base, "http://") {
		switch {
		case isSum:
			return Source{Tarball: &Tarball{Name: base, URL: base, Sum: sum}}, nil
		case unpack.IsTarball(base):
			return bad("a tarball to fetch needs its digest: add #sha256=DIGEST")
		default:
			return bad("of a git repository, put git+ before the URL and #REF behind it; of a tarball, #sha256=DIGEST behind it")
		}
	}
	if strings.Contains(base, "://") {
		return bad("no way is known to fetch from there")
	}
	if isSum || unpack.IsTarball(base) {
		if info, err := os.Stat(base); err == nil && info.IsDir() && !isSum {
			return Source{Directory: base}, nil
		} else if err != nil {
			return bad("%v", err)
		}
		if hash && !isSum {
			return bad("%q is no #sha256=DIGEST", "#"+fragment)
		}
		return Source{Tarball: &Tarball{Name: base, Path: base, Sum: sum}}, nil
	}
	if hash {
		if fragment == "" {
			return bad("it does not say which branch, tag or commit: add #REF")
		}
		if !IsPath(base) {
			if info, err := os.Stat(base); err != nil || !info.IsDir() {
				return bad("there is no repository %s", base)
			}
		}
		return Source{Git: &GitSource{Name: value, Path: base, Ref: fragment}}, nil
	}
	if IsPath(value) {
		return Source{Directory: value}, nil
	}
	return Source{Name: value}, nil
}

// IsPath reports whether the value of -tree= is a path: a name has no slash.
func IsPath(value string) bool {
	return strings.ContainsRune(value, filepath.Separator) || value == "." || value == ".."
}

// Absolute is the value of -tree= with its path, if it has one, as it is from everywhere.
func Absolute(value string) string {
	if !IsPath(value) || strings.Contains(value, "://") {
		return value
	}
	path, ref, hash := cutLast(value, "#")
	abs, err := filepath.Abs(path)
	switch {
	case err != nil:
		return value
	case hash:
		return abs + "#" + ref
	}
	return abs
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Check says, before any work, what is wrong with a source, as far as this machine's
// files and the source itself tell.
func (s Source) Check() error {
	switch {
	case s.Directory != "":
		_, err := Version(s.Directory)
		return err
	case s.Git != nil:
		return s.Git.check()
	case s.Tarball != nil && s.Tarball.Sum != "":
		_, err := fetch.Sum(s.Tarball.Sum)
		return err
	}
	return nil
}

// check is Source.Check of a commit.
func (s GitSource) check() error {
	if !refName.MatchString(s.Ref) {
		return usage.Errorf("%q is no name of a branch, a tag or a commit", s.Ref)
	}
	if s.Path != "" {
		_, err := openRepo(s.Path)
		return err
	}
	u, err := url.Parse(s.URL)
	if err != nil || !slices.Contains(gitSchemes, u.Scheme) || u.Host == "" {
		return usage.Errorf("%q is no URL that can be fetched from: give one of https, http or git; "+
			"for another, clone it and give the clone's path#ref", s.URL)
	}
	if u.User != nil {
		return usage.Errorf("the URL holds credentials, which would be written to reports: clone it and give the clone's path#ref")
	}
	return nil
}
