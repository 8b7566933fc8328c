package history

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"umlab/harness/store"
)

// Checked is what Fsck found in a history.
type Checked struct {
	Results int
	Bytes   int64    // of the documents
	Broken  []string // what is damaged, for people
	Aside   string   // where the file is kept as it was; "" where nothing was mended
}

// Fsck asks SQLite whether the history of st is whole, and reads each document of it. Where something is damaged, the file is
// kept beside, and a new one holds all that is left; with dry, nothing is written.
func Fsck(ctx context.Context, st *store.Store, dry bool) (*Checked, error) {
	c := &Checked{}
	var whole []*kept
	h, err := Open(ctx, st)
	if err == nil {
		whole = c.read(ctx, h)
		err = h.Close()
	}
	if _, damaged := errors.AsType[*damagedError](err); damaged {
		c.Broken, err = append(c.Broken, err.Error()), nil
	}
	if err != nil || ctx.Err() != nil || len(c.Broken) == 0 || dry {
		return c, cmp.Or(context.Cause(ctx), err)
	}
	together, err := st.Alone()
	if err != nil {
		return nil, fmt.Errorf("mend the history: %w", err)
	}
	defer together()
	path := Path(st)
	c.Aside = fmt.Sprintf("%s.damaged-%s", path, time.Now().UTC().Format("20060102-150405"))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, c.Aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("set the history aside: %w", err)
		}
	}
	if h, err = Open(ctx, st); err != nil {
		return nil, err
	}
	return c, errors.Join(h.enterAll(ctx, whole), h.Close())
}

// enterAll enters documents as they were.
func (h *DB) enterAll(ctx context.Context, list []*kept) error {
	tx, err := h.begin(ctx)
	if err != nil {
		return h.failed("write", err)
	}
	defer tx.Rollback()
	for _, k := range list {
		for _, at := range k.at {
			k.results.Started = at
			if _, err := enter(ctx, tx, k.document); err != nil {
				return h.failed("write", err)
			}
		}
	}
	return h.failed("write", tx.Commit())
}

// kept is a document as it is in the database, with the times at which it was seen.
type kept struct {
	*document
	at []time.Time
}

// read returns the documents that are whole, and notes what is not.
func (c *Checked) read(ctx context.Context, h *DB) (whole []*kept) {
	broken := func(format string, args ...any) { c.Broken = append(c.Broken, fmt.Sprintf(format, args...)) }
	rows, err := h.db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err == nil {
		var said []string
		said, err = column1(rows)
		for _, line := range said {
			if line != "ok" {
				broken("SQLite: %s", line)
			}
		}
	}
	if err != nil {
		broken("SQLite: %v", err)
	}
	// Where a page cannot be read, what stands behind it is found from the other end.
	ids := map[int64]bool{}
	for _, order := range []string{"ASC", "DESC"} {
		rows, err := h.db.QueryContext(ctx, "SELECT id FROM result ORDER BY id "+order)
		if err != nil {
			broken("SQLite: %v", err)
			continue
		}
		for rows.Next() {
			var id int64
			if rows.Scan(&id) == nil {
				ids[id] = true
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			broken("SQLite: %v", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		k, err := h.keptAs(ctx, id)
		if k != nil {
			c.Results++
			c.Bytes += int64(len(k.text))
			whole = append(whole, k)
		}
		if err != nil {
			broken("result %d: %v", id, err)
		}
	}
	return whole
}

// keptAs reads a result, and holds what is recorded of its cells against the document. The error says what is wrong; where
// the document is whole, it is there all the same.
func (h *DB) keptAs(ctx context.Context, id int64) (*kept, error) {
	text, err := documentOf(ctx, h.db, id)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(text)
	if err != nil {
		return nil, err
	}
	k := &kept{document: doc}
	rows, err := h.db.QueryContext(ctx, "SELECT at FROM sighting WHERE result = ? ORDER BY at", id)
	if err == nil {
		for rows.Next() {
			var at int64
			if rows.Scan(&at) == nil {
				k.at = append(k.at, time.UnixMilli(at).UTC())
			}
		}
		err = errors.Join(rows.Err(), rows.Close())
	}
	if began := doc.results.Started; !slices.ContainsFunc(k.at, func(at time.Time) bool { return at.UnixMilli() == began.UnixMilli() }) {
		k.at, err = append(k.at, began), errors.Join(err, errors.New("it was not seen when it says it was"))
	}
	if err != nil {
		return k, err
	}
	rows, err = h.db.QueryContext(ctx, "SELECT id || ' ' || verdict || ' ' || reason FROM cell WHERE result = ? ORDER BY position", id)
	if err != nil {
		return k, err
	}
	said, err := column1(rows)
	var want []string
	for _, cell := range doc.results.Cells {
		want = append(want, fmt.Sprintf("%s %s %s", cell.ID, cell.Verdict, cell.Reason))
	}
	if err == nil && !slices.Equal(said, want) {
		err = errors.New("what is recorded of its cells is not what its document says")
	}
	return k, err
}

// column1 are the rows of one column.
func column1(rows *sql.Rows) (list []string, err error) {
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return list, errors.Join(err, rows.Close())
		}
		list = append(list, text)
	}
	return list, errors.Join(rows.Err(), rows.Close())
}

// sound is an error where the history is damaged.
func (h *DB) sound(ctx context.Context) error {
	var c Checked
	c.read(ctx, h)
	if ctx.Err() != nil || len(c.Broken) == 0 {
		return context.Cause(ctx)
	}
	return &damagedError{h.path, errors.New(c.Broken[0])}
}
