package patch

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's own digest, an identity and no protection
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// ApplyError says where a patch does not fit the tree. Nothing was built, and
// nothing is left.
type ApplyError struct {
	Tree, Version string // that it was to be applied to
	Patch         string // what it was read from
	Subject       string // of the patch, "" for a plain diff
	Index, Of     int    // which of how many patches, from 1

	File   string // in the tree
	Hunk   int    // of this file, from 1; 0 where the file itself is the matter
	Hunks  int    // that the patch has for this file
	Header string // "@@ -62,3 +62,4 @@"
	Line   int    // of Patch, that the hunk begins at, from 1; 0 where it cannot be named

	Why         string   // one clause
	Wanted      []string // the lines that the hunk wants to find
	WantedLine  int      // where, from 1
	Nearest     []string // the lines of File that are most like them; empty where none are
	NearestLine int      // where they begin, from 1
	NearestFile string   // where File is missing: the file that is most like it by name, or ""
	Said        string   // by git
}

// The most that is looked at and shown.
const (
	maxWanted = 200     // lines of a hunk
	maxSearch = 4 << 20 // bytes of a file
	shown     = 12      // lines of each text
)

func (e *ApplyError) Error() string {
	var b strings.Builder
	name := e.Patch
	if e.Line > 0 {
		name = fmt.Sprintf("%s:%d", e.Patch, e.Line)
	}
	fmt.Fprintf(&b, "%s does not apply to %s", name, e.Tree)
	if e.Version != "" {
		fmt.Fprintf(&b, " (%s)", e.Version)
	}
	if e.Of > 1 {
		fmt.Fprintf(&b, ", patch %d of %d", e.Index, e.Of)
		if e.Subject != "" {
			fmt.Fprintf(&b, " (%s)", e.Subject)
		}
	}
	if e.File != "" {
		fmt.Fprintf(&b, "\n  %s", e.File)
		if e.Hunk > 0 {
			fmt.Fprintf(&b, ", hunk %d of %d, %s", e.Hunk, e.Hunks, e.Header)
		}
		fmt.Fprintf(&b, ": %s", e.Why)
	}
	if e.NearestFile != "" {
		fmt.Fprintf(&b, "; the tree has %s", e.NearestFile)
	}
	if len(e.Wanted) > 0 {
		from, to := window(e.Wanted, e.Nearest)
		wantedSame, nearestSame := common(e.Wanted, e.Nearest)
		fmt.Fprintf(&b, "\n  it wants, at line %d:", e.WantedLine+from)
		excerpt(&b, e.Wanted, wantedSame, from, to)
		if len(e.Nearest) > 0 {
			from, to = min(from, len(e.Nearest)-1), min(to, len(e.Nearest))
			fmt.Fprintf(&b, "\n  the nearest that the tree has, at line %d:", e.NearestLine+from)
			excerpt(&b, e.Nearest, nearestSame, from, to)
		} else {
			b.WriteString("\n  the file has nothing like it")
		}
	}
	if e.Hunk == 0 && e.Said != "" {
		fmt.Fprintf(&b, "\n  git apply: %s", e.Said)
	}
	b.WriteString("\nNothing was built. Rebase the patch on this tree, or give the tree that it was made for (-tree=).")
	return b.String()
}

// window is the part of the wanted lines to show: around the first that is
// missing.
func window(wanted, nearest []string) (from, to int) {
	same, _ := common(wanted, nearest)
	first := max(slices.Index(same, false), 0)
	from = max(min(first-shown/2, len(wanted)-shown), 0)
	return from, min(from+shown, len(wanted))
}

// excerpt writes lines[from:to], the differing ones marked.
func excerpt(b *strings.Builder, lines []string, same []bool, from, to int) {
	for i := from; i < to; i++ {
		mark := " "
		if !same[i] {
			mark = ">"
		}
		fmt.Fprintf(b, "\n  %s | %s", mark, printable(strings.TrimRight(lines[i], "\r\n")))
	}
}

// common marks the lines of a longest common subsequence in both texts.
func common(a, b []string) (inA, inB []bool) {
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	l := make([][]int, len(a)+1)
	for i := range l {
		l[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				l[i][j] = l[i+1][j+1] + 1
			} else {
				l[i][j] = max(l[i+1][j], l[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			inA[i], inB[j] = true, true
			i, j = i+1, j+1
		case l[i+1][j] >= l[i][j+1]:
			i++
		default:
			j++
		}
	}
	return inA, inB
}

// Misfit finds out why git refused p on the tree at dir, which consists of files.
// Why is empty where all that is text would fit.
func Misfit(dir string, p Patch, files map[string]string) *ApplyError {
	e := &ApplyError{Patch: p.Name, Subject: p.Subject, Line: p.Line}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return e
	}
	defer root.Close()
	at := func(line int) int {
		if p.Line == 0 {
			return 0
		}
		return p.Line + line - 1
	}
	state := map[string][]string{} // what earlier parts of the same patch make of a file
	for _, f := range p.Files {
		e.File, e.Hunk, e.Hunks, e.Line = f.Path(), 0, len(f.hunks), at(f.Line)
		if f.Old == "" {
			if _, there := files[f.New]; there {
				e.Why = "the patch creates it, but the tree has it already"
				return e
			}
			continue
		}
		lines, made := state[f.Old]
		known := false
		if !made {
			if _, there := files[f.Old]; !there {
				e.File, e.Why, e.NearestFile = f.Old, "the tree has no such file", nearestFile(f.Old, files)
				return e
			}
			text, err := read(root, f.Old)
			if err != nil || f.Binary {
				continue
			}
			lines, known = slices.Collect(strings.Lines(text)), isBlob(text, f.blob)
		}
		lines, bad := fit(lines, f.hunks, known)
		if bad < 0 {
			if f.New != "" {
				state[f.New] = lines
			}
			continue
		}
		h := f.hunks[bad]
		old, new := sides(h)
		e.Hunk, e.Header, e.Line = bad+1, header(h), at(f.hunkLines[bad])
		e.Wanted, e.WantedLine = old[:min(len(old), maxWanted)], int(h.OldPosition)
		e.Nearest, e.NearestLine = nearest(lines, e.Wanted, int(h.OldPosition))
		e.Why = "the tree does not have the lines that the hunk changes"
		switch {
		case bare(h) && stands(lines, new, int(h.NewPosition)-1), !bare(h) && len(new) > 0 && placeOf(lines, new, int(h.NewPosition)) >= 0:
			e.Why = "the tree has this change already"
		case bare(h) && len(old) == 0:
			e.Why = "the hunk has no context (diff -U0) and only adds lines, and the file is not the one that it was made for: " +
				"nothing shows where they belong; make the patch with git diff -U3"
		case bare(h):
			e.Why = fmt.Sprintf("the hunk has no context (diff -U0), and its lines do not stand at line %d, where alone they may be taken: "+
				"make the patch with git diff -U3", h.OldPosition)
		case slices.Equal(loose(e.Wanted), loose(e.Nearest)):
			e.Why = "the lines differ in their white space: was the patch pasted, or changed by a mail program?"
		}
		return e
	}
	// Every text fits: it is something that only git knows.
	e.File, e.Hunk, e.Line = "", 0, p.Line
	return e
}

// isBlob reports whether text is what git calls by a name that begins with name.
func isBlob(text, name string) bool {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)) //nolint:gosec // git's own digest
	return len(name) >= 7 && strings.HasPrefix(hex.EncodeToString(sum[:]), name)
}

func read(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(f, maxSearch))
	return b.String(), err
}
