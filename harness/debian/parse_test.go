package debian

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFields(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, tt := range []struct {
		name, in string
		want     []map[string]string
		err      string
	}{
		{"one", "A: 1\nB: 2\n", []map[string]string{{"a": "1", "b": "2"}}, ""},
		{"no line end", "A: 1", []map[string]string{{"a": "1"}}, ""},
		{"CRLF", "A: 1\r\n\r\nA: 2\r\n", []map[string]string{{"a": "1"}, {"a": "2"}}, ""},
		{"continuation", "A: 1\n 2\n\t3\nB:\n 4\n", []map[string]string{{"a": "1\n2\n3", "b": "\n4"}}, ""},
		{"several empty lines", "\n\nA: 1\n \n\nB: 2\n\n", []map[string]string{{"a": "1"}, {"b": "2"}}, ""},
		{"comment", "# c\nA: 1\n# d\nB: 2\n", []map[string]string{{"a": "1", "b": "2"}}, ""},
		{"a line longer than the buffer", "A: " + long + "\nB: 2\n", []map[string]string{{"a": long, "b": "2"}}, ""},
		{"a line too long", "A: " + strings.Repeat("x", maxLine+100<<10), nil, "line 1 is longer"},
		{"not a field", "A: 1\nnonsense\n", nil, "line 2: not a field"},
		{"a space in a name", "A b: 1\n", nil, "line 1: not a field"},
		{"a loose continuation", " x\n", nil, "line 1: a continuation line without a field"},
		{"twice", "A: 1\na: 2\n", nil, "line 2: field a occurs twice"},
		{"nothing", "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScanner(strings.NewReader(tt.in))
			var got []map[string]string
			var err error
			for {
				var m map[string]string
				if m, err = s.fields(); err != nil {
					break
				}
				got = append(got, m)
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != io.EOF || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestParseRelations(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "[]"},
		{"libc6", "[libc6]"},
		{" libc6 (>= 2.34) , libgcc-s1(>=3.0),", "[libc6 (>= 2.34) libgcc-s1 (>= 3.0)]"},
		{"debconf (>= 0.5) | debconf-2.0, python3:any (>> 3), x:amd64", "[debconf (>= 0.5) | debconf-2.0 python3:any (>> 3) x:amd64]"},
		{"a (< 1), b (> 2)", "[a (<= 1) b (>= 2)]"},
		{"a (1)", "error"},
		{"a (>= 1", "error"},
		{"a (>= )", "error"},
		{"a [amd64]", "error"},
		{"a <!nocheck>", "error"},
		{"a || b", "error"},
		{"a b", "error"},
		{"a (= 1) b", "error"},
	} {
		g, err := parseRelations(tt.in)
		got := fmt.Sprint(g)
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%q: %s (%v), want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestRelationAdmits(t *testing.T) {
	for _, tt := range []struct {
		rel, version string
		want         bool
	}{
		{"a", "0", true},
		{"a (= 1.0-1)", "1.0-1", true},
		{"a (= 1.0-1)", "1.0-1+b1", false},
		{"a (<< 1.0)", "1.0~rc1", true},
		{"a (<< 1.0)", "1.0", false},
		{"a (<= 1.0)", "1.0", true},
		{"a (>= 1:0)", "9", false},
		{"a (>> 1.9)", "1.10", true},
		{"a (>> 1.10)", "1.10", false},
	} {
		g, err := parseRelations(tt.rel)
		if err != nil {
			t.Fatal(err)
		}
		if got := g[0][0].admits(tt.version); got != tt.want {
			t.Errorf("%s admits %s: %v", tt.rel, tt.version, got)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	order := []string{"not a version", "0~~", "0~", "0", "1.0~rc1-1", "1.0-1~bpo13+1", "1.0-1", "1.0-1+b1", "1.0-1+deb13u1", "1.0a", "1.0+dfsg-1",
		"1.9", "1.10", "1:0.1", "2:0"}
	for i, a := range order {
		for j, b := range order {
			if got := CompareVersions(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("CompareVersions(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestMirror(t *testing.T) {
	deb822 := func(more string) string {
		return "Types: deb deb-src\nURIs: http://deb.example/debian/\nSuites: trixie\nComponents: main\n" + more
	}
	for _, tt := range []struct {
		name, env string
		files     map[string]string
		want      string
	}{
		{"nothing", "", nil, defaultMirror},
		{"environment first", " http://m.example/x/ ", map[string]string{"apt/sources.list": "deb http://a.example/debian trixie main"}, "http://m.example/x"},
		{"one line", "", map[string]string{"apt/sources.list": "# deb http://no.example/debian trixie main\ndeb-src http://no.example/debian trixie main\n" +
			"deb http://sec.example/debian-security trixie-security main\ndeb [arch=amd64 signed-by=/k.gpg] https://a.example/debian/ trixie main contrib # x\n"}, "https://a.example/debian"},
		{"deb822", "", map[string]string{"apt/sources.list.d/debian.sources": deb822("")}, "http://deb.example/debian"},
		{"disabled", "", map[string]string{"apt/sources.list.d/a.sources": deb822("Enabled: no\n"), "apt/sources.list.d/b.list": "deb http://b.example/debian sid main"}, "http://b.example/debian"},
		{"the second stanza", "", map[string]string{"apt/sources.list.d/a.sources": "Types: deb\nURIs: http://x.example/nodejs\nSuites: n\nComponents: main\nSigned-By:\n -----BEGIN PGP\n .\n x\n\n" + deb822("")}, "http://deb.example/debian"},
		{"sources.list before the directory", "", map[string]string{"apt/sources.list": "deb http://a.example/debian sid main", "apt/sources.list.d/0.list": "deb http://b.example/debian sid main"}, "http://a.example/debian"},
		{"another distribution, other schemes", "", map[string]string{"apt/sources.list": "deb http://u.example/ubuntu noble main\ndeb cdrom:[x]/debian sid main\ndeb file:/srv/debian sid main\ndeb copy:///debian sid main\n"}, defaultMirror},
		{"without main", "", map[string]string{"apt/sources.list": "deb http://a.example/debian trixie contrib\ndeb http://flat.example/debian ./\n"}, defaultMirror},
		{"other files", "", map[string]string{"apt/sources.list.d/a.list.save": "deb http://a.example/debian trixie main", "apt/sources.list.d/b.sources": "garbage"}, defaultMirror},
	} {
		t.Run(tt.name, func(t *testing.T) {
			etc := fstest.MapFS{}
			for name, text := range tt.files {
				etc[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got := Mirror(func(name string) string {
				if name != "UMLAB_DEBIAN_MIRROR" {
					t.Errorf("asked for %s", name)
				}
				return tt.env
			}, etc)
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzPackages(f *testing.F) {
	f.Add(stanza("a", "1", "Depends: b (>= 1) | c, d:any\nProvides: e (= 1), f\nSource: s (2)\nInstalled-Size: 3\n") + stanza("b", "2", ""))
	f.Add("Package: a\nVersion: 1\nFilename: ../x\nSHA256: zz\nSize: -1\n")
	f.Add("Package: a\n b\nPackage: a\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := archiveOf(map[string]string{"s": text}, "s")
		if err != nil {
			return
		}
		all, err := a.Match("*")
		if err != nil {
			return
		}
		for _, p := range all {
			if len(p.SHA256) != 64 || strings.ContainsAny(p.SHA256, "/.") || strings.Contains("/"+p.Filename+"/", "/../") || p.Size <= 0 {
				t.Errorf("unsafe package %+v", p)
			}
			if _, err := a.Newest(p.Name); err != nil {
				t.Logf("%s: %v", p.Name, err) // a malformed relation of another version
			}
			_, _ = a.Resolve([]string{p.Name}, nil)
		}
	})
}

func FuzzRelations(f *testing.F) {
	f.Add("debconf (>= 0.5) | debconf-2.0, python3:any (>> 3)")
	f.Add("a (<1),,b")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseRelations(text)
		if err != nil {
			return
		}
		var parts []string
		for _, x := range g {
			parts = append(parts, x.String())
		}
		again, err := parseRelations(strings.Join(parts, ", "))
		if err != nil || !reflect.DeepEqual(g, again) {
			t.Errorf("%q: %v, then %v, %v", text, g, again, err)
		}
	})
}

func FuzzRelease(f *testing.F) {
	f.Add("Suite: s\nDate: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n " + sum(nil) + " 0 main/binary-amd64/Packages\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRelease([]byte(text))
		if err != nil {
			return
		}
		for name, l := range r.files {
			if len(l.sha256) != 64 || l.size < 0 {
				t.Errorf("%s: %+v", name, l)
			}
		}
	})
}
