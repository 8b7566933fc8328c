package history

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Import enters documents of umlab.results/v1, or the results in those of
// umlab.sweep/v1 and umlab.nightly/v1: one document, several in a row (JSON
// lines) or an array of them. Either all are entered or none; what is known
// already is not entered again. check may refuse results; nil accepts. name
// is the input's in errors, each of which says which record it is about and in
// which line that begins.
func (h *DB) Import(ctx context.Context, name string, in io.ReadSeeker, check func([]byte) error) (Imported, error) {
	var n Imported
	tx, err := h.begin(ctx)
	if err != nil {
		return n, h.failed("write", err)
	}
	defer tx.Rollback()
	var unwritten error // a fault of the database, not of the input
	err = documents(in, func(text []byte) error {
		list, err := parts(text)
		for _, p := range list {
			doc, err := parseDocument(p.text)
			if err == nil && check != nil {
				err = check(p.text)
			}
			if err != nil {
				return p.wrong(err)
			}
			did, err := enter(ctx, tx, doc)
			if err != nil {
				unwritten = err
				return err
			}
			n.add(did)
		}
		return err
	})
	if unwritten != nil {
		return Imported{}, h.failed("write", unwritten)
	}
	if err != nil {
		return Imported{}, &InputError{fmt.Errorf("import %s: %w", name, err)}
	}
	if err := tx.Commit(); err != nil {
		return Imported{}, h.failed("write", err)
	}
	return n, nil
}

// InputError says that what was to be imported is not what can be: where, and
// why.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *InputError) Unwrap() error { return e.Err }

// Imported counts the documents of an import by what became of them.
type Imported struct{ Entered, Sighted, Known int }

func (n *Imported) add(did Recorded) {
	switch did {
	case entered:
		n.Entered++
	case sighted:
		n.Sighted++
	default:
		n.Known++
	}
}

// documents calls each for every document of in.
func documents(in io.ReadSeeker, each func([]byte) error) error {
	first, err := firstByte(in)
	if err != nil {
		return err
	}
	d := json.NewDecoder(in)
	record := 0
	failed := func(at int64, err error) error {
		line, lerr := lineOf(in, at)
		if lerr != nil {
			return lerr
		}
		var bad *json.SyntaxError
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
			errors.As(err, &bad) && bad.Error() == "unexpected end of JSON input" {
			err = errors.New("the JSON ends too early: is the file whole?")
		}
		return fmt.Errorf("nothing was imported: line %d, record %d: %w", line, record, err)
	}
	array := first == '['
	if array {
		if _, err := d.Token(); err != nil {
			return failed(0, err)
		}
	}
	for !array || d.More() {
		var text json.RawMessage
		at := d.InputOffset()
		record++
		err := d.Decode(&text)
		if err == io.EOF && !array {
			record--
			break
		}
		if err != nil {
			var bad *json.SyntaxError
			if errors.As(err, &bad) {
				at = bad.Offset
			}
			return failed(at, err)
		}
		if err := each(text); err != nil {
			return failed(d.InputOffset()-int64(len(text)), err)
		}
	}
	if array {
		at := d.InputOffset()
		if _, err := d.Token(); err != nil {
			return failed(at, err)
		}
		if _, err := d.Token(); err != io.EOF {
			return failed(d.InputOffset(), errors.New("something follows the array"))
		}
	}
	if record == 0 {
		return errors.New("it holds no results: give what matrix, sweep or nightly -json=, or history -export= wrote")
	}
	return nil
}

// firstByte is the first of in that is no white space, 0 where there is none; in
// is at its beginning afterwards.
func firstByte(in io.ReadSeeker) (byte, error) {
	r := bufio.NewReader(in)
	first, err := r.ReadByte()
	for err == nil && strings.IndexByte(" \t\r\n", first) >= 0 {
		first, err = r.ReadByte()
	}
	if err == io.EOF {
		first, err = 0, nil
	}
	_, serr := in.Seek(0, io.SeekStart)
	return first, cmp.Or(err, serr)
}

// lineOf is the number of the line that the byte at lies in, from 1.
func lineOf(in io.ReadSeeker, at int64) (int, error) {
	_, err := in.Seek(0, io.SeekStart)
	line := lines(1)
	if err == nil {
		_, err = io.Copy(&line, io.LimitReader(in, at))
	}
	return int(line), err
}

// lines counts the line ends that are written to it.
type lines int

func (n *lines) Write(p []byte) (int, error) {
	*n += lines(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// Export writes the documents that f asks for, as they were recorded, oldest
// first: one a line, or as an array. Each stands there once, however often it
// was seen.
func (h *DB) Export(ctx context.Context, w io.Writer, f Filter, array bool) (n int, err error) {
	list, err := h.load(ctx, f)
	if err != nil {
		return 0, err
	}
	lead, between, end := "", "\n", "\n"
	if array {
		lead, between, end = "[\n", ",\n", "\n]\n"
	}
	for i, r := range list {
		text, err := documentOf(ctx, h.db, r.id)
		if err = h.failed("read", err); err == nil {
			_, err = fmt.Fprintf(w, "%s%s", lead, text)
		}
		if err != nil {
			return i, err
		}
		lead = between
	}
	_, err = io.WriteString(w, end)
	return len(list), err
}

// documentOf reads a document; its compressed form has a checksum. One that cannot be read is a *brokenError.
func documentOf(ctx context.Context, q queryer, id int64) ([]byte, error) {
	var blob []byte
	if err := q.QueryRowContext(ctx, "SELECT document FROM result WHERE id = ?", id).Scan(&blob); err != nil {
		return nil, err
	}
	text, err := uncompress(blob)
	if err == nil && !json.Valid(text) {
		err = errors.New("it holds no JSON")
	}
	if err != nil {
		return nil, &brokenError{id, err}
	}
	return text, nil
}

// brokenError says that a document of the database cannot be read.
type brokenError struct {
	id  int64
	err error
}

func (e *brokenError) Error() string { return fmt.Sprintf("result %d: %v", e.id, e.err) }
