package history

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
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
	said, err := rowsOf[string](ctx, h.db, "PRAGMA integrity_check(20)")
	for _, line := range said {
		if line != "ok" {
			broken("SQLite: %s", line)
		}
	}
	if err != nil {
		broken("SQLite: %v", err)
	}
	// Where a page cannot be read, what stands behind it is found from the other end.
	ids := map[int64]bool{}
	for _, order := range []string{"ASC", "DESC"} {
		some, err := rowsOf[int64](ctx, h.db, "SELECT id FROM result ORDER BY id "+order)
		for _, id := range some {
			ids[id] = true
		}
		if err != nil {
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

// keptAs reads a result, and holds its rows against their sums. The error says what is wrong; where
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
	found, err := sums(ctx, h.db, id)
	var noted [2]string
	if err == nil {
		var text string
		err = h.db.QueryRowContext(ctx, "SELECT sums FROM result WHERE id = ?", id).Scan(&text)
		noted[0], noted[1], _ = strings.Cut(text, " ")
	}
	if err == nil && found[1] == noted[1] {
		k.at, err = h.sightings(ctx, id)
	}
	if len(k.at) == 0 || err != nil {
		k.at = []time.Time{doc.results.Started} // which is all that is sure
	}
	if err == nil && found != noted {
		err = errors.New("its rows are not what was entered")
	}
	return k, err
}

// sightings are the times at which a result was seen.
func (h *DB) sightings(ctx context.Context, id int64) (list []time.Time, err error) {
	all, err := rowsOf[int64](ctx, h.db, "SELECT at FROM sighting WHERE result = ? ORDER BY at", id)
	for _, at := range all {
		list = append(list, time.UnixMilli(at).UTC())
	}
	return list, err
}

// sums are over all that the database holds of a result: its row and its cells; when it was seen. They stand in the column of
// that name, with a space between them. A migration that changes such rows enters them anew.
func sums(ctx context.Context, q queryer, id int64) (both [2]string, err error) {
	for i, queries := range [][]string{
		{"SELECT * FROM result WHERE id = ?", "SELECT * FROM cell WHERE result = ? ORDER BY position"},
		{"SELECT * FROM sighting WHERE result = ? ORDER BY at"},
	} {
		h := sha256.New()
		for _, query := range queries {
			rows, err := q.QueryContext(ctx, query, id)
			if err != nil {
				return both, err
			}
			names, err := rows.Columns()
			for err == nil && rows.Next() {
				values, into := make([]any, len(names)), make([]any, len(names))
				for i := range values {
					into[i] = &values[i]
				}
				err = rows.Scan(into...)
				for i, name := range names {
					if name != "sums" {
						fmt.Fprintf(h, "%s %T %q\n", name, values[i], fmt.Sprint(values[i]))
					}
				}
			}
			if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
				return both, err
			}
		}
		both[i] = hex.EncodeToString(h.Sum(nil))
	}
	return both, nil
}

// enterSum brings the sums of a result up to date.
func enterSum(ctx context.Context, tx *sql.Tx, id int64) error {
	both, err := sums(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE result SET sums = ? WHERE id = ?", both[0]+" "+both[1], id)
	return err
}

// rowsOf are the rows of a query for one column; with an error, those that could be read.
func rowsOf[T any](ctx context.Context, q queryer, query string, args ...any) (list []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return list, errors.Join(err, rows.Close())
		}
		list = append(list, v)
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
