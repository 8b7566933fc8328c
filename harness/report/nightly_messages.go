package report

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// Every sentence of the reports of a night stands in this file.

const (
	msgChanged   = "changed"
	msgNightVoid = "infrastructure: this night proves nothing"
	msgTonight   = "What was run"
)

// msgNews is the first line of every report of a night: what a subject line has
// room for.
func msgNews(n *result.Nightly) string {
	switch {
	case n.Infra != "":
		if cause := msgCause(n.Infra); cause != "" {
			return msgNightVoid + ": " + cause
		}
		return msgNightVoid
	case len(n.Changes) > 0:
		news := changeGroups(n)[0]
		s := msgChanged + ": " + news.news()
		if more := len(n.Changes) - len(news.Cells); more > 0 {
			s += "; and " + plural(more, "more change", "more changes")
		}
		return s
	case n.Exit == 3:
		return "infrastructure: nothing changed where something was proved: " + msgToolchains(n)
	case !slices.ContainsFunc(n.Members, func(m result.NightlyMember) bool { return !m.New }):
		return "first night, nothing to hold it against: " + msgToolchains(n)
	}
	return "unchanged: " + msgToolchains(n)
}

// msgCause is the end of what wrapped errors say, "no route to host", where that
// is short; the reason itself stands below.
func msgCause(infra string) string {
	first, _, _ := strings.Cut(oneLine(infra), "; ")
	cause := first[strings.LastIndex(first, ": ")+1:]
	const roomForCause = 60
	if cause = strings.TrimSpace(cause); len([]rune(cause)) > roomForCause {
		return ""
	}
	return cause
}

// msgToolchains is "7 toolchains, 1 of them new, newest rustc 1.98.1".
func msgToolchains(n *result.Nightly) string {
	s := plural(len(n.Members), "toolchain", "toolchains")
	added := 0
	for _, m := range n.Members {
		if m.New {
			added++
		}
	}
	switch {
	case added > 0 && added == len(n.Members):
		s += ", all new"
	case added > 0:
		s += fmt.Sprintf(", %d of them new", added)
	}
	if len(n.Members) > 0 {
		s += ", newest " + strings.TrimSpace(n.Varies+" "+n.Members[len(n.Members)-1].Version)
	}
	return s
}

func msgNightTitle(n *result.Nightly) string {
	return strings.TrimSpace("Nightly " + n.Date + ": " + n.Series)
}

// nightFacts are when the night was, and of what.
func nightFacts(n *result.Nightly) []string {
	facts := []string{"Nightly " + n.Date, msgSeries(n.Series)}
	if n.Tree != "" {
		facts = append(facts, "tree "+n.Tree)
	}
	return append(facts, title(n.Scenario))
}

// msgMember is "debian-rustc:1.98.1, new: rustc 1.98.1+dfsg1-1 (experimental)".
func msgMember(m result.NightlyMember) string {
	s := m.Name
	if m.New {
		s += ", new"
	}
	return strings.Join(present(s, m.Detail), ": ")
}

// A changeGroup is what changed alike, between the same two toolchains.
type changeGroup struct {
	Cells    []string
	From, To result.NightlyPoint
}

// changeGroups joins the cells that changed alike, in the order of the changes.
func changeGroups(n *result.Nightly) []changeGroup {
	var groups []changeGroup
	for _, c := range n.Changes {
		at := slices.IndexFunc(groups, func(g changeGroup) bool { return alike(g.From, c.From) && alike(g.To, c.To) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, changeGroup{From: c.From, To: c.To})
		}
		groups[at].Cells = append(groups[at].Cells, c.Cell)
	}
	return groups
}

func alike(a, b result.NightlyPoint) bool {
	return a.Toolchain == b.Toolchain && a.Verdict == b.Verdict && a.Seen == b.Seen
}

// news is "stock: rejected → loads between 1.96.1 and 1.97.1".
func (g changeGroup) news() string {
	return strings.Join(g.Cells, ", ") + ": " + g.words(g.From) + " → " + g.words(g.To) + " " + g.where()
}

// words are what tells a side from the other: the verdict, or what was seen
// where the verdict stayed.
func (g changeGroup) words(p result.NightlyPoint) string {
	if g.From.Verdict == g.To.Verdict && p.Seen != "" {
		return p.Seen
	}
	return string(p.Verdict)
}

func (g changeGroup) where() string {
	from, to := memberVersion(g.From.Toolchain), memberVersion(g.To.Toolchain)
	if g.From.Toolchain == g.To.Toolchain {
		s := "with " + to
		if !g.From.When.IsZero() {
			s += " since " + g.From.When.UTC().Format("2006-01-02")
		}
		return s
	}
	return "between " + from + " and " + to
}

// memberVersion is the version in the name of a member: "1.96.1" of
// "debian-rustc:1.96.1".
func memberVersion(name string) string {
	if _, v, ok := strings.Cut(name, ":"); ok {
		return v
	}
	return name
}

// changeSide is one side of a change, for every form of the report.
type changeSide struct {
	Word, Text string
	Evidence   []string
}

func (g changeGroup) sides() []changeSide {
	return []changeSide{{"before", g.side(g.From), g.From.Evidence}, {"now", g.side(g.To), g.To.Evidence}}
}

// side is "debian-rustc:1.96.1: rejected, relocation-unknown 9 GOTPCREL".
func (g changeGroup) side(p result.NightlyPoint) string {
	s := p.Toolchain + ": " + string(p.Verdict)
	all := map[result.Verdict]outcome.Kind{result.Loads: outcome.Loaded, result.Passes: outcome.Passed}[p.Verdict]
	if p.Seen != "" && p.Seen != string(all) {
		s += ", " + p.Seen
	}
	return s
}

// msgNightBisected is one bisection in one line.
func msgNightBisected(b result.Bisection) string {
	s := b.Target + ": " + string(b.Conclusion)
	if b.LastGood != nil && b.FirstBad != nil {
		s += fmt.Sprintf(": %s is the last as before, %s the first that is not", b.LastGood.Name, b.FirstBad.Name)
	}
	if b.Reason != "" {
		s += ": " + oneLine(b.Reason)
	}
	return s + " (" + plural(b.Probed, "toolchain", "toolchains") + " asked)"
}

// msgNightTotals are the parts of the last line.
func msgNightTotals(n *result.Nightly) []string {
	parts := []string{plural(len(n.Members), "toolchain", "toolchains")}
	if n.Sweep != nil {
		parts = msgSweepSums(n.Sweep)
	}
	parts = append(parts, plural(len(n.Changes), "change", "changes"))
	if len(n.Bisections) > 0 {
		parts = append(parts, plural(len(n.Bisections), "bisection", "bisections"))
	}
	return append(parts, took(n.Seconds))
}

// nightReason says why there is no table, or why it proves nothing.
func nightReason(n *result.Nightly) string {
	switch {
	case n.Infra != "":
		return oneLine(n.Infra)
	case n.Sweep == nil:
		return "nothing was run: no toolchain of the series is new"
	}
	return ""
}

// nightCaseOf names the case of a night as a whole.
func nightCaseOf(n *result.Nightly) string {
	if n.Exit == 3 {
		return "infrastructure"
	}
	return "news"
}
