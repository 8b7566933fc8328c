package patch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// diff is a text's diff with what stood before it.
type diff struct {
	text   string // all of it, as its author ended its lines
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
	hunkLine   = regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@`)
	binaryLine = regexp.MustCompile(`^(GIT binary patch|Binary files )`)
	diffLine   = regexp.MustCompile(`gitdiff: line (\d+): (.*)`)
	gitLog     = regexp.MustCompile(`^commit [0-9a-f]{40,64}\b`)
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
		for git && i < len(lines) && extended.MatchString(lines[i]) {
			i++
		}
		for i < len(lines) && strings.HasPrefix(lines[i], "@@ -") {
			s.hunks = append(s.hunks, i)
			i = skipHunk(lines, i)
		}
		if len(s.hunks) == 0 && i < len(lines) && binaryLine.MatchString(lines[i]) {
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

// extended is a line of the header that "diff --git" begins.
var extended = regexp.MustCompile(`^(--- |\+\+\+ |(old|new|deleted file|new file) mode |(copy|rename) (from|to) |` +
	`rename (old|new) |(dis)?similarity index |index )`)

// skipHunk is the line behind the hunk that begins at line i.
func skipHunk(lines []string, i int) int {
	old, new := counts(lines[i])
	for i++; i < len(lines) && (old > 0 || new > 0 || strings.HasPrefix(lines[i], `\`)); i++ {
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
		return &Error{name, at, fmt.Sprintf(format, args...)}
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
	d := &diff{text: strings.Join(lines, ""), before: strings.Join(lines[:first], ""), line: first + 1}
	d.data = strings.Join(lines[first:spans[len(spans)-1].end], "")
	parsed, _, err := gitdiff.Parse(strings.NewReader(d.data))
	if err != nil {
		if f := diffLine.FindStringSubmatch(err.Error()); f != nil {
			n, _ := strconv.Atoi(f[1])
			return nil, fail(first+max(n, 1), "the diff is damaged: %s "+
				"(was it pasted, or wrapped by a mail program? take the file that git format-patch writes)", OneLine(f[2]))
		}
		return nil, fail(first+1, "the diff is damaged: %s", OneLine(err.Error()))
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
		return strings.HasSuffix(l, "\r\n") && (strings.HasPrefix(l, "diff --git ") || strings.HasPrefix(l, "--- ") ||
			hunkLine.MatchString(l) && strings.HasSuffix(l, "@@\r\n"))
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

// fill sets what the diff decides. text is the line that the diff's text begins
// at, or 0.
func (p *Patch) fill(d *diff, text int) {
	p.Data, p.Mail, p.Files = []byte(d.data), []byte(d.text), d.files
	if p.Bare() {
		p.Notes = append(p.Notes, "hunks of "+p.Title()+" have no context (diff -U0): they are taken at their own line numbers alone")
	}
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
		p.Subject, p.Message, p.Commit = OneLine(h.Title), printable(h.Body), h.SHA
		if h.Author != nil {
			p.From = OneLine(h.Author.String())
		}
		return p, nil
	}
	p.Message = strings.TrimSpace(printable(d.before))
	return p, nil
}
