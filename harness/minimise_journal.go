package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"umlab/harness/shrink"
	"umlab/harness/store"
	"umlab/harness/usage"
)

const kindMinimise = "minimise" // of records of the store

// minimiseJournal has the answers of a question, by what was asked for: as records of the store, and in a file where the user names one.
type minimiseJournal struct {
	store    *store.Store
	question string
	fresh    bool // nothing that was answered before counts
	answers  map[string]minimiseAnswer
	file     *os.File // nil: none
}

// minimiseAnswer is a line of the file. Its first line has nothing but the question.
type minimiseAnswer struct {
	Question string        `json:"question"`
	Asked    string        `json:"asked,omitempty"`
	Answer   shrink.Answer `json:"answer,omitempty"`
	Seen     string        `json:"seen,omitempty"` // what it showed, in one line
}

// openMinimiseJournal opens the journal of a question; name is that of the file, or "".
func (l *Lab) openMinimiseJournal(question, name string, fresh bool) (*minimiseJournal, error) {
	j := &minimiseJournal{store: l.store, question: question, fresh: fresh, answers: map[string]minimiseAnswer{}}
	if name == "" {
		return j, nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, usage.Errorf("-log=%s cannot be written: %w", name, cause(err))
	}
	j.file = f
	whole, err := j.read(f, name)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err == nil && whole == 0 {
		err = j.append(minimiseAnswer{Question: question})
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// read takes the answers of a file, and returns where the last whole line of it ends: a later one was cut off.
func (j *minimiseJournal) read(f io.Reader, name string) (whole int64, err error) {
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, fmt.Errorf("-log=%s: %w", name, cause(err))
		}
		var a minimiseAnswer
		err = json.Unmarshal([]byte(text), &a)
		if err == nil && n > 1 && a.Answer != shrink.Holds && a.Answer != shrink.Not {
			err = fmt.Errorf("%q is no answer", a.Answer)
		}
		if err != nil {
			return whole, usage.Errorf("%s:%d: it is no line of a log of minimise (%w): name another file", name, n, err)
		}
		if a.Question != j.question {
			return whole, usage.Errorf("%s:%d: it has answers of another question (another cell, tree, toolchain, module or option): "+
				"name another file", name, n)
		}
		j.answers[a.Asked] = a
		whole += int64(len(text))
	}
}

// get is the answer that is known for what is asked.
func (j *minimiseJournal) get(asked string) (a minimiseAnswer, known bool) {
	if a, known = j.answers[asked]; known || j.fresh {
		return a, known
	}
	return a, j.store.Get(kindMinimise, store.Key(j.question, asked), &a)
}

// put enters an answer; what is not known is asked again.
func (j *minimiseJournal) put(asked string, answer shrink.Answer, seen string) error {
	if answer == shrink.Unknown {
		return nil
	}
	a := minimiseAnswer{Question: j.question, Asked: asked, Answer: answer, Seen: seen}
	j.answers[asked] = a
	return errors.Join(j.append(a), j.store.Put(kindMinimise, store.Key(j.question, asked), a))
}

func (j *minimiseJournal) append(a minimiseAnswer) error {
	if j.file == nil {
		return nil
	}
	text, err := json.Marshal(a)
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	return err
}

func (j *minimiseJournal) close() {
	if j.file != nil {
		_ = j.file.Close() // each line was written as it came
	}
}
