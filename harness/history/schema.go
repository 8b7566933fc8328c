package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// application marks a database as umlab's history ("umlb"), so that another
// program's is never written to.
const application = 0x756d6c62

// migration is a step from one version of the schema to the next.
type migration struct {
	statements string
	then       func(context.Context, *sql.Tx) error // what no statement can do; nil: nothing
}

// migrations lead from each version of the schema, which is their number, to the
// next. One that was released is never changed.
func migrations() []migration {
	return []migration{{statements: `
CREATE TABLE result (
	id INTEGER PRIMARY KEY,
	digest TEXT NOT NULL UNIQUE,       -- of the content, see document.go
	scenario TEXT NOT NULL,
	scenario_digest TEXT NOT NULL,
	tree TEXT NOT NULL,
	tree_version TEXT NOT NULL,
	tree_digest TEXT NOT NULL,
	patches TEXT NOT NULL,             -- JSON
	fragments TEXT NOT NULL,           -- JSON
	toolchain TEXT NOT NULL,
	toolchain_digest TEXT NOT NULL,
	compiler TEXT NOT NULL,
	rustc TEXT NOT NULL,
	llvm TEXT NOT NULL,
	proved INTEGER NOT NULL,           -- 0: infrastructure, the whole of it counts for nothing
	document BLOB NOT NULL             -- umlab.results/v1, as zstd
);
CREATE INDEX result_line ON result (scenario, tree, toolchain);
CREATE TABLE sighting (
	result INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
	at INTEGER NOT NULL,               -- when the run began, in milliseconds since 1970
	PRIMARY KEY (result, at)
) WITHOUT ROWID;
CREATE TABLE cell (
	result INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,         -- in the result
	id TEXT NOT NULL,
	placements TEXT NOT NULL,          -- JSON: the names of those that were run
	verdict TEXT NOT NULL,
	reason TEXT NOT NULL,
	message TEXT NOT NULL,             -- what was seen, in words that stay the same from boot to boot
	seen TEXT NOT NULL,                -- JSON of []result.Sight
	proved INTEGER NOT NULL,
	PRIMARY KEY (result, position)
) WITHOUT ROWID;
CREATE INDEX cell_id ON cell (id);
`}, {statements: `
ALTER TABLE result ADD COLUMN question TEXT NOT NULL DEFAULT '';        -- see asked
ALTER TABLE result ADD COLUMN own TEXT NOT NULL DEFAULT '[]';           -- JSON
ALTER TABLE result ADD COLUMN origin TEXT NOT NULL DEFAULT '';          -- of the tree
ALTER TABLE result ADD COLUMN tools TEXT NOT NULL DEFAULT '{}';         -- JSON: the toolchain's identity
ALTER TABLE result ADD COLUMN config_digest TEXT NOT NULL DEFAULT '';
DROP INDEX result_line;
CREATE INDEX result_asked ON result (scenario, question, toolchain);
`, then: enterQuestions}, {statements: `
ALTER TABLE result ADD COLUMN sums TEXT NOT NULL DEFAULT '';            -- see sums
`, then: enterSums}}
}

// migrate brings the schema up to date. Only one process at a time may call it.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	steps := migrations()
	// Readers and a writer do not wait for each other in this mode, which the
	// file keeps.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode=WAL"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	at, err := version(ctx, tx, path)
	if err != nil {
		return err
	}
	for ; at < len(steps); at++ {
		_, err := tx.ExecContext(ctx, steps[at].statements)
		if err == nil && steps[at].then != nil {
			err = steps[at].then(ctx, tx)
		}
		if err != nil {
			return fmt.Errorf("migrate from schema %d: %w", at, err)
		}
	}
	for _, pragma := range []string{fmt.Sprintf("PRAGMA user_version=%d", at), fmt.Sprintf("PRAGMA application_id=%d", application)} {
		if _, err := tx.ExecContext(ctx, pragma); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// queryer is a *sql.DB or a *sql.Tx.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// version is the schema's, 0 for a file without any. What is not a history, or
// one of a later umlab, is an error.
func version(ctx context.Context, q queryer, path string) (int, error) {
	var version, app, tables int
	err := q.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&version, &app, &tables)
	switch {
	case err != nil:
		return 0, err
	case tables > 0 && app != application:
		return 0, &foreignError{Path: path}
	case version > len(migrations()):
		return 0, &newerError{Path: path, Schema: version, Known: len(migrations())}
	}
	return version, nil
}

// enterSums takes what is there for right, once.
func enterSums(ctx context.Context, tx *sql.Tx) error {
	ids, err := resultIDs(ctx, tx)
	for _, id := range ids {
		err = errors.Join(err, enterSum(ctx, tx, id))
	}
	return err
}

// resultIDs are those of all results.
func resultIDs(ctx context.Context, q queryer) (ids []int64, err error) {
	return rowsOf[int64](ctx, q, "SELECT id FROM result")
}

// enterQuestions finds out what the results that are there were asked.
func enterQuestions(ctx context.Context, tx *sql.Tx) error {
	ids, err := resultIDs(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := resultOf(ctx, tx, id)
		if err != nil {
			return err
		}
		a := askedOf(r)
		if _, err := tx.ExecContext(ctx, "UPDATE result SET question = ?, own = ?, origin = ?, tree = ?, tools = ?, "+
			"config_digest = ? WHERE id = ?",
			a.question, a.own, a.origin, nameOf(r.Tree), tools(r.Toolchain), r.Config.Digest, id); err != nil {
			return err
		}
	}
	return nil
}
