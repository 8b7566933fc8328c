// Package patch reads patches: a diff, a mail, an mbox with a series, as people and
// git write them; and it says why one does not fit a tree. It imports nothing of
// umlab, and it never runs git and never changes a file.
package patch

import (
	"cmp"
	"fmt"
	"slices"

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
