package debian

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSnapshots reads both forms of a snapshot service's directory: stamps at
// its root, and pages by month.
func TestSnapshots(t *testing.T) {
	from := time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC)
	pages := map[string]string{
		"/flat/":                              `<a href="../">up</a><a href="20260209T010203Z/">x</a><a href="20260210T000000Z/">x</a><a href="./20260301T101112Z/">x</a><a href="20269901T000000Z/">no date</a>`,
		"/archive/debian/":                    `<a href="./?year=2026&amp;month=1">01</a> <a href="./?year=2026&amp;month=2">02</a> <a href="./?year=2026&amp;month=03">03</a>`,
		"/archive/debian/?year=2026&month=2":  `<a href="20260209T010203Z/">x</a> <a href="20260220T000000Z/">x</a>`,
		"/archive/debian/?year=2026&month=03": `<a href="20260301T000000Z/">x</a>`,
		"/empty/":                             "<html>",
	}
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		text, ok := pages[r.URL.String()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	defer srv.Close()
	for root, want := range map[string]string{
		"/flat":            "20260210T000000Z 20260301T101112Z",
		"/archive/debian/": "20260220T000000Z 20260301T000000Z",
	} {
		got, err := (&Client{SnapshotBase: srv.URL + root}).Snapshots(context.Background(), from)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v, want %s", root, got, err, want)
		}
	}
	for _, a := range asked {
		if strings.Contains(a, "month=1") {
			t.Errorf("asked for %s, which lies before", a)
		}
	}
	for base, says := range map[string]string{"": "UMLAB_DEBIAN_SNAPSHOT", srv.URL + "/empty": "lists no dated archives since 2026-02-10", srv.URL + "/none": "404"} {
		if _, err := (&Client{SnapshotBase: base}).Snapshots(context.Background(), from); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v lacks %q", base, err, says)
		}
	}
}

func FuzzStamps(f *testing.F) {
	f.Add(`<a href="./?year=2026&amp;month=1">01</a><a href="20260301T101112Z/">`)
	f.Fuzz(func(t *testing.T, page string) {
		from := time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC)
		stamps, months := stampsOf(page, from)
		for _, s := range stamps {
			if at, err := time.Parse(snapshotTime, s); err != nil || at.Before(from) {
				t.Errorf("stamp %q", s)
			}
		}
		for _, m := range months {
			if strings.ContainsAny(m, "/ \"<") {
				t.Errorf("query %q", m)
			}
		}
	})
}
