package history

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/result"
)

// groups are those of a history in a line each: what they are of, and their changes.
func groups(t *testing.T, db *DB) (lines []string) {
	t.Helper()
	got, err := db.Changes(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range got.Groups {
		line := strings.Join([]string{g.Tree, g.Compiler, strings.Join(g.Own, "; "), strings.Join(g.Patches, " ")}, "|")
		for _, row := range g.Rows {
			line += " " + row.Cell + ":"
			for _, e := range row.Entries {
				if e == nil {
					line += " -"
				} else {
					line += " " + string(e.Point.Verdict)
				}
			}
		}
		lines = append(lines, line+fmt.Sprintf(" changes=%d", len(g.Changes)))
	}
	return lines
}

// What was asked otherwise is never compared with the scenario's cell, whatever it is that differs: each of these shows
// something else in the cell stock, and would be a change.
func TestOwnQuestions(t *testing.T) {
	asks := func(digest string, own ...string) *result.Question { return &result.Question{Digest: digest, Own: own} }
	ask := func(digest string, own ...string) func(*result.Results) {
		return func(r *result.Results) { r.Question = asks(digest, own...) }
	}
	of := func(name, origin string) func(*result.Results) {
		return func(r *result.Results) { r.Tree.Name, r.Tree.Origin = name, origin }
	}
	for name, change := range map[string]func(*result.Results){
		"own modules":                          ask("d2", "modules hello (as of 12ab)"),
		"own modules under a digest that lies": ask("d1", "modules hello (as of 12ab)"),
		"own modules that changed":             ask("d3", "modules hello (as of 34cd)"),
		"an own output rule":                   ask("d4", "modules rust_print", "output ^hi"),
		"own fragments":                        ask("d5", "fragment my.config (as of 12ab)"),
		"own placements":                       ask("d6", "at 512M"),
		"a scenario of that name, other file":  ask("d7"),
		"an own compiler":                      func(r *result.Results) { r.Toolchain.Compiler = "gcc" },
		"a patched tree":                       func(r *result.Results) { r.Tree.Patches = []string{"ff"} },
		"an own directory":                     of("/home/me/linux", "directory /home/me/linux"),
		"a commit":                             of("./linux#v6.12", "git /home/me/linux#v6.12"),
		"a tree of that name, from elsewhere":  of("debian-6.12", "git https://example.org/linux.git#main"),
	} {
		t.Run(name, func(t *testing.T) {
			db := opened(t, emptyStore(t))
			scenarios, own, again := made(t, "sid", "1", 0, "stock low=unk9"), made(t, "sid", "1", time.Hour, "stock low=oops"), made(t, "sid", "1", 2*time.Hour, "stock low=unk9")
			later := made(t, "trixie", "0.9", 3*time.Hour, "stock low=ok")
			for _, r := range []*result.Results{scenarios, own, again, later} {
				r.Question, r.Tree.Origin = asks("d1"), "package linux-source-6.12"
			}
			change(own)
			change(later)
			for _, r := range []*result.Results{scenarios, own, again, later} {
				record1(t, db, r)
			}
			var broken int
			for _, g := range groups(t, db) {
				if strings.Contains(g, "rejected") && (strings.Contains(g, "broken") || !strings.HasSuffix(g, "changes=0")) {
					t.Error(g)
				}
				if strings.Contains(g, "broken") && strings.HasSuffix(g, "changes=1") { // of toolchains, among its own
					broken++
				}
			}
			if broken != 1 {
				t.Errorf("%q", groups(t, db))
			}
			if got := Compare(scenarios, own); len(got) != 0 {
				t.Errorf("%v", told(got))
			}
			if got := Compare(own, later); len(got) != 1 {
				t.Errorf("of the same question: %v", told(got))
			}
			q := ofSid("clang", "uml.config")
			q.Origin = "package linux-source-6.12"
			got, err := db.Latest(t.Context(), q)
			if err != nil || got == nil || got.Cells[0].Verdict != result.Rejected {
				t.Errorf("latest: %v, %v", got, err)
			}
		})
	}
}

// The same directory is one tree, however it was named; two of one name are two.
func TestTreesOfOneName(t *testing.T) {
	db := opened(t, emptyStore(t))
	for i, name := range []string{".", "../linux", "."} {
		r := made(t, "sid", "1", time.Duration(i)*time.Hour, "stock low=unk"+fmt.Sprint(i+1))
		r.Question, r.Tree.Name, r.Tree.Origin = &result.Question{Digest: "d1"}, name, "directory /a/linux"
		if i == 2 {
			r.Tree.Origin = "directory /b/linux"
		}
		record1(t, db, r)
	}
	want := []string{"/a/linux|clang|| stock: rejected changes=1", "/b/linux|clang|| stock: rejected changes=0"}
	if diff := cmp.Diff(want, groups(t, db)); diff != "" {
		t.Error(diff)
	}
}

// A database of schema 1, which the umlab of then wrote (with its command, but not with what was asked), is brought up to
// date: what was not the scenario's own choice leaves the scenario's cells, and all of it stays.
func TestMigrate(t *testing.T) {
	old, err := os.ReadFile("testdata/schema1.db")
	if err != nil {
		t.Fatal(err)
	}
	st := emptyStore(t)
	if err := os.WriteFile(Path(st), old, 0o644); err != nil {
		t.Fatal(err)
	}
	db := opened(t, st)
	want := []string{
		".|clang|| stock: loads changes=0", // which directory that was is not known: neither is compared with the other
		".|clang|| stock: broken changes=0",
		"/home/me/linux|clang|| stock: loads changes=0",
		"debian-6.12|clang|| stock: rejected rejected static-small@module: address-dependent - changes=2",
		"debian-6.12|gcc|| stock: loads changes=0",
		"debian-6.12|clang|-aslr=off| stock: mixed changes=0",
		"debian-6.12|clang|-fragment=my.config| stock: broken changes=0",
		"debian-6.12|clang|-mem=64M| stock: loads changes=0",
		"debian-6.12|clang|-modules=./hello| stock: broken changes=0",
		"debian-6.12|clang|-modules=./hello| stock: loads changes=0",
		"debian-6.12|clang|-modules=rust_misc_device| stock: rejected changes=0",
		"debian-6.12|clang|-repeat=2| stock: flaky changes=0",
		"debian-6.12|clang|at low| stock: rejected rejected changes=1", // explain stock:low, bisect -cell=stock:low
		"debian-6.12|clang|at low, high, far| stock: rejected changes=0",
		"debian-6.12|clang|-modules=rust_print; -output=^x| stock: broken changes=0", // and, of the same content, without a command
		"debian-6.12|clang|at low, high, far|ff stock: loads changes=0",
	}
	got := groups(t, db)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var out bytes.Buffer
	n, err := db.Export(t.Context(), &out, Filter{}, false)
	if err != nil || n != 19 {
		t.Fatalf("%d results are left, %v", n, err)
	}
	// What an earlier umlab exported is asked the same when it is imported.
	second := opened(t, emptyStore(t))
	if _, err := second.Import(t.Context(), "f", bytes.NewReader(out.Bytes()), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, groups(t, second)); diff != "" {
		t.Error(diff)
	}
	if latest, err := second.Latest(t.Context(), ofSid("", "uml.config")); err != nil || latest != nil {
		t.Errorf("of a tree from elsewhere: %v, %v", latest, err)
	}
	// A run of today goes on from what was the scenario's own.
	r := made(t, "sid", "1.97.1", 100*time.Hour, "stock low=ok high+=ok")
	r.Question, r.Tree.Package, r.Tree.Origin = &result.Question{Digest: "d1"}, "linux-source-6.12 6.12.107-1", "package linux-source-6.12"
	record1(t, db, r)
	if after := groups(t, db); len(after) != len(got) {
		t.Errorf("%q", after)
	}
	q := ofSid("clang", "uml.config")
	q.Origin, q.Toolchain = r.Tree.Origin, "trixie"
	latest, err := db.Latest(context.Background(), q)
	if err != nil || latest == nil || latest.Command != "go tool mage nightly -series=debian-rustc" {
		t.Errorf("latest %v, %v", latest, err)
	}
}
