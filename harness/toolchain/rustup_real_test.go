package toolchain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/parcel"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// onMachine is a provider on the user's store and the configured archive, with
// the machine's environment but for what env sets.
func onMachine(t *testing.T, st *store.Store, set *settings.Settings, env map[string]string) *Provider {
	t.Helper()
	keys, err := debian.LoadKeys(os.DirFS(filepath.Join("..", "..", "configs", "keys")))
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(n string) string {
		if v, ok := env[n]; ok {
			return v
		}
		return os.Getenv(n)
	}
	sink := progress.Discard{}
	return &Provider{Store: st, Sink: sink, Getenv: getenv, Archive: &archive.Archive{
		Client: &debian.Client{Keys: keys, Files: st, Progress: sink, Mirror: debian.Mirror(getenv, os.DirFS("/etc"))},
		Store:  st, Sink: sink, Suites: set.Suites, Now: time.Now,
	}}
}

// userStore is the user's store, where what was fetched is kept.
func userStore(t *testing.T) *store.Store {
	t.Helper()
	home, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// configured is what the shipped files of configs/ say.
func configured(t testing.TB) *settings.Settings {
	t.Helper()
	set, err := settings.Load(os.DirFS(filepath.Join("..", "..", "configs")), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The machine's own stable compiler, with Debian's source of the same release,
// is served as a nightly in rustup's real layout; the series finds it, the real
// rustup installs it, and it is the very same toolchain.
func TestRustupReal(t *testing.T) {
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("packs, fetches and unpacks a whole compiler: go tool mage test -long")
	}
	realRustup(t)
	st, set := userStore(t), configured(t)
	machine := onMachine(t, st, set, nil)
	if _, ok := machine.rustupDir("stable"); !ok {
		t.Skip("rustup has no stable on this machine: there is no compiler to serve")
	}
	spec := settings.Toolchain{}
	for _, c := range set.Toolchains {
		if c.Rustup == "stable" {
			spec = c
		}
	}
	installed, err := machine.Get(t.Context(), "installed", spec)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, m := range installed.Mounts {
		parts[m.Target] = m.Source
	}
	t.Logf("installed: %v, %v", installed.Identity, installed.Packages[len(installed.Packages)-2:])
	id := installed.Identity
	if id["rustc"] == "" || id["rust-src"] != id["rustc"] || len(id["rustc-commit"]) != 40 {
		t.Errorf("identity: %v", id)
	}

	// As upstream packs it: the source below lib/rustlib of its component.
	source := t.TempDir()
	if err := os.MkdirAll(filepath.Join(source, "lib", "rustlib", "src", "rust"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(t.Context(), filepath.Join(parts[rustSrcAt], rustSrcIn, "library"), filepath.Join(source, inComponent)); err != nil {
		t.Fatal(err)
	}
	have, _, err := machine.rustupParts(t.Context(), "installed", spec)
	if err != nil {
		t.Fatal(err)
	}
	rust := os.DirFS(parts[rustAt])
	libraries, err := filepath.Glob(filepath.Join(parts[rustAt], "lib", "lib*"))
	if err != nil {
		t.Fatal(err)
	}
	compiler := []string{"bin"}
	for _, l := range libraries {
		compiler = append(compiler, "lib/"+filepath.Base(l))
	}
	dir := t.TempDir()
	publish(t, dir, "nightly", "2026-05-20", have.Channel.Rustc, "gz",
		component{pkg: "rustc", name: "rustc", target: rustHost, roots: compiler, files: rust},
		component{pkg: "rust-std", name: "rust-std-" + rustHost, target: rustHost, roots: []string{"lib/rustlib"}, files: rust},
		component{pkg: "rust-src", name: "rust-src", target: "*", files: os.DirFS(source)},
		tiny("", false)[1])
	s, _ := server(t, dir)

	user := t.TempDir()
	rustup, _ := machine.rustupProgram()
	p := onMachine(t, st, set, map[string]string{"RUSTUP_DIST_SERVER": s.URL, "HOME": user, "PATH": filepath.Dir(rustup), "RUSTUP_HOME": "", "CARGO_HOME": ""})
	series := set.Series["rust-nightly"]
	members, _, err := p.Series(t.Context(), "rust-nightly", series, set.Toolchains)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(members, func(m Member) bool { return m.Name == "rust-nightly:2026-05-20" })
	if at < 0 {
		t.Fatalf("no such day in %v", versionsOf(members))
	}
	fetched, err := p.Get(t.Context(), members[at].Name, members[at].Spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("on demand: %v, %v", fetched.Identity, fetched.Packages[len(fetched.Packages)-2:])
	if fetched.Digest != installed.Digest {
		t.Errorf("the same compiler, library and C side, and yet %s is not %s", fetched.Digest, installed.Digest)
	}
	if !strings.Contains(fetched.Packages[len(fetched.Packages)-1], "(rustup nightly-2026-05-20)") || fetched.Parts["rust"] != "rustup nightly-2026-05-20" {
		t.Errorf("it does not say where it comes from: %v, %v", fetched.Packages[len(fetched.Packages)-2:], fetched.Parts)
	}
	if left := filesBelow(t, user); len(left) > 0 {
		t.Errorf("rustup wrote to the user's home: %v", left)
	}
}
