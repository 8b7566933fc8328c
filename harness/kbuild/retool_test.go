package kbuild

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/kconfig"
	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

var withRust = []kconfig.Option{{Name: "CONFIG_RUST", Value: "y"}}

// shelf is a builder whose store has baselines that nobody built.
func shelf(t *testing.T) *Builder {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &Builder{Store: st, Sink: progress.Discard{}}
}

func put(t *testing.T, b *Builder, key, record string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"baseline.json": record, "build/linux": "linux"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	final := filepath.Join(b.Store.Root(), "dirs", kindBaseline, key)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(final, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
}

func bases(t *testing.T) (old, same, other Base) {
	t.Helper()
	a, c := sysroot(t), sysroot(t)
	delete(a, "usr/src/rustc-1.85.1/Cargo.toml")
	c["usr/include/stdio.h"] = "int gets(char *);"
	tool := func(name string, files map[string]string) *toolchain.Toolchain {
		return &toolchain.Toolchain{Name: name, Digest: "digest of " + name, Root: fill(t, files)}
	}
	old = Base{Tree: &tree.Tree{Name: "linux", Digest: "t"}, Compiler: GCC, Options: withRust, Toolchain: tool("old", sysroot(t))}
	same, other = old, old
	same.Toolchain, other.Toolchain = tool("same", a), tool("other", c)
	return old, same, other
}

// A baseline that was built from nothing is offered, once, to the toolchains that
// differ from its own in Rust alone, for the same tree, compiler and options.
func TestOffers(t *testing.T) {
	b := shelf(t)
	old, same, other := bases(t)
	put(t, b, old.key(), `{"key":"`+old.key()+`"}`)
	for range 2 {
		if bl, hit, err := b.Baseline(t.Context(), old); err != nil || !hit || bl.From != "" {
			t.Fatalf("%+v, %v, %v", bl, hit, err)
		}
	}
	want := []offered{{old.key(), "old", "digest of old"}}
	tree2, clang, more, c := same, same, same, same
	tree2.Tree = &tree.Tree{Name: "linux", Digest: "t2"}
	clang.Compiler = Clang
	more.Options = append([]kconfig.Option{{Name: "CONFIG_X", Value: "y"}}, withRust...)
	c.Options = []kconfig.Option{{Name: "CONFIG_X", Value: "y"}}
	for _, tc := range []struct {
		name string
		base Base
		want []offered
	}{
		{"another Rust", same, want},
		{"itself", old, nil},
		{"another header", other, nil},
		{"another tree", tree2, nil},
		{"another compiler", clang, nil},
		{"other options", more, nil},
		{"no Rust", c, nil},
	} {
		got, err := b.offers(t.Context(), tc.base)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got, cmp.Transformer("empty", func(l []offered) []offered { return append([]offered{}, l...) })); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, diff)
		}
	}
}

// A baseline that went on from another's is found, says so, and is offered to
// nobody.
func TestRetooledIsFound(t *testing.T) {
	b := shelf(t)
	old, same, other := bases(t)
	put(t, b, old.key(), `{"key":"`+old.key()+`"}`)
	if _, _, err := b.Baseline(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	key := retoolKey(old.key(), same.Toolchain)
	put(t, b, key, `{"key":"`+key+`","from":"old"}`)
	bl, hit, err := b.Baseline(t.Context(), same)
	if err != nil || !hit || bl.Key != key || bl.From != "old" {
		t.Fatalf("%+v, %v, %v; want %s out of the store", bl, hit, err, key)
	}
	third := same
	third.Toolchain = &toolchain.Toolchain{Name: "third", Digest: "3", Root: same.Toolchain.Root}
	if got, err := b.offers(t.Context(), third); err != nil || len(got) != 1 || got[0].Key != old.key() {
		t.Errorf("offered: %+v, %v; want the one from nothing alone", got, err)
	}
	// One of its own that was built from nothing comes first.
	put(t, b, same.key(), `{"key":"`+same.key()+`"}`)
	if bl, hit, err := b.Baseline(t.Context(), same); err != nil || !hit || bl.Key != same.key() {
		t.Errorf("%+v, %v, %v; want its own", bl, hit, err)
	}
	from := &Baseline{Base: old, Key: old.key()}
	var differ *OtherSideError
	if _, _, err := b.Retool(t.Context(), from, other.Toolchain); !errors.As(err, &differ) || differ.From != "old" || differ.To != "other" {
		t.Errorf("from a toolchain with other headers: %v", err)
	}
	if bl, hit, err := b.Retool(t.Context(), from, same.Toolchain); err != nil || !hit || bl.Key != key {
		t.Errorf("%+v, %v, %v; want %s", bl, hit, err, key)
	}
	if bl, _, err := b.Retool(t.Context(), from, old.Toolchain); err != nil || bl != from {
		t.Errorf("with the same toolchain: %+v, %v", bl, err)
	}
}

// notes is a sink that keeps what is to be said.
type notes struct {
	progress.Discard
	said *[]string
}

func (n notes) Note(text string) { *n.said = append(*n.said, text) }

// Where going on does not work, nothing is left of it, and it is for a build
// from nothing to say what base is.
func TestRetoolGivesWay(t *testing.T) {
	b := shelf(t)
	var said []string
	b.Sink = notes{said: &said}
	old, same, _ := bases(t)
	source := fill(t, map[string]string{"arch/um/Kconfig": "config UML\n\tselect HAVE_RUST\n"})
	old.Tree, same.Tree = &tree.Tree{Name: "linux", Digest: "t", Dir: source}, &tree.Tree{Name: "linux", Digest: "t", Dir: source}
	put(t, b, old.key(), `{"key":"`+old.key()+`"}`)
	if _, _, err := b.Baseline(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(b.Store.Root(), "dirs", kindBaseline, old.key(), "build", ".config")
	if err := os.WriteFile(config, []byte("CONFIG_RUST=y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bl, hit, err := b.retooled(t.Context(), same)
	if bl != nil || hit || err != nil {
		t.Errorf("%+v, %v, %v; want none, and no error", bl, hit, err)
	}
	want := []string{`linux with same is built from nothing: going on from the baseline of toolchain old failed: its CONFIG_RUSTC_VERSION_TEXT does not tell one rustc from another`}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if left, err := os.ReadDir(filepath.Join(b.Store.Root(), "partial", kindBaseline)); err != nil || len(left) > 0 {
		t.Errorf("left to resume: %v, %v", left, err)
	}
	// A baseline that was cleaned away is none to go on from.
	said = nil
	if err := b.Store.Drop(kindBaseline, old.key()); err != nil {
		t.Fatal(err)
	}
	if bl, hit, err := b.retooled(t.Context(), same); bl != nil || hit || err != nil || len(said) > 0 {
		t.Errorf("%+v, %v, %v, %q; want none", bl, hit, err, said)
	}
}
