package tree

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Patch is one diff, with what its mail or its commit says of it.
type Patch struct {
	Name    string // what it was read from: "fix.patch", "series.mbox, mail 2"
	Subject string // first line of the commit message, without [PATCH 1/2]; empty where there is none
	From    string // the author, "Name <address>"; empty where there is none
	Message string // the commit message below its first line
	Commit  string // that git format-patch or git show wrote it from, full; empty where it says none
	Number  int    // 1 of [PATCH 1/2], else 0
	Of      int    // 2 of [PATCH 1/2], else 0
	Files   []File // what the diff changes, in its order
	Data    []byte // the diff alone, as git apply -p1 takes it
	Line    int    // line of Name that Data begins at, or 0 where Data was decoded (base64, quoted-printable, MIME)
	Sum     string // sha256 of Data, hex
	PatchID string // as git patch-id --stable prints it; empty where the diff has no "diff" lines
}

// Title is what a person knows the patch by.
func (p Patch) Title() string { return cmp.Or(p.Subject, p.Name) }

// File is what a patch does to one file. Paths are relative to the tree's top.
type File struct {
	Old     string // empty: the file is created
	New     string // empty: the file is deleted
	Mode    uint32 // git's mode of the new file (0100755, 0120000), or 0 where it stays
	Copied  bool   // Old stays
	Binary  bool
	Added   int // lines
	Removed int // lines
	Line    int // line of the patch's Data that its header begins at, from 1

	hunks     []*gitdiff.TextFragment
	hunkLines []int // of Data, from 1
}

// Path is the path that the file has, or had.
func (f File) Path() string { return cmp.Or(f.New, f.Old) }

// Touched are the paths that the patches may change, sorted.
func Touched(patches []Patch) []string {
	var all []string
	for _, p := range patches {
		for _, f := range p.Files {
			for _, n := range []string{f.Old, f.New} {
				if n != "" {
					all = append(all, n)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Missing says which patches of the series that the subjects count are not
// there ("2/3"), for a report of what was not tested.
func Missing(patches []Patch) (missing []string) {
	have := map[int]bool{}
	of := 0
	for _, p := range patches {
		have[p.Number] = true
		of = max(of, p.Of)
	}
	for n := 1; n <= min(of, maxPatches); n++ {
		if !have[n] {
			missing = append(missing, fmt.Sprintf("%d/%d", n, of))
		}
	}
	return missing
}

// PatchError says why a patch cannot be taken as it is. Nothing was done.
type PatchError struct {
	Name string // what was read
	Line int    // of Name, from 1; 0 where no line can be named
	Why  string
}

func (e *PatchError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Why)
	}
	return e.Name + ": " + e.Why
}

// The most that is read as one input: what is larger is no patch that anybody
// mails, and would only use up the machine.
const (
	maxInput   = 64 << 20 // bytes
	maxPatches = 1000
)

// errNoDiff says that a text holds no diff at all.
var errNoDiff = errors.New("no diff")

// ReadPatches reads a diff, a mail as git format-patch writes it, or an mbox with
// a whole series, which it returns in the order in which it applies. Cover
// letters and replies are left out. name stands in errors, which are of type
// *PatchError.
func ReadPatches(name string, data []byte) ([]Patch, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, &PatchError{name, 0, "is empty: give a diff, a git format-patch mail or an mbox"}
	case len(data) > maxInput:
		return nil, &PatchError{name, 0, fmt.Sprintf("has %d MiB, which is more than a patch can have (%d)", len(data)>>20, maxInput>>20)}
	}
	mails := splitMails(data)
	if mails == nil {
		p, err := readPlain(name, string(data))
		if errors.Is(err, errNoDiff) {
			return nil, &PatchError{name, 0, "holds no diff: give a diff, a git format-patch mail or an mbox"}
		}
		if err != nil {
			return nil, err
		}
		return []Patch{*p}, nil
	}
	if len(mails) > maxPatches {
		return nil, &PatchError{name, 0, fmt.Sprintf("holds %d mails, which is more than a series can have (%d)", len(mails), maxPatches)}
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
				return nil, &PatchError{name, m.line, fmt.Sprintf("%s (%s) holds no diff", p.tag(), p.Title())}
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
		return nil, &PatchError{name, 0, "holds mail, but no diff: give the mails with the patches"}
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
				return nil, &PatchError{name, max(p.Line, 0), fmt.Sprintf("holds parts of two series: %s (%s) and %s (%s); keep one of them", q.tag(), q.Title(), p.tag(), p.Title())}
			}
		}
	}
	var out []Patch
	for _, p := range series {
		out = append(out, p.Patch)
	}
	return out, nil
}

// oneLine makes a text of the patch safe to print: nothing that a terminal
// would obey.
func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
