package settings

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/parcel"
)

// TestShipped holds the files that ship: they must load, and name what README
// promises.
func TestShipped(t *testing.T) {
	s, err := Load(os.DirFS("../../configs"), parcel.Machine, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"debian-6.12", "debian-7.2", "debian-7.3"} {
		if _, ok := s.Trees[n]; !ok {
			t.Errorf("no tree %s", n)
		}
	}
	for _, n := range []string{"trixie", "trixie-backports", "sid", "sid-experimental"} {
		if _, ok := s.Toolchains[n]; !ok {
			t.Errorf("no toolchain %s", n)
		}
	}
	if more := s.Subarches["i386"].Packages; len(more) == 0 {
		t.Error("no SUBARCH i386")
	} else if p := s.Toolchains["trixie"].With(nil, more, nil).Packages; slices.Contains(p, "busybox-static") {
		t.Errorf("a guest of i386 has the busybox of x86-64: %v", p)
	}
	p := s.Toolchains["sid-experimental"].Packages
	if slices.Contains(p, "rustc") || !slices.Contains(p, "rustc/experimental") || !slices.Contains(p, "gcc") {
		t.Errorf("sid-experimental: a pin must replace the common entry and leave the others: %v", p)
	}
}

func TestMistakes(t *testing.T) {
	good := map[string]string{
		"suites.toml":     "[suite.x]\n",
		"trees.toml":      "default = \"t\"\n[tree.t]\npackage = \"p\"\nsuite = \"x\"\ncompiler = \"gcc\"\n",
		"limits.toml":     "[build]\nminutes = 1\nprocesses = 1\nmemory-mb = 1\ndisk-mb = 1\nfile-mb = 1\n[boot]\nseconds = 1\nprocesses = 1\noutput-mb = 1\ndisk-mb = 1\n",
		"toolchains.toml": "default = \"c\"\ncommon = [\"make\"]\n[toolchain.c]\nsuites = [\"x\"]\n",
	}
	for _, tc := range []struct {
		file, text string
		want       []string
	}{
		{"suites.toml", "[suite.x]\nfrozen = true\n", []string{"configs/suites.toml:2:1: unknown key suite.x.frozen"}},
		{"suites.toml", "[suite.x]\nsnapshot = \"yesterday\"\n", []string{"snapshot \"yesterday\""}},
		{"suites.toml", "[suite.x\n", []string{"configs/suites.toml:1:9:"}},
		{"trees.toml", "default = \"t\"\n[tree.t]\npackage = 3\n", []string{"configs/trees.toml:3:"}},
		{"trees.toml", "default = \"u\"\n[tree.t]\nsuite = \"y\"\ncompiler = \"tcc\"\n", []string{
			"tree t has no package, no url and no tarball", "suite goes with package", "unknown suite \"y\" (configs/suites.toml has x)", "\"tcc\" is neither", "default = \"u\" names no tree"}},
		{"limits.toml", "[build]\nminutes = 0\n", []string{"build.minutes = 0: a limit", "boot.seconds"}},
		{"limits.toml", "[store]\nruns = -1\n", []string{"store.runs = -1: a limit is a number above 0; 0 is none"}},
		{"limits.toml", "[store]\nkeep-gb = -1\n", []string{"store.keep-gb = -1: a limit is a number above 0; 0 is none"}},
		{"trees.toml", "default = \"t\"\n[tree.t]\nurl = \"ssh://localhost/x\"\ntarball = \"x.tar\"\nsha256 = \"12\"\n", []string{
			"has url and tarball", "has url, but no ref", "sha256 \"12\" is not 64", "url \"ssh://localhost/x\" is neither", "tarball \"x.tar\" is neither"}},
		{"trees.toml", "default = \"t\"\n[tree.t]\ntarball = \"https://localhost/x.tar\"\nref = \"v1\"\n", []string{"has tarball, but no sha256", "ref goes with url"}},
		{"trees.toml", "default = \"t\"\n[tree.t]\npackage = \"p\"\nsuite = \"x\"\n", []string{"compiler \"\" is neither"}},
		{"trees.toml", "default = \"t.tar.xz\"\n[tree.\"t.tar.xz\"]\nurl = \"/x\"\nref = \"v1\"\n", []string{"cannot be told from a path"}},
		{"trees.toml", "default = \"t\"\n[tree.t]\nurl = \"https://user:pass@localhost/x\"\nref = \"v1\"\n", []string{"is neither"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\n", []string{"has no suites"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\nrustup = \"stable\"\n", []string{"needs c"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\nsuites = [\"x\"]\nserver = \"https://localhost\"\n", []string{"server goes with rustup"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\nsuites = [\"x\"]\nkey = \"/k\"\n", []string{"key go with tarball"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\ntarball = \"x.tar\"\n", []string{"needs c", "neither sha256 nor sums", "tarball \"x.tar\" is neither"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\ntarball = \"/x.tar\"\nsums = \"ftp://localhost/s\"\n", []string{"sums \"ftp://localhost/s\" is neither", "but no key"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\ntarball = \"/x.tar\"\nsha256 = \"12\"\nkey = \"k\"\n", []string{"sha256 \"12\" is not 64", "key is the absolute path"}},
		{"toolchains.toml", "default = \"c\"\n[toolchain.c]\nhost = true\nc = \"c\"\n", []string{"c and bindgen go with"}},
	} {
		fsys := fstest.MapFS{}
		for n, text := range good {
			fsys[n] = &fstest.MapFile{Data: []byte(text)}
		}
		if _, err := Load(fsys, parcel.Machine, ""); err != nil {
			t.Fatalf("the good files do not load: %v", err)
		}
		fsys[tc.file] = &fstest.MapFile{Data: []byte(tc.text)}
		_, err := Load(fsys, parcel.Machine, "")
		for _, w := range tc.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s %q: error %v lacks %q", tc.file, tc.text, err, w)
			}
		}
	}
}

// TestKindsOfTrees holds what a tree may come from.
func TestKindsOfTrees(t *testing.T) {
	sum := strings.Repeat("0f", 32)
	for _, text := range []string{
		"url = \"https://localhost/linux.git\"\nref = \"v6.12\"\n",
		"url = \"git://localhost/linux.git\"\nref = \"v6.12\"\ncompiler = \"gcc\"\n",
		"url = \"/home/x/linux\"\nref = \"HEAD\"\n",
		"tarball = \"https://localhost/linux.tar.xz\"\nsha256 = \"" + sum + "\"\n",
		"tarball = \"/home/x/linux.tar.gz\"\nsha256 = \"" + sum + "\"\ncompiler = \"clang\"\n",
	} {
		_, err := Load(fstest.MapFS{
			"suites.toml":     &fstest.MapFile{Data: []byte("[suite.x]\n")},
			"trees.toml":      &fstest.MapFile{Data: []byte("default = \"t\"\n[tree.t]\n" + text)},
			"toolchains.toml": &fstest.MapFile{Data: []byte("default = \"c\"\n[toolchain.c]\nsuites = [\"x\"]\n")},
			"limits.toml":     &fstest.MapFile{Data: []byte("[build]\nminutes = 1\nprocesses = 1\nmemory-mb = 1\ndisk-mb = 1\nfile-mb = 1\n[boot]\nseconds = 1\nprocesses = 1\noutput-mb = 1\ndisk-mb = 1\n")},
		}, parcel.Machine, "")
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
