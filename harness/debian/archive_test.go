package debian

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"umlab/harness/fetch"
)

// notesOf are what must be said of the archive's suites.
func notesOf(a *Archive) (list []string) {
	for _, r := range a.Releases() {
		if r.Note() != "" {
			list = append(list, r.Note())
		}
	}
	return list
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		name  string
		p     published
		suite Suite
		notes string
		err   string // "" where it opens
	}{
		{name: "by suite", p: published{}},
		{name: "by codename", p: published{suite: "code", codename: "code", fields: "Valid-Until: " + testNow.Add(time.Hour).Format(time.RFC1123) + "\n"}, suite: Suite{Name: "code"}},
		{name: "by hash", p: published{fields: "Acquire-By-Hash: yes\n"}},
		{name: "xz", p: published{exts: []string{"", ".xz"}}},
		{name: "zstd", p: published{exts: []string{".zst"}}},
		{name: "plain", p: published{exts: []string{""}}},
		{name: "expired", p: published{fields: "Valid-Until: " + testNow.Add(-time.Minute).Format(time.RFC1123) + "\n"}, err: "expired on 2026-03-01 11:59 UTC"},
		{name: "expired and allowed", p: published{fields: "Valid-Until: " + testNow.Add(-time.Minute).Format(time.RFC1123) + "\n"},
			suite: Suite{AllowExpired: true}, notes: "test: InRelease expired on 2026-03-01 11:59 UTC (made 2026-03-01 11:00 UTC), allowed by configuration"},
		{name: "of the future", p: published{date: testNow.Add(23 * time.Hour)}},
		{name: "of the far future", p: published{date: testNow.Add(25 * time.Hour)}, err: "check this machine's clock"},
		{name: "another suite, correctly signed", p: published{suite: "test", codename: "x", fields: ""}, suite: Suite{Name: "test"}},
		{name: "unknown component", suite: Suite{Components: []string{"main", "games"}}, err: "games/binary-amd64/Packages in"},
		{name: "no such suite", suite: Suite{Name: "nosuch"}, err: "/dists/nosuch/InRelease: HTTP status 404; check the suite's name"},
		{name: "bad snapshot", suite: Suite{Snapshot: "2026"}, err: "write it as YYYYMMDDTHHMMSSZ"},
		{name: "no snapshot service", suite: Suite{Snapshot: "20260101T000000Z"}, err: "no snapshot service is configured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newTestArchive(t)
			if tt.p.suite == "" {
				tt.p.suite, tt.p.codename = "test", "code"
			}
			if tt.suite.Name == "" {
				tt.suite.Name = "test"
			}
			tt.p.packages = universe("a 1\nb 2")
			a.publish(tt.p)
			got, err := a.client().Open(t.Context(), []Suite{tt.suite})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "suite "+tt.suite.Name+": ") {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p, err := got.Newest("b"); err != nil || p.Version != "2" || p.Base != a.URL {
				t.Errorf("%+v, %v", p, err)
			}
			if notes := strings.Join(notesOf(got), "\n"); !strings.Contains(notes, tt.notes) || (notes == "") != (tt.notes == "") {
				t.Errorf("notes %q, want %q", notes, tt.notes)
			}
			if r := got.Releases(); len(r) != 1 || r[0].Suite != tt.suite.Name || len(r[0].SignedBy) != 40 || r[0].Date.IsZero() {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A mirror that serves what is older than what it served is told: its machines may be out of step by hours, not by days.
func TestOpenOlder(t *testing.T) {
	a := newTestArchive(t)
	newest := map[string]time.Time{}
	c := a.client()
	c.Newest = func(mirror, suite string, made time.Time) time.Time {
		if newest[mirror+suite].Before(made) {
			newest[mirror+suite] = made
		}
		return newest[mirror+suite]
	}
	c.SnapshotBase = a.URL + "/snapshots"
	other := a.URL + "/lags"
	for _, tt := range []struct {
		name  string
		older time.Duration
		suite Suite
		at    string // below the mirror's root
		note  string
		err   string
	}{
		{name: "first"},
		{name: "the same"},
		{name: "by an hour", older: time.Hour, note: "test: InRelease made 2026-03-01 10:00 UTC, but what was made 2026-03-01 11:00 UTC " +
			"was served there before: its machines"},
		{name: "by days", older: 3 * 24 * time.Hour, err: "suite test: " + a.URL + "/dists/test/InRelease: made 2026-02-26 11:00 UTC, " +
			"but what was made 2026-03-01 11:00 UTC was served there before: the mirror was set back or withholds updates; try again later, set UMLAB_DEBIAN_MIRROR"},
		{name: "by days, which is allowed", older: 3 * 24 * time.Hour, suite: Suite{AllowExpired: true}, note: "allowed by configuration"},
		{name: "another mirror", older: 3 * 24 * time.Hour, at: "/lags"},
		{name: "a snapshot", older: 59 * 24 * time.Hour, suite: Suite{Snapshot: "20260101T120000Z"}, at: "/snapshots/20260101T120000Z"},
		{name: "as new again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.publish(published{suite: "test", packages: universe("a 1"), date: testNow.Add(-time.Hour - tt.older), prefix: tt.at})
			own := *c
			if tt.at != "" {
				own.Mirror = other
			}
			tt.suite.Name = "test"
			list, err := own.Releases(t.Context(), []Suite{tt.suite})
			if tt.err != "" {
				if _, older := errors.AsType[*OlderError](err); !older || !strings.HasPrefix(err.Error(), tt.err) {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if note := list[0].Note(); !strings.Contains(note, tt.note) || (note == "") != (tt.note == "") {
				t.Errorf("note %q, want %q", note, tt.note)
			}
		})
	}
}

// The list of another architecture is read alone, and so are its packages.
func TestOpenArchitecture(t *testing.T) {
	a := newTestArchive(t)
	of386 := strings.ReplaceAll(universe("b 3\nc 1 Depends: b"), "Architecture: amd64", "Architecture: i386")
	a.publish(published{suite: "test", codename: "code", packages: of386 + universe("stray 1"), arch: "i386"})
	got, err := a.client().Open(t.Context(), []Suite{{Name: "test", Arch: "i386"}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := got.Resolve([]string{"c"}, nil)
	if err != nil || len(all) != 2 || all[0].String() != "b:i386 3 (test)" || all[1].Arch != "i386" {
		t.Errorf("%v, %v", all, err)
	}
	if p, err := got.Newest("stray"); err == nil {
		t.Errorf("%+v", p)
	}
	if _, err := a.client().Open(t.Context(), []Suite{{Name: "test"}}); err == nil || !strings.Contains(err.Error(), "main/binary-amd64/Packages in") {
		t.Error(err)
	}
}

func TestOpenPassedOff(t *testing.T) {
	a := newTestArchive(t)
	in, _ := a.publish(published{suite: "oldstable", codename: "old", packages: universe("a 1")})
	a.files["/dists/stable/InRelease"] = a.files[in]
	_, err := a.client().Open(t.Context(), []Suite{{Name: "stable"}})
	var bad *signatureError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "signed as suite oldstable") {
		t.Errorf("%v", err)
	}
}

func TestOpenTampered(t *testing.T) {
	for _, ext := range []string{".gz", ".xz", ""} {
		a := newTestArchive(t)
		in, lists := a.publish(published{suite: "test", packages: universe("a 1"), exts: []string{ext}})
		list := a.files[lists[0]]

		a.files[in] = bytes.Replace(a.files[in], []byte(" main/binary"), []byte("  main/binary"), 1)
		_, err := a.client().Open(t.Context(), []Suite{{Name: "test"}})
		var bad *signatureError
		if !errors.As(err, &bad) || bad.URL != a.URL+in {
			t.Errorf("tampered InRelease: %v", err)
		}

		in, _ = a.publish(published{suite: "test", packages: universe("a 1"), exts: []string{ext}})
		changed := bytes.Clone(list)
		changed[len(changed)/2] ^= 1
		a.files[lists[0]] = changed
		_, err = a.client().Open(t.Context(), []Suite{{Name: "test"}})
		var digest *fetch.DigestError
		if !errors.As(err, &digest) || digest.URL != a.URL+lists[0] || !strings.Contains(digest.Want, sum(list)) || !strings.Contains(digest.Got, sum(changed)) {
			t.Errorf("tampered list: %v", err)
		}

		a.files[lists[0]] = append(bytes.Clone(list), 0)
		if _, err = a.client().Open(t.Context(), []Suite{{Name: "test"}}); !errors.As(err, &digest) {
			t.Errorf("list with a tail: %v", err)
		}

		a.files[lists[0]] = list[:len(list)-1]
		_, err = a.client().Open(t.Context(), []Suite{{Name: "test"}})
		var short *fetch.TruncatedError
		if !errors.As(err, &short) || short.Want != int64(len(list)) || short.Got != int64(len(list))-1 {
			t.Errorf("truncated list: %v", err)
		}

		a.files[in] = a.files[in][:len(a.files[in])/2]
		if _, err = a.client().Open(t.Context(), []Suite{{Name: "test"}}); !errors.As(err, &bad) {
			t.Errorf("truncated InRelease: %v", err)
		}
	}
}

// A mirror of which one part is older than the other, each as it was signed, is told as that.
func TestOpenMixed(t *testing.T) {
	for _, old := range []string{"InRelease", "list"} {
		a := newTestArchive(t)
		in, lists := a.publish(published{suite: "test", packages: universe("a 1")})
		then := map[string][]byte{"InRelease": a.files[in], "list": a.files[lists[0]]}
		a.publish(published{suite: "test", packages: universe("a 1\nb 2\nc 3")})
		at := map[string]string{"InRelease": in, "list": lists[0]}[old]
		a.files[at] = then[old]
		_, err := a.client().Open(t.Context(), []Suite{{Name: "test"}})
		if err == nil {
			t.Errorf("an old %s was taken", old)
			continue
		}
		for _, want := range []string{a.URL + lists[0], "try again", "set UMLAB_DEBIAN_MIRROR to another"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("an old %s: no %q in: %v", old, want, err)
			}
		}
	}
}

// A list that its signed digest vouches for, and that still is none, must not
// pass for an empty one.
func TestOpenMalformedList(t *testing.T) {
	a := newTestArchive(t)
	a.publish(published{suite: "test", packages: universe("a 1") + "nonsense\n"})
	_, err := a.client().Open(t.Context(), []Suite{{Name: "test"}})
	var bad *formatError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "main/binary-amd64/Packages.gz") {
		t.Errorf("%v", err)
	}
}

func TestOpenFallsBack(t *testing.T) {
	a := newTestArchive(t)
	_, lists := a.publish(published{suite: "test", packages: universe("a 1"), exts: []string{".gz", ".xz"}, fields: "Acquire-By-Hash: yes\n"})
	for path := range a.files {
		if strings.Contains(path, "/by-hash/") || path == lists[0] {
			delete(a.files, path)
		}
	}
	got, err := a.client().Open(t.Context(), []Suite{{Name: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Newest("a"); err != nil || a.requests(lists[1]) != 1 {
		t.Errorf("%v, %d requests of %s", err, a.requests(lists[1]), lists[1])
	}
}

func TestOpenCachesLists(t *testing.T) {
	a := newTestArchive(t)
	in, lists := a.publish(published{suite: "test", packages: universe("a 1")})
	c := a.client()
	for range 2 {
		if _, err := c.Open(t.Context(), []Suite{{Name: "test"}}); err != nil {
			t.Fatal(err)
		}
	}
	if a.requests(in) != 2 || a.requests(lists[0]) != 1 {
		t.Errorf("%q", a.asked)
	}
}

// A snapshot's Valid-Until and keys are judged at the snapshot's time.
func TestOpenSnapshot(t *testing.T) {
	a := newTestArchive(t)
	then := time.Date(2020, 5, 1, 6, 0, 0, 0, time.UTC)
	old := newKey(t, then.AddDate(-1, 0, 0), 2*365*24*time.Hour)
	for _, tt := range []struct{ stamp, err string }{
		{"20200501T080000Z", ""},
		{"20200520T080000Z", "expired on 2020-05-08"},
		{"20200401T080000Z", "dated 2020-05-01 06:00 UTC, which is after 2020-04-01"},
	} {
		a.publish(published{prefix: "/snap/" + tt.stamp, suite: "sid", packages: universe("a 1"), date: then, keys: []*openpgp.Entity{old},
			fields: "Valid-Until: " + then.AddDate(0, 0, 7).Format(time.RFC1123) + "\n"})
		c := a.client()
		c.Keys, c.SnapshotBase = openpgp.EntityList{old}, a.URL+"/snap/"
		got, err := c.Open(t.Context(), []Suite{{Name: "sid", Snapshot: tt.stamp}})
		if tt.err != "" {
			var expired *expiredError
			if !errors.As(err, &expired) || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %s", tt.stamp, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if p, err := got.Newest("a"); err != nil || p.Base != a.URL+"/snap/"+tt.stamp || len(notesOf(got)) != 0 {
			t.Errorf("%+v, %v, %q", p, err, notesOf(got))
		}
	}
}

// Without a snapshot, a key that has expired since it signed is no good, unless
// the suite may be old.
func TestOpenKeyExpiredSince(t *testing.T) {
	a := newTestArchive(t)
	then := testNow.AddDate(-2, 0, 0)
	old := newKey(t, then.AddDate(-1, 0, 0), 2*365*24*time.Hour)
	a.publish(published{suite: "sid", packages: universe("a 1"), date: then, keys: []*openpgp.Entity{old}})
	c := a.client()
	c.Keys = openpgp.EntityList{old}
	var bad *signatureError
	if _, err := c.Open(t.Context(), []Suite{{Name: "sid"}}); !errors.As(err, &bad) || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("%v", err)
	}
	got, err := c.Open(t.Context(), []Suite{{Name: "sid", AllowExpired: true}})
	if err != nil || len(notesOf(got)) != 1 || !strings.Contains(notesOf(got)[0], "not valid any more") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOpenNoNetwork(t *testing.T) {
	a := newTestArchive(t)
	c := a.client()
	a.Close()
	for _, mirror := range []string{a.URL, "http://no-such-host.invalid/debian"} {
		c.Mirror = mirror
		_, err := c.Open(t.Context(), []Suite{{Name: "test"}})
		var network *fetch.NetworkError
		if !errors.As(err, &network) || !network.Offline || !strings.Contains(err.Error(), "no network") || !strings.Contains(err.Error(), mirror) {
			t.Errorf("%v", err)
		}
	}
}

func TestOpenNothingConfigured(t *testing.T) {
	c := newTestArchive(t).client()
	if _, err := c.Open(t.Context(), nil); err == nil {
		t.Error("no suite is no error")
	}
	c.Mirror = ""
	if _, err := c.Open(t.Context(), []Suite{{Name: "s"}}); err == nil || !strings.Contains(err.Error(), "set UMLAB_DEBIAN_MIRROR") {
		t.Errorf("%v", err)
	}
}

func TestOpenCancelled(t *testing.T) {
	a := newTestArchive(t)
	ctx, cancel := context.WithCancel(t.Context())
	a.serve = func(w http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	if _, err := a.client().Open(ctx, []Suite{{Name: "test"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
