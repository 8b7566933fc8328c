package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"umlab/harness/progress"
)

// Progress shows tasks: on a terminal as bars that leave one line when they are
// done, elsewhere as plain lines. It is safe for concurrent use. On a terminal,
// Close it before anything else is written there.
type Progress struct {
	now   func() time.Time
	start time.Time
	view  taskView
}

var _ progress.Sink = (*Progress)(nil)

// A taskView draws what Progress is told. started, moved and done come for each
// task in this order, moved any number of times, from any goroutine.
type taskView interface {
	started(t *task)
	moved(t *task)
	done(t *task, took time.Duration, err error)
	note(line string)
	close()
}

// NewProgress shows progress on w. With tty, w must understand cursor movement
// (see Terminal), and a goroutine redraws it until Close. now is the clock:
// time.Now but in tests.
func NewProgress(w io.Writer, tty, color bool, now func() time.Time) *Progress {
	p := &Progress{now: now, start: now()}
	if tty {
		p.view = newBars(w, color, p.elapsed)
	} else {
		p.view = &lines{w: w, elapsed: p.elapsed}
	}
	return p
}

func (p *Progress) elapsed() time.Duration { return p.now().Sub(p.start) }

// Start announces a task (see progress.Sink).
func (p *Progress) Start(name string, unit progress.Unit, total int64) progress.Task {
	t := &task{progress: p, name: clean(name), unit: unit, total: max(total, 0), begun: p.elapsed()}
	t.told = t.begun
	p.view.started(t)
	return t
}

// Note prints one line, above the bars if there are any.
func (p *Progress) Note(line string) { p.view.note(clean(line)) }

// Close removes the bars that are left and stops drawing; lines that still come
// are printed plainly. It may be called more than once.
func (p *Progress) Close() { p.view.close() }

// A task is one line of work.
type task struct {
	progress *Progress
	name     string
	unit     progress.Unit
	begun    time.Duration // since the start of Progress
	once     sync.Once     // for Done

	mu     sync.Mutex
	count  int64
	total  int64
	status string
	told   time.Duration // when a plain line last told of it
}

func (t *task) Add(n int64) {
	t.mu.Lock()
	t.count += n
	t.mu.Unlock()
	t.progress.view.moved(t)
}

func (t *task) Total(n int64) {
	t.mu.Lock()
	t.total = max(n, 0)
	t.mu.Unlock()
	t.progress.view.moved(t)
}

func (t *task) Status(short string) {
	t.mu.Lock()
	t.status = clean(short)
	t.mu.Unlock()
	t.progress.view.moved(t)
}

func (t *task) Done(err error) {
	t.once.Do(func() { t.progress.view.done(t, t.progress.elapsed()-t.begun, err) })
}

// state is what a drawing needs, read at one moment.
type state struct {
	count, total int64
	status       string
	took         time.Duration
}

func (t *task) state() state {
	now := t.progress.elapsed()
	t.mu.Lock()
	defer t.mu.Unlock()
	return state{t.count, t.total, t.status, now - t.begun}
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

// position is how far it is: "120 MiB of 290 MiB, 28.1 MiB/s", "312 objects".
func position(unit progress.Unit, s state) string {
	var parts []string
	switch {
	case unit == progress.None && s.total == 0:
	case unit == progress.Bytes && s.total > 0:
		parts = append(parts, size(s.count)+"/"+size(s.total))
	case unit == progress.Bytes:
		parts = append(parts, size(s.count))
	case s.total > 0:
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d/%d %s", s.count, s.total, unit)))
	default:
		parts = append(parts, fmt.Sprintf("%d %s", s.count, unit))
	}
	if unit == progress.Bytes && s.count > 0 && s.took >= time.Second {
		parts = append(parts, size(int64(float64(s.count)/s.took.Seconds()))+"/s")
	}
	return strings.Join(parts, ", ")
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

// cause is the first line of err; the whole of it is the caller's to print.
func cause(err error) string {
	first, rest, more := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if more && strings.TrimSpace(rest) != "" {
		first = strings.TrimRight(first, " :") + " …"
	}
	return clean(first)
}
