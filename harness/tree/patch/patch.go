// Package patch reads patches: a diff, a mail, an mbox with a series, as people and
// git write them; and it says why one does not fit a tree. Of umlab it
// imports mail alone, and it never runs git and never changes a file.
package patch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
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
	Mail    []byte // all of the mail, decoded, or of what the diff was given with: what checkpatch.pl is run on by hand
	Line    int    // line of Name that Data begins at, or 0 where Data was decoded (base64, quoted-printable, MIME)
	Sum     string // sha256 of Data, hex
	PatchID string // as git patch-id --stable prints it; empty where the diff has no "diff" lines

	Notes []string // what a reader must know of how it was read: what was left aside, what its hunks lack; a sentence each
}

// Title is what a person knows the patch by.
func (p Patch) Title() string { return cmp.Or(p.Subject, p.Name) }

// File is what a patch does to one file. Paths are relative to the tree's top.
type File struct {
	Old     string // empty: the file is created
	New     string // empty: the file is deleted
	Mode    uint32 // git's mode of the new file (0100755, 0120000), or 0 where it stays
	Binary  bool
	Added   int // lines
	Removed int // lines
	Line    int // line of the patch's Data that its header begins at, from 1

	hunks     []*gitdiff.TextFragment
	hunkLines []int  // of Data, from 1
	blob      string // git's name of the old content, or the beginning of it; empty where the diff has none
}

// Path is the path that the file has, or had.
func (f File) Path() string { return cmp.Or(f.New, f.Old) }

// Bare reports whether a hunk that changes a file has no line of context, as git
// diff -U0 writes them: git apply takes those with --unidiff-zero alone, and
// [Misfit] must have been asked before, because git then puts added lines
// wherever their number says.
func (p Patch) Bare() bool {
	return slices.ContainsFunc(p.Files, func(f File) bool {
		return f.Old != "" && f.New != "" && slices.ContainsFunc(f.hunks, bare)
	})
}

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
// there ("patches 1-41, 43-211 of 211"), for a report of what was not tested;
// empty where none is missing.
func Missing(patches []Patch) string {
	have := map[int]bool{}
	of := 0
	for _, p := range patches {
		have[p.Number] = true
		of = max(of, p.Of)
	}
	var runs []string
	missing := 0
	for n := 1; n <= of; n++ {
		first := n
		for ; n <= of && !have[n]; n++ {
			missing++
		}
		switch last := n - 1; {
		case first == last:
			runs = append(runs, strconv.Itoa(first))
		case first < last:
			runs = append(runs, fmt.Sprintf("%d-%d", first, last))
		}
	}
	const most = 8
	switch {
	case missing == 0:
		return ""
	case missing == 1:
		return fmt.Sprintf("patch %s of %d", runs[0], of)
	case len(runs) > most:
		return fmt.Sprintf("%d of %d patches", missing, of)
	}
	return fmt.Sprintf("patches %s of %d", strings.Join(runs, ", "), of)
}

// Error says why a patch cannot be taken as it is. Nothing was done.
type Error struct {
	Name string // what was read
	Line int    // of Name, from 1; 0 where no line can be named
	Why  string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Why)
	}
	return e.Name + ": " + e.Why
}
