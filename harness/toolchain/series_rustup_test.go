package toolchain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/settings"
)

// nightlies publishes empty manifests of those days.
func nightlies(t testing.TB, dir string, days ...string) {
	t.Helper()
	for _, d := range days {
		publish(t, dir, "nightly", d, nightlyVersion, "gz")
	}
}

func versionsOf(list []Member) (versions []string) {
	for _, m := range list {
		versions = append(versions, m.Version)
	}
	return versions
}

func TestRustups(t *testing.T) {
	dir := t.TempDir()
	nightlies(t, dir, "2026-05-20", "2026-05-18", "2026-05-19", "2026-04-30", "2026-05-25")
	publish(t, dir, "beta", "2026-05-21", nightlyVersion, "gz")
	s, asked := server(t, dir)
	base := settings.Toolchain{Suites: []string{"trixie"}, Packages: []string{"make", "rustc", "rust-src/trixie", "bindgen"}}
	chains := map[string]settings.Toolchain{"trixie": base}
	series := settings.Series{Varies: settings.VariesRustup, Channel: "nightly", C: "trixie", From: "2026-05-01", Server: s.URL}
	all := []string{"2026-05-18", "2026-05-19", "2026-05-20", "2026-05-25"}

	for _, list := range []bool{true, false} {
		if !list { // a mirror that has no such list is asked for each day
			if err := os.Remove(filepath.Join(dir, "manifests.txt")); err != nil {
				t.Fatal(err)
			}
		}
		p, _, now := bare(t, nil)
		members, _, err := p.Series(t.Context(), "rust-nightly", series, chains)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(all, versionsOf(members)); d != "" {
			t.Errorf("list %t: -want +got\n%s", list, d)
		}
		want := Member{Name: "rust-nightly:2026-05-18", Version: "2026-05-18", Detail: "rustup nightly-2026-05-18", Spec: settings.Toolchain{
			Suites: []string{"trixie"}, Packages: []string{"make", "bindgen"}, Rustup: "nightly-2026-05-18", RustSrc: "component", Server: s.URL,
			Parts: map[string]string{"rust": "rustup nightly-2026-05-18", "c": "trixie", "bindgen": "trixie"},
		}}
		if d := cmp.Diff(want, members[0]); d != "" {
			t.Errorf("list %t: -want +got\n%s", list, d)
		}
		before := asked()
		*now = now.Add(23 * time.Hour)
		spread := series
		spread.Every = 5
		few, _, err := p.Series(t.Context(), "rust-nightly", spread, chains)
		if err != nil || !slices.Equal(versionsOf(few), []string{"2026-05-20", "2026-05-25"}) {
			t.Errorf("every 5 days: %v, %v", versionsOf(few), err)
		}
		if asked() != before {
			t.Error("it was asked again within a day")
		}
	}
}

func TestRustupsErrors(t *testing.T) {
	dir := t.TempDir()
	nightlies(t, dir, "2026-05-20")
	s, _ := server(t, dir)
	series := settings.Series{Varies: settings.VariesRustup, Channel: "nightly", C: "trixie", Server: s.URL}
	p, said, now := bare(t, nil)
	ask := func(p *Provider, s settings.Series) ([]Member, []string, error) {
		return p.Series(t.Context(), "rust-nightly", s, nil)
	}
	if _, _, err := ask(p, series); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*settings.Series)
		want   string
	}{
		"none since": {func(s *settings.Series) { s.From = "2026-05-21" }, "has no nightly from 2026-05-21 on"},
		"no server":  {func(s *settings.Series) { s.Server = "" }, "set RUSTUP_DIST_SERVER"},
		"no address": {func(s *settings.Series) { s.Server = "ftp://here" }, "it begins with https://, http:// or file://"},
		"offline":    {func(s *settings.Series) { s.Server = "http://127.0.0.1:1" }, "check the connection"},
		"password":   {func(s *settings.Series) { s.Server = "http://me:secret@127.0.0.1:1" }, "check the connection"},
		"no list":    {func(s *settings.Series) { s.Server += "/dist" }, "set from = "},
		"too many":   {func(s *settings.Series) { s.Server += "/dist"; s.From = "2015-01-01" }, "set a later from"},
	} {
		other := series
		c.change(&other)
		_, _, err := ask(p, other)
		network := strings.HasSuffix(other.Server, ":1")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "connection (") != network {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		t.Log(err)
	}
	// What was known stands, and it is said; not where it was to be asked again.
	s.Close()
	*now = now.Add(30 * 24 * time.Hour)
	members, notes, err := ask(p, series)
	if err != nil || !slices.Equal(versionsOf(members), []string{"2026-05-20"}) || len(notes) != 1 || !strings.Contains(notes[0], "2026-06-01 stands") {
		t.Errorf("%v, %v, %q, %q", versionsOf(members), err, notes, *said)
	}
	p.Archive.Refresh = true
	if _, _, err := ask(p, series); err == nil {
		t.Error("an answer of a server that is gone")
	}
}

// rustup takes a directory for a server, and so does the series.
func TestRustupsOfDirectory(t *testing.T) {
	dir := t.TempDir()
	nightlies(t, dir, "2026-05-20", "2026-05-22")
	p, _, _ := bare(t, map[string]string{"RUSTUP_DIST_SERVER": "file://" + dir})
	for _, list := range []bool{true, false} {
		days, err := p.askDays(t.Context(), "file://"+dir, "nightly", "2026-05-19")
		if err != nil || !slices.Equal(days, []string{"2026-05-20", "2026-05-22"}) {
			t.Errorf("list %t: %v, %v", list, days, err)
		}
		_ = os.Remove(filepath.Join(dir, "manifests.txt"))
	}
}

func FuzzManifestDays(f *testing.F) {
	f.Add("dist.invalid/dist/2026-05-20/channel-rust-nightly.toml\nhttps://dist.invalid/dist/2026-05-21/channel-rust-nightly.toml\r\n", "nightly", "2026-01-01")
	f.Add("/dist/2026-02-31/channel-rust-beta.toml\nx/dist/2026-02-01/channel-rust-beta.toml.sha256", "beta", "")
	f.Fuzz(func(t *testing.T, list, channel, from string) {
		days := manifestDays(list, channel, from)
		for i, d := range days {
			if _, err := time.Parse(time.DateOnly, d); err != nil || d < from || i > 0 && d <= days[i-1] || !strings.Contains(list, "dist/"+d+"/channel-rust-"+channel+".toml") {
				t.Errorf("%q of %q", d, list)
			}
		}
	})
}
