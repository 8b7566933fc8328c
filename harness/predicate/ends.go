package predicate

import (
	"encoding/json"
	"fmt"

	"umlab/harness/bisect"
)

// Ends judges the candidates of a bisection by the messages of its two ends.
type Ends struct {
	Cond      Condition
	Good, Bad End
}

// End is a candidate that the others are held against.
type End struct {
	Name    string
	Message *Message // nil until it was seen to be as the end is said to be
}

// Judge answers for a candidate by its message, and pins that of an end. The
// error says that the good end is not known yet.
func (e *Ends) Judge(name string, m Message) (bisect.Answer, error) {
	good, bad := e.Good.Message, e.Bad.Message
	switch {
	case good == nil && name == e.Good.Name:
		good = &m
	case good == nil:
		return bisect.Answer{}, fmt.Errorf("%s cannot be judged before the end %s is known", name, e.Good.Name)
	case bad == nil && name == e.Bad.Name:
		bad = &m
	}
	v, reason := e.Cond.verdict(*good, bad, m)
	switch {
	case v == bisect.Good && name == e.Good.Name:
		e.Good.Message = good
	case v == bisect.Bad && name == e.Bad.Name:
		e.Bad.Message = bad
	}
	data, err := json.Marshal(m)
	return bisect.Answer{Verdict: v, Reason: reason, Data: string(data)}, err
}

// Restore judges again what a log says, as it was judged, which pins the messages
// of the ends: a verdict that its message does not bear was not written by a probe.
// The error is then a *bisect.LogError, and nothing is pinned.
func (e *Ends) Restore(log *bisect.Log) error {
	for _, r := range log.Records {
		if err := e.recall(r); err != nil {
			e.Good.Message, e.Bad.Message = nil, nil
			return log.Refuse(r, err.Error()+"; remove the file, and all is asked anew")
		}
	}
	return nil
}

func (e *Ends) recall(r bisect.Record) error {
	if r.Answer.Data == "" && r.Answer.Verdict == bisect.Skip {
		return nil // that alone needs no message
	}
	var m Message
	if err := json.Unmarshal([]byte(r.Answer.Data), &m); err != nil {
		return fmt.Errorf("it does not say what %s showed (%w)", r.Name, err)
	}
	got, err := e.Judge(r.Name, m)
	if err == nil && got.Verdict != r.Answer.Verdict {
		err = fmt.Errorf("it says that %s is %s, and by what it showed it is %s (%s)", r.Name, r.Answer.Verdict, got.Verdict, got.Reason)
	}
	return err
}

// NotBad says in a sentence for the user why m, which was judged, is not the
// message of a bad end, where that of the good end is pinned.
func (e *Ends) NotBad(m Message) string {
	switch reason := e.Cond.unpinned(m); {
	case reason != "":
		return e.Bad.Name + " cannot be pinned as an end: " + reason
	case e.Cond.Empty():
		return fmt.Sprintf("both ends show the same: %s; give ends that differ, or say with -until= what to look for", m)
	}
	return fmt.Sprintf("%s does not show %s: %s", e.Bad.Name, e.Cond, e.Cond.shown(m))
}
