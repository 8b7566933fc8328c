// Package display shows progress while it is made: on a terminal as bars that leave
// one line when they are done, elsewhere as plain lines. It may import progress and
// report/doc, and nothing else of umlab. It never reads a file, and no output of it
// holds what a terminal would obey.
package display

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"umlab/harness/progress"
	"umlab/harness/report/doc"
)

// linePeriod is how often, at most, a plain line says how far a task is.
const linePeriod = 10 * time.Second

// A Display shows tasks. It is safe for concurrent use. On a terminal, Close it
// before anything else is written there. What cannot be written stops no work.
type Display struct {
	w     io.Writer
	color bool
	now   func() time.Time
	start time.Time
	pool  *mpb.Progress // of bars, nil where there are just lines

	mu      sync.Mutex // one line at a time
	running map[*task]*mpb.Bar
	whole   *mpb.Bar // the line for the whole, nil while nothing is running
}

var _ progress.Sink = (*Display)(nil)

// New shows progress on w. With tty, w must understand cursor movement (see
// Terminal), and a goroutine redraws it until Close. now is the clock: time.Now but
// in tests.
func New(w io.Writer, tty, color bool, now func() time.Time) *Display {
	d := &Display{w: w, color: color, now: now, start: now(), running: map[*task]*mpb.Bar{}}
	if tty {
		opts := []mpb.ContainerOption{mpb.WithOutput(w), mpb.WithAutoRefresh()}
		if _, ok := w.(*os.File); !ok {
			opts = append(opts, mpb.WithWidth(defaultWidth)) // else mpb asks the terminal
		}
		d.pool = mpb.New(opts...)
	}
	return d
}

func (d *Display) elapsed() time.Duration { return d.now().Sub(d.start) }

// Start announces a task (see progress.Sink).
func (d *Display) Start(name string, unit progress.Unit, total int64) progress.Task {
	t := &task{display: d, name: doc.Clean(name), unit: unit, begun: d.elapsed(), state: state{total: max(total, 0)}}
	t.told = t.begun
	if d.pool != nil {
		d.draw(t)
		return t
	}
	started := "started"
	if e := extent(unit, t.state.total); e != "" {
		started += " (" + e + ")"
	}
	d.print(t.begun, t.name+": "+started)
	return t
}

// Note prints one line, above the bars if there are any.
func (d *Display) Note(line string) { d.print(d.elapsed(), doc.Clean(line)) }

// Close removes the bars that are left and stops drawing; lines that still come
// are printed plainly. It may be called more than once.
func (d *Display) Close() {
	if d.pool == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.running {
		d.erase(t)
	}
	d.pool.Wait() // draws once more, without the bars, and ends mpb's goroutines
}

// print prints a line: in a log after the time since the start, on a terminal above
// the bars, if there are any.
func (d *Display) print(at time.Duration, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pool == nil {
		_, _ = fmt.Fprintf(d.w, "[%6.1fs] %s\n", at.Seconds(), line)
	} else if _, err := io.WriteString(d.pool, line+"\n"); err != nil { // closed, or the terminal went away
		_, _ = io.WriteString(d.w, line+"\n")
	}
}

// draw adds the bar of t and, with the first one, the line for the whole. mpb is
// told of no total: it would take reaching it for the end of the task. It may draw
// while d.mu is held, so that what it draws must not take it.
func (d *Display) draw(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	add := func(line func(width int) string, more ...mpb.BarOption) *mpb.Bar {
		bar, err := d.pool.Add(0, mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
			width := max(st.AvailableWidth, 1) // a bar that wraps cannot be redrawn
			_, err := io.WriteString(w, text.Snip(line(st.AvailableWidth), width, "…"))
			return err
		}), append(more, mpb.BarFillerTrim())...)
		if err != nil {
			return nil // as in print
		}
		return bar
	}
	d.running[t] = add(t.live)
	if d.whole == nil {
		d.whole = add(func(int) string { return d.footer() }, mpb.BarPriority(math.MaxInt32))
	}
}

func (d *Display) footer() string { return "  " + progress.Duration(d.elapsed()) + " elapsed" }

// erase removes the bar of t and, with the last one, the line for the whole. d.mu
// must be held.
func (d *Display) erase(t *task) {
	if bar := d.running[t]; bar != nil {
		bar.Abort(true)
	}
	delete(d.running, t)
	if len(d.running) == 0 && d.whole != nil {
		d.whole.Abort(true)
		d.whole = nil
	}
}

// done says how t ended.
func (d *Display) done(t *task, err error) {
	took := d.elapsed() - t.begun
	size := extent(t.unit, t.now().count)
	failed, mark := "", d.paint("1;31", "✗")
	switch {
	case errors.Is(err, context.Canceled): // by the user: nothing went wrong
		failed, mark = "stopped after "+progress.Duration(took), "–"
	case err != nil:
		failed = "FAILED after " + progress.Duration(took) + ": " + cause(err)
	}
	switch {
	case d.pool == nil && err != nil:
		d.print(t.begun+took, t.name+": "+failed)
	case d.pool == nil:
		d.print(t.begun+took, t.name+": "+joined(", ", "done in "+progress.Duration(took), size))
	case err != nil:
		d.print(0, mark+" "+t.name+": "+failed)
	default:
		d.print(0, d.paint("32", "✓")+" "+joined("  ", t.name, size, progress.Duration(took)))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase(t)
}

func (d *Display) paint(sgr, s string) string {
	if !d.color {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// joined is what is not empty, with sep between.
func joined(sep string, parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, sep)
}

// cause is the first line of err; the whole of it is the caller's to print.
func cause(err error) string {
	first, rest, more := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if more && strings.TrimSpace(rest) != "" {
		first = strings.TrimRight(first, " :") + " …"
	}
	return doc.Clean(first)
}
