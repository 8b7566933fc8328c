package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/result"
	"umlab/harness/store"
)

func TestImportExport(t *testing.T) {
	a := opened(t, emptyStore(t))
	for i, tc := range []string{"trixie", "sid", "sid-experimental"} {
		record1(t, a, made(t, tc, fmt.Sprint("1.9", i), time.Duration(i)*time.Hour, "stock low=unk9", "x low=ok high=ovf11"))
	}
	for _, array := range []bool{false, true} {
		var out, again bytes.Buffer
		if n, err := a.Export(t.Context(), &out, Filter{}, array); n != 3 || err != nil {
			t.Fatalf("exported %d, %v", n, err)
		}
		b := opened(t, emptyStore(t))
		for i, want := range []Imported{{Entered: 3}, {Known: 3}} {
			got, err := b.Import(t.Context(), "f", bytes.NewReader(out.Bytes()), nil)
			if err != nil || got != want {
				t.Errorf("array %v, import %d: %+v, %v", array, i+1, got, err)
			}
		}
		if _, err := b.Export(t.Context(), &again, Filter{}, array); err != nil || again.String() != out.String() {
			t.Errorf("array %v: what was imported is exported otherwise (%v)", array, err)
		}
		if lines := strings.Count(out.String(), "\n"); !array && lines != 3 {
			t.Errorf("%d lines", lines)
		}
	}
	var out bytes.Buffer
	if n, err := a.Export(t.Context(), &out, Filter{Toolchain: []string{"sid*"}}, true); n != 2 || err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("exported %d, %v: %s", n, err, out.String())
	}
}

// The results in a sweep, and in a night's, are whole ones: they are entered as if
// each had come alone.
func TestImportOfColumns(t *testing.T) {
	first, second := made(t, "trixie", "1.85.1", 0, "stock low=unk9"), made(t, "sid", "1.97.1", time.Hour, "stock low=ok")
	s := &result.Sweep{Schema: result.SweepSchema, Columns: []result.SweepColumn{
		{Toolchain: "trixie", Results: first}, {Toolchain: "old", Refused: &result.Refusal{Reasons: []string{"too old"}}},
		{Toolchain: "down", Infra: "the mirror does not answer"}, {Toolchain: "sid", Results: second},
	}}
	night, err := json.Marshal(result.Nightly{Schema: result.NightlySchema, Sweep: s})
	if err != nil {
		t.Fatal(err)
	}
	quiet, err := json.Marshal(result.Nightly{Schema: result.NightlySchema})
	if err != nil {
		t.Fatal(err)
	}
	sweep, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	h := opened(t, emptyStore(t))
	seen := 0
	for i, step := range []struct {
		in   []byte
		want Imported
	}{{quiet, Imported{}}, {text(t, first), Imported{Entered: 1}}, {sweep, Imported{Entered: 1, Known: 1}}, {night, Imported{Known: 2}}} {
		got, err := h.Import(t.Context(), "f", bytes.NewReader(step.in), func([]byte) error { seen++; return nil })
		if err != nil || got != step.want {
			t.Errorf("import %d: %+v, %v", i+1, got, err)
		}
	}
	if seen != 5 {
		t.Errorf("%d results were checked", seen)
	}
	got, err := h.Latest(t.Context(), ofSid("", "uml.config"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, got); diff != "" {
		t.Error(diff)
	}
}

func TestImportRefuses(t *testing.T) {
	good := string(text(t, made(t, "sid", "1.97.1", 0, "stock low=unk9")))
	indented := strings.ReplaceAll(good, `"scenario":`, "\n \"scenario\":\n ")
	without := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "import f: it holds no results"},
		{"space", " \n\n", "import f: it holds no results"},
		{"empty array", " []", "import f: it holds no results"},
		{"text", "hello", "line 1, record 1: invalid character 'h'"},
		{"a number", good + "\n7", "line 2, record 2: the document is of the wrong type"},
		{"another document", `{"schema":"umlab.verification/v1"}`, `its schema is "umlab.verification/v1"; what can be imported is what matrix, sweep and nightly write with -json= (umlab.results/v1, umlab.sweep/v1, umlab.nightly/v1)`},
		{"another document, otherwise made", `{"schema":"umlab.bisect/v1","scenario":7,"tree":"x"}`, `its schema is "umlab.bisect/v1"; what`},
		{"a sweep of something else", `{"schema":"umlab.sweep/v1","columns":[{},{"results":{"schema":"umlab.delta/v1"}}]}`, `record 1: columns[1].results: its schema is "umlab.delta/v1"`},
		{"a night that is none", `{"schema":"umlab.nightly/v1","sweep":{"columns":[{"results":{"schema":"umlab.results/v1"}}]}}`, "sweep.columns[0].results: it has no scenario.name"},
		{"no columns", `{"schema":"umlab.sweep/v1","columns":7}`, "record 1: columns is of the wrong type (number)"},
		{"no schema", "[" + good + ",\n\n{}]", "line 3, record 2: it has no schema"},
		{"no scenario", without(`"name":"rela"`, `"name":""`), "record 1: it has no scenario.name"},
		{"no tree", without(`"name":"debian-6.12"`, `"x":1`), "record 1: it has no tree.name"},
		{"no toolchain", without(`"name":"sid"`, `"x":1`), "record 1: it has no toolchain.name"},
		{"no time", without(`"started":`, `"x":`), "record 1: it does not say when it started"},
		{"no id", without(`"id":"stock"`, `"id":""`), "record 1: cells[0] has no id"},
		{"no verdict", without(`"verdict":"rejected"`, `"verdict":"fine"`), `record 1: cells[0], stock: "fine" is no verdict`},
		{"wrong type", without(`"cells":[`, `"cells":[7,`), "record 1: cells is of the wrong type (number)"},
		{"bad syntax", indented + "\n" + strings.Replace(indented, `"cells":[`, "\n\"cells\":[[}", 1), "line 7, record 2: invalid character '}'"},
		{"cut short", good + "\n" + good[:len(good)/2], "record 2: the JSON ends too early: is the file whole?"},
		{"array cut short", "[" + good + ",", "the JSON ends too early: is the file whole?"},
		{"array not closed", "[" + good, "the JSON ends too early: is the file whole?"},
		{"more than an array", "[" + good + "]\n{}", "something follows the array"},
		{"not UTF-8", without("debian", "\xff\xfe"), "record 1: it is not UTF-8"},
		{"checked", without(`"sid"`, `"refused"`), "record 1: the checker says no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := opened(t, emptyStore(t))
			_, err := h.Import(t.Context(), "f", strings.NewReader(tt.in), func(b []byte) error {
				if bytes.Contains(b, []byte(`"refused"`)) {
					return fmt.Errorf("the checker says no")
				}
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "import f: ") {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if list, err := h.load(t.Context(), Filter{}); err != ErrEmpty {
				t.Errorf("half of it was imported: %d results, %v", len(list), err)
			}
		})
	}
}

