package harness

import "regexp"

// private takes out of what is written for others where the user lives on this machine:
// the home directory becomes ~, and the store, where it lies elsewhere, $UMLAB_HOME. What
// was typed stays what it means. It may be nil.
type private []hidden

type hidden struct {
	path *regexp.Regexp
	as   []byte
}

// privacy is that of a user with an environment.
func privacy(getenv func(string) string) (p private) {
	for _, c := range []struct{ env, as string }{{"UMLAB_HOME", "${1}$$UMLAB_HOME${2}"}, {"HOME", "${1}~${2}"}} {
		if dir := getenv(c.env); len(dir) > 1 {
			p = append(p, hidden{regexp.MustCompile(`(^|[^\w/.~-])` + regexp.QuoteMeta(dir) + `(/|$|[^\w.-])`), []byte(c.as)})
		}
	}
	return p
}

func (p private) hide(text []byte) []byte {
	for _, h := range p {
		text = h.path.ReplaceAll(text, h.as)
	}
	return text
}
