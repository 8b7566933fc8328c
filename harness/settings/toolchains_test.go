package settings

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/parcel"
)

// loadChains loads a toolchains.toml beside small files of the other names.
func loadChains(text string) (*Settings, error) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return Load(fstest.MapFS{
		"suites.toml":     file("[suite.stable]\n[suite.testing]\n[suite.unstable]\n"),
		"trees.toml":      file("default = \"t\"\n[tree.t]\npackage = \"p\"\nsuite = \"stable\"\ncompiler = \"gcc\"\n"),
		"limits.toml":     file("[build]\nminutes = 1\nprocesses = 1\nmemory-mb = 1\ndisk-mb = 1\nfile-mb = 1\n[boot]\nseconds = 1\nprocesses = 1\noutput-mb = 1\ndisk-mb = 1\n"),
		"toolchains.toml": file("default = \"base\"\ncommon = [\"make\", \"clang\", \"lld\", \"llvm\", \"rustc\", \"rust-src\", \"bindgen\"]\n[toolchain.base]\nsuites = [\"stable\"]\n" + text),
	}, parcel.Machine, "")
}

// TestCompose holds what a toolchain of parts becomes.
func TestCompose(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		suites, wants  string
		parts          map[string]string
		rustup, llvm   string
		host, snapshot bool
	}{
		{
			name:   "debian",
			text:   "[toolchain.x]\nsuites = [\"stable\", \"testing\"]\npackages = [\"rustc/testing\", \"gawk\"]\n",
			suites: "stable testing", wants: "make clang lld llvm rust-src bindgen rustc/testing gawk",
		},
		{
			name:   "without",
			text:   "[toolchain.x]\nsuites = [\"stable\"]\npackages = [\"rustc-web\", \"rust-web-src\"]\nwithout = [\"rustc\", \"rust-src\"]\n",
			suites: "stable", wants: "make clang lld llvm bindgen rustc-web rust-web-src",
		},
		{
			name:   "llvm",
			text:   "[toolchain.x]\nsuites = [\"stable\"]\nllvm = \"22\"\n",
			suites: "stable", wants: "make rustc rust-src bindgen clang-22 lld-22 llvm-22 libclang-22-dev", llvm: "22",
		},
		{
			name:   "rust of a suite, bindgen of another",
			text:   "[toolchain.new]\nsuites = [\"unstable\"]\n[toolchain.mid]\nsuites = [\"testing\"]\n[toolchain.x]\nrust = \"new\"\nc = \"base\"\nbindgen = \"mid\"\n",
			suites: "stable unstable testing", wants: "make clang lld llvm rustc/unstable rust-src/unstable bindgen/testing",
			parts: map[string]string{"rust": "new", "c": "base", "bindgen": "mid"},
		},
		{
			name:   "rust of a pin",
			text:   "[toolchain.new]\nsuites = [\"testing\", \"unstable\"]\npackages = [\"rustc=1.9*/unstable\", \"rust-src/unstable\"]\n[toolchain.x]\nrust = \"new\"\nc = \"base\"\n",
			suites: "stable testing unstable", wants: "make clang lld llvm bindgen rustc=1.9*/unstable rust-src/unstable",
			parts: map[string]string{"rust": "new", "c": "base", "bindgen": "base"},
		},
		{
			name:   "rustup",
			text:   "[toolchain.x]\nrustup = \"stable\"\nc = \"base\"\n",
			suites: "stable", wants: "make clang lld llvm bindgen", rustup: "stable",
			parts: map[string]string{"c": "base", "bindgen": "base"},
		},
		{
			name:   "rust of rustup under another c",
			text:   "[toolchain.up]\nrustup = \"beta\"\nc = \"base\"\n[toolchain.other]\nsuites = [\"testing\"]\n[toolchain.x]\nrust = \"up\"\nc = \"other\"\n",
			suites: "testing", wants: "make clang lld llvm bindgen", rustup: "beta",
			parts: map[string]string{"rust": "up", "c": "other", "bindgen": "other"},
		},
		{
			name:   "rust of the host",
			text:   "[toolchain.h]\nhost = true\n[toolchain.x]\nrust = \"h\"\nc = \"base\"\n",
			suites: "stable", wants: "make clang lld llvm bindgen", host: true,
			parts: map[string]string{"rust": "h", "c": "base", "bindgen": "base"},
		},
	} {
		s, err := loadChains(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		x := s.Toolchains["x"]
		if got := strings.Join(x.Suites, " "); got != c.suites {
			t.Errorf("%s: suites %s, want %s", c.name, got, c.suites)
		}
		if got := strings.Join(x.Packages, " "); got != c.wants {
			t.Errorf("%s: packages %s, want %s", c.name, got, c.wants)
		}
		if d := cmp.Diff(c.parts, x.Parts); d != "" {
			t.Errorf("%s: parts %s", c.name, d)
		}
		if x.Rustup != c.rustup || x.LLVM != c.llvm || x.Host != c.host {
			t.Errorf("%s: %+v", c.name, x)
		}
		if got := strings.Join(s.Toolchains["base"].Packages, " "); got != "make clang lld llvm rustc rust-src bindgen" {
			t.Errorf("%s changed the toolchain that it builds on: %s", c.name, got)
		}
	}
}

