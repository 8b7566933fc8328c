package toolchain

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/fetch"
	"umlab/harness/settings"
)

func TestRustSource(t *testing.T) {
	dir := t.TempDir()
	parts := tiny("one", true)
	publish(t, dir, "nightly", "2026-05-20", nightlyVersion, "gz", parts...)
	s, _ := server(t, dir)
	channel, err := readChannel([]byte(manifestOf(t, nightlyVersion, parts...)))
	if err != nil {
		t.Fatal(err)
	}
	nightly := rustcVersion{"1.97.0-nightly", "e50aa6fba4e63ab34c72bf9acfd2c307c1155d1a", "2026-05-19"}
	stale, unsaid := channel, channel
	stale.Src, unsaid.Src = "1.97.0-nightly (0123456ab 2026-05-18)", ""
	for name, c := range map[string]struct {
		have   rustupParts
		set    string // rust-src
		server string
		is     rustcVersion
		want   string // detail, where there is one
		wrong  []string
	}{
		"the component":               {rustupParts{Source: "abc", Channel: channel}, "", s.URL, nightly, "rust-src " + nightlyVersion + " (rustup nightly)", nil},
		"the archive of the manifest": {rustupParts{Channel: channel}, "", s.URL, nightly, "rust-src " + nightlyVersion + " (archive of the channel of 2026-05-20)", nil},
		"component of another day": {rustupParts{Source: "abc", Channel: stale}, "component", s.URL, nightly, "",
			[]string{"the rust-src of rustup's nightly is 1.97.0-nightly (0123456ab 2026-05-18), and its rustc 1.97.0-nightly (e50aa6fba 2026-05-19)"}},
		"linked": {rustupParts{Source: "abc", Channel: unsaid}, "component", s.URL, nightly, "", []string{"it was linked, not installed"}},
		"no network": {rustupParts{Channel: channel}, "", "http://127.0.0.1:1", nightly, "",
			[]string{"rustup's nightly (rustc 1.97.0-nightly (e50aa6fba 2026-05-19)) has no rust-src", "Debian has the source of releases only", "cannot be had", "rustup component add rust-src --toolchain nightly"}},
		"Debian's, of a nightly": {rustupParts{Channel: channel}, "debian", s.URL, nightly, "", []string{"1.97.0-nightly is none"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := bare(t, map[string]string{"RUSTUP_DIST_SERVER": c.server})
			digest, detail, err := p.rustSource(t.Context(), settings.Toolchain{Rustup: "nightly", RustSrc: c.set}, &Toolchain{}, c.have, c.is)
			if c.want != "" {
				if err != nil || detail != c.want {
					t.Fatalf("%q, %v", detail, err)
				}
				if c.have.Source == "" {
					if d := cmp.Diff([]string{"src/rust/library/core/src/lib.rs"}, filesBelow(t, p.kept(kindRustSrc, digest))); d != "" {
						t.Errorf("-want +got\n%s", d)
					}
				}
				return
			}
			var unfit *UnfitError
			if !errors.As(err, &unfit) {
				t.Fatalf("%v is no UnfitError", err)
			}
			t.Log(err)
			for _, want := range c.wrong {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// The source of a release is that of the release to the digit.
func TestSourceOf(t *testing.T) {
	list := packages(`
rust-src 1.85.0+dfsg3-1 trixie
rust-src 1.95.0+dfsg1-1~bpo13+1 trixie-backports
rust-src 1.95.0+dfsg1-1~bpo13+2 trixie-backports
rust-src 1.95.0+dfsg1-4 sid
rust-web-src 1.96.0+dfsg1-1 trixie
rust-src 1.96.1+dfsg1-1 sid`)
	for release, want := range map[string]string{
		"1.95.0": "rust-src 1.95.0+dfsg1-1~bpo13+2 (trixie-backports)",
		"1.96.0": "rust-web-src 1.96.0+dfsg1-1 (trixie)",
		"1.96.1": "rust-src 1.96.1+dfsg1-1 (sid)",
		"1.96":   "",
		"1.95.1": "",
	} {
		got, ok := sourceOf(list, []string{"trixie", "trixie-backports", "sid"}, release)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %s, want %s", release, got, want)
		}
	}
	if got := upstreams(list); !slices.Equal(got, []string{"1.85.0", "1.95.0", "1.96.0", "1.96.1"}) {
		t.Errorf("%v", got)
	}
}

func TestRustcVersion(t *testing.T) {
	v := rustcSaid("rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860\ncommit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n")
	for manifest, want := range map[string]bool{
		"1.95.0 (59807616e 2026-04-14)": true, "1.95.0": true,
		"1.95.0 (59807616f 2026-04-14)": false, "1.95.0 (59807616e 2026-04-15)": false, "1.95.1 (59807616e 2026-04-14)": false, "": false,
	} {
		if v.is(manifest) != want {
			t.Errorf("%s is %q: %t", v, manifest, !want)
		}
	}
	if own := rustcSaid("release: 1.95.0-dev\ncommit-hash: unknown\n"); own.String() != "1.95.0-dev" {
		t.Errorf("one's own: %s", own)
	}
}

func FuzzReadChannel(f *testing.F) {
	f.Add([]byte(manifestOf(f, nightlyVersion, tiny("one", true)...)))
	f.Add([]byte("manifest-version = \"2\"\n[pkg.rust-src.target.\"*\"]\navailable = true\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readChannel(b)
		if err != nil && c != (rustChannel{}) {
			t.Errorf("%v, and yet %+v", err, c)
		}
	})
}

// The machine's own rustup has the format that the tests write.
func TestReadChannelOfMachine(t *testing.T) {
	p := &Provider{Getenv: os.Getenv}
	names := p.rustupNames()
	if len(names) == 0 {
		t.Skip("this machine has no toolchain of rustup")
	}
	for _, name := range names {
		dir, _ := p.rustupDir(name)
		c, err := channelOf(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c == (rustChannel{}) {
			continue // it was linked
		}
		if _, err := time.Parse(time.DateOnly, c.Date); err != nil || !manifestVersion.MatchString(c.Rustc) || c.Src != c.Rustc || len(c.SrcSum) != 64 || !strings.Contains(c.SrcURL, "/dist/") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// TestReleaseOf: what the manifest says of rustc is known though that rustc does
// not run.
func TestReleaseOf(t *testing.T) {
	for manifest, want := range map[string]string{
		"1.97.1 (8bab26f4f 2026-07-14)": "1.97.1", "1.99.0-nightly (0123abcde 2026-11-01)": "1.99.0-nightly", "1.85.0": "1.85.0", "": "", "some thing": "",
	} {
		if got := releaseOf(manifest); got != want {
			t.Errorf("%q: %q, want %q", manifest, got, want)
		}
	}
}

// A download of the library's source that is cut or stalls in the middle goes on
// from there.
func TestArchiveSourceGoesOn(t *testing.T) {
	dir := t.TempDir()
	publish(t, dir, "nightly", "2026-05-20", nightlyVersion, "gz", tiny("one", true)...)
	manifest, err := os.ReadFile(filepath.Join(dir, "dist", "channel-rust-nightly.toml"))
	if err != nil {
		t.Fatal(err)
	}
	channel, err := readChannel(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, hang := range []bool{false, true} {
		var ranges []string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ranges = append(ranges, r.Header.Get("Range")); len(ranges) > 1 {
				http.FileServer(http.Dir(dir)).ServeHTTP(w, r)
				return
			}
			b, err := os.ReadFile(filepath.Join(dir, r.URL.Path))
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			_, _ = w.Write(b[:100])
			_ = http.NewResponseController(w).Flush()
			if hang {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}))
		p, _, _ := bare(t, nil)
		p.HTTP = &fetch.Client{Pauses: make([]time.Duration, 9), Stall: time.Second}
		digest, err := p.archiveSource(t.Context(), &Toolchain{}, channel, s.URL)
		if err != nil || len(filesBelow(t, p.kept(kindRustSrc, digest))) != 1 || len(ranges) < 2 || ranges[1] != "bytes=100-" {
			t.Errorf("stalls %t: %v, asked %q", hang, err, ranges)
		}
		s.Close()
	}
}
