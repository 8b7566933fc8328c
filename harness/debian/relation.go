package debian

import (
	"fmt"
	"strings"
)

// A relation is one name of a Depends, Conflicts, Breaks or Provides field.
type relation struct {
	name    string
	arch    string // after a colon: "any", "native", an architecture, or ""
	op      string // one of << <= = >= >>, or "" where any version will do
	version string
}

func (r relation) String() string {
	s := r.name
	if r.arch != "" {
		s += ":" + r.arch
	}
	if r.op != "" {
		s += " (" + r.op + " " + r.version + ")"
	}
	return s
}

// admits reports whether version v satisfies the relation.
func (r relation) admits(v string) bool {
	if r.op == "" {
		return true
	}
	n := CompareVersions(v, r.version)
	switch r.op {
	case "<<":
		return n < 0
	case "<=":
		return n <= 0
	case "=":
		return n == 0
	case ">=":
		return n >= 0
	}
	return n > 0
}

// A group is alternatives of which one suffices.
type group []relation

func (g group) String() string {
	s := make([]string, len(g))
	for i, r := range g {
		s[i] = r.String()
	}
	return strings.Join(s, " | ")
}

// parseRelations reads a relationship field of a binary package (Debian Policy
// 7.1). Restrictions to architectures or profiles belong to source packages and
// are refused.
func parseRelations(field string) ([]group, error) {
	var groups []group
	for part := range strings.SplitSeq(field, ",") {
		if strings.TrimSpace(part) == "" {
			continue // a trailing comma is allowed
		}
		var g group
		for alt := range strings.SplitSeq(part, "|") {
			r, err := parseRelation(strings.TrimSpace(alt))
			if err != nil {
				return nil, fmt.Errorf("relation %.80q: %w", strings.TrimSpace(part), err)
			}
			g = append(g, r)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func parseRelation(s string) (relation, error) {
	var r relation
	name, rest, versioned := strings.Cut(s, "(")
	r.name, r.arch, _ = strings.Cut(strings.TrimSpace(name), ":")
	if !isName(r.name) {
		return r, fmt.Errorf("%q is no package name", r.name)
	}
	if strings.ContainsAny(r.arch, " \t[]<>:") {
		return r, fmt.Errorf("%q is no architecture", r.arch)
	}
	if !versioned {
		return r, nil
	}
	rest, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok {
		return r, fmt.Errorf("no closing parenthesis")
	}
	rest = strings.TrimSpace(rest)
	for _, op := range []string{"<<", "<=", ">=", ">>", "=", "<", ">"} {
		if v, ok := strings.CutPrefix(rest, op); ok {
			r.op, r.version = op, strings.TrimSpace(v)
			break
		}
	}
	switch r.op {
	case "<", ">": // obsolete spellings of <= and >=
		r.op += "="
	case "":
		return r, fmt.Errorf("no version comparison in (%s)", rest)
	}
	if r.version == "" || strings.ContainsAny(r.version, " \t()<>=|,") {
		return r, fmt.Errorf("%q is no version", r.version)
	}
	return r, nil
}

// isName reports whether s can be a package name (Debian Policy 5.6.1; upper
// case and underscores, which policy forbids, are let through).
func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return s != ""
}
