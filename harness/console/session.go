package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	expect "github.com/google/goexpect"
)

const (
	// resend is how long the begin line of a step may take before the step is sent again, see the package comment.
	// It is no deadline.
	resend = 500 * time.Millisecond
	// defaultGrace is for what should follow at once: the end of the console after the end of the process and the
	// reverse, the end of the process after Kill, and the pty's taking of a line.
	defaultGrace = 5 * time.Second
	// stopLine tells goexpect that the session failed. No sentinel begins with NUL, so a guest cannot forge it.
	stopLine = "\x00stop"
	// nudge is XON, which a terminal takes as "go on printing" and gives to nobody. It is sent while a step does not come
	// to its end, as UML may have missed that there is room again for what it prints, see the package comment.
	nudge = "\x11"
	// haltShell ends the guest's kernel without asking its init.
	haltShell = "poweroff -f"
)

// Session is a guest's console from its first byte to its last. Ready, Do and Halt are called one after the other by
// one goroutine, which calls Close at the end, whatever happened before.
type Session struct {
	master *os.File
	guest  Guest
	limits Limits
	grace  time.Duration
	rec    *recorder
	watch  *watch
	expect *expect.GExpect
	ended  <-chan error  // goexpect's goroutines have ended
	over   chan struct{} // closed to let them end
	failed chan struct{} // closed when failure is set
	exited chan struct{} // closed when exit and waitErr are set
	judged chan struct{} // closed when the console has ended and failure says all there is to say
	undo   func() bool   // forgets Open's context
	steps  int           // sent so far

	exit    Exit  // valid when exited is closed
	waitErr error // likewise

	mu      sync.Mutex
	failure *Error

	once       sync.Once
	transcript Transcript
	closeErr   error
}

// Open begins a session with a guest that has just been started on the slave of master, see [NewPTY]. The session
// owns master. When ctx ends, the guest is killed. The caller must call Close.
func Open(ctx context.Context, master *os.File, guest Guest, limits Limits) (*Session, error) {
	var token [8]byte
	_, _ = rand.Read(token[:]) // never fails, see crypto/rand
	return open(ctx, master, guest, limits, defaultGrace, hex.EncodeToString(token[:]))
}

func open(ctx context.Context, master *os.File, guest Guest, limits Limits, grace time.Duration, token string) (*Session, error) {
	abandon := func() {
		guest.Kill()
		master.Close()
		_, _ = guest.Wait()
	}
	if err := master.SetReadDeadline(time.Time{}); err != nil {
		abandon()
		return nil, hostError("read the pty's master, which must come from NewPTY", err)
	}
	limits = limits.withDefaults()
	pr, pw := io.Pipe()
	s := &Session{master: master, guest: guest, limits: limits, grace: grace, over: make(chan struct{}), failed: make(chan struct{}),
		exited: make(chan struct{}), judged: make(chan struct{})}
	s.rec = &recorder{limit: limits.Bytes, token: token, feed: pw, fail: s.fail, panic: s.suspect, done: make(chan struct{}),
		now: progress{stage: StageBoot}}
	s.watch = newWatch(limits, s.rec.lastOutput, s.fail)

	// goexpect reads what the recorder feeds it and decides nothing: its timers start again with all output, its
	// check loses what was read last.
	var err error
	s.expect, s.ended, err = expect.SpawnGeneric(&expect.GenOptions{
		In:    typist{s},
		Out:   pr,
		Wait:  func() error { <-s.over; return nil },
		Close: func() error { return pw.Close() },
		Check: func() bool { return true },
	}, limits.Total, expect.PartialMatch(true), expect.CheckDuration(50*time.Millisecond), expect.SendTimeout(grace))
	if err != nil {
		abandon()
		return nil, hostError("begin the session", err)
	}
	s.watch.enter(StageBoot, "", limits.Boot)
	s.undo = context.AfterFunc(ctx, func() { s.cancelled(ctx) })
	go s.watch.run()
	go s.record()
	go s.wait()
	return s, nil
}

