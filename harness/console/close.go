package console

import (
	"errors"
	"time"
)

// Close ends the session, and the guest where it still runs: a guest that panicked gets Limits.Halt to end by itself,
// any other is killed. It returns once the console has been read to its end. The error is not nil where the host
// failed, Transcript.End.Kind then being Infra; how the guest ended is not an error. Calling it again returns the same.
func (s *Session) Close() (Transcript, error) {
	s.once.Do(s.close)
	return s.transcript, s.closeErr
}

func (s *Session) close() {
	s.drain()
	<-s.judged
	var host error
	if !s.reaped() {
		host = errNotReaped()
	} else if s.waitErr != nil {
		host = hostError("wait for the guest's process", s.waitErr)
	}
	if s.rec.err != nil {
		host = errors.Join(host, hostError("read the pty's master", s.rec.err))
	}
	s.undo()
	close(s.watch.stop)
	_ = s.expect.Close() // closes the pipe that the recorder fed, so that goexpect's reader ends
	close(s.over)
	<-s.ended
	_ = s.master.Close()

	end := s.end(host)
	s.transcript = Transcript{Bytes: s.rec.bytes, End: end}
	if end.Kind == Infra {
		s.closeErr = end.Err
	}
}

// end says how the session ended. It is called when nothing more can happen.
func (s *Session) end(host error) End {
	e := End{Kind: Halted}
	select {
	case <-s.exited:
		e.Exit = s.exit
	default:
	}
	failure, failed := s.err().(*Error)
	if !failed && host == nil && e.Exit != (Exit{}) { // it fell over while it powered off
		failure, failed = &Error{Kind: Exited, Stage: StageHalt, Exit: e.Exit}, true
	}
	if failed {
		e.Kind, e.Stage, e.Step, e.Err = failure.Kind, failure.Stage, failure.Step, failure
	}
	if host != nil {
		e.Kind, e.Err = Infra, errors.Join(host, e.Err)
	}
	return e
}

// drain returns when the console has been read to its end.
func (s *Session) drain() {
	if failure, ok := s.err().(*Error); ok && failure.Kind == Panicked {
		select {
		case <-s.rec.done:
		case <-time.After(s.limits.Halt):
		}
	}
	select {
	case <-s.rec.done:
	default:
		s.fail(&Error{Kind: Killed, Stage: StageIdle}) // counts only if nothing else has happened
		s.guest.Kill()
		select {
		case <-s.rec.done:
		case <-time.After(2 * s.grace):
			// Neither the process nor its console ends: the rest cannot be had.
			_ = s.master.SetReadDeadline(time.Now())
			<-s.rec.done
		}
	}
}
