package report

import (
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
)

const (
	nameWidth = 30 // columns that names are padded to, so that bars stand in line
	barWidth  = 20 // columns of a bar
)

// bars is the taskView of a terminal: mpb draws a line per running task and one
// for the whole. Finished tasks and notes become lines above them.
type bars struct {
	w       io.Writer
	color   bool
	elapsed func() time.Duration
	pool    *mpb.Progress

	mu      sync.Mutex
	closed  bool
	running map[*task]*mpb.Bar
	whole   *mpb.Bar // nil while nothing is running
}

func newBars(w io.Writer, color bool, elapsed func() time.Duration) *bars {
	opts := []mpb.ContainerOption{mpb.WithOutput(w), mpb.WithAutoRefresh()}
	if _, ok := w.(*os.File); !ok {
		opts = append(opts, mpb.WithWidth(defaultWidth)) // else mpb asks the terminal
	}
	return &bars{w: w, color: color, elapsed: elapsed, pool: mpb.New(opts...), running: map[*task]*mpb.Bar{}}
}

func (b *bars) started(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	// mpb is told of no total: it would take reaching it for the end of the task.
	bar, err := b.pool.Add(0, mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		return writeFit(w, b.live(t, st.AvailableWidth), st.AvailableWidth)
	}), mpb.BarFillerTrim())
	if err != nil {
		return // the terminal went away; the lines of done still go out
	}
	b.running[t] = bar
	if b.whole == nil {
		b.whole, _ = b.pool.Add(0, mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
			return writeFit(w, b.footer(), st.AvailableWidth)
		}), mpb.BarFillerTrim(), mpb.BarPriority(math.MaxInt32))
	}
}

func (b *bars) moved(*task) {}

func (b *bars) done(t *task, took time.Duration, err error) {
	var l string
	if err != nil {
		l = b.paint(bad, markFails) + " " + t.name + ": " + msgFailed(took, cause(err))
	} else {
		l = b.paint(good, markAgrees) + " " + joined(t.name, extent(t.unit, t.state().count), duration(took))
	}
	b.above(l)
	b.mu.Lock()
	defer b.mu.Unlock()
	if bar := b.running[t]; bar != nil {
		delete(b.running, t)
		bar.Abort(true)
	}
	if len(b.running) == 0 && b.whole != nil {
		b.whole.Abort(true)
		b.whole = nil
	}
}

func (b *bars) note(line string) { b.above(line) }

// above prints a line above the bars, or plainly where there are none any more.
func (b *bars) above(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		if _, err := b.pool.Write([]byte(line + "\n")); err == nil {
			return
		}
	}
	_, _ = io.WriteString(b.w, line+"\n")
}

func (b *bars) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for t, bar := range b.running {
		bar.Abort(true)
		delete(b.running, t)
	}
	if b.whole != nil {
		b.whole.Abort(true)
		b.whole = nil
	}
	b.pool.Wait() // draws once more, without the bars, and ends mpb's goroutines
}

// live is the line of a running task for that many columns: the bar goes first
// where there are too few. It is drawn by mpb while b.mu may be held, and so
// must not take it.
func (b *bars) live(t *task, width int) string {
	s := t.state()
	name := text.Snip(t.name, max(width/2, 1), "…")
	rest := joined(position(t.unit, s), duration(s.took), s.status)
	if s.total > 0 && t.unit != progress.None {
		full := int(min(s.count, s.total) * barWidth / s.total)
		bar := "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
		if l := "  " + joined(text.Pad(name, nameWidth, ' '), bar, rest); text.StringWidth(l) <= width {
			return l
		}
	}
	return "  " + joined(text.Pad(name, min(nameWidth, width/2), ' '), rest)
}

func (b *bars) footer() string { return msgRunning(b.elapsed()) }

func (b *bars) paint(st style, s string) string {
	return (&printer{opt: Options{Color: b.color}}).paint(st, s)
}

// joined sets what is not empty two columns apart.
func joined(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, "  ")
}

// writeFit writes s cut to width columns: a bar that wraps cannot be redrawn.
func writeFit(w io.Writer, s string, width int) error {
	_, err := io.WriteString(w, text.Snip(s, max(width, 1), "…"))
	return err
}
