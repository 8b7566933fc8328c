package history

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// The same content is one result, whatever else differs.
func TestRecordSameContent(t *testing.T) {
	h := opened(t, emptyStore(t))
	r := made(t, "sid", "1.97.1", 0, "stock low=unk9")
	if did := record1(t, h, r); did != entered {
		t.Fatalf("the first is %v", did)
	}
	if did := record1(t, h, r); did != nothingNew {
		t.Errorf("the same run again is %v", did)
	}
	again := made(t, "sid", "1.97.1", time.Hour, "stock low=unk9")
	again.Seconds, again.Command, again.Config.Resolved = 1, "go tool mage matrix -fresh", "/moved/build/.config"
	again.Cells[0].Build.Seconds, again.Cells[0].Build.Log = 99, "/moved/files/e3/e3b0"
	again.Cells[0].Placements[0].Runs[0].Transcript = "/moved/files/ab/unk9"
	again.Controls, again.Tree.Patches = []result.Control{}, nil // empty or none
	if did := record1(t, h, again); did != sighted {
		t.Errorf("the same content an hour later is %v", did)
	}
	cached := made(t, "sid", "1.97.1", 2*time.Hour, "stock low=unk9")
	cached.Cells[0].Placements[0].Runs[0].Cached = true
	if did := record1(t, h, cached); did != nothingNew {
		t.Errorf("what the store answered is %v", did)
	}
	other := made(t, "sid", "1.97.1", 3*time.Hour, "stock low=unk29")
	if did := record1(t, h, other); did != entered {
		t.Errorf("other content is %v", did)
	}
	cached.Started = day.Add(4 * time.Hour) // back to what it was: that is news, though it is not new
	if did := record1(t, h, cached); did != sighted {
		t.Errorf("what the store answered, after something else, is %v", did)
	}
	got, err := h.Changes(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Results != 2 || !got.First.Equal(day) || !got.Last.Equal(day.Add(4*time.Hour)) {
		t.Errorf("%d results, %v to %v", got.Results, got.First, got.Last)
	}
	want := []string{
		"time: stock: sid 1.97.1 rejected -> sid 1.97.1 rejected: [low rust_print: relocation-unknown 29 GOTPC64 -> relocation-unknown 9 GOTPCREL]",
		"time: stock: sid 1.97.1 rejected -> sid 1.97.1 rejected: [low rust_print: relocation-unknown 9 GOTPCREL -> relocation-unknown 29 GOTPC64]",
	}
	if diff := cmp.Diff(want, told(got.Groups[0].Changes)); diff != "" {
		t.Error(diff)
	}
	if e := got.Groups[0].Rows[0].Entries[0]; e.Sightings != 3 || !e.Moved {
		t.Errorf("entry %+v", e)
	}
}

func TestLatest(t *testing.T) {
	h := opened(t, emptyStore(t))
	sid := ofSid("clang", "uml.config")
	none, err := h.Latest(t.Context(), sid)
	if none != nil || err != nil {
		t.Fatalf("of an empty history: %v, %v", none, err)
	}
	first, second := made(t, "sid", "1.97.1", 0, "stock low=unk9"), made(t, "sid", "1.98.0", time.Hour, "stock low=ok")
	infra := made(t, "sid", "1.98.0", 2*time.Hour, "stock low=ok")
	infra.Infra = "the host is on fire"
	patched := made(t, "sid", "1.98.0", 3*time.Hour, "stock low=ok")
	patched.Tree.Patches = []string{"ff"}
	otherwise, more := made(t, "sid", "1.98.0", 4*time.Hour, "stock low=ovf11"), made(t, "sid", "1.98.0", 5*time.Hour, "stock low=unk29")
	otherwise.Toolchain.Compiler, more.Config.Fragments = "gcc", []string{"uml.config", "mine.config"}
	for _, r := range []*result.Results{second, first, infra, patched, otherwise, more, made(t, "trixie", "1.85.1", 9*time.Hour, "stock low=unk9")} {
		record1(t, h, r)
	}
	got, err := h.Latest(t.Context(), sid)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, got); diff != "" {
		t.Error(diff)
	}
	for want, q := range map[*result.Results]Question{
		otherwise: ofSid("", "uml.config"), // by whatever compiler
		more:      ofSid("clang", "uml.config", "mine.config"),
		nil:       ofSid("clang"),
	} {
		got, err := h.Latest(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v: %s", q, diff)
		}
	}
}

func TestFilter(t *testing.T) {
	h := opened(t, emptyStore(t))
	if _, err := h.Changes(t.Context(), Filter{}); !errors.Is(err, ErrEmpty) {
		t.Fatalf("of an empty history: %v", err)
	}
	for _, tc := range []string{"debian-rustc:1.96.1", "debian-rustc:1.85.1", "sid"} {
		record1(t, h, made(t, tc, strings.TrimPrefix(tc, "debian-rustc:"), 0, "stock low=unk9", "static-small@module low=ok"))
	}
	for _, tt := range []struct {
		name    string
		f       Filter
		results int
		cells   int
		err     string
	}{
		{"all", Filter{}, 3, 2, ""},
		{"exact", Filter{Toolchain: []string{"sid"}}, 1, 2, ""},
		{"pattern", Filter{Toolchain: []string{"debian-rustc:*"}}, 2, 2, ""},
		{"several", Filter{Toolchain: []string{"sid", "*:1.85.1"}}, 2, 2, ""},
		{"cells", Filter{Cell: []string{"static-*"}}, 3, 1, ""},
		{"a cell at any scope", Filter{Cell: []string{"static-small"}}, 3, 1, ""},
		{"a cell at another scope", Filter{Cell: []string{"static-small@kernel"}}, 0, 0, "-cell=static-small@kernel: there is static-small@module, stock"},
		{"no such tree", Filter{Tree: []string{"debian-6.13"}}, 0, 0, "nothing matches -tree=debian-6.13: there is debian-6.12"},
		{"no such toolchain", Filter{Toolchain: []string{"x", "y*"}}, 0, 0, "-toolchain=x,y*: there is debian-rustc:1.85.1, debian-rustc:1.96.1, sid"},
		{"no such cell", Filter{Toolchain: []string{"sid"}, Cell: []string{"pie"}}, 0, 0, "-cell=pie: there is static-small@module, stock"},
		{"bad pattern", Filter{Scenario: []string{"["}}, 0, 0, "-scenario=[: syntax error in pattern"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := h.Changes(t.Context(), tt.f)
			if err != nil || tt.err != "" {
				if err == nil || tt.err == "" || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if got.Results != tt.results || len(got.Groups[0].Rows) != tt.cells {
				t.Errorf("%d results, %d cells", got.Results, len(got.Groups[0].Rows))
			}
		})
	}
}

