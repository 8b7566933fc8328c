package harness

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"umlab/harness/report"
	"umlab/harness/result"
)

func night(notes ...string) *result.Nightly {
	return &result.Nightly{
		Date: "2026-11-23", Series: "debian-rustc", Varies: "rustc", Tree: "debian-6.12", Notes: notes,
		Members: []result.NightlyMember{{Name: "debian-rustc:1.85.1", Version: "1.85.1"}},
	}
}

// entries lists a directory, hidden files as well.
func entries(t *testing.T, dir string) (list []string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteNight(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "nights")
	first, err := writeNight(dir, "umlab", nil, night("the first"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first != filepath.Join(dir, "2026-11-23") {
		t.Errorf("it is in %s", first)
	}
	want := []string{"junit.xml", "kcidb.json", "ktap.txt", "report.html", "report.md", "report.txt", "results.json"}
	if got := entries(t, first); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	text, err := os.ReadFile(filepath.Join(first, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	published(t, result.NightlySchema, text)
	second, err := writeNight(dir, "umlab", nil, night("the second"), &result.Zoo{Schema: result.ZooSchema, Entries: []result.ZooEntry{}})
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "zoo-junit.xml", "zoo-ktap.txt", "zoo.html", "zoo.json", "zoo.md")
	if got := entries(t, second); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if text, err = os.ReadFile(filepath.Join(second, "zoo.json")); err != nil {
		t.Fatal(err)
	}
	published(t, result.ZooSchema, text)
	if got := entries(t, dir); !slices.Equal(got, []string{"2026-11-23", "2026-11-23.2", "latest"}) {
		t.Errorf("%v: the second is in %s", got, second)
	}
	for at, says := range map[string]string{first: "the first", second: "the second", filepath.Join(dir, "latest"): "the second"} {
		text, err := os.ReadFile(filepath.Join(at, "report.md"))
		if err != nil || !bytes.Contains(text, []byte(says)) {
			t.Errorf("%s: %v:\n%s", at, err, text)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "latest")); err != nil || to != "2026-11-23.2" {
		t.Errorf("latest names %q, which must hold where the directory is moved to: %v", to, err)
	}
	if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v: a web server must be able to read it", info.Mode(), err)
	}
}

// What somebody else put there stays.
func TestWriteNightKeepsOthers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"2026-11-23", "2026-11-23.2"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	made, err := writeNight(dir, "umlab", nil, night(), nil)
	if err != nil || filepath.Base(made) != "2026-11-23.3" {
		t.Errorf("%s, %v", made, err)
	}
	if got := entries(t, filepath.Join(dir, "2026-11-23")); len(got) > 0 {
		t.Errorf("%v in a directory of others", got)
	}

	taken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(taken, "latest", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	made, err = writeNight(taken, "umlab", nil, night(), nil)
	if err == nil || !strings.Contains(err.Error(), made) || made == "" {
		t.Errorf("latest is a directory of somebody: %q, %v", made, err)
	}
	if got := entries(t, filepath.Join(taken, "latest")); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("%v", got)
	}
}

// Runs at the same time each have a directory, whole.
func TestWriteNightAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const runs = 8
	for range runs {
		wg.Go(func() {
			if _, err := writeNight(dir, "umlab", nil, night(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := entries(t, dir)
	if len(got) != runs+1 {
		t.Errorf("%d runs made %v", runs, got)
	}
	for _, name := range got {
		var n result.Nightly
		text, err := os.ReadFile(filepath.Join(dir, name, "results.json"))
		if err == nil {
			err = json.Unmarshal(text, &n)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteNightFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := writeNight(file, "umlab", nil, night(), nil); err == nil || !strings.Contains(err.Error(), "-dir=") {
		t.Errorf("%v: what to do?", err)
	}
	dir := t.TempDir()
	if _, err := writeNight(dir, "no origin", nil, night(), nil); err == nil {
		t.Error("an origin that KCIDB refuses went unnoticed")
	}
	if got := entries(t, dir); len(got) > 0 {
		t.Errorf("%v is left of a night that could not be written", got)
	}
}

func TestKCIDBOrigin(t *testing.T) {
	for value, want := range map[string]string{"": "umlab", "rust_lab": "rust_lab", "Rust Lab": ""} {
		got, err := kcidbOrigin(func(name string) string {
			if name != "UMLAB_KCIDB_ORIGIN" {
				t.Errorf("reads %s", name)
			}
			return value
		})
		if got != want || (err == nil) != (want != "") || err != nil && ExitCode(err) != result.ExitUsage {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
}

// published holds that a document is what its schema says.
func published(t *testing.T, schema string, document []byte) {
	t.Helper()
	check, err := report.Validator(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(document); err != nil {
		t.Errorf("the JSON is not what its schema says: %v", err)
	}
}

// TestKilledNights: what nights that were killed left half-written goes with the first night after a day, and nothing else does.
func TestKilledNights(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{".night-123/report.md", ".night-young/report.md", "2026-11-23/report.md", ".mine/report.md"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if name != ".night-young/report.md" {
			if err := os.Chtimes(filepath.Join(dir, filepath.Dir(name)), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := checkNights(dir); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, dir); !slices.Equal(got, []string{".mine", ".night-young", "2026-11-23"}) {
		t.Errorf("left: %v", got)
	}
}
