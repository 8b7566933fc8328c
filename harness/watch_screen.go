package harness

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"umlab/harness/progress/display"
	"umlab/harness/report/doc"
	"umlab/harness/watch"
)

// screen is where runs are told: on a terminal the last one in full, in place of the one before; elsewhere a line each.
type screen struct {
	out   io.Writer
	tty   bool
	now   func() time.Time
	files watch.Files
	saved []string // before this run; none before the first
	page  []byte   // the last one
}

func newScreen(base Options, files watch.Files) *screen {
	s := &screen{out: base.Stdout, now: base.Now, files: files}
	if s.now == nil {
		s.now = time.Now
	}
	s.tty, _, _ = display.Terminal(base.Stdout, base.Getenv)
	return s
}

// clear moves the cursor home and clears the screen below it.
const clear = "\x1b[H\x1b[2J"

// show tells of a run: its page, the same as a line, and what went wrong. A run without a page leaves the last one.
func (s *screen) show(page []byte, line, wrong string) error {
	at := s.now().Format(time.TimeOnly)
	if !s.tty {
		if wrong != "" {
			// One line a run.
			line = strings.Join(strings.Fields(line+" error: "+doc.Clean(strings.ReplaceAll(wrong, "\n", "; "))), " ")
		}
		_, err := fmt.Fprintf(s.out, "%s %s: %s\n", at, s.what(), line)
		return err
	}
	if page != nil {
		s.page = page
	}
	var b strings.Builder
	b.WriteString(clear)
	b.Write(s.page)
	if wrong != "" {
		b.WriteString("\n")
		for l := range strings.Lines(wrong) {
			b.WriteString("!! " + doc.Clean(strings.TrimSuffix(l, "\n")) + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%s %s%swatching %s; Ctrl-C ends it\n", at, s.what(), doc.Separator, s.watched())
	_, err := io.WriteString(s.out, b.String())
	return err
}

// what is why this run was made.
func (s *screen) what() string {
	switch n := len(s.saved); n {
	case 0:
		return "first run"
	case 1:
		return "saved " + s.name(s.saved[0])
	default:
		return fmt.Sprintf("saved %s and %d more", s.name(s.saved[0]), n-1)
	}
}

// name is the path of a file as short as it can be told from others.
func (s *screen) name(path string) string {
	for _, dir := range s.files.Directories {
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) && rel != "." {
			return doc.Clean(rel)
		}
	}
	return doc.Clean(filepath.Base(path))
}

func (s *screen) watched() string {
	var list []string
	for _, dir := range s.files.Directories {
		list = append(list, dir+"/")
	}
	return doc.Clean(strings.Join(append(list, s.files.Files...), ", "))
}
