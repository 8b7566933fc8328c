package harness

import (
	"context"
	"fmt"
	"io"
	"os"

	"umlab/harness/bisect"
	"umlab/harness/store"
	"umlab/harness/usage"
)

const kindBisectLog = "bisect-log" // of records of the store

// bisectLog is where answers are written as they come: a record of the store, and
// a file where the user names one.
type bisectLog struct {
	head   string      // how the log begins
	text   string      // all of it
	replay *bisect.Log // what was known; nil where nothing was

	store  *store.Store
	key    string
	file   *os.File // nil: none
	unlock func()
}

// logRecord is the log in the store.
type logRecord struct{ Text string }

// openBisectLog opens the log of a question, with what is known already: the
// file's answers, else those of the store. Of the same question asked twice at
// once, the second waits. Close it.
func (l *Lab) openBisectLog(ctx context.Context, q *question, c *candidates) (*bisectLog, error) {
	asked := q.lines(c.pinned)
	head := (&bisect.Log{Question: asked, Names: c.names}).Head()
	log := &bisectLog{head: head, text: head, store: l.store, key: store.Key("bisect", head)}
	check := func(replay *bisect.Log) error { return replay.Check(asked, c.names, len(c.list) > 0) }
	var err error
	if log.unlock, err = l.store.Lock(ctx, "bisect-"+log.key); err != nil {
		return nil, err
	}
	from := "what the store kept of this bisection (-fresh asks anew)"
	var kept logRecord
	if !q.Fresh && l.store.Get(kindBisectLog, log.key, &kept) {
		// What cannot be read can be found out again.
		replay, whole, err := bisect.ParseLog("the log in the store", []byte(kept.Text))
		if err == nil && check(replay) == nil {
			log.replay, log.text = replay, kept.Text[:whole]
		}
	}
	if q.Log != "" {
		kept := log.replay
		if err := log.open(q.Log, check); err != nil {
			log.close()
			return nil, err
		}
		if log.replay != kept {
			from = q.Log
		}
	}
	if log.replay != nil && len(log.replay.Records) > 0 {
		l.sink.Note(fmt.Sprintf("%d answers are taken from %s", len(log.replay.Records), from))
	}
	return log, nil
}

// open goes on with the file of -log=. One without a text gets what is known.
func (g *bisectLog) open(name string, check func(*bisect.Log) error) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return usage.Errorf("-log=%s cannot be written: %w", name, cause(err))
	}
	g.file = f
	data, err := io.ReadAll(f)
	if err != nil {
		return usage.Errorf("-log=%s: %w", name, cause(err))
	}
	if len(data) == 0 {
		_, err := f.WriteString(g.text)
		return err
	}
	replay, whole, err := bisect.ParseLog(name, data)
	if err == nil {
		err = check(replay)
	}
	if err != nil {
		return &usage.Error{Err: err}
	}
	g.replay, g.text = replay, string(data[:whole])
	if err := f.Truncate(int64(whole)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = f.Seek(int64(whole), io.SeekStart)
	return err
}

// drop asks anew what the log has.
func (g *bisectLog) drop() { g.replay, g.text = nil, g.head }

// Write appends to the log, on the disk when it returns.
func (g *bisectLog) Write(p []byte) (int, error) {
	g.text += string(p)
	if g.file != nil {
		if _, err := g.file.Write(p); err != nil {
			return 0, err
		}
	}
	if err := g.store.Put(kindBisectLog, g.key, logRecord{g.text}); err != nil {
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
