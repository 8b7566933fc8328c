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
	asked, offline := 0, false
	ask := func(was *Resolution) (*Resolution, error) {
		asked++
		if (was == nil) != (asked == 1) {
			t.Errorf("question %d was told of the answer before it: %t", asked, was != nil)
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
		fixed   bool
		want    string // the answer; "" an error
		note    bool
	}{
		{"first", 0, false, false, false, "x", false},
		{"young", time.Hour, false, false, false, "x", false},
		{"asked for", time.Hour, true, false, false, "xx", false},
		{"old", maxAge, false, false, false, "xxx", false},
		{"old and offline", maxAge, false, true, false, "xxx", true},
		{"asked for and offline", 0, true, true, false, "", false},
		{"old and fixed", 100 * maxAge, true, false, true, "xxx", false},
	} {
		now, a.Refresh, offline = now.Add(s.later), s.refresh, s.offline
		got, err := a.remembered("key", "suite x", s.fixed, ask)
		switch {
		case s.want == "":
			if !errors.Is(err, errOffline) {
				t.Errorf("%s: error %v is not errOffline", s.what, err)
			}
		case err != nil || got.Stamps[0] != s.want:
			t.Errorf("%s: %+v, %v, want %s", s.what, got, err, s.want)
		case (len(got.Notes) > 0) != s.note:
			t.Errorf("%s: notes %q", s.what, got.Notes)
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
