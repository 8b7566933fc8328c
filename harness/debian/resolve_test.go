package debian

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// archiveOf makes an archive of package lists, without a server.
func archiveOf(lists map[string]string, suites ...string) (*Archive, error) {
	a := &Archive{seen: map[place]*candidate{}}
	for _, s := range suites {
		x := newIndex(s, "http://archive.invalid", arch)
		if err := x.read(strings.NewReader(lists[s])); err != nil {
			return nil, err
		}
		a.indices = append(a.indices, x)
		a.releases = append(a.releases, Release{Suite: s})
	}
	return a, nil
}

// universe makes a package list of lines "name version [field: value; ...]".
func universe(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		more := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), f[0]+" "+f[1]))
		if more != "" {
			more = strings.ReplaceAll(more, "; ", "\n") + "\n"
		}
		b.WriteString(stanza(f[0], f[1], more))
	}
	return b.String()
}

func TestResolve(t *testing.T) {
	const first, second = "stable", "next"
	for _, tt := range []struct {
		name          string
		first, second string
		want          string // separated by spaces
		exclude       string
		got           string // "name=version", sorted
		err           []string
	}{
		{name: "closure", first: "a 1 Depends: b, c (>= 2); Pre-Depends: d\nb 1\nc 2\nd 1 Depends: b\nunused 1", want: "a", got: "a=1 b=1 c=2 d=1"},
		{name: "a cycle", first: "a 1 Depends: b\nb 1 Depends: a", want: "a", got: "a=1 b=1"},
		{name: "newest of a suite", first: "a 1\na 3\na 2", want: "a", got: "a=3"},
		{name: "first suite preferred", first: "a 1 Depends: b\nb 1", second: "a 2\nb 2", want: "a", got: "a=1 b=1"},
		{name: "pinned suite", first: "a 1\nb 1", second: "a 2 Depends: b\nb 2", want: "a/next", got: "a=2 b=1"},
		{name: "pinned version", first: "a 1.1-1\na 1.2-1\na 2-1", want: "a=1.*", got: "a=1.2-1"},
		{name: "pinned version and suite", first: "a 1", second: "a 1\na 2", want: "a=1/next", got: "a=1"},
		{name: "the other suite where it must", first: "a 1\nb 1", second: "a 2 Depends: b (= 2)\nb 2", want: "a/next", got: "a=2 b=2"},
		{name: "chosen too old, then replaced", first: "a 1 Depends: b\nb 1 Depends: old\nold 1", second: "c 1 Depends: b (>= 2)\nb 2", want: "a c/next", got: "a=1 b=2 c=1"},
		{name: "first alternative", first: "a 1 Depends: b | c\nb 1\nc 1", want: "a", got: "a=1 b=1"},
		{name: "alternative that exists", first: "a 1 Depends: nosuch | c\nc 1", want: "a", got: "a=1 c=1"},
		{name: "alternative that is wanted", first: "a 1 Depends: mawk | gawk\nmawk 1\ngawk 1", want: "a gawk", got: "a=1 gawk=1"},
		{name: "alternative that comes anyway", first: "a 1 Depends: b | c, d\nb 1\nc 1\nd 1 Depends: c", want: "a", got: "a=1 c=1 d=1"},
		{name: "alternative of the first suite", first: "a 1 Depends: b | c\nc 1", second: "b 1", want: "a", got: "a=1 c=1"},
		{name: "virtual, by priority then name", first: "a 1 Depends: awk\norig 1 Provides: awk; Priority: optional\nmawk 1 Provides: awk; Priority: required\ngawk 1 Provides: awk; Priority: optional", want: "a", got: "a=1 mawk=1"},
		{name: "virtual, wanted by name", first: "gawk 1 Provides: awk", want: "awk", got: "gawk=1"},
		{name: "versioned provides", first: "a 1 Depends: v (>= 2)\np 1 Provides: v\nq 1 Provides: v (= 1)\nr 1 Provides: v (= 3)", want: "a", got: "a=1 r=1"},
		{name: "the name itself before those that provide it", first: "a 1 Depends: v\na0 1 Provides: v\nv 1", want: "a", got: "a=1 v=1"},
		{name: "qualifiers", first: "a 1 Depends: p:any, q:native, r:amd64\np 1\nq 1\nr 1", want: "a", got: "a=1 p=1 q=1 r=1"},
		{name: "another architecture", first: "a 1 Depends: p:i386 | q\np 1\nq 1", want: "a", got: "a=1 q=1"},
		{name: "excluded", first: "a 1 Depends: debconf (>= 9) | debconf-2.0, b\nb 1\ndebconf 9 Depends: perl\nperl 1", want: "a", exclude: "debconf", got: "a=1 b=1"},
		{name: "excluded provider", first: "a 1 Depends: v\np 1 Provides: v; Priority: required\nq 1 Provides: v", want: "a", exclude: "p", got: "a=1 q=1"},
		{name: "avoids a conflict by the alternative", first: "a 1 Depends: b | c\nb 1 Conflicts: x\nc 1\nx 1", want: "a x", got: "a=1 c=1 x=1"},
		{name: "takes back an alternative", first: "a 1 Depends: b | c, z\nb 1\nc 1\nz 1 Depends: y | w\ny 1 Conflicts: b", want: "a", got: "a=1 c=1 y=1 z=1"},
		{name: "avoids what is broken", first: "a 1\nb 1", second: "b 2\nc 1 Breaks: b (<< 2)", want: "b c/next", got: "b=2 c=1"},
		{name: "conflicts with what it provides itself", first: "a 1 Provides: mta; Conflicts: mta", want: "a", got: "a=1"},
		{name: "the same twice", first: "a 1", want: "a a", got: "a=1"},

		{name: "two unknown", first: "a 1", want: "x a y", err: []string{"resolve x: no package x in stable, next", "resolve y: no package y"}},
		{name: "unknown suite", first: "a 1", want: "a/nowhere", err: []string{"resolve a/nowhere: there is only a 1 (stable)"}},
		{name: "bad want", first: "a 1", want: "a>2", err: []string{"a>2: it is not written as"}},
		{name: "two versions wanted", first: "a 1\na 2", want: "a=1 a=2", err: []string{"resolve a=2: a=1 wants another version, 1"}},
		{name: "a missing dependency, with the chain", first: "a 1 Depends: b\nb 1 Depends: c (>= 2) | d\nc 1", want: "a",
			err: []string{"resolve a 1 -> b 1 -> c (>= 2) | d: there is only c 1 (stable); no package d in stable, next"}},
		{name: "nobody provides it well enough", first: "a 1 Depends: v (>= 2)\np 1 Provides: v (= 1)", want: "a", err: []string{"a 1 -> v (>= 2): no package that provides v (>= 2) suits"}},
		{name: "two versions needed", first: "a 1 Depends: c (= 1)\nb 1 Depends: c (= 2)\nc 1\nc 2", want: "a b", err: []string{"b 1 -> c (= 2): c 1 (stable) is chosen already, by a 1 -> c 1"}},
		{name: "conflict", first: "a 1 Depends: x\nb 1 Conflicts: x\nx 1", want: "b a", err: []string{"resolve a 1 -> x 1: b 1 (stable) conflicts with or breaks x, and b 1 is wanted too"}},
		{name: "conflict with what is wanted", first: "a 1 Depends: b\nb 1 Conflicts: a", want: "a b", err: []string{"conflicts with or breaks a"}},
		{name: "malformed dependency", first: "a 1 Depends: b (!! 1)", want: "a", err: []string{"malformed", "package a 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := archiveOf(map[string]string{first: universe(tt.first), second: universe(tt.second)}, first, second)
			if err != nil {
				t.Fatal(err)
			}
			pkgs, err := a.Resolve(strings.Fields(tt.want), strings.Fields(tt.exclude))
			if tt.err != nil {
				if err == nil {
					t.Fatalf("resolved: %v", pkgs)
				}
				for _, want := range tt.err {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want %q", err, want)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range pkgs {
				got = append(got, p.Name+"="+p.Version)
			}
			if strings.Join(got, " ") != tt.got {
				t.Errorf("%v, want %s", got, tt.got)
			}
		})
	}
}

func TestResolveSameTwice(t *testing.T) {
	lists := map[string]string{"s": universe("a 1 Depends: v, w, x | y\np 1 Provides: v, w\nq 1 Provides: v\nr 1 Provides: w, y\nx 1 Conflicts: p\ny 1")}
	var before []Package
	for range 5 {
		a, err := archiveOf(lists, "s")
		if err != nil {
			t.Fatal(err)
		}
		pkgs, err := a.Resolve([]string{"a"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !reflect.DeepEqual(before, pkgs) {
			t.Fatalf("%v, then %v", before, pkgs)
		}
		before = pkgs
	}
}

func TestResolveUnresolvableType(t *testing.T) {
	a, err := archiveOf(map[string]string{"s": universe("a 1 Depends: b\nb 1 Depends: c")}, "s")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Resolve([]string{"a"}, nil)
	var u *unresolvableError
	if !errors.As(err, &u) || !slices.Equal(u.Chain, []string{"a 1", "b 1", "c"}) {
		t.Errorf("%v", err)
	}
}

func TestPackageJSON(t *testing.T) {
	a, err := archiveOf(map[string]string{"s": stanza("a", "1:2-3+b1", "Source: src (1:2-3)\nInstalled-Size: 12\nDepends: b,\n c (>= 1)\nPriority: optional\n")}, "s")
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Newest("a")
	if err != nil {
		t.Fatal(err)
	}
	want := Package{Name: "a", Version: "1:2-3+b1", Arch: "amd64", Suite: "s", Base: "http://archive.invalid", Filename: "pool/a_1:2-3+b1_amd64.deb",
		Size: 1000, SHA256: sum([]byte("a1:2-3+b1")), InstalledSize: 12 << 10}
	if p != want {
		t.Errorf("%+v", p)
	}
	b, err := json.Marshal([]Package{p})
	if err != nil {
		t.Fatal(err)
	}
	var back []Package
	if err := json.Unmarshal(b, &back); err != nil || len(back) != 1 || back[0] != p {
		t.Errorf("%s: %v, %v", b, back, err)
	}
}

func TestNewestAndMatch(t *testing.T) {
	a, err := archiveOf(map[string]string{"s": universe("linux-source-6.12 6.12.9-1\nlinux-source-6.1 6.1-1\nlinux-doc 1"),
		"t": universe("linux-source-6.12 6.12.10-1\nlinux-source-6.1 6.1-1")}, "s", "t")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"linux-source-6.12": "6.12.10-1 t", "linux-source-6.1": "6.1-1 s"} {
		if p, err := a.Newest(name); err != nil || p.Version+" "+p.Suite != want {
			t.Errorf("%s: %s, %v, want %s", name, p, err, want)
		}
	}
	var u *unresolvableError
	if _, err := a.Newest("nosuch"); !errors.As(err, &u) || !strings.Contains(err.Error(), "no such package in s, t") {
		t.Errorf("%v", err)
	}
	found, err := a.Match("linux-source-*")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range found {
		got = append(got, p.String())
	}
	want := []string{"linux-source-6.1 6.1-1 (s)", "linux-source-6.1 6.1-1 (t)", "linux-source-6.12 6.12.10-1 (t)", "linux-source-6.12 6.12.9-1 (s)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if _, err := a.Match("["); err == nil {
		t.Error("a bad pattern is no error")
	}
}

func TestBadStanza(t *testing.T) {
	good := stanza("a", "1", "")
	for _, tt := range []struct{ name, text, want string }{
		{"no version", strings.Replace(good, "Version: 1\n", "", 1), "without Package, Version"},
		{"twice", strings.Replace(good, "Version: 1\n", "Version: 1\nVersion: 2\n", 1), "occurs twice"},
		{"digest that is a path", strings.Replace(good, "SHA256: ", "SHA256: ../../", 1), "SHA256 is"},
		{"file name that leads out", strings.Replace(good, "Filename: ", "Filename: ../", 1), "Filename is"},
		{"size", strings.Replace(good, "Size: 1000", "Size: -1", 1), "Size is"},
		{"name", strings.Replace(good, "Package: a", "Package: a/b", 1), "no name"},
	} {
		a, err := archiveOf(map[string]string{"s": tt.text}, "s")
		if err == nil {
			_, err = a.Match("*")
		}
		if err == nil {
			_, err = a.Match("*/*")
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}
