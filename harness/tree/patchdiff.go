package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// diff is a text's diff with what stood before it.
type diff struct {
	before string // the text above the diff
	data   string
	line   int // of the text, from 1, where data begins
	files  []File
}

// span is where a file's part of a diff lies, by index of its lines.
type span struct {
	start, end int
	git        bool  // it begins with "diff --git", not with "---"
	hunks      []int // the lines with "@@"
	binary     int   // the line that says so, or -1
}

var (
	hunkLine = regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`)
	diffLine = regexp.MustCompile(`gitdiff: line (\d+): (.*)`)
	gitLog   = regexp.MustCompile(`^commit [0-9a-f]{40,64}\b`)
)

// scan finds the files and hunks of a diff without judging them.
func scan(lines []string) []span {
	var all []span
	starts := func(i int) (git, ok bool) {
		if strings.HasPrefix(lines[i], "diff --git ") {
			return true, true
		}
		return false, strings.HasPrefix(lines[i], "--- ") && i+2 < len(lines) &&
			strings.HasPrefix(lines[i+1], "+++ ") && strings.HasPrefix(lines[i+2], "@@ -")
	}
	for i := 0; i < len(lines); {
		git, ok := starts(i)
		if !ok {
			i++
			continue
		}
		s := span{start: i, git: git, binary: -1}
		if i++; !git {
			i++
		}
		for git && i < len(lines) && extended(lines[i]) {
			i++
		}
		for i < len(lines) && strings.HasPrefix(lines[i], "@@ -") {
			s.hunks = append(s.hunks, i)
			i = skipHunk(lines, i)
		}
		if len(s.hunks) == 0 && i < len(lines) && (strings.HasPrefix(lines[i], "GIT binary patch") || strings.HasPrefix(lines[i], "Binary files ")) {
			s.binary = i
			i++
			for i < len(lines) && strings.HasPrefix(lines[s.binary], "GIT") {
				if _, next := starts(i); next {
					break
				}
				i++
			}
		}
		s.end = i
		all = append(all, s)
	}
	return all
}

// extended reports whether l belongs to the header that "diff --git" begins.
func extended(l string) bool {
	for _, p := range []string{"--- ", "+++ ", "old mode ", "new mode ", "deleted file mode ", "new file mode ", "copy from ", "copy to ",
		"rename old ", "rename new ", "rename from ", "rename to ", "similarity index ", "dissimilarity index ", "index "} {
		if strings.HasPrefix(l, p) {
			return true
		}
	}
	return false
}

func skipHunk(lines []string, i int) int {
	f := hunkLine.FindStringSubmatch(lines[i])
	i++
	if f == nil {
		return i
	}
	count := func(s string) int {
		if s == "" {
			return 1
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	}
	old, new := count(f[1]), count(f[2])
	for i < len(lines) && (old > 0 || new > 0 || strings.HasPrefix(lines[i], `\`)) {
		switch lines[i][:min(1, len(lines[i]))] {
		case " ", "\n", "\r":
			old, new = old-1, new-1
		case "-":
			old--
		case "+":
			new--
		case `\`:
		default:
			return i
		}
		i++
	}
	return i
}

// readDiff takes text apart. line is the line of name that text begins at, 0
// where there is none. It returns errNoDiff for a text without a diff.
func readDiff(name, text string, line int) (*diff, error) {
	fail := func(at int, format string, args ...any) error {
		if line > 0 {
			at += line - 1
		}
		return &PatchError{name, at, fmt.Sprintf(format, args...)}
	}
	lines := slices.Collect(strings.Lines(text))
	if mangled(lines) {
		for i, l := range lines {
			if s, ok := strings.CutSuffix(l, "\r\n"); ok {
				lines[i] = s + "\n"
			}
		}
	}
	if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
		lines[n-1] += "\n"
	}
	spans := scan(lines)
	if len(spans) == 0 {
		for i, l := range lines {
			if hunkLine.MatchString(l) {
				return nil, fail(i+1, "a hunk without the name of its file: the lines above it with --- and +++ are missing")
			}
		}
		return nil, errNoDiff
	}
	first := spans[0].start
	if err := oneCommit(lines, spans, fail); err != nil {
		return nil, err
	}
	d := &diff{before: strings.Join(lines[:first], ""), line: first + 1}
	d.data = strings.Join(lines[first:spans[len(spans)-1].end], "")
	parsed, _, err := gitdiff.Parse(strings.NewReader(d.data))
	if err != nil {
		if f := diffLine.FindStringSubmatch(err.Error()); f != nil {
			n, _ := strconv.Atoi(f[1])
			return nil, fail(first+max(n, 1), "the diff is damaged: %s (was it pasted, or wrapped by a mail program? take the file that git format-patch writes)", oneLine(f[2]))
		}
		return nil, fail(first+1, "the diff is damaged: %s", oneLine(err.Error()))
	}
	if len(parsed) != len(spans) {
		return nil, fail(first+1, "the diff is damaged: of its %d file headers only %d can be read", len(spans), len(parsed))
	}
	for i, f := range parsed {
		s := spans[i]
		if len(s.hunks) != len(f.TextFragments) {
			return nil, fail(s.start+1, "the diff is damaged: of the file's %d hunks %d can be read", len(s.hunks), len(f.TextFragments))
		}
		file, why := convert(f, s, lines[s.start])
		if why != "" {
			at := s.start
			if s.binary >= 0 && f.BinaryFragment == nil {
				at = s.binary
			}
			return nil, fail(at+1, "%s", why)
		}
		file.Line = s.start - first + 1
		for _, h := range s.hunks {
			file.hunkLines = append(file.hunkLines, h-first+1)
		}
		d.files = append(d.files, *file)
	}
	return d, nil
}

// mangled reports whether transport ended every line with CR LF: the lines that
// git itself writes never do, whatever a file's own lines end with.
func mangled(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasSuffix(l, "\r\n") && (strings.HasPrefix(l, "diff --git ") || strings.HasPrefix(l, "--- ") || hunkLine.MatchString(l) && strings.HasSuffix(l, "@@\r\n"))
	})
}

// oneCommit refuses what git log -p prints of several commits: newest first, it
// would be applied backwards.
func oneCommit(lines []string, spans []span, fail func(int, string, ...any) error) error {
	seen := 0
	for i, l := range lines {
		if !gitLog.MatchString(l) || slices.ContainsFunc(spans, func(s span) bool { return s.start <= i && i < s.end }) {
			continue
		}
		if seen++; seen > 1 {
			return fail(i+1, "a second commit: this is the output of git log, newest first; give that of git format-patch --stdout")
		}
	}
	return nil
}

// convert checks what a file's part of a diff says. header is its first line.
func convert(f *gitdiff.File, s span, header string) (_ *File, why string) {
	out := &File{Old: f.OldName, New: f.NewName, Copied: f.IsCopy, Binary: f.IsBinary, hunks: f.TextFragments}
	for _, n := range []*string{&out.Old, &out.New} {
		if *n == "/dev/null" || *n == "" {
			*n = ""
			continue
		}
		if !s.git {
			if strings.HasPrefix(*n, "/") {
				return nil, fmt.Sprintf("%q is an absolute path: paths in a patch begin with a/ and b/", *n)
			}
			_, below, ok := strings.Cut(*n, "/")
			if !ok {
				return nil, fmt.Sprintf("%q has no directory to strip: paths in a patch begin with a/ and b/ (diff -u a/file b/file)", *n)
			}
			*n = strings.TrimLeft(below, "/")
		}
		if bad := badPath(*n); bad != "" {
			return nil, fmt.Sprintf("%q %s: nothing outside of the tree can be patched", *n, bad)
		}
	}
	if f.IsNew {
		out.Old = ""
	}
	if f.IsDelete {
		out.New = ""
	}
	if out.Old == "" && out.New == "" {
		return nil, "a change of no file"
	}
	if s.git {
		if names, ok := strings.CutPrefix(strings.TrimRight(header, "\n"), "diff --git "); ok && len(names)%2 == 1 {
			a, b := names[:len(names)/2], names[len(names)/2+1:]
			if top, _, _ := strings.Cut(a, "/"); a == b && len(top) != 1 {
				return nil, fmt.Sprintf("%q has no a/ before it: the patch was made with diff.noprefix; make it with git -c diff.noprefix=false format-patch", a)
			}
		}
	}
	for _, m := range []uint32{uint32(f.OldMode), uint32(f.NewMode)} {
		if m != 0 && m&^0o777 != 0o100000 && m != 0o120000 {
			return nil, fmt.Sprintf("%s has mode %o: only files and symbolic links can be patched", out.Path(), m)
		}
	}
	out.Mode = uint32(f.NewMode)
	if f.IsBinary && f.BinaryFragment == nil {
		return nil, fmt.Sprintf("%s is a binary file whose content the patch leaves out: make it with git format-patch --binary", out.Path())
	}
	if len(f.TextFragments) == 0 && !f.IsBinary && !f.IsNew && !f.IsDelete && !f.IsRename && !f.IsCopy && f.NewMode == 0 {
		return nil, fmt.Sprintf("%s is named, but nothing in it is changed", out.Path())
	}
	for _, h := range f.TextFragments {
		out.Added += int(h.LinesAdded)
		out.Removed += int(h.LinesDeleted)
	}
	return out, ""
}

// badPath says why a path does not stay inside of a tree, or nothing.
func badPath(p string) string {
	if strings.HasPrefix(p, "/") {
		return "is an absolute path"
	}
	if strings.ContainsFunc(p, unicode.IsControl) {
		return "holds control characters"
	}
	for e := range strings.SplitSeq(p, "/") {
		switch {
		case e == "..":
			return "leaves the tree"
		case e == "." || e == "":
			return "is no plain path"
		case strings.EqualFold(e, ".git"):
			return "lies in the repository's own data"
		}
	}
	return ""
}

// fill sets what the diff decides. text is the line that the diff's text begins
// at, or 0.
func (p *Patch) fill(d *diff, text int) {
	p.Data, p.Files = []byte(d.data), d.files
	if text > 0 {
		p.Line = text + d.line - 1
	}
	sum := sha256.Sum256(p.Data)
	p.Sum, p.PatchID = hex.EncodeToString(sum[:]), patchID(d.data)
}

// readPlain reads a diff that is no mail: alone, below a text, or as git show
// prints it.
func readPlain(name, text string) (*Patch, error) {
	d, err := readDiff(name, text, 1)
	if err != nil {
		return nil, err
	}
	p := &Patch{Name: name}
	p.fill(d, 1)
	if h, err := gitdiff.ParsePatchHeader(d.before); err == nil && h != nil && h.SHA != "" {
		p.Subject, p.Message, p.Commit = oneLine(h.Title), printable(h.Body), h.SHA
		if h.Author != nil {
			p.From = oneLine(h.Author.String())
		}
		return p, nil
	}
	p.Message = strings.TrimSpace(printable(d.before))
	return p, nil
}
