package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// versions is a set of kernel versions: all bounds must hold. Empty is any.
type versions []bound

type bound struct{ op, version string } // <, <=, >, >=, =; and "6.12"

var (
	boundForm   = regexp.MustCompile(`^(<=|>=|<|>|=)\s*(\d{1,5}(?:\.\d{1,5}){1,2})$`)
	versionForm = regexp.MustCompile(`^(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?`)
)

// parseVersions reads ">=6.12, <7.2".
func parseVersions(s string) (versions, error) {
	var vs versions
	for part := range strings.SplitSeq(s, ",") {
		m := boundForm.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, fmt.Errorf(`%q is no range of versions: write bounds such as ">=6.12, <7.2"`, s)
		}
		vs = append(vs, bound{m[1], m[2]})
	}
	return vs, nil
}

// parseVersion reads what `make kernelversion` prints; a suffix such as -rc1
// does not count.
func parseVersion(s string) ([3]int, bool) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return [3]int{}, false
	}
	var v [3]int
	for i, digits := range m[1:] {
		v[i], _ = strconv.Atoi(digits) // "" where there is no third part: 0
	}
	return v, true
}

// contain reports whether kernel, as `make kernelversion` prints it, is in the
// set. A version that cannot be read is only in the set of all. A bound counts
// as many parts as it has: 6.12.107 is =6.12, and not >6.12.
func (vs versions) contain(kernel string) bool {
	if len(vs) == 0 {
		return true
	}
	v, ok := parseVersion(kernel)
	if !ok {
		return false
	}
	for _, b := range vs {
		of, _ := parseVersion(b.version)
		parts := strings.Count(b.version, ".") + 1
		order := slices.Compare(v[:parts], of[:parts])
		holds := map[string]bool{"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "=": order == 0}
		if !holds[b.op] {
			return false
		}
	}
	return true
}
