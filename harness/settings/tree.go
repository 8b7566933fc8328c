package settings

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
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
	var kinds []string
	for _, k := range []struct{ key, value string }{{"package", t.Package}, {"url", t.URL}, {"tarball", t.Tarball}} {
		if k.value != "" {
			kinds = append(kinds, k.key)
		}
	}
	switch {
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
	if t.SHA256 != "" && !digest.MatchString(t.SHA256) {
		add(": sha256 %q is not 64 hexadecimal digits", t.SHA256)
	}
	for _, u := range []struct {
		key, value string
		schemes    []string
	}{{"url", t.URL, []string{"https", "http", "git"}}, {"tarball", t.Tarball, []string{"https", "http"}}} {
		if u.value != "" && !path.IsAbs(u.value) && !fetchable(u.value, u.schemes) {
			add(": %s %q is neither an absolute path nor a URL of %s", u.key, u.value, strings.Join(u.schemes, ", "))
		}
	}
	if t.Compiler != "clang" && t.Compiler != "gcc" && (t.Package != "" || t.Compiler != "") {
		add(": compiler %q is neither clang nor gcc", t.Compiler)
	}
	return wrong
}

func fetchable(value string, schemes []string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	for _, s := range schemes {
		if u.Scheme == s {
			return true
		}
	}
	return false
}