// FuzzDocuments: whatever is read as a document can be compared with itself, and
// nothing has changed; its text is a document again, of the same content. It
// needs no database, and so gets far.
func FuzzDocuments(f *testing.F) {
	good := text(f, made(f, "sid", "1.97.1", 0, "stock low=unk9", "x high+=ok|ovf11", "y !build-failed"))
	f.Add(good)
	f.Add([]byte("[" + string(good) + ",\n" + string(good) + "]"))
	f.Add([]byte(`{"schema":"umlab.nightly/v1","sweep":{"columns":[{"results":` + string(good) + `},{"infra":"x"}]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		err := documents(bytes.NewReader(in), func(text []byte) error {
			list, err := parts(text)
			for _, p := range list {
				doc, err := parseDocument(p.text)
				if err != nil {
					return p.wrong(err)
				}
				again, err := parseDocument(doc.text)
				if err != nil || again.digest != doc.digest || !bytes.Equal(again.text, doc.text) {
					t.Fatalf("read again: %v, digests %s and %s", err, doc.digest, again.digest)
				}
				if list := Compare(doc.results, again.results); len(list) > 0 {
					t.Fatalf("it differs from itself: %v", told(list))
				}
				historyOf([]*record{recordOf(doc.results), recordOf(again.results)})
			}
			return err
		})
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("an error of several lines: %v", err)
		}
	})
}

// FuzzImport: whatever is imported is whole or not there, is the same the second
// time, and comes out as it went in. As with the other, give -fuzzminimizetime=1x:
// inputs that large are minimized for a minute each.
func FuzzImport(f *testing.F) {
	good := text(f, made(f, "sid", "1.97.1", 0, "stock low=unk9", "x high+=ok|ovf11", "y !build-failed"))
	f.Add(good)
	f.Add([]byte("[" + string(good) + "," + string(good) + "]"))
	f.Add(bytes.Replace(good, []byte("sid"), []byte("a\\u0000b"), 1))
	f.Add(bytes.Replace(good, []byte("2026"), []byte("0001"), 1))
	f.Add([]byte(`{"schema":"umlab.results/v1","Schema":"x"}`))
	f.Add([]byte("[]"))
	ctx := context.Background()
	// One database a process, emptied each time and not synced to disk: making one
	// takes longer than all that is tested.
	fresh := func() *DB {
		st, err := store.Open(f.TempDir())
		if err != nil {
			f.Fatal(err)
		}
		h, err := Open(ctx, st)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { h.Close(); st.Close() })
		if _, err := h.db.Exec("PRAGMA synchronous=OFF"); err != nil {
			f.Fatal(err)
		}
		return h
	}
	h, other := fresh(), fresh()
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, db := range []*DB{h, other} {
			if _, err := db.db.Exec("DELETE FROM result"); err != nil {
				t.Fatal(err)
			}
		}
		n, err := h.Import(ctx, "f", bytes.NewReader(in), nil)
		if err != nil {
			if list, lerr := h.load(ctx, Filter{}); lerr != ErrEmpty {
				t.Fatalf("refused (%v), and %d results are there (%v)", err, len(list), lerr)
			}
			return
		}
		if again, err := h.Import(ctx, "f", bytes.NewReader(in), nil); err != nil || again.Known != n.Entered+n.Sighted+n.Known {
			t.Fatalf("the second time: %+v, %v; the first: %+v", again, err, n)
		}
		if _, err := h.Changes(ctx, Filter{}); err != nil {
			t.Fatal(err)
		}
		var out, back bytes.Buffer
		exported, err := h.Export(ctx, &out, Filter{}, len(in)%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		if exported != n.Entered {
			t.Fatalf("entered %d, exported %d", n.Entered, exported)
		}
		if m, err := other.Import(ctx, "f", bytes.NewReader(out.Bytes()), nil); err != nil || m.Entered != exported {
			t.Fatalf("the export imports as %+v, %v", m, err)
		}
		if _, err := other.Export(ctx, &back, Filter{}, len(in)%2 == 0); err != nil || back.String() != out.String() {
			t.Fatalf("what was exported and imported is exported otherwise (%v)", err)
		}
	})
}
