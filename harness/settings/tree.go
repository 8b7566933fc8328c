package settings

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/unpack"
)

var (
	treeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	digest   = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// mistakes are what is wrong with t but its suite.
func (t Tree) mistakes(name string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !treeName.MatchString(name) || unpack.IsTarball(name) {
		add(": %q cannot be told from a path in -tree=: a name has letters, digits, dots and dashes, and does not end as a tarball's", name)
	}
	sources := set{{"package", t.Package != ""}, {"url", t.URL != ""}, {"tarball", t.Tarball != ""}}
	switch kinds := sources.given(); {
	case len(kinds) == 0:
		add(" has no package, no url and no tarball: set one of them")
	case len(kinds) > 1:
		add(" has %s: a tree comes from one of them", strings.Join(kinds, " and "))
	}
	only := func(key, value, of, owner string) {
		switch {
		case owner == "" && value != "":
			add(": %s goes with %s", key, of)
		case owner != "" && value == "" && key != "suite": // an unknown suite is told in any case
			add(" has %s, but no %s", of, key)
		}
	}
	only("suite", t.Suite, "package", t.Package)
	only("ref", t.Ref, "url", t.URL)
	only("sha256", t.SHA256, "tarball", t.Tarball)
	if t.Compiler != "clang" && t.Compiler != "gcc" && (t.Package != "" || t.Compiler != "") {
		add(": compiler %q is neither clang nor gcc", t.Compiler)
	}
	return slices.Concat(wrong, unlike("sha256", t.SHA256, digest, "64 hexadecimal digits"),
		elsewhere("url", t.URL, "https", "http", "git"), elsewhere("tarball", t.Tarball, "https", "http"))
}

// set is which of several keys a table has.
type set []struct {
	key string
	has bool
}

func (s set) given() (keys []string) {
	for _, k := range s {
		if k.has {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// unlike is the mistake of a value that is there and not of the form, or none.
func unlike(key, value string, form *regexp.Regexp, is string) []string {
	if value == "" || form.MatchString(value) {
		return nil
	}
	return []string{fmt.Sprintf(": %s %q is not %s", key, value, is)}
}

// elsewhere is the mistake of a value that is there and names no place of the
// machine or the network, or none.
func elsewhere(key, value string, schemes ...string) []string {
	u, err := url.Parse(value)
	if value == "" || path.IsAbs(value) || err == nil && u.Host != "" && u.User == nil && slices.Contains(schemes, u.Scheme) {
		return nil
	}
	return []string{fmt.Sprintf(": %s %q is neither an absolute path nor a URL of %s", key, value, strings.Join(schemes, ", "))}
}
