package bisect

import "fmt"

// EndError says that an end of the list is not what it was said to be.
type EndError struct {
	Name string
	Want Verdict // Good or Bad
	Got  Answer

	Fixed bool // see Verdict.Word
}

func (e *EndError) Error() string {
	was := "is " + e.Got.Verdict.Word(e.Fixed)
	if e.Got.Verdict == Skip {
		was = "says nothing of the question"
	}
	return fmt.Sprintf("%s was given as the %s end, but it %s: %s", e.Name, e.Want.Word(e.Fixed), was, e.Got.Reason)
}

// FlakyError says that a candidate answered differently when it was asked again.
type FlakyError struct {
	Name             string
	First, Again     Answer
	FirstAt, AgainAt string // FILE:LINE of the log that answered; empty where the probe did

	Fixed bool // see Verdict.Word
}

func (e *FlakyError) Error() string {
	return fmt.Sprintf("%s is flaky: it was %s at first (%s), and %s when it was asked again (%s): there is no answer", e.Name,
		e.First.Verdict.Word(e.Fixed), by(e.First.Reason, e.FirstAt), e.Again.Verdict.Word(e.Fixed), by(e.Again.Reason, e.AgainAt))
}

// Replayed reports whether a log answered for one side or both.
func (e *FlakyError) Replayed() bool { return e.FirstAt != "" || e.AgainAt != "" }

// by is a reason with the place in a log that it is taken from.
func by(reason, at string) string {
	if at == "" {
		return reason
	}
	return reason + ", by " + at
}

// FaultError says that a candidate could not be probed: the fault is not its own.
type FaultError struct {
	Name     string
	Attempts int
	Err      error // of the last attempt
}

func (e *FaultError) Error() string {
	if e.Attempts == 1 {
		return fmt.Sprintf("%s could not be probed: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s could not be probed in %d attempts: %v", e.Name, e.Attempts, e.Err)
}

// Unwrap returns what went wrong.
func (e *FaultError) Unwrap() error { return e.Err }

// LogError says that a log cannot be gone on with.
type LogError struct {
	File    string
	Line    int // from 1
	Problem string
}

func (e *LogError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }
