package console

import (
	"cmp"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// recorder reads the guest's side of the pty to its end. It keeps the bytes, finds what matters in them, and passes
// on what the session waits for: goexpect searches its whole buffer anew for each chunk, so it gets the few lines that
// it needs and never the stream.
type recorder struct {
	limit int64
	token string         // of the session
	feed  *io.PipeWriter // to goexpect
	fail  func(*Error)   // ends the session; the first call counts
	panic func(*Error)   // the guest seems to have panicked
	done  chan struct{}  // closed at the end of the console, after the last byte was looked at

	mu    sync.Mutex
	bytes []byte
	last  time.Time // of the last byte
	now   progress
	err   error // of reading, if it was no end of file

	panicked *Error // what the session fails with unless the guest goes on
}

// progress is how far the step that is awaited has come.
type progress struct {
	stage  Stage
	number int    // of the step; 0 in StageBoot
	step   string // "insmod rust_minimal"

	ready        bool // the ready line was seen
	begun, ended bool
	status       int
	oops         string // the first line of this step that shows a fault
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

// failed is an error of the session while it waits for that.
func (p progress) failed(kind Kind) *Error {
	e := &Error{Kind: kind}
	e.Stage, e.Step = p.awaited()
	return e
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
			l.flush(func(line []byte, _ bool) { r.look(line, false) })
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
		e := r.progress().failed(Flooded)
		e.Limit = r.limit
		r.fail(e)
	}
}

// look is called for each line, in order.
func (r *recorder) look(line []byte, whole bool) {
	if s := parseSentinel(line); whole && s.kind != notSentinel && r.note(s) {
		// An error means that the session is closed and nobody waits.
		_, _ = io.WriteString(r.feed, s.String()+"\n")
		return
	}
	text := string(line)
	if at := strings.Index(text, panicMark); at >= 0 {
		e := r.progress().failed(Panicked)
		e.Panic = text[at:]
		r.panic(e)
	} else if isOops(text) {
		r.mu.Lock()
		r.now.oops = cmp.Or(r.now.oops, text)
		r.mu.Unlock()
	}
}

// note records s if it is what the session waits for, and reports whether it was. A sentinel of another step, or one
// that comes again, is output like any other.
func (r *recorder) note(s sentinel) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.now
	switch {
	case s.kind == sentinelReady:
		if p.ready || p.stage != StageBoot {
			return false
		}
		p.ready = true
	case s.number != p.number || s.step != p.step || s.token != r.token:
		return false
	case s.kind == sentinelBegin:
		if p.begun {
			return false
		}
		p.begun = true
	default:
		if !p.begun || p.ended {
			return false
		}
		p.ended, p.status = true, s.status
		r.panicked = nil // a guest that goes on has not
	}
	return true
}

// endOfPTY reports whether err is how reading a master ends: EIO once nobody has the slave open, or a deadline that
// the session set because the guest is gone and something else holds the slave.
func endOfPTY(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrDeadlineExceeded)
}

// suspect takes note that the guest seems to have panicked; false where that is known.
func (r *recorder) suspect(e *Error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.panicked == nil
	if first {
		r.panicked = e
	}
	return first
}

// suspected is why the guest seems to have panicked, nil where it does not.
func (r *recorder) suspected() *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.panicked
}
