package toolchain

import (
	"context"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/settings"
)

const nightlyVersion = "1.97.0-nightly (e50aa6fba 2026-05-19)"

// filesBelow lists what is in a part of the store, or in a directory.
func filesBelow(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// realRustup is the machine's rustup, with the directory that it is in.
func realRustup(t testing.TB) string {
	t.Helper()
	at, ok := (&Provider{Getenv: os.Getenv}).rustupProgram()
	if !ok {
		t.Skip("this machine has no rustup: nothing else installs the way it does")
	}
	return filepath.Dir(at)
}

// installedAt puts the components' files where rustup would.
func installedAt(t testing.TB, dir, manifest string, components ...component) {
	t.Helper()
	for _, c := range components {
		if err := fs.WalkDir(c.files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(c.files, name)
			writeFile(t, filepath.Join(dir, name), string(b))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if manifest != "" {
		writeFile(t, filepath.Join(dir, channelFile), manifest)
	}
}

func manifestOf(t testing.TB, version string, components ...component) string {
	t.Helper()
	dir := t.TempDir()
	publish(t, dir, "nightly", "2026-05-20", version, "gz", components...)
	b, err := os.ReadFile(filepath.Join(dir, "dist", "channel-rust-nightly.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var needed = []string{"bin/rustc", "lib/librustc_driver-0123456789abcdef.so", "lib/rustlib/" + rustHost + "/lib/libstd-1.rlib"}

// The real rustup installs from a server in the real layout.
func TestRustupOnDemand(t *testing.T) {
	for _, pack := range []string{"xz", "gz"} {
		t.Run(pack, func(t *testing.T) {
			dir, home := t.TempDir(), t.TempDir()
			publish(t, dir, "nightly", "2026-05-20", nightlyVersion, pack, tiny("one", true)...)
			s, asked := server(t, dir)
			env := map[string]string{"PATH": realRustup(t), "HOME": home, "RUSTUP_DIST_SERVER": s.URL + "/"}
			p, said, now := bare(t, env)
			get := func(name string) (rustupParts, string, error) {
				return p.rustupParts(t.Context(), "x", settings.Toolchain{Rustup: name})
			}
			one, from, err := get("nightly-2026-05-20")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(needed, filesBelow(t, p.kept(kindRust, one.Compiler))); d != "" {
				t.Errorf("kept of the compiler: -want +got\n%s", d)
			}
			if d := cmp.Diff([]string{"src/rust/library/core/src/lib.rs"}, filesBelow(t, p.kept(kindRustSrc, one.Source))); d != "" {
				t.Errorf("kept of the source: -want +got\n%s", d)
			}
			if one.Channel.Rustc != nightlyVersion || one.Channel.Src != nightlyVersion || from != "rustup nightly-2026-05-20, channel of 2026-05-20" {
				t.Errorf("%s: %+v", from, one.Channel)
			}
			if left := filesBelow(t, home); len(left) > 0 {
				t.Errorf("rustup wrote to the user's home: %v", left)
			}
			if pack == "xz" {
				return // how archives are packed matters to nothing else
			}

			// A day's nightly is asked for once and for all; the channel, every day.
			if _, _, err := get("nightly"); err != nil {
				t.Fatal(err)
			}
			before := asked()
			*now = now.Add(23 * time.Hour)
			for _, name := range []string{"nightly", "nightly-2026-05-20"} {
				if again, _, err := get(name); err != nil || again.Compiler != one.Compiler || asked() != before {
					t.Errorf("%s: %v, %d requests", name, err, asked()-before)
				}
			}
			publish(t, dir, "nightly", "2026-05-21", nightlyVersion, pack, tiny("two", true)...)
			*now = now.Add(2 * time.Hour)
			two, _, err := get("nightly")
			if err != nil || two.Compiler == one.Compiler || two.Channel.Date != "2026-05-21" {
				t.Errorf("the next day: %+v, %v", two, err)
			}
			s.Close()
			*now = now.Add(25 * time.Hour)
			if old, _, err := get("nightly"); err != nil || old.Compiler != two.Compiler || len(*said) != 1 || !strings.Contains((*said)[0], "stands") {
				t.Errorf("offline: %v, said %q", err, *said)
			}
			if again, _, err := get("nightly-2026-05-20"); err != nil || again.Compiler != one.Compiler {
				t.Errorf("offline, a day's: %v", err)
			}
			p.Archive.Refresh = true
			if _, _, err := get("nightly"); err == nil || !strings.Contains(err.Error(), "RUSTUP_DIST_SERVER") {
				t.Errorf("offline, and asked to ask again: %v", err)
			}
		})
	}
}

// What rustup cannot do is said with what to do.
func TestRustupCannotInstall(t *testing.T) {
	rustup := realRustup(t)
	dir := t.TempDir()
	publish(t, dir, "nightly", "2026-05-20", nightlyVersion, "gz", tiny("one", true)...)
	publish(t, dir, "nightly", "2026-05-21", nightlyVersion, "gz", tiny("one", false)...)
	publish(t, dir, "nightly", "2026-05-22", nightlyVersion, "gz", tiny("one", true)...)
	archives, err := filepath.Glob(filepath.Join(dir, "dist", "2026-05-22", "rustc-*.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatal(archives, err)
	}
	if err := os.WriteFile(archives[0], []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, _ := server(t, dir)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		rustup, path, server string
		want                 []string
	}{
		"no such name":        {"stabel", rustup, s.URL, []string{"has no rustup toolchain stabel (it has mine)", "invalid toolchain name"}},
		"no such day":         {"nightly-2026-05-19", rustup, s.URL, []string{"no release found for 'nightly-2026-05-19'; check the name"}},
		"no rust-src":         {"nightly-2026-05-21", rustup, s.URL, []string{"rust-src"}},
		"an archive tampered": {"nightly-2026-05-22", rustup, s.URL, []string{"checksum"}},
		"no network":          {"nightly-2026-05-20", rustup, gone.URL, []string{"set RUSTUP_DIST_SERVER to a mirror that can be reached", "rustup toolchain install nightly-2026-05-20 --profile minimal --component rust-src"}},
		"no rustup":           {"nightly-2026-05-20", t.TempDir(), s.URL, []string{"no rustup that could install it: install rustup"}},
		"a flag":              {"--help", rustup, s.URL, []string{"is no name of a toolchain"}},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			installedAt(t, filepath.Join(home, ".rustup", "toolchains", "mine"), "", tiny("mine", false)...)
			p, _, _ := bare(t, map[string]string{"PATH": c.path, "HOME": home, "RUSTUP_DIST_SERVER": c.server})
			spec := settings.Toolchain{Rustup: c.rustup}
			_, _, err := p.rustupParts(t.Context(), "x", spec)
			if c.rustup == "--help" {
				_, err = p.rustup(t.Context(), "x", spec)
			}
			if err == nil {
				t.Fatal("it was installed")
			}
			t.Log(err)
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a sentence: %q", err)
			}
		})
	}
}

// What the machine has is copied, once, and nothing runs or changes there.
func TestRustupInstalled(t *testing.T) {
	home := t.TempDir()
	at := filepath.Join(home, "toolchains", "stable-"+rustHost)
	parts := tiny("one", true)
	installedAt(t, at, manifestOf(t, nightlyVersion, parts...), parts...)
	p, _, _ := bare(t, map[string]string{"RUSTUP_HOME": home})
	get := func() (rustupParts, error) {
		have, _, err := p.rustupParts(t.Context(), "x", settings.Toolchain{Rustup: "stable"})
		return have, err
	}
	before := filesBelow(t, home)
	one, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(needed, filesBelow(t, p.kept(kindRust, one.Compiler))); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if again, err := get(); err != nil || again != one {
		t.Errorf("again: %+v, %v", again, err)
	}
	if d := cmp.Diff(before, filesBelow(t, home)); d != "" {
		t.Errorf("the machine's toolchain changed:\n%s", d)
	}
	// The same files elsewhere are the same toolchain; a link is followed.
	elsewhere := t.TempDir()
	if err := os.CopyFS(elsewhere, os.DirFS(at)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(home, "toolchains", "mine")); err != nil {
		t.Fatal(err)
	}
	if mine, _, err := p.rustupParts(t.Context(), "x", settings.Toolchain{Rustup: "mine"}); err != nil || mine.Compiler != one.Compiler || mine.Source != one.Source {
		t.Errorf("linked: %+v, %v", mine, err)
	}
	// A byte that changes, in place and with its time put back, makes another one.
	lib := filepath.Join(at, needed[2])
	info, err := os.Stat(lib)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, lib, "std two")
	if err := os.Chtimes(lib, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if two, err := get(); err != nil || two.Compiler == one.Compiler || two.Source != one.Source {
		t.Errorf("after a change: %+v, %v", two, err)
	}
	// Without its source, it is there all the same.
	if err := os.RemoveAll(filepath.Join(at, inComponent)); err != nil {
		t.Fatal(err)
	}
	if three, err := get(); err != nil || three.Source != "" {
		t.Errorf("without rust-src: %+v, %v", three, err)
	}
	if err := os.RemoveAll(filepath.Join(at, "lib", "rustlib", rustHost)); err != nil {
		t.Fatal(err)
	}
	if _, err := get(); err == nil || !strings.Contains(err.Error(), "no standard library") {
		t.Errorf("half a toolchain: %v", err)
	}
}

// A cancelled installation ends at once and leaves nothing.
func TestRustupCancelled(t *testing.T) {
	dir := t.TempDir()
	publish(t, dir, "nightly", "2026-05-20", nightlyVersion, "gz", tiny("one", true)...)
	s, _ := server(t, dir)
	p, _, _ := bare(t, map[string]string{"PATH": realRustup(t), "HOME": t.TempDir(), "RUSTUP_DIST_SERVER": s.URL})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.rustupParts(ctx, "x", settings.Toolchain{Rustup: "nightly"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.Store.Root(), "tmp", "*rustup*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
