package patch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/mail"
)

// The most that is read as one input: what is larger is no patch that anybody
// mails, and would only use up the machine.
const (
	maxInput   = 64 << 20 // bytes
	maxPatches = 1000
)

// errNoDiff says that a text holds no diff at all.
var errNoDiff = errors.New("no diff")

// Read reads a diff, a mail as git format-patch writes it, or an mbox with
// a whole series, which it returns in the order in which it applies. Cover
// letters, replies and older versions of a series are left out, which the first
// patch notes. name stands in errors, which are of type *Error.
func Read(name string, data []byte) ([]Patch, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, &Error{name, 0, "is empty: give a diff, a git format-patch mail or an mbox"}
	case len(data) > maxInput:
		return nil, &Error{name, 0, fmt.Sprintf("has %d MiB, which is more than a patch can have (%d)", len(data)>>20, maxInput>>20)}
	}
	mails := mail.Split(data)
	if mails == nil {
		p, err := readPlain(name, string(data))
		if errors.Is(err, errNoDiff) {
			return nil, &Error{name, 0, "holds no diff: give a diff, a git format-patch mail or an mbox"}
		}
		if err != nil {
			return nil, err
		}
		return []Patch{*p}, nil
	}
	if len(mails) > maxPatches {
		return nil, &Error{name, 0, fmt.Sprintf("holds %d mails, which is more than a series can have (%d)", len(mails), maxPatches)}
	}
	var own, replies []mailed
	var notes []string
	quotes := 0
	for i, m := range mails {
		what := name
		if len(mails) > 1 {
			what = fmt.Sprintf("%s, mail %d", name, i+1)
		}
		p, err := fromMail(m, name, what)
		if errors.Is(err, errNoDiff) {
			if p.Number > 0 && !p.reply {
				return nil, &Error{name, m.Line, fmt.Sprintf("%s (%s) holds no diff", p.tag(), p.Title())}
			}
			if p.quotes {
				quotes++
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		switch {
		case p.reply:
			replies = append(replies, *p)
		default:
			own = append(own, *p)
		}
	}
	quoted := fmt.Sprintf("%d mails quote a diff: what an answer quotes is not applied", quotes)
	if quotes == 1 {
		quoted = "one mail quotes a diff: what an answer quotes is not applied"
	}
	switch {
	case len(own) == 0 && len(replies) == 0 && quotes > 0:
		return nil, &Error{name, 0, "holds mail, but no diff: " + quoted + "; give the mails with the patches"}
	case len(own) == 0 && len(replies) == 0:
		return nil, &Error{name, 0, "holds mail, but no diff: give the mails with the patches"}
	case len(own) == 0:
		own = replies
		notes = append(notes, "the patch stands in an answer (Re:)")
	default:
		for _, r := range replies {
			notes = append(notes, fmt.Sprintf("left aside: the diff in the answer %q (%s)", r.Title(), r.Name))
		}
	}
	if quotes > 0 {
		notes = append(notes, quoted)
	}
	return order(name, own, notes)
}

// order sorts a series by what its subjects count. Of several versions it takes
// the newest.
func order(name string, all []mailed, notes []string) ([]Patch, error) {
	var distinct, series []mailed
	for _, p := range all {
		// The same mail through two lists is one patch.
		if !slices.ContainsFunc(distinct, func(q mailed) bool { return q.Sum == p.Sum && q.Number == p.Number && q.Subject == p.Subject }) {
			distinct = append(distinct, p)
		}
	}
	var older []string
	for _, p := range distinct {
		if slices.ContainsFunc(distinct, p.supersededBy) {
			older = append(older, p.tag())
		} else {
			series = append(series, p)
		}
	}
	if len(older) > 0 {
		newest := slices.MaxFunc(series, func(a, b mailed) int { return slices.Compare(a.version[:], b.version[:]) })
		which := newest.versionText()
		if newest.resend {
			which += " (RESEND)"
		}
		const most = 4
		if n := len(older); n > most {
			older = append(older[:most], fmt.Sprintf("%d more", n-most))
		}
		notes = append(notes, fmt.Sprintf("%s is the newest version and is taken; left aside: %s", which, strings.Join(older, ", ")))
	}
	counted := !slices.ContainsFunc(series, func(p mailed) bool { return p.Number == 0 })
	if counted {
		slices.SortStableFunc(series, func(a, b mailed) int { return cmp.Compare(a.Number, b.Number) })
		for i, p := range series[1:] {
			if q := series[i]; p.Number == q.Number || p.Of != q.Of {
				return nil, &Error{name, p.Line, fmt.Sprintf("holds parts of two series: %s (%s) and %s (%s); keep one of them",
					q.tag(), q.Title(), p.tag(), p.Title())}
			}
		}
	}
	var out []Patch
	for _, p := range series {
		out = append(out, p.Patch)
	}
	out[0].Notes = append(notes, out[0].Notes...)
	return out, nil
}

// supersededBy reports whether q is a newer version of p: of the same patch, or of
// the series that p is part of.
func (p mailed) supersededBy(q mailed) bool {
	same := strings.EqualFold(p.Subject, q.Subject)
	if c := slices.Compare(p.version[:], q.version[:]); c != 0 {
		return c < 0 && (same || p.Number > 0 && q.Number > 0)
	}
	return same && !p.resend && q.resend && p.Number == q.Number && p.Of == q.Of
}
