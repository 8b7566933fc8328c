package console

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// recorder reads the guest's side of the pty to its end. It keeps the bytes, finds what matters in them, and passes
// on what the session waits for: goexpect searches its whole buffer anew for each chunk, so it gets the few lines that
// it needs and never the stream.
type recorder struct {
	limit int64
	feed  *io.PipeWriter // to goexpect
	fail  func(error)    // ends the session; the first call counts
	done  chan struct{}  // closed at the end of the console, after the last byte was looked at

	mu    sync.Mutex
	bytes []byte
	last  time.Time // of the last byte
	now   progress
	oops  *Event
	panic *Event
	err   error // of reading, if it was no end of file
}

// progress is how far the step that is awaited has come.
type progress struct {
	stage  Stage
	number int    // of the step; 0 in StageBoot
	step   string // "insmod rust_minimal"

	ready        bool // the ready line was seen
	begun, ended bool
	begin, body  int64 // offsets of the begin line, and past it
	tail, end    int64 // offsets of the end line, and past it
	status       int
	oops         *Event // the first one of this step
}

// awaited returns what the session waits for.
func (p progress) awaited() (Stage, string) {
	switch {
	case p.ended, p.stage == StageBoot && p.ready:
		return StageIdle, ""
	case p.stage == StageCommand:
		return p.stage, p.step
	}
	return p.stage, ""
}

// await makes the lines of a new step the ones to look for.
func (r *recorder) await(stage Stage, number int, step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = progress{stage: stage, number: number, step: step, ready: r.now.ready}
}

func (r *recorder) progress() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *recorder) lastOutput() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *recorder) size() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.bytes))
}

// slice copies the transcript's bytes from start to end.
func (r *recorder) slice(start, end int64) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := int64(len(r.bytes))
	start, end = min(start, n), min(end, n)
	return append([]byte{}, r.bytes[start:max(start, end)]...)
}

// run reads master to its end.
func (r *recorder) run(master io.Reader) {
	defer close(r.done)
	var l lines
	buf := make([]byte, 32<<10)
	for {
		n, err := master.Read(buf)
		if n > 0 {
			r.take(&l, buf[:n])
		}
		if err != nil {
			l.flush(func(start, end int64, line []byte, _ bool) { r.look(start, end, line, false) })
			r.mu.Lock()
			if !endOfPTY(err) {
				r.err = err
			}
			r.mu.Unlock()
			return
		}
	}
}

// take keeps p as far as the limit allows, and looks at the lines that it completes. Past the limit it goes on
// reading: a guest that cannot write would not notice that it is being killed.
func (r *recorder) take(l *lines, p []byte) {
	r.mu.Lock()
	r.last = time.Now()
	room := r.limit - int64(len(r.bytes))
	over := int64(len(p)) > room
	if over {
		p = p[:room]
	}
	r.bytes = append(r.bytes, p...)
	r.mu.Unlock()

	l.feed(p, r.look)
	if over {
		stage, step := r.progress().awaited()
		r.fail(&FloodError{Stage: stage, Step: step, Limit: r.limit})
	}
}

// look is called for each line, in order.
func (r *recorder) look(start, end int64, line []byte, whole bool) {
	if whole {
		if s := parseSentinel(line); s.kind != notSentinel && r.note(s, start, end) {
			// An error means that the session is closed and nobody waits.
			_, _ = io.WriteString(r.feed, s.String()+"\n")
			return
		}
	}
	text := string(line)
	switch {
	case indexPanic(text) >= 0:
		r.mu.Lock()
		first := r.panic == nil
		if first {
			r.panic = &Event{Offset: start, Line: text}
		}
		stage, step := r.now.awaited()
		r.mu.Unlock()
		if first {
			r.fail(&PanicError{Stage: stage, Step: step, Event: Event{Offset: start, Line: text[indexPanic(text):]}})
		}
	case isOops(text):
		r.mu.Lock()
		e := &Event{Offset: start, Line: text}
		if r.oops == nil {
			r.oops = e
		}
		if r.now.oops == nil {
			r.now.oops = e
		}
		r.mu.Unlock()
	}
}

// note records s if it is what the session waits for, and reports whether it was. A sentinel of another step, or one
// that comes again, is output like any other.
func (r *recorder) note(s sentinel, start, end int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.now
	switch {
	case s.kind == sentinelReady:
		if p.ready || p.stage != StageBoot {
			return false
		}
		p.ready = true
	case s.number != p.number || s.step != p.step:
		return false
	case s.kind == sentinelBegin:
		if p.begun {
			return false
		}
		p.begun, p.begin, p.body = true, start, end
	default:
		if !p.begun || p.ended {
			return false
		}
		p.ended, p.tail, p.end, p.status = true, start, end, s.status
	}
	return true
}

// endOfPTY reports whether err is how reading a master ends: EIO once nobody has the slave open, or a deadline that
// the session set because the guest is gone and something else holds the slave.
func endOfPTY(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrDeadlineExceeded)
}
