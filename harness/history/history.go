// Package history remembers every result in an embedded database, and says when
// a cell changed. It may import result, outcome and store, and is the only one
// that speaks SQL. It never builds or boots, never judges a cell, and holds
// nothing that the JSON of the results does not: what it exports is the truth,
// and a database that is lost is made again from that.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"umlab/harness/store"
)

// file is the database's name in the store's root.
const file = "history.db"

// waits is how long a process waits for another that writes, in milliseconds.
// One writes for moments, an import of thousands of results for seconds.
const waits = 60_000

// DB is the history of one store. It is safe for concurrent use, by processes as
// well: whatever is written is one transaction.
type DB struct {
	db   *sql.DB
	path string
}

// Path is where the history of a store lies.
func Path(st *store.Store) string { return filepath.Join(st.Root(), file) }

// Exists reports whether st has a history yet.
func Exists(st *store.Store) bool {
	_, err := os.Stat(Path(st))
	return !errors.Is(err, fs.ErrNotExist)
}

// Open opens the history of st, making it where there is none. A file that is
// damaged is a *damagedError, one of a later umlab a *newerError, one that is
// no history a *foreignError; nothing is written to them.
func Open(ctx context.Context, st *store.Store) (*DB, error) {
	h := &DB{path: Path(st)}
	at := url.URL{Scheme: "file", Path: h.path, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", waits), "foreign_keys(1)", "synchronous(FULL)"},
	}.Encode()}
	var err error
	if h.db, err = sql.Open("sqlite", at.String()); err != nil {
		return nil, h.failed("open", err)
	}
	h.db.SetMaxOpenConns(1)
	if err := h.prepare(ctx, st); err != nil {
		return nil, h.failed("open", errors.Join(err, h.db.Close()))
	}
	return h, nil
}

func (h *DB) prepare(ctx context.Context, st *store.Store) error {
	at, err := version(ctx, h.db, h.path)
	if err != nil || at == len(migrations()) {
		return err
	}
	unlock, err := st.Lock(ctx, "history")
	if err != nil {
		return err
	}
	defer unlock()
	return migrate(ctx, h.db, h.path)
}

// Close ends the use of the database.
func (h *DB) Close() error { return h.db.Close() }

// begin starts a transaction that may write.
func (h *DB) begin(ctx context.Context) (*sql.Tx, error) { return h.db.BeginTx(ctx, nil) }

// damagedError says that the database cannot be read.
type damagedError struct {
	Path string
	Err  error
}

func (e *damagedError) Error() string {
	return fmt.Sprintf("%s is damaged (%v): umlab fsck sets it aside and keeps what is whole of it; "+
		"for the rest, -import= the results that you exported or wrote with -json=, and run again what the store still answers: "+
		"both enter it anew", e.Path, e.Err)
}

// Unwrap returns what the database said.
func (e *damagedError) Unwrap() error { return e.Err }

// newerError says that a later umlab wrote the database.
type newerError struct {
	Path          string
	Schema, Known int
}

func (e *newerError) Error() string {
	return fmt.Sprintf("%s was written by a later umlab (schema %d, and this one knows up to %d): use that one, "+
		"or have it -export= and -import= that with another UMLAB_HOME",
		e.Path, e.Schema, e.Known)
}

// foreignError says that the file is a database of something else.
type foreignError struct{ Path string }

func (e *foreignError) Error() string {
	return e.Path + " is a database, but no history of umlab: move it away"
}

// failed says what was done when err came, and what helps.
func (h *DB) failed(what string, err error) error {
	var damaged *damagedError
	var newer *newerError
	var foreign *foreignError
	var broken *brokenError
	var sq *sqlite.Error
	hint := ""
	switch {
	case err == nil:
		return nil
	case errors.As(err, &damaged), errors.As(err, &newer), errors.As(err, &foreign):
		return fmt.Errorf("%s history: %w", what, err)
	case errors.As(err, &broken):
		return fmt.Errorf("%s history: %w", what, &damagedError{h.path, broken})
	case !errors.As(err, &sq):
	case sq.Code()&0xff == codes.SQLITE_CORRUPT, sq.Code()&0xff == codes.SQLITE_NOTADB:
		return fmt.Errorf("%s history: %w", what, &damagedError{h.path, sq})
	case sq.Code()&0xff == codes.SQLITE_BUSY:
		hint = "; another umlab is writing to it: try again when that one is done"
	case sq.Code()&0xff == codes.SQLITE_FULL, sq.Code()&0xff == codes.SQLITE_IOERR && full(h.path):
		hint = "; no space is left there: free some, or set UMLAB_HOME"
	case sq.Code()&0xff == codes.SQLITE_READONLY, sq.Code()&0xff == codes.SQLITE_CANTOPEN, sq.Code()&0xff == codes.SQLITE_IOERR:
		hint = "; see that you may read and write it and its directory"
	}
	return fmt.Errorf("%s history %s: %w%s", what, h.path, err, hint)
}

// full reports whether no space is left where path is. SQLite tells that of its smaller files as a fault of the disk.
func full(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(filepath.Dir(path), &st) == nil && st.Bavail == 0
}
