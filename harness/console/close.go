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
		host = &HostError{Doing: "wait for the guest's process", Err: s.waitErr}
	}
	if s.rec.err != nil {
		host = errors.Join(host, &HostError{Doing: "read the pty's master", Err: s.rec.err})
	}
	s.undo()
	close(s.watch.stop)
	_ = s.expect.Close() // closes the pipe that the recorder fed, so that goexpect's reader ends
	close(s.over)
	<-s.ended
	_ = s.master.Close()

	end := s.end(host)
	s.transcript = Transcript{Bytes: s.rec.bytes, End: end, Oops: s.rec.oops, Panic: s.rec.panic}
	if end.Kind == Infra {
		s.closeErr = end.Err
	}
}

// end says how the session ended. It is called when nothing more can happen.
func (s *Session) end(host error) End {
	err := s.err()
	e := End{Kind: kindOf(err), Err: err}
	select {
	case <-s.exited:
		e.Exit = s.exit
	default:
	}
	switch {
	case host != nil:
		e.Kind, e.Err = Infra, errors.Join(host, err)
	case err == nil && e.Exit != (Exit{}): // it fell over while it powered off
		e.Kind, e.Err = Exited, &ExitError{Stage: StageHalt, Exit: e.Exit}
	}
	var w interface{ where() (Stage, string) }
	if errors.As(e.Err, &w) {
		e.Stage, e.Step = w.where()
	}
	return e
}

// drain returns when the console has been read to its end.
func (s *Session) drain() {
	if _, panicked := s.err().(*PanicError); panicked {
		select {
		case <-s.rec.done:
		case <-time.After(s.limits.Halt):
		}
	}
	select {
	case <-s.rec.done:
	default:
		s.fail(&KilledError{Stage: StageIdle}) // counts only if nothing else has happened
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