// record runs the recorder, and turns an end of the console that nobody asked for into the session's failure.
func (s *Session) record() {
	defer close(s.judged)
	s.rec.run(s.master)
	if e := s.rec.suspected(); e != nil {
		s.fail(e)
		return
	}
	if p := s.rec.progress(); p.stage == StageHalt && p.begun {
		return
	}
	if !s.reaped() {
		s.fail(errNotReaped())
		return
	}
	e := s.rec.progress().failed(Exited)
	e.Exit = s.exit
	s.fail(e)
}

// suspect takes note of a line that reads like a panic. Any process can print one: the guest has panicked if it does not
// come to the end of its step, which it says with the token.
func (s *Session) suspect(e *Error) {
	if s.rec.token == "" || e.Stage != StageCommand {
		s.fail(e)
		return
	}
	if s.rec.suspect(e) {
		time.AfterFunc(s.limits.Halt, func() {
			if s.rec.suspected() == e {
				s.fail(e)
				s.guest.Kill() // it had its time to end
			}
		})
	}
}

// reaped waits for the process of a guest whose console has ended, and kills one that stays: it has let go of its
// console and can never be asked to end. It reports whether the process is gone.
func (s *Session) reaped() bool {
	for range 2 {
		select {
		case <-s.exited:
			return true
		case <-time.After(s.grace):
			s.guest.Kill()
		}
	}
	return false
}

func errNotReaped() *Error {
	return hostError("wait for the guest's process", errors.New("it was killed and does not end"))
}

// wait learns how the process ended, and then ends the recording, should anything else still hold the slave.
func (s *Session) wait() {
	s.exit, s.waitErr = s.guest.Wait()
	close(s.exited)
	select {
	case <-s.rec.done:
	case <-time.After(s.grace):
		_ = s.master.SetReadDeadline(time.Now())
	}
}

// fail ends the session for reason err, unless it has failed before. The guest is killed, except where it is about to
// end by itself and its last words matter.
func (s *Session) fail(err *Error) {
	s.mu.Lock()
	if s.failure != nil {
		s.mu.Unlock()
		return
	}
	s.failure = err
	close(s.failed)
	s.mu.Unlock()
	if err.Kind != Panicked && err.Kind != Exited {
		s.guest.Kill()
	}
	_, _ = io.WriteString(s.rec.feed, stopLine+"\n") // an error means that nobody waits
}

func (s *Session) cancelled(ctx context.Context) {
	e := s.rec.progress().failed(Killed)
	e.Err = context.Cause(ctx)
	s.fail(e)
}

// err returns why the session failed, or nil.
func (s *Session) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		return nil
	}
	return s.failure
}

// Ready waits until the guest takes commands. The time for it began with Open. The error is an *Error; after it only
// Close makes sense.
func (s *Session) Ready(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.cancelled(ctx) })()
	defer s.watch.leave()
	for {
		err := s.expectLine("umlab: ready", time.Second)
		if !isPatience(err) {
			return err
		}
	}
}

// Do has the guest run one step: shell is given to its shell, between a begin and an end line that name step and arg
// ("insmod", "rust_minimal"; arg may be ""). A status other than 0 is no error. The error is an *Error, after which only
// Close makes sense, or says which argument cannot be sent.
func (s *Session) Do(ctx context.Context, step, arg, shell string) (Reply, error) {
	return s.DoWithin(ctx, 0, step, arg, shell)
}

// DoWithin is Do for a step that has a time of its own, during which it may also be silent; 0 for Limits.Command.
func (s *Session) DoWithin(ctx context.Context, within time.Duration, step, arg, shell string) (Reply, error) {
	if err := sendable(step, arg, shell); err != nil {
		return Reply{}, err
	}
	defer context.AfterFunc(ctx, func() { s.cancelled(ctx) })()
	begin, err := s.begin(StageCommand, cmp.Or(within, s.limits.Command), step, arg, shell)
	if err != nil {
		return Reply{}, err
	}
	defer s.watch.leave()
	end := strings.Replace(begin, "]: begin ", "]: end ", 1)
	for {
		err := s.expectLine(end, time.Second)
		if isPatience(err) {
			if err := s.expect.Send(nudge); err != nil {
				s.fail(hostError("type to the guest", err))
			}
			continue
		}
		p := s.rec.progress()
		return Reply{Status: p.status, Oops: p.oops}, err
	}
}

