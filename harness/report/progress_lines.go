package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// linePeriod is how often, at most, a plain line says how far a task is.
const linePeriod = 10 * time.Second

// lines is the taskView of what is no terminal: a log, each line begun with the
// time since the start.
type lines struct {
	elapsed func() time.Duration

	mu sync.Mutex // one line at a time
	w  io.Writer
}

func (l *lines) print(at time.Duration, s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// A log that cannot be written must not stop the work.
	_, _ = fmt.Fprintf(l.w, "[%6.1fs] %s\n", at.Seconds(), s)
}

func (l *lines) started(t *task) {
	l.print(t.begun, t.name+": "+msgStarted(extent(t.unit, t.state().total)))
}

func (l *lines) moved(t *task) {
	now := l.elapsed()
	t.mu.Lock()
	due := now-t.told >= linePeriod
	if due {
		t.told = now
	}
	t.mu.Unlock()
	if !due {
		return
	}
	s := t.state()
	var parts []string
	for _, p := range []string{position(t.unit, s), s.status} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		l.print(now, t.name+": "+strings.Join(parts, ", "))
	}
}

func (l *lines) done(t *task, took time.Duration, err error) {
	s := msgDone(took, extent(t.unit, t.state().count))
	if err != nil {
		s = msgFailed(took, cause(err))
	}
	l.print(t.begun+took, t.name+": "+s)
}

func (l *lines) note(line string) { l.print(l.elapsed(), line) }

func (l *lines) close() {}