func TestMistakesOfToolchains(t *testing.T) {
	for text, want := range map[string][]string{
		"[toolchain.x]\n": {"toolchain x has no suites, no rustup"},
		"[toolchain.x]\nsuites = [\"stable\"]\nhost = true\n":                                               {"has suites and host: a toolchain comes from one of them"},
		"[toolchain.x]\nsuites = [\"nowhere\"]\nwithout = [\"gawk\"]\n":                                     {"unknown suite \"nowhere\" (configs/suites.toml has stable, testing, unstable)", "without = \"gawk\""},
		"[toolchain.x]\nrustup = \"stable\"\n":                                                              {"needs c"},
		"[toolchain.x]\nrust = \"y\"\nc = \"z\"\n":                                                          {"rust = \"y\" names no toolchain", "c = \"z\" names no toolchain"},
		"[toolchain.x]\nrust = \"base\"\nc = \"up\"\n[toolchain.up]\nrustup=\"a\"\nc=\"base\"\n":            {"c = \"up\" is not a toolchain of Debian suites"},
		"[toolchain.x]\ntarball = \"/x.tar.xz\"\nc = \"base\"\n":                                            {"neither sha256 nor sums"},
		"[toolchain.x]\ntarball = \"/x.tar.xz\"\nc = \"base\"\nsha256 = \"00\"\n":                           {"not 64 hexadecimal digits"},
		"[toolchain.x]\nsuites = [\"stable\"]\nllvm = \"new\"\n":                                            {"llvm \"new\" is not a major version"},
		"[toolchain.x]\nsuites = [\"stable\"]\nsnapshot = \"today\"\n":                                      {"snapshot \"today\" is not of the form"},
		"[toolchain.\"a:b\"]\nsuites = [\"stable\"]\n":                                                      {"\"a:b\": a name has letters"},
		"[series.s]\nvaries = \"weather\"\n":                                                                {"varies = \"weather\" is none of rustc, llvm, rustup, snapshot", "default-series = \"\" names no series"},
		"[series.s]\nvaries = \"rustc\"\nsuites = [\"x\"]\n":                                                {"c = \"\" names no toolchain of Debian suites", "unknown suite \"x\""},
		"[series.s]\nvaries = \"rustup\"\nc = \"base\"\nchannel = \"stable\"\nfrom = \"May\"\nevery = -1\n": {"\"stable\" is neither nightly nor beta", "from = \"May\"", "every = -1"},
		"[series.s]\nvaries = \"snapshot\"\ntoolchain = \"base\"\n":                                         {"needs from"},
	} {
		_, err := loadChains(text)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%q: error %v lacks %q", text, err, w)
			}
		}
	}
}
