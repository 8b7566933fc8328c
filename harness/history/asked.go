package history

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/result"
	"umlab/harness/shell"
	"umlab/harness/store"
)

// asked is what a result answers, but for its toolchain. Only what was asked the same is compared.
type asked struct {
	scenario string
	file     string // digest of the scenario's file
	// result.Question's digest. It is empty for the scenario's own question where an umlab recorded it that did not say what
	// was asked: that is the question of all who asked the scenario's own of the same file.
	question  string
	own       string // JSON, as all lists here: what is not the scenario's own choice
	fragments string
	origin    string // of the tree
	patches   string
	compiler  string
}

// askedOf is what r answers.
func askedOf(r *result.Results) asked {
	a := asked{scenario: r.Scenario.Name, file: r.Scenario.Digest, own: names(nil), fragments: names(r.Config.Fragments),
		origin: originOf(r.Tree), patches: names(r.Tree.Patches), compiler: r.Toolchain.Compiler}
	if r.Question != nil {
		a.question, a.own = r.Question.Digest, names(r.Question.Own)
		return a
	}
	own, content := ownFlags(r.Command)
	a.own = names(own)
	if len(own) > 0 {
		a.question = store.Key(append([]string{"flags", r.Scenario.Digest}, own...)...)
	}
	if content { // which is not recorded: it is comparable with nothing
		digest, err := contentDigest(r)
		a.question = store.Key("content", digest, fmt.Sprint(err))
	}
	return a
}

// scenarios reports whether a is a scenario's own question.
func (a asked) scenarios() bool { return a.own == names(nil) }

// sameQuestion reports whether a result that answers a may be compared with one that answers b.
func sameQuestion(a, b asked) bool {
	if a.question == "" || b.question == "" {
		a.question, b.question = "", "" // and the file tells
	} else {
		a.file, b.file = "", ""
	}
	return a == b
}

// questions tells of each of the records which others answer the same as it does. What was recorded without its question
// joins those who say it only where they agree on it.
func questions(list []*record) map[asked][]*record {
	said := map[asked]map[string]bool{}
	unsaid := func(a asked) asked {
		a.question = ""
		return a
	}
	for _, r := range list {
		if a := unsaid(r.asked); r.asked.scenarios() && r.asked.question != "" {
			if said[a] == nil {
				said[a] = map[string]bool{}
			}
			said[a][r.asked.question] = true
		}
	}
	groups := map[asked][]*record{}
	for _, r := range list {
		k := r.asked
		if k.question == "" && len(said[k]) == 1 {
			for k.question = range said[k] {
			}
		}
		if k.question != "" {
			k.file = ""
		}
		groups[k] = append(groups[k], r)
	}
	return groups
}

// originOf is where the tree comes from: of what an umlab recorded that did not say it, as far as its package or its name
// tell it. A name that means one tree here and another there tells nothing, so that the tree is named by its digest.
func originOf(t result.Tree) string {
	pkg, _, _ := strings.Cut(t.Package, " ")
	path, _, commit := strings.Cut(t.Name, "#")
	switch {
	case t.Origin != "":
		return t.Origin
	case pkg == "git" && strings.HasPrefix(path, "/"):
		return "git " + t.Name
	case pkg != "" && pkg != "git" && pkg != "sha256":
		return "package " + pkg
	case strings.HasPrefix(path, "/") && !commit:
		return "directory " + t.Name
	case pkg == "" && !strings.ContainsAny(t.Name, "/#") && t.Name != "." && t.Name != "..":
		return "tree " + t.Name
	}
	return fmt.Sprintf("%s as of %s", t.Name, store.Short(t.Digest))
}

// nameOf is how a history calls a tree: a path means another tree elsewhere, so that it is one from the root.
func nameOf(t result.Tree) string {
	kind, at, _ := strings.Cut(t.Origin, " ")
	if kind == "directory" || kind == "git" && strings.ContainsAny(t.Name, "/#") {
		return at
	}
	return t.Name
}

// ownFlags tells from the command of a result, which an umlab recorded that did not say what was asked, what was not the
// scenario's own choice. content is set where the command does not tell all of it.
func ownFlags(command string) (own []string, content bool) {
	words := shell.Split(command)
	at := slices.IndexFunc(words, func(w string) bool {
		return slices.Contains([]string{"matrix", "nightly", "bisect", "explain", "verify"}, w)
	})
	if at < 0 {
		return []string{"recorded without a command that tells what was asked"}, true
	}
	target, words := words[at], words[at+1:]
	placed := false
	for i, w := range words {
		flag, value, given := strings.Cut(strings.TrimLeft(w, "-"), "=")
		switch {
		case !strings.HasPrefix(w, "-"):
			flag, value, given = "", w, true
		case !given && i+1 < len(words):
			value = words[i+1]
		}
		_, narrowed, colon := strings.Cut(value, ":")
		switch {
		case slices.Contains([]string{"modules", "output", "fragment"}, flag):
			own, content = append(own, "-"+flag+"="+value), true
		case slices.Contains([]string{"placements", "placement", "mem", "aslr", "repeat"}, flag):
			own, placed = append(own, "-"+flag+"="+value), placed || flag == "placements" || flag == "mem"
		case colon && (target == "bisect" && flag == "cell" || target == "explain" && flag == ""):
			own = append(own, "at "+narrowed)
		}
	}
	if target == "verify" && !placed {
		own = append(own, "at low, high, far")
	}
	return own, content
}
