package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"umlab/harness/result"
)

// Recorded says what became of a result.
type Recorded int

// What can become of a result.
const (
	nothingNew Recorded = iota // nothing was written: it is what was seen last, or this very run
	sighted                    // known before, and seen again
	entered                    // new
)

// Record remembers a document of umlab.results/v1. What is known already becomes
// a sighting of it; where all of it comes from the store and it is what was last
// seen of its tree and toolchain, nothing at all is written.
func (h *DB) Record(ctx context.Context, text []byte) (Recorded, error) {
	doc, err := parseDocument(text)
	if err != nil {
		return nothingNew, fmt.Errorf("record a result: %w", err)
	}
	if cached(doc.results) {
		last, err := newest(ctx, h.db, doc)
		if err != nil {
			return nothingNew, h.failed("read", err)
		}
		if last == doc.digest {
			return nothingNew, nil
		}
	}
	tx, err := h.begin(ctx)
	if err != nil {
		return nothingNew, h.failed("write", err)
	}
	defer tx.Rollback()
	did, err := enter(ctx, tx, doc)
	if err == nil {
		err = tx.Commit()
	}
	return did, h.failed("write", err)
}

// newest is the digest of the result that was last seen where doc is from: it was
// asked the same of the same toolchain.
func newest(ctx context.Context, q queryer, doc *document) (digest string, err error) {
	a := doc.asked
	err = q.QueryRowContext(ctx, `
		SELECT r.digest FROM result r JOIN sighting s ON s.result = r.id
		WHERE r.scenario = ? AND r.question = ? AND r.own = ? AND r.toolchain = ? AND r.origin = ? AND r.compiler = ?
			AND r.patches = ? AND r.fragments = ?
		ORDER BY s.at DESC, r.id DESC LIMIT 1`,
		a.scenario, a.question, a.own, doc.results.Toolchain.Name, a.origin, a.compiler, a.patches, a.fragments).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return digest, err
}

// names is a list as the database has it; none is an empty one.
func names(list []string) string {
	text, _ := json.Marshal(append([]string{}, list...)) // strings are never refused
	return string(text)
}

// parsed is the list that names made the text of.
func parsed(text string) []string {
	list := []string{}
	_ = json.Unmarshal([]byte(text), &list) // it was names that wrote it
	return list
}

// tools are those of a toolchain as the database has them.
func tools(t result.Toolchain) string {
	text, _ := json.Marshal(t.Identity)
	return string(text)
}

// enter writes doc.
func enter(ctx context.Context, tx *sql.Tx, doc *document) (Recorded, error) {
	did := sighted
	var id int64
	err := tx.QueryRowContext(ctx, "SELECT id FROM result WHERE digest = ?", doc.digest).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		did = entered
		id, err = enterResult(ctx, tx, doc)
	}
	if err != nil {
		return nothingNew, err
	}
	done, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO sighting (result, at) VALUES (?, ?)", id, doc.results.Started.UnixMilli())
	if err != nil {
		return nothingNew, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return nothingNew, err
	}
	return did, enterSum(ctx, tx, id)
}

func enterResult(ctx context.Context, tx *sql.Tx, doc *document) (int64, error) {
	r := doc.results
	blob, err := compress(doc.text)
	if err != nil {
		return 0, err
	}
	c := column(r.Toolchain)
	done, err := tx.ExecContext(ctx, `
		INSERT INTO result (digest, scenario, scenario_digest, tree, tree_version, tree_digest, patches, fragments,
			toolchain, toolchain_digest, compiler, rustc, llvm, proved, document, question, own, origin, tools, config_digest)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		doc.digest, r.Scenario.Name, r.Scenario.Digest, nameOf(r.Tree), r.Tree.Version, r.Tree.Digest, doc.asked.patches, doc.asked.fragments,
		c.Toolchain, r.Toolchain.Digest, c.Compiler, c.Rustc, c.LLVM, r.Proves(), blob,
		doc.asked.question, doc.asked.own, doc.asked.origin, tools(r.Toolchain), r.Config.Digest)
	if err != nil {
		return 0, err
	}
	id, err := done.LastInsertId()
	if err != nil {
		return 0, err
	}
	for i, cell := range r.Cells {
		if err := enterCell(ctx, tx, id, i, r, cell); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func enterCell(ctx context.Context, tx *sql.Tx, id int64, at int, r *result.Results, c result.Cell) error {
	sights := sightsOf(c)
	seen, err := json.Marshal(sights)
	if err != nil {
		return err
	}
	var placed []string
	for _, p := range c.Placements {
		placed = append(placed, p.Name)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO cell (result, position, id, placements, verdict, reason, message, seen, proved)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, at, c.ID, names(placed), string(c.Verdict), c.Reason, message(sights), string(seen), proved(r, c))
	return err
}
