package toolchain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"umlab/harness/debian"
)

var (
	whole = map[string]string{"rustc": "1.85.0", "rustc-llvm": "19.1.7", "rust-src": "1.85.0", "bindgen": "0.71.1", "libclang": "19.1.7",
		"clang": "19.1.7", "lld": "19.1.7", "ld": "2.44", "gcc": "14.2.0", "make": "4.4.1"}
	least = map[string]string{"rustc": "1.85.0", "bindgen": "0.71.1", "llvm": "17.0.1", "gcc": "8.1.0", "binutils": "2.30.0"}
)

func with(changes map[string]string) map[string]string {
	id := map[string]string{}
	for k, v := range whole {
		id[k] = v
	}
	for k, v := range changes {
		id[k] = v
	}
	return id
}

func TestFit(t *testing.T) {
	type change = map[string]string
	for name, c := range map[string]struct {
		change   change
		compiler string
		want     []string // a part of each sentence
	}{
		"all there":                 {nil, "clang", nil},
		"just new enough":           {change{"ld": "2.30", "gcc": "8.1"}, "gcc", nil},
		"a nightly counts as such":  {change{"rustc": "1.85.0-nightly", "rust-src": "1.85.0-nightly"}, "gcc", nil},
		"old rustc":                 {change{"rustc": "1.63.0", "rust-src": "1.63.0"}, "gcc", []string{"rustc is 1.63.0"}},
		"no rust-src":               {change{"rust-src": ""}, "gcc", []string{"rust-src does not say"}},
		"another rust-src":          {change{"rust-src": "1.84.0"}, "gcc", []string{"rust-src is 1.84.0 and rustc is 1.85.0"}},
		"old bindgen":               {change{"bindgen": "0.66.1"}, "gcc", []string{"bindgen is 0.66.1"}},
		"libclang apart":            {change{"libclang": "21.1.0"}, "clang", []string{"libclang is 21.1.0"}},
		"libclang apart, with gcc":  {change{"libclang": "21.1.0"}, "gcc", nil},
		"old libclang":              {change{"libclang": "14.0.6"}, "gcc", []string{"libclang is 14.0.6"}},
		"old gcc, unused":           {change{"gcc": "7.5.0"}, "clang", nil},
		"old gcc":                   {change{"gcc": "7.5.0"}, "gcc", []string{"gcc is 7.5.0"}},
		"old ld":                    {change{"ld": "2.29.1"}, "gcc", []string{"ld is 2.29.1"}},
		"old lld":                   {change{"lld": "16.0.6"}, "clang", []string{"lld is 16.0.6"}},
		"old clang and rustc, both": {change{"clang": "16.0.6", "libclang": "16.0.6", "rustc": "1.84.9", "rust-src": "1.84.9"}, "clang", []string{"rustc is", "libclang is", "clang is"}},
		"no clang":                  {change{"clang": ""}, "clang", []string{"there is no clang"}},
	} {
		got := Fit(with(c.change), least, c.compiler)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
			continue
		}
		for i, part := range c.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q does not say %q", name, got[i], part)
			}
		}
	}
}

// A kernel without minimums refuses nobody.
func TestFitWithoutMinimums(t *testing.T) {
	if got := Fit(with(map[string]string{"rustc": "1.20.0", "rust-src": "1.20.0", "gcc": "3.0"}), map[string]string{}, "gcc"); got != nil {
		t.Error(got)
	}
}

func TestNearest(t *testing.T) {
	rust := func(name, version string) Candidate { return Candidate{name, map[string]string{"rustc": version}} }
	all := []Candidate{rust("trixie", "1.85.0"), rust("sid", "1.93.1"), rust("s:1.63.0", "1.63.0"), rust("s:1.85.0", "1.85.0"), rust("s:1.86.0", "1.86.0"), {Name: "unknown"}}
	for _, c := range []struct{ rustc, least, want string }{
		{"1.63.0", "1.78.0", "trixie"},
		{"1.63.0", "1.85.1", "s:1.86.0"},
		{"1.95.0", "1.63.0", "sid"},
		{"", "1.86.0", "s:1.86.0"},
		{"1.63.0", "1.99.0", ""},
	} {
		if got := Nearest(c.rustc, map[string]string{"rustc": c.least}, "gcc", all); got != c.want {
			t.Errorf("nearest to %q above %s: %q, want %q", c.rustc, c.least, got, c.want)
		}
	}
}

// Whatever the versions: the answer fits, and nothing that fits is nearer.
func TestNearestIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.IntRange(60, 75)
		name := func(m int) string { return "1." + string(rune('0'+m/10)) + string(rune('0'+m%10)) + ".0" }
		rustc, want := minor.Draw(t, "rustc"), minor.Draw(t, "least")
		have := rapid.SliceOf(minor).Draw(t, "have")
		var all []Candidate
		best := -1
		away := func(m int) int { return max(m-rustc, rustc-m) }
		for _, m := range have {
			all = append(all, Candidate{name(m), map[string]string{"rustc": name(m)}})
			if m >= want && (best < 0 || away(m) < away(best)) {
				best = m
			}
		}
		expected := ""
		if best >= 0 {
			expected = name(best)
		}
		if got := Nearest(name(rustc), map[string]string{"rustc": name(want)}, "clang", all); got != expected {
			t.Fatalf("%q, want %q", got, expected)
		}
	})
}

func TestForetold(t *testing.T) {
	pkg := func(name, version string) debian.Package { return debian.Package{Name: name, Version: version} }
	got := foretold([]debian.Package{
		pkg("rustc", "1.85.1+dfsg1-1"), pkg("rust-src", "1.85.1+dfsg1-1"), pkg("bindgen", "0.71.1-4"), pkg("clang", "1:19.0-63"), pkg("clang-19", "1:19.1.7-3"),
		pkg("libclang1-19", "1:19.1.7-3"), pkg("gcc", "4:14.2.0-1"), pkg("gcc-14", "14.2.0-19"), pkg("gcc-14-base", "14.2.0-19"), pkg("binutils", "2.44-3"),
		pkg("lld-19", "1:19.1.7-3"), pkg("lld-21", "1:21.1.0-1"),
	})
	want := map[string]string{"rustc": "1.85.1", "bindgen": "0.71.1", "libclang": "19.1.7", "clang": "19.1.7", "gcc": "14.2.0", "ld": "2.44"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