// Halt has the guest power off, and waits for the end of its console. The error is an *Error.
func (s *Session) Halt(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.cancelled(ctx) })()
	if _, err := s.begin(StageHalt, s.limits.Halt, "halt", "", haltShell); err != nil {
		return err
	}
	defer s.watch.leave()
	select {
	case <-s.rec.done:
		return s.err()
	case <-s.failed:
		return s.err()
	}
}

// begin sends a step until its begin line is there, and returns that line.
func (s *Session) begin(stage Stage, limit time.Duration, step, arg, shell string) (string, error) {
	if err := s.err(); err != nil {
		return "", err
	}
	if p := s.rec.progress(); !p.ready {
		return "", errors.New("console: a step before the guest is ready; call Ready first")
	}
	s.steps++
	name, sent := step, arg
	if arg == "" {
		sent = "-"
	} else {
		name += " " + arg
	}
	s.rec.await(stage, s.steps, name)
	_, label := s.rec.progress().awaited()
	s.watch.enter(stage, label, limit)
	line := fmt.Sprintf("%s %s %s %s ;\n", numbered(s.steps, s.rec.token), step, sent, shell)
	begin := sentinel{kind: sentinelBegin, number: s.steps, token: s.rec.token, step: name}.String()
	for {
		if err := s.expect.Send(line); err != nil {
			s.fail(hostError("type to the guest", err))
		}
		err := s.expectLine(begin, resend)
		if err == nil {
			return begin, nil
		}
		if !isPatience(err) {
			s.watch.leave()
			return "", err
		}
		// What was left of the line, if it was torn, must not become part of the next.
		if line[0] != '\n' {
			line = "\n" + line
		}
	}
}

// expectLine waits for a line that begins with prefix. It returns the session's failure when there is one, and
// goexpect's TimeoutError when nothing came for a while, which means only that it is time to look again.
func (s *Session) expectLine(prefix string, patience time.Duration) error {
	if err := s.err(); err != nil {
		return err
	}
	re := regexp.MustCompile(`(?m)^(?:` + regexp.QuoteMeta(prefix) + `(?: status=[0-9]+)?|` + stopLine + `)\n`)
	_, _, err := s.expect.Expect(re, patience)
	if failure := s.err(); failure != nil {
		return failure
	}
	if err != nil && !isPatience(err) {
		s.fail(hostError("read from goexpect", err))
		return s.err()
	}
	return err
}

func isPatience(err error) bool {
	var t expect.TimeoutError
	return errors.As(err, &t)
}

// sendable checks what would break the line protocol.
func sendable(step, arg, shell string) error {
	switch {
	case !wordRE.MatchString(step):
		return fmt.Errorf("console: step %q is no word of letters, digits, '_', '.' and '-'", step)
	case arg != "" && !wordRE.MatchString(arg):
		return fmt.Errorf("console: argument %q of step %s is no word of letters, digits, '_', '.' and '-'", arg, step)
	case len(shell) > 2000: // a tty takes 4095 bytes in a line
		return fmt.Errorf("console: command of step %s has %d bytes; 2000 can be sent", step, len(shell))
	}
	for _, r := range shell {
		if r < ' ' || r > '~' {
			return fmt.Errorf("console: command of step %s holds %q, which cannot be typed", step, r)
		}
	}
	return nil
}

// typist is where goexpect types. It reports errors to the session instead of to goexpect, which would log them.
type typist struct{ s *Session }

func (t typist) Write(p []byte) (int, error) {
	_ = t.s.master.SetWriteDeadline(time.Now().Add(t.s.grace))
	if _, err := t.s.master.Write(p); err != nil && !endOfPTY(err) {
		t.s.fail(hostError("type to the guest", err))
	}
	return len(p), nil
}

func (t typist) Close() error { return nil }
