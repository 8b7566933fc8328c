package patch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
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
// letters and replies are left out. name stands in errors, which are of type
// *Error.
func Read(name string, data []byte) ([]Patch, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, &Error{name, 0, "is empty: give a diff, a git format-patch mail or an mbox"}
	case len(data) > maxInput:
		return nil, &Error{name, 0, fmt.Sprintf("has %d MiB, which is more than a patch can have (%d)", len(data)>>20, maxInput>>20)}
	}
	mails := splitMails(data)
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
	for i, m := range mails {
		what := name
		if len(mails) > 1 {
			what = fmt.Sprintf("%s, mail %d", name, i+1)
		}
		p, err := m.patch(name, what)
		if errors.Is(err, errNoDiff) {
			if p.Number > 0 && !p.reply {
				return nil, &Error{name, m.line, fmt.Sprintf("%s (%s) holds no diff", p.tag(), p.Title())}
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		switch {
		case p.Of > 0 && p.Number == 0:
		case p.reply:
			replies = append(replies, *p)
		default:
			own = append(own, *p)
		}
	}
	if len(own) == 0 {
		own = replies
	}
	if len(own) == 0 {
		return nil, &Error{name, 0, "holds mail, but no diff: give the mails with the patches"}
	}
	return order(name, own)
}

// order sorts a series by what its subjects count.
func order(name string, all []mailed) ([]Patch, error) {
	var series []mailed
	for _, p := range all {
		// The same mail through two lists is one patch.
		if !slices.ContainsFunc(series, func(q mailed) bool { return q.Sum == p.Sum && q.Number == p.Number && q.Subject == p.Subject }) {
			series = append(series, p)
		}
	}
	counted := !slices.ContainsFunc(series, func(p mailed) bool { return p.Number == 0 })
	if counted {
		slices.SortStableFunc(series, func(a, b mailed) int { return cmp.Compare(a.Number, b.Number) })
		for i, p := range series[1:] {
			if q := series[i]; p.Number == q.Number || p.Of != q.Of || p.version != q.version {
				return nil, &Error{name, p.Line, fmt.Sprintf("holds parts of two series: %s (%s) and %s (%s); keep one of them",
					q.tag(), q.Title(), p.tag(), p.Title())}
			}
		}
	}
	var out []Patch
	for _, p := range series {
		out = append(out, p.Patch)
	}
	return out, nil
}
