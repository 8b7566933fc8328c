package display

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"umlab/harness/progress"
	"umlab/harness/report/doc"
)

// A task is one line of work.
type task struct {
	display *Display
	name    string
	unit    progress.Unit
	begun   time.Duration // since the start of the Display
	once    sync.Once     // for Done

	mu    sync.Mutex
	state state
	told  time.Duration // when a plain line last told of it
}

// state is how far a task is.
type state struct {
	count, total int64
	status       string
}

func (t *task) Add(n int64)         { t.change(func(s *state) { s.count += n }) }
func (t *task) Total(n int64)       { t.change(func(s *state) { s.total = max(n, 0) }) }
func (t *task) Status(short string) { t.change(func(s *state) { s.status = doc.Clean(short) }) }
func (t *task) Done(err error)      { t.once.Do(func() { t.display.done(t, err) }) }

// change changes the state. In a log, a line tells of it now and then.
func (t *task) change(what func(*state)) {
	at := t.display.elapsed()
	t.mu.Lock()
	what(&t.state)
	s, due := t.state, t.display.pool == nil && at-t.told >= linePeriod
	if due {
		t.told = at
	}
	t.mu.Unlock()
	if l := joined(", ", position(t.unit, s, at-t.begun), s.status); due && l != "" {
		t.display.print(at, t.name+": "+l)
	}
}

func (t *task) now() state {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

const (
	nameWidth = 30 // columns that names are padded to, so that bars stand in line
	barWidth  = 20 // columns of a bar
)

// live is the line of a running task for that many columns: the bar goes first
// where there are too few.
func (t *task) live(width int) string {
	s, took := t.now(), t.display.elapsed()-t.begun
	name := text.Snip(t.name, max(width/2, 1), "…")
	rest := joined("  ", position(t.unit, s, took), progress.Duration(took), s.status)
	if s.total > 0 && t.unit != progress.None {
		full := int(min(s.count, s.total) * barWidth / s.total)
		bar := "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
		if l := "  " + joined("  ", text.Pad(name, nameWidth, ' '), bar, rest); text.StringWidth(l) <= width {
			return l
		}
	}
	return "  " + joined("  ", text.Pad(name, min(nameWidth, width/2), ' '), rest)
}

// extent is how much there is to do, "" where that is not known.
func extent(unit progress.Unit, n int64) string {
	if n <= 0 || unit == progress.None {
		return ""
	}
	if unit == progress.Bytes {
		return size(n)
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// position is how far it is: "120 MiB/290 MiB, 28 MiB/s", "312 objects".
func position(unit progress.Unit, s state, took time.Duration) string {
	speed := ""
	if unit == progress.Bytes && s.count > 0 && took >= time.Second {
		speed = size(int64(float64(s.count)/took.Seconds())) + "/s"
	}
	switch {
	case unit == progress.None && s.total == 0:
		return ""
	case unit == progress.Bytes && s.total > 0:
		return joined(", ", size(s.count)+"/"+size(s.total), speed)
	case unit == progress.Bytes:
		return joined(", ", size(s.count), speed)
	case s.total > 0:
		return joined(", ", strings.TrimSpace(fmt.Sprintf("%d/%d %s", s.count, s.total, unit)), left(s, took))
	}
	return fmt.Sprintf("%d %s", s.count, unit)
}

// left is about how long a task will take that goes on as it did; "" while that cannot be told.
func left(s state, took time.Duration) string {
	const least, early = 10 * time.Second, 20 // before that, the first steps say little of the others
	if took < least || s.count < early || s.count >= s.total {
		return ""
	}
	rest := time.Duration(float64(took) * float64(s.total-s.count) / float64(s.count))
	return "about " + progress.Duration(max(rest.Round(time.Second), time.Second)) + " left"
}

// size is n bytes in the largest binary unit that leaves a digit before the
// point: "812 B", "4.2 KiB", "290 MiB", "1.9 GiB".
func size(n int64) string {
	const units = "KMGT"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1024, 0
	for f >= 1023.5 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %ciB", f, units[u])
	}
	return fmt.Sprintf("%.0f %ciB", f, units[u])
}
