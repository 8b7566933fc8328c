package harness

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"umlab/harness/bisect"
	"umlab/harness/result"
	"umlab/harness/store"
)

// bisectVersion is raised when the same question would be answered otherwise.
const bisectVersion = "1"

// Kinds of records of the store.
const (
	kindBisectLog     = "bisect-log"
	kindBisectAnswers = "bisect-answers"
)

// bisectLog is where answers are written as they come: a record of the store, and
// a file where the user names one.
type bisectLog struct {
	question []string
	check    logCheck
	head     string      // how the log begins
	replay   *bisect.Log // what was known; nil where nothing was
	from     string      // where that comes from

	store  *store.Store
	key    string
	text   strings.Builder
	file   *os.File // nil: none
	unlock func()
}

// logRecord is the log in the store.
type logRecord struct{ Text string }

// lines is what a question is, for its log; pinned is what does not vary.
func (q *question) lines(pinned string) []string {
	until := q.Until
	if q.cond.Empty() {
		until = "whatever differs from the good end"
	}
	axis := q.axis
	if q.Series != "" {
		axis += " of " + q.Series
	}
	parts := []string{bisectVersion, q.Compiler, fmt.Sprint(q.Select.Repeat), fmt.Sprint(q.job.options)}
	if q.Select.ASLR != nil {
		parts = append(parts, fmt.Sprint("aslr ", *q.Select.ASLR))
	}
	for _, c := range q.job.plan.Cells {
		for _, p := range c.Placements {
			parts = append(parts, p.Name, p.MemText)
		}
		for _, m := range c.Modules {
			parts = append(parts, m.Name, m.Path)
		}
	}
	parts = append(parts, q.Select.Modules...)
	return []string{
		"along " + axis, pinned,
		fmt.Sprintf("scenario %s %s", q.job.scenario.Name, store.Short(q.job.scenario.Digest)),
		"cell " + q.target.String(), "until " + until, "options " + store.Short(store.Key(parts...)),
	}
}

// logCheck is what a log must pass: bisect.Log.Check, or CheckHead where the list
// is not known.
type logCheck func(l *bisect.Log, file string, question, names []string) error

// openBisectLog opens the log of a question over a list, with what it holds
// already and check accepts. Of the same question asked twice at once, the second
// waits. Close it.
func (l *Lab) openBisectLog(ctx context.Context, q *question, pinned string, list []string, check logCheck) (*bisectLog, error) {
	g := &bisectLog{question: q.lines(pinned), store: l.store, check: check}
	head := (&bisect.Log{Question: g.question, Names: list}).Head()
	g.key = store.Key("bisect", head)
	var err error
	if g.unlock, err = l.store.Lock(ctx, "bisect-"+g.key); err != nil {
		return nil, err
	}
	if err := g.open(q, head, list); err != nil {
		g.close()
		return nil, err
	}
	if g.replay != nil && len(g.replay.Records) > 0 {
		l.sink.Note(fmt.Sprintf("%d answers are taken from %s", len(g.replay.Records), g.from))
	}
	return g, nil
}

// open reads what is known: the file's answers, else those of the store.
func (g *bisectLog) open(q *question, head string, list []string) error {
	g.head = head
	g.text.WriteString(head)
	var kept logRecord
	if !q.Fresh && g.store.Get(kindBisectLog, g.key, &kept) {
		// What cannot be read can be found out again.
		replay, whole, err := bisect.ParseLog("the log in the store", []byte(kept.Text))
		if err == nil && g.check(replay, g.name(), g.question, list) == nil {
			g.take(g.name(), replay, kept.Text[:whole])
		}
	}
	if q.Log == "" {
		return nil
	}
	f, err := os.OpenFile(q.Log, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return usagef("-log=%s cannot be written: %w", q.Log, cause(err))
	}
	g.file = f
	data, err := io.ReadAll(f)
	if err != nil {
		return usagef("-log=%s: %w", q.Log, cause(err))
	}
	if len(data) == 0 {
		_, err := f.WriteString(g.text.String())
		return err
	}
	replay, whole, err := bisect.ParseLog(q.Log, data)
	if err == nil {
		err = g.check(replay, q.Log, g.question, list)
	}
	if err != nil {
		return &UsageError{err}
	}
	g.take(g.name(), replay, string(data[:whole]))
	if err := f.Truncate(int64(whole)); err != nil {
		return fmt.Errorf("%s: %w", q.Log, err)
	}
	_, err = f.Seek(int64(whole), io.SeekStart)
	return err
}

// take goes on with a log.
func (g *bisectLog) take(from string, replay *bisect.Log, text string) {
	g.from, g.replay = from, replay
	g.text.Reset()
	g.text.WriteString(text)
}

// drop asks anew what the log has.
func (g *bisectLog) drop() { g.take("", nil, g.head) }

// at is where the log has the first answer for a candidate, for messages.
func (g *bisectLog) at(name string) string {
	if at := g.replay.At(name, false); at != "" {
		return at
	}
	return "the log"
}

// answered reports whether a file is a log with answers. What else is wrong with
// it is told when it is opened.
func answered(file string) bool {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	log, _, err := bisect.ParseLog(file, data)
	return err == nil && len(log.Records) > 0
}

// name is what messages call the log.
func (g *bisectLog) name() string {
	if g.file != nil {
		return g.file.Name()
	}
	return "what the store kept of this bisection (-fresh asks anew)"
}

// Write appends to the log, on the disk when it returns.
func (g *bisectLog) Write(p []byte) (int, error) {
	g.text.Write(p)
	if g.file != nil {
		if _, err := g.file.Write(p); err != nil {
			return 0, err
		}
	}
	if err := g.store.Put(kindBisectLog, g.key, logRecord{g.text.String()}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// forget keeps the next bisection from taking over what led to no answer.
func (g *bisectLog) forget() error { return g.store.Put(kindBisectLog, g.key, logRecord{}) }

func (g *bisectLog) close() {
	if g.file != nil {
		g.file.Close()
	}
	g.unlock()
}

// earlier is what bisections of the same question, over whatever lists, were
// answered. It is a guess only: what is behind a name may have changed since.
func (l *Lab) earlier(question []string) map[string]bisect.Verdict {
	known := map[string]bisect.Verdict{}
	l.store.Get(kindBisectAnswers, store.Key(question...), &known)
	return known
}

// remembered adds the answers of a bisection to what the next one may guess by.
// That it cannot be written is no harm.
func (l *Lab) remembered(question []string, known map[string]bisect.Verdict, steps []result.BisectStep) {
	for _, s := range steps {
		known[s.Name] = bisect.Verdict(s.Verdict)
	}
	_ = l.store.Put(kindBisectAnswers, store.Key(question...), known)
}
