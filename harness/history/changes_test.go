package history

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/result"
)

func TestChanges(t *testing.T) {
	const h = time.Hour
	for _, tt := range []struct {
		name string
		runs []*result.Results
		want []string
	}{
		{"no change", []*result.Results{made(t, "a", "1.85.1", 0, "stock low=unk9"), made(t, "b", "1.96.0", h, "stock low=unk9")}, nil},
		{"along versions, whenever they ran", []*result.Results{
			made(t, "c", "1.100.0", 0, "stock low=ok"), made(t, "a", "1.85.1", 2*h, "stock low=unk9"), made(t, "b", "1.99.0-nightly", h, "stock low=unk9"),
		}, []string{"toolchain: stock: b 1.99.0-nightly rejected -> c 1.100.0 loads: [low rust_print: relocation-unknown 9 GOTPCREL -> loaded]"}},
		{"what proves nothing is stepped over", []*result.Results{
			made(t, "a", "1.85.1", 0, "stock low=unk9"), made(t, "b", "1.90.0", h, "stock !config-dropped"), made(t, "c", "1.95.0", h, "stock low=infra"),
			made(t, "d", "1.96.0", h, "stock low=ok"),
		}, []string{"toolchain: stock: a 1.85.1 rejected -> d 1.96.0 loads: [low rust_print: relocation-unknown 9 GOTPCREL -> loaded]"}},
		{"a build that fails, and one that does again", []*result.Results{
			made(t, "a", "1.85.1", 0, "stock low=unk9 high=unk9"), made(t, "b", "1.90.0", h, "stock !build-failed"), made(t, "c", "1.95.0", h, "stock low=ok"),
		}, []string{
			"toolchain: stock: a 1.85.1 rejected -> b 1.90.0 broken: [ : relocation-unknown 9 GOTPCREL -> build-failed]",
			"toolchain: stock: b 1.90.0 broken -> c 1.95.0 loads: [ : build-failed -> loaded]",
		}},
		{"a placement left out is no change", []*result.Results{
			made(t, "a", "1.85.1", 0, "x low=ok high=ovf11"), made(t, "b", "1.90.0", h, "x low=ok"), made(t, "c", "1.95.0", h, "x low=ok high=ok"),
		}, []string{"toolchain: x: a 1.85.1 address-dependent -> c 1.95.0 loads: [high rust_print: relocation-overflow 11 32S -> loaded]"}},
		{"chance is no change", []*result.Results{
			made(t, "a", "1.85.1", 0, "x high+=ok"), made(t, "b", "1.90.0", h, "x high+=ovf11"), made(t, "c", "1.95.0", h, "x high+=ok|ovf11"),
		}, nil},
		{"but another relocation is, wherever it lands", []*result.Results{
			made(t, "a", "1.85.1", 0, "x high+=ok"), made(t, "b", "1.90.0", h, "x high+=unk9"),
		}, []string{"toolchain: x: a 1.85.1 loads -> b 1.90.0 rejected: [high rust_print: loaded -> relocation-unknown 9 GOTPCREL]"}},
		{"one name whose compilers moved is told once", []*result.Results{
			made(t, "sid", "1.97.1", 0, "stock low=unk9"), made(t, "sid", "1.98.0", h, "stock low=ok"),
		}, []string{"toolchain: stock: sid 1.97.1 rejected -> sid 1.98.0 loads: [low rust_print: relocation-unknown 9 GOTPCREL -> loaded]"}},
		{"along time, newest first", []*result.Results{
			made(t, "sid", "1.97.1", 0, "stock low=unk9"), made(t, "sid", "1.97.1", h, "stock low=ok"), made(t, "sid", "1.97.1", 2*h, "stock low=unk29"),
		}, []string{
			"time: stock: sid 1.97.1 loads -> sid 1.97.1 rejected: [low rust_print: loaded -> relocation-unknown 29 GOTPC64]",
			"time: stock: sid 1.97.1 rejected -> sid 1.97.1 loads: [low rust_print: relocation-unknown 9 GOTPCREL -> loaded]",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := opened(t, emptyStore(t))
			for _, r := range tt.runs {
				record1(t, db, r)
			}
			got, err := db.Changes(t.Context(), Filter{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, told(got.Groups[0].Changes)); diff != "" {
				t.Error(diff)
			}
			marked := 0
			for _, row := range got.Groups[0].Rows {
				for _, e := range row.Entries {
					if e != nil && e.Differs {
						marked++
					}
				}
			}
			along := slices.DeleteFunc(slices.Clone(got.Groups[0].Changes), func(c result.HistoryChange) bool { return c.Axis != result.AlongToolchains })
			if marked != len(along) {
				t.Errorf("%d entries are marked, %d changes told", marked, len(along))
			}
		})
	}
}

// Trees, patches and fragments are never compared with each other.
func TestGroups(t *testing.T) {
	db := opened(t, emptyStore(t))
	patched, debug, later := made(t, "sid", "1", 0, "stock low=ok"), made(t, "sid", "1", 0, "stock low=oops"), made(t, "sid", "1", 0, "stock low=unk29")
	patched.Tree.Patches = []string{"ff"}
	debug.Config.Fragments = append(debug.Config.Fragments, "debug.config")
	later.Tree.Name, later.Tree.Version = "debian-7.3", "7.3.4"
	rc := made(t, "sid", "1", 0, "stock low=unk29")
	rc.Tree.Name, rc.Tree.Version = "a-rc", "7.3.0-rc1"
	for _, r := range []*result.Results{later, rc, patched, debug, made(t, "sid", "1", 0, "stock low=unk9")} {
		record1(t, db, r)
	}
	got, err := db.Changes(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var trees []string
	for _, g := range got.Groups {
		trees = append(trees, g.Tree)
		if len(g.Changes) > 0 || len(g.Columns) != 1 {
			t.Errorf("%s: %v", g.Tree, told(g.Changes))
		}
	}
	if diff := cmp.Diff([]string{"debian-6.12", "debian-6.12", "debian-6.12", "a-rc", "debian-7.3"}, trees); diff != "" {
		t.Error(diff)
	}
}

// The entry of a toolchain is the newest that proves something.
func TestEntries(t *testing.T) {
	db := opened(t, emptyStore(t))
	for _, r := range []*result.Results{
		made(t, "sid", "1", 0, "x low=ok high=ok", "y low=ok"), made(t, "sid", "1", time.Hour, "x low=ok high=ovf11"),
		made(t, "sid", "1", 2*time.Hour, "x low=infra"),
		made(t, "trixie", "0.9", 3*time.Hour, "x low=infra"),
	} {
		record1(t, db, r)
	}
	got, err := db.Changes(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []result.Verdict
	for _, row := range got.Groups[0].Rows {
		for _, e := range row.Entries {
			if e == nil {
				verdicts = append(verdicts, "")
			} else {
				verdicts = append(verdicts, e.Point.Verdict)
			}
		}
	}
	if diff := cmp.Diff([]result.Verdict{result.Unknown, result.AddressDependent, "", result.Loads}, verdicts); diff != "" {
		t.Error(diff)
	}
	if got.Unproved != 2 {
		t.Errorf("%d results prove nothing", got.Unproved)
	}
}

func TestCompare(t *testing.T) {
	before := made(t, "sid", "1.97.1", 0, "stock low=unk9", "x low=ok", "gone low=ok", "y low=infra")
	after := made(t, "sid", "1.97.1", time.Hour, "x low=ok", "stock low=ok", "new low=ok", "y low=ok")
	want := []string{"time: stock: sid 1.97.1 rejected -> sid 1.97.1 loads: [low rust_print: relocation-unknown 9 GOTPCREL -> loaded]"}
	if diff := cmp.Diff(want, told(Compare(before, after))); diff != "" {
		t.Error(diff)
	}
	after.Toolchain.Identity["rustc"] = "1.98.0"
	if got := Compare(before, after); len(got) != 1 || got[0].Axis != result.AlongToolchains {
		t.Errorf("%v", told(got))
	}
	after.Controls = []result.Control{{Name: "known-load", Holds: false}}
	if got := Compare(before, after); len(got) != 0 {
		t.Errorf("a run whose control misbehaved: %v", told(got))
	}
}
