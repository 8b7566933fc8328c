package archive

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// TestRemembered holds when an answer stands and when the source is asked.
func TestRemembered(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	a := &Archive{Store: st, Sink: progress.Discard{}, Now: func() time.Time { return now }}
	asked, offline, setBack := 0, false, false
	ask := func(was *Resolution) (*Resolution, error) {
		asked++
		if (was == nil) != (asked == 1) {
			t.Errorf("question %d was told of the answer before it: %t", asked, was != nil)
		}
		if setBack {
			return nil, &debian.OlderError{URL: "http://localhost/dists/x/InRelease", Date: now.AddDate(0, 0, -9), Newest: now}
		}
		if offline {
			return nil, &fetch.NetworkError{URL: "http://localhost/", Offline: true, Err: errors.New("no route")}
		}
		return &Resolution{Stamps: []string{strings.Repeat("x", asked)}}, nil
	}
	for _, s := range []struct {
		what    string
		later   time.Duration
		refresh bool
		offline bool
		setBack bool
		fixed   bool
		want    string // the answer; "" an error
		note    string
	}{
		{"first", 0, false, false, false, false, "x", ""},
		{"young", time.Hour, false, false, false, false, "x", ""},
		{"asked for", time.Hour, true, false, false, false, "xx", ""},
		{"old", maxAge, false, false, false, false, "xxx", ""},
		{"old and offline", maxAge, false, true, false, false, "xxx", "could not be asked; what suite x served on 2026-11-02 stands"},
		{"old and the mirror was set back", 0, false, false, true, false, "xxx", "set back or withholds updates; what suite x served on 2026-11-02 stands"},
		{"asked for and offline", 0, true, true, false, false, "", ""},
		{"asked for and set back", 0, true, false, true, false, "", ""},
		{"old and fixed", 100 * maxAge, true, false, false, true, "xxx", ""},
	} {
		now, a.Refresh, offline, setBack = now.Add(s.later), s.refresh, s.offline, s.setBack
		got, err := a.remembered("key", "suite x", s.fixed, ask)
		switch {
		case s.want == "":
			if _, older := errors.AsType[*debian.OlderError](err); errors.Is(err, errOffline) != offline || older != setBack {
				t.Errorf("%s: another error: %v", s.what, err)
			}
		case err != nil || got.Stamps[0] != s.want:
			t.Errorf("%s: %+v, %v, want %s", s.what, got, err, s.want)
		case len(got.Notes) > 0 != (s.note != "") || !strings.Contains(strings.Join(got.Notes, "\n"), s.note):
			t.Errorf("%s: notes %q", s.what, got.Notes)
		}
	}
}

// TestNewest: of each mirror and suite the newest is remembered, by the next process as well.
func TestNewest(t *testing.T) {
	dir := t.TempDir()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	for _, s := range []struct {
		mirror, suite string
		made, want    int
	}{{"a", "x", 5, 5}, {"a", "x", 3, 5}, {"b", "x", 3, 3}, {"a", "y", 1, 1}, {"a", "x", 7, 7}, {"a", "x", 7, 7}, {"a", "x", 5, 7}, {"b", "x", 1, 3}} {
		st, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := Newest(st)(s.mirror, s.suite, day(s.made)); !got.Equal(day(s.want)) {
			t.Errorf("%v: %s", s, got)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchitecture(t *testing.T) {
	for want, is := range map[string][2]string{
		"make": {"make"}, "rustc/sid": {"rustc/sid"}, "busybox=1:1.37.*": {"busybox=1:1.37.*"},
		"busybox-static:i386": {"busybox-static", "i386"}, "busybox:i386/sid": {"busybox/sid", "i386"},
		"busybox:i386=1:1.37.*/sid": {"busybox=1:1.37.*/sid", "i386"},
	} {
		if name, arch := architecture(want); name != is[0] || arch != is[1] {
			t.Errorf("%s: %s of %q", want, name, arch)
		}
	}
}

func TestAt(t *testing.T) {
	a := &Archive{Client: &debian.Client{}, Suites: map[string]settings.Suite{"x": {Components: []string{"main"}}}}
	if at := a.At("20260101T000000Z"); at.Suites["x"].Snapshot != "20260101T000000Z" || at.Suites["x"].Components[0] != "main" || a.Suites["x"].Snapshot != "" {
		t.Errorf("%+v of %+v", at.Suites, a.Suites)
	}
	if _, err := a.Newest(context.Background(), "y", "p"); err == nil || !strings.Contains(err.Error(), "suite y is not in configs/suites.toml") {
		t.Error(err)
	}
}
