package history

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"umlab/harness/result"
)

// Filter says which results are asked for: in each list, a name is exact or a
// pattern of path.Match, any of them will do, and an empty list asks for all. A
// cell without a scope (@) is meant at each.
type Filter struct{ Scenario, Tree, Toolchain, Cell []string }

// Check says whether the patterns can be read.
func (f Filter) Check() error {
	for _, l := range f.lists() {
		for _, p := range l.patterns {
			if err := CheckPattern(l.name, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckPattern says what is wrong with a value of a flag that is a name or a pattern.
func CheckPattern(flag, pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("-%s=%s: %w; see path.Match", flag, pattern, err)
	}
	return nil
}

type patterns struct {
	name     string // of the flag
	patterns []string
}

func (f Filter) lists() []patterns {
	return []patterns{{"scenario", f.Scenario}, {"tree", f.Tree}, {"toolchain", f.Toolchain}, {"cell", f.Cell}}
}

// Matches reports whether a name is one of patterns, exactly or as path.Match has it; where there are none, it is.
func Matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return p == name || ok && err == nil
	})
}

// matchesCell is Matches for the id of a cell: as everywhere, what names no scope
// means any.
func matchesCell(patterns []string, id string) bool {
	variant, _, scoped := strings.Cut(id, "@")
	return Matches(patterns, id) || scoped && slices.ContainsFunc(patterns, func(p string) bool {
		return !strings.Contains(p, "@") && Matches([]string{p}, variant)
	})
}

func (p patterns) match(name string) bool {
	if p.name == "cell" {
		return matchesCell(p.patterns, name)
	}
	return Matches(p.patterns, name)
}

// NothingError says which flag asks for what is not there.
type NothingError struct {
	Flag, Asked string   // "tree", "debian-6.13"; "" where each alone would match
	There       []string // what the history has instead
}

func (e *NothingError) Error() string {
	if e.Flag == "" {
		return "history: no result matches all of the filters: leave one out"
	}
	return fmt.Sprintf("history: nothing matches -%s=%s: there is %s", e.Flag, e.Asked, strings.Join(e.There, ", "))
}

// ErrEmpty says that nothing was recorded yet.
var ErrEmpty = errors.New("history: nothing is recorded yet")

// record is a row of the table result, with its sightings and cells.
type record struct {
	id     int64
	digest string
	asked  asked
	tree   string              // name
	point  result.HistoryPoint // of all its sightings and cells, without When and Verdict
	proved bool
	at     []time.Time // sightings, oldest first
	cells  []cellRecord
}

// cellRecord is a row of the table cell.
type cellRecord struct {
	id      string
	verdict result.Verdict
	reason  string
	seen    []result.Sight
	proved  bool
}

// load reads all that matches, cells too. What matches nothing is a
// *NothingError, and an empty history ErrEmpty.
func (h *DB) load(ctx context.Context, f Filter) ([]*record, error) {
	if err := h.sound(ctx); err != nil {
		return nil, h.failed("read", err)
	}
	tx, err := h.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // so that all is of one moment
	if err != nil {
		return nil, h.failed("read", err)
	}
	defer tx.Rollback()
	list, err := loadResults(ctx, tx)
	if err == nil {
		err = loadCells(ctx, tx, list)
	}
	if err != nil {
		return nil, h.failed("read", err)
	}
	return f.choose(list)
}

func loadResults(ctx context.Context, q queryer) (list []*record, err error) {
	rows, err := q.QueryContext(ctx, `
		SELECT r.id, r.digest, r.scenario, r.scenario_digest, r.question, r.own, r.fragments, r.origin, r.patches, r.compiler,
			r.tree, r.tree_version, r.tree_digest, r.toolchain, r.rustc, r.llvm, r.toolchain_digest, r.tools, r.config_digest, r.proved, s.at
		FROM result r JOIN sighting s ON s.result = r.id ORDER BY r.id, s.at`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r record
		var at int64
		var identity string
		a, p := &r.asked, &r.point
		if err := rows.Scan(&r.id, &r.digest, &a.scenario, &a.file, &a.question, &a.own, &a.fragments, &a.origin, &a.patches, &a.compiler,
			&r.tree, &p.TreeVersion, &p.TreeDigest, &p.Toolchain.Toolchain, &p.Toolchain.Rustc, &p.Toolchain.LLVM, &p.ToolchainDigest, &identity,
			&p.ConfigDigest, &r.proved, &at); err != nil {
			return nil, err
		}
		if n := len(list); n == 0 || list[n-1].id != r.id {
			if err := json.Unmarshal([]byte(identity), &p.Tools); err != nil {
				return nil, fmt.Errorf("result %d: %w", r.id, err)
			}
			p.Result, p.Toolchain.Compiler = r.digest, a.compiler
			list = append(list, &r)
		}
		last := list[len(list)-1]
		last.at = append(last.at, time.UnixMilli(at).UTC())
	}
	return list, rows.Err()
}

