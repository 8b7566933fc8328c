package kcidb

import (
	"cmp"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// excerptLimit is how much of a log KCIDB takes, in characters.
const excerptLimit = 16384

// portable takes out of texts what only this machine knows.
type portable struct {
	of    *result.Results
	tree  string // what is left of the tree's name
	infra string // why the run proves nothing; "" where it proves something
}

func newPortable(r *result.Results) *portable {
	p := &portable{of: r, tree: treeName(r.Tree.Name)}
	p.infra = p.text(r.Infra)
	if broken := slices.IndexFunc(r.Controls, func(c result.Control) bool { return !c.Holds }); r.Infra == "" && broken >= 0 {
		p.infra = p.text(r.Controls[broken].String())
	}
	return p
}

// An absolute path is one that begins where no name or URL goes on; -I and -L
// have theirs attached.
var absolute = regexp.MustCompile(`(^|[^\w/.:~@%+…-]|-[IL]|\w:[ \t]|\w:)(` + step + `)((?:` + step + `)+)`)

// step is one part of a path.
const step = `/[^\s/'"` + "`" + `,;:()<>|…]+`

// A path that begins with one of these is the guest's or the sandbox's, alike on
// every machine.
var everywhere = regexp.MustCompile(`^/(umlab|usr|dev|proc|sys)$`)

// text is s as one printable line that names no file of this machine but by the
// last part of its path.
func (p *portable) text(s string) string {
	if name := p.of.Tree.Name; strings.Contains(name, "/") {
		s = strings.ReplaceAll(s, name, p.tree)
	}
	s = absolute.ReplaceAllStringFunc(s, func(found string) string {
		m := absolute.FindStringSubmatch(found)
		if everywhere.MatchString(m[2]) {
			return found
		}
		return m[1] + "…/" + path.Base(m[3])
	})
	return doc.Clean(s)
}

func (p *portable) texts(list []string) []string {
	out := []string{}
	for _, s := range list {
		out = append(out, p.text(s))
	}
	return out
}

func (p *portable) table(from map[string]string) map[string]string {
	to := map[string]string{}
	for k, v := range from {
		to[p.text(k)] = p.text(v)
	}
	return to
}

func (p *portable) outcome(o outcome.Outcome) outcome.Outcome { return result.Rewritten(o, p.text) }

// excerpt is the evidence, else what stands in for it.
func excerpt(o outcome.Outcome) string {
	r := []rune(cmp.Or(o.Evidence, o.Detail))
	return string(r[:min(len(r), excerptLimit)])
}

// treeName is a tree's name without where on this machine it lies: the last part
// of a path, with the ref that follows it.
func treeName(name string) string {
	where, ref, isRef := strings.Cut(name, "#")
	if strings.Contains(where, "/") {
		where = strings.TrimSuffix(base(strings.TrimRight(where, "/")), ".git")
	}
	if isRef {
		where += "#" + ref
	}
	return doc.Clean(where)
}

// repository is the https URL that a tree's name gives, without a user's name
// and password, or nothing.
func repository(name string) string {
	u, err := url.Parse(strings.TrimPrefix(name, "git+"))
	if err != nil || u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(name, "git+") {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

var notOfPath = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

// node is s as one step of a test's path.
func node(s string) string {
	if s = strings.Trim(notOfPath.ReplaceAllString(s, "_"), "_"); s == "" {
		return "unnamed"
	}
	return s
}

// base is the last part of a path, or nothing of none.
func base(s string) string {
	if s == "" {
		return ""
	}
	return path.Base(s)
}
