package harness

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"umlab/harness/history"
	"umlab/harness/progress/display"
	"umlab/harness/result"
	"umlab/harness/store"
)

// Every result with cells enters the history; a history that cannot be written
// is told, and nothing else.
func TestRemember(t *testing.T) {
	for _, tt := range []struct {
		name   string
		forget bool
		cells  []result.Cell
		before string // what lies where the history should
		found  bool
		told   string
	}{
		{"a result", false, []result.Cell{{ID: "stock", Verdict: result.Loads}}, "", true, ""},
		{"one that is to be forgotten", true, []result.Cell{{ID: "stock", Verdict: result.Loads}}, "", false, ""},
		{"no cells", false, nil, "", false, ""},
		{"damaged", false, []result.Cell{{ID: "stock", Verdict: result.Loads}}, strings.Repeat("no database\n", 999), false, "history: this result was not entered: open history: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, err := store.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			if tt.before != "" {
				if err := os.WriteFile(history.Path(st), []byte(tt.before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var said bytes.Buffer
			sink := display.New(&said, false, false, time.Now)
			l := &Lab{store: st, sink: sink, forget: tt.forget}
			l.remember(&result.Results{
				Schema: result.Schema, Started: time.Now(), Scenario: result.Scenario{Name: "rela"}, Question: &result.Question{Digest: "d1"},
				Tree:      result.Tree{Name: "debian-6.12", Origin: "package linux"},
				Toolchain: result.Toolchain{Name: "sid"}, Cells: tt.cells,
			})
			sink.Close()
			if tt.told == "" && said.Len() > 0 || !strings.Contains(said.String(), tt.told) {
				t.Errorf("said %q, want %q", said.String(), tt.told)
			}
			if tt.before != "" {
				return
			}
			if history.Exists(st) != tt.found {
				t.Fatalf("a history is there: %v", !tt.found)
			}
			if !tt.found {
				return
			}
			h, err := history.Open(t.Context(), st)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			got, err := h.Latest(t.Context(), history.Question{Scenario: result.Scenario{Name: "rela"},
				Asked: result.Question{Digest: "d1"}, Origin: "package linux", Toolchain: "sid"})
			if err != nil || got == nil || got.Cells[0].ID != "stock" {
				t.Errorf("the history has %+v, %v", got, err)
			}
		})
	}
}
