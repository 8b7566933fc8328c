package history

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/store"
)

// filled is a store with a history of some results, and what it says of them.
func filled(t *testing.T) (*store.Store, []string) {
	t.Helper()
	st := emptyStore(t)
	db := opened(t, st)
	for i := range 30 {
		high := []string{"ok", "unk9"}[i/3%2]
		record1(t, db, made(t, "sid", fmt.Sprint(i/3), time.Duration(i)*time.Hour, "stock low=unk9", "static-small@module low=ok high="+high))
	}
	said := groups(t, db)
	if _, err := db.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	return st, append(said, exported(t, db))
}

func exported(t *testing.T, db *DB) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := db.Export(t.Context(), &out, Filter{}, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What was changed in the rows is told by the next history, and mended out of the documents, whole.
func TestFsckRows(t *testing.T) {
	for name, statement := range map[string]string{
		"nothing":        "",
		"a verdict":      "UPDATE cell SET verdict = 'loads' WHERE result = 3 AND position = 0",
		"a cell's name":  "UPDATE cell SET id = 'stocj' WHERE result = 3 AND position = 0",
		"a cell is gone": "DELETE FROM cell WHERE result = 3 AND position = 1",
		"a time":         "UPDATE sighting SET at = at + 1 WHERE result = 3",
	} {
		t.Run(name, func(t *testing.T) {
			st, want := filled(t)
			if name == "a time" { // of one that was seen once
				statement += " AND at = (SELECT min(at) FROM sighting WHERE result = 3)"
			}
			db := opened(t, st)
			if statement != "" {
				if _, err := db.db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
				if _, err := db.Changes(t.Context(), Filter{}); err == nil || !strings.Contains(err.Error(), "umlab fsck") {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			for _, dry := range []bool{true, false} {
				c, err := Fsck(t.Context(), st, dry)
				if err != nil || (len(c.Broken) > 0) != (statement != "") || (c.Aside != "") != (statement != "" && !dry) || c.Results != 10 {
					t.Fatalf("%+v, %v", c, err)
				}
			}
			if c, err := Fsck(t.Context(), st, false); err != nil || len(c.Broken) > 0 {
				t.Errorf("then: %+v, %v", c, err)
			}
			if name == "a time" {
				return // which is not known, beside that it was seen then
			}
			db = opened(t, st)
			if diff := cmp.Diff(want, append(groups(t, db), exported(t, db))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Wherever bytes of the file are other ones, the history says the same, or that it is damaged; then fsck keeps all that is
// whole, and the next one is a history again.
func TestFsckBytes(t *testing.T) {
	st, want := filled(t)
	whole, err := os.ReadFile(Path(st))
	if err != nil {
		t.Fatal(err)
	}
	step := 251
	if testing.Short() {
		step = 2503
	}
	wrong, same := 0, 0
	for at := 0; at < len(whole); at += step {
		st := emptyStore(t)
		text := bytes.Clone(whole)
		text[at] ^= 0x55
		if err := os.WriteFile(Path(st), text, 0o644); err != nil {
			t.Fatal(err)
		}
		said, err := changesOf(t, st)
		c, ferr := Fsck(t.Context(), st, false)
		if ferr != nil {
			if at < 100 { // the header says whose file it is, and of which version: it is left alone, and told
				continue
			}
			t.Fatalf("byte %d: %v", at, ferr)
		}
		switch {
		case err != nil && len(c.Broken) == 0:
			t.Errorf("byte %d: fsck finds nothing, and the history says %v", at, err)
		case err == nil && strings.Join(said, "\n") != strings.Join(want[:len(want)-1], "\n"):
			wrong++
			t.Logf("byte %d: %s", at, cmp.Diff(want[:len(want)-1], said))
		case err == nil:
			same++
		}
		if _, err := changesOf(t, st); err != nil && err != ErrEmpty {
			t.Errorf("byte %d: after fsck: %v", at, err)
		}
	}
	if wrong > 0 {
		t.Errorf("%d times another history without a word", wrong)
	}
	t.Logf("%d bytes, %d of them said nothing", len(whole)/step+1, same)
}

func changesOf(t *testing.T, st *store.Store) ([]string, error) {
	t.Helper()
	db, err := Open(t.Context(), st)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.Changes(t.Context(), Filter{}); err != nil {
		return nil, err
	}
	return groups(t, db), nil
}