func loadCells(ctx context.Context, q queryer, list []*record) error {
	byID := map[int64]*record{}
	for _, r := range list {
		byID[r.id] = r
	}
	rows, err := q.QueryContext(ctx, "SELECT result, id, verdict, reason, seen, proved FROM cell ORDER BY result, position")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of int64
		var c cellRecord
		var seen []byte
		if err := rows.Scan(&of, &c.id, &c.verdict, &c.reason, &seen, &c.proved); err != nil {
			return err
		}
		if err := json.Unmarshal(seen, &c.seen); err != nil {
			return fmt.Errorf("result %d, %s: %w", of, c.id, err)
		}
		if r := byID[of]; r != nil {
			r.cells = append(r.cells, c)
		}
	}
	return rows.Err()
}

// choose returns what f asks for.
func (f Filter) choose(list []*record) ([]*record, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ErrEmpty
	}
	there := map[string][]string{}
	note := func(flag, name string) {
		if !slices.Contains(there[flag], name) {
			there[flag] = append(there[flag], name)
		}
	}
	var chosen []*record
	for _, r := range list {
		note("scenario", r.asked.scenario)
		note("tree", r.tree)
		note("toolchain", r.point.Toolchain.Toolchain)
		var cells []cellRecord
		for _, c := range r.cells {
			note("cell", c.id)
			if matchesCell(f.Cell, c.id) {
				cells = append(cells, c)
			}
		}
		if len(cells) == 0 && len(f.Cell) > 0 ||
			!Matches(f.Scenario, r.asked.scenario) || !Matches(f.Tree, r.tree) || !Matches(f.Toolchain, r.point.Toolchain.Toolchain) {
			continue
		}
		r.cells = cells
		chosen = append(chosen, r)
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, l := range f.lists() {
		if len(l.patterns) > 0 && !slices.ContainsFunc(there[l.name], func(n string) bool { return l.match(n) }) {
			slices.SortFunc(there[l.name], CompareVersions)
			return nil, &NothingError{Flag: l.name, Asked: strings.Join(l.patterns, ","), There: there[l.name]}
		}
	}
	return nil, &NothingError{}
}

// compareColumns is the order of versions: rustc's, LLVM's, then the names.
func compareColumns(a, b result.HistoryColumn) int {
	return cmp.Or(CompareVersions(a.Rustc, b.Rustc), CompareVersions(a.LLVM, b.LLVM),
		CompareVersions(a.Toolchain, b.Toolchain), cmp.Compare(a.Compiler, b.Compiler))
}

// Question is what a result answers.
type Question struct {
	Scenario  result.Scenario
	Asked     result.Question
	Fragments []string // all that make the configuration, in their order
	Origin    string   // of the tree, see result.Tree
	Toolchain string   // name
	Compiler  string   // of the C side; empty: whichever
}

// Latest is the result that was seen last for a question, on a tree without
// patches, among those that prove something; nil where there is none.
func (h *DB) Latest(ctx context.Context, q Question) (*result.Results, error) {
	var id int64
	err := h.db.QueryRowContext(ctx, `
		SELECT r.id FROM result r JOIN sighting s ON s.result = r.id
		WHERE r.scenario = ? AND (r.question = ? OR r.question = '' AND r.own = ? AND r.scenario_digest = ?)
			AND r.origin = ? AND r.toolchain = ? AND r.fragments = ? AND (? = '' OR r.compiler = ?)
			AND r.patches = '[]' AND r.proved
		ORDER BY s.at DESC, r.id DESC LIMIT 1`,
		q.Scenario.Name, q.Asked.Digest, names(q.Asked.Own), q.Scenario.Digest,
		q.Origin, q.Toolchain, names(q.Fragments), q.Compiler, q.Compiler).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, h.failed("read", err)
	}
	k, err := h.keptAs(ctx, id)
	if err != nil {
		return nil, h.failed("read", &brokenError{id, err})
	}
	return k.results, nil
}

// resultOf reads the result of a document. The error is a *damagedError's cause where it is none.
func resultOf(ctx context.Context, q queryer, id int64) (*result.Results, error) {
	text, err := documentOf(ctx, q, id)
	if err != nil {
		return nil, err
	}
	var r result.Results
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, &brokenError{id, err}
	}
	return &r, nil
}