func TestDatabaseThatIsNone(t *testing.T) {
	whole := emptyStore(t)
	h := opened(t, whole)
	for i := range 40 {
		record1(t, h, made(t, "sid", "1.97.1", time.Duration(i)*time.Hour, "stock low=unk"+string(rune('1'+i%9)), "static-small@module low=ok"))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(Path(whole))
	if err != nil {
		t.Fatal(err)
	}
	middle := bytes.Clone(good)
	for i := 4096; i < len(middle); i++ {
		middle[i] = byte(i * 7)
	}
	var damaged *damagedError
	for name, content := range map[string][]byte{
		"no database": []byte(strings.Repeat("this is text\n", 1000)), "pages overwritten": middle, "cut short": good[:len(good)/3],
	} {
		t.Run(name, func(t *testing.T) {
			st := emptyStore(t)
			if err := os.WriteFile(Path(st), content, 0o644); err != nil {
				t.Fatal(err)
			}
			h, err := Open(t.Context(), st)
			if err == nil {
				defer h.Close()
				_, err = h.Changes(t.Context(), Filter{})
			}
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "-import=") {
				t.Errorf("error %v, want one that says it is damaged and what helps", err)
			}
			if left, _ := os.ReadFile(Path(st)); !bytes.Equal(left, content) {
				t.Error("it was written to")
			}
		})
	}
	t.Run("document", func(t *testing.T) {
		st := emptyStore(t)
		h := opened(t, st)
		record1(t, h, made(t, "sid", "1.97.1", 0, "stock low=unk9"))
		if _, err := h.db.Exec("UPDATE result SET document = substr(document, 1, length(document) - 3)"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Export(t.Context(), &bytes.Buffer{}, Filter{}, false); !errors.As(err, &damaged) {
			t.Errorf("export: %v", err)
		}
		if _, err := h.Latest(t.Context(), ofSid("", "uml.config")); !errors.As(err, &damaged) {
			t.Errorf("latest: %v", err)
		}
	})
	alter := func(t *testing.T, statement string) error {
		st := emptyStore(t)
		db, err := sql.Open("sqlite", Path(st))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		db.Close()
		h, err := Open(t.Context(), st)
		if err == nil {
			h.Close()
		}
		return err
	}
	t.Run("of a later umlab", func(t *testing.T) {
		var newer *newerError
		err := alter(t, "CREATE TABLE x (y); PRAGMA user_version=7; PRAGMA application_id=1970105442")
		if !errors.As(err, &newer) || newer.Schema != 7 || !strings.Contains(err.Error(), "later umlab") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("of another program", func(t *testing.T) {
		var foreign *foreignError
		if err := alter(t, "CREATE TABLE bookmarks (url)"); !errors.As(err, &foreign) {
			t.Errorf("error %v", err)
		}
	})
}

// A database whose first process died before its tables were there is made anew.
func TestUnfinished(t *testing.T) {
	st := emptyStore(t)
	if err := os.WriteFile(Path(st), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h := opened(t, st)
	if did := record1(t, h, made(t, "sid", "1", 0, "stock low=ok")); did != entered {
		t.Error(did)
	}
}

func TestSights(t *testing.T) {
	c := made(t, "sid", "1", 0, "x low=ok high+=ovf11|ok|ovf11 far=unk9").Cells[0]
	if got, want := message(sightsOf(c)), "far rust_print: relocation-unknown 9 GOTPCREL; high rust_print: loaded, relocation-overflow 11 32S; low rust_print: loaded"; got != want {
		t.Errorf("%s", got)
	}
	for _, s := range sightsOf(c) {
		if s.Random != (s.Placement == "high") {
			t.Errorf("%s: random %v", s.Placement, s.Random)
		}
	}
	c.Placements[1].Chances = []result.Chance{{Module: "rust_print", Computed: 0}}
	if sightsOf(c)[1].Random {
		t.Error("a probability of 0 leaves nothing to chance")
	}
	c.Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error"}
	if got := message(sightsOf(c)); got != "build-failed" {
		t.Error(got)
	}
}

// What a history marshals to has no null where a reader wants a list.
func TestNoNull(t *testing.T) {
	h := opened(t, emptyStore(t))
	empty, other := made(t, "sid", "1.97.1", 0), made(t, "sid", "1.97.1", 0, "stock low=unk9", "y low=infra", "z")
	empty.Tree.Name, other.Tree.Patches, other.Config.Fragments = "none", nil, nil
	record1(t, h, empty)
	record1(t, h, other)
	got, err := h.Changes(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("null")) {
		t.Errorf("%s", b)
	}
}
