package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"umlab/harness/kmake"
)

// TestAskedBuild holds what the build directory has in which rustc is asked, also where a run that was killed left one.
func TestAskedBuild(t *testing.T) {
	const config = "# CONFIG_A is not set\nCONFIG_RUST=y\nCONFIG_CC_VERSION_TEXT=\"clang version 19.1.7 (3+b1)\"\nCONFIG_N=\"\"\n"
	dir := t.TempDir()
	m := &making{dir: dir, build: filepath.Join(dir, "build")}
	for name, text := range map[string]string{
		".config": config, "scripts/basic/fixdep": "x", "scripts/basic/.fixdep.cmd": "y",
	} {
		at := filepath.Join(m.build, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		asked, err := m.askedBuild(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			".config": config, "scripts/basic/fixdep": "x",
			"include/config/auto.conf": "CONFIG_RUST=y\nCONFIG_CC_VERSION_TEXT=clang version 19.1.7 (3+b1)\nCONFIG_N=\n",
		} {
			if got, err := os.ReadFile(filepath.Join(asked, name)); string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

// TestRefused holds that only what rustc says before it looks at any source is taken for its answer.
func TestRefused(t *testing.T) {
	const fail = "make: *** [/src/rust/Makefile:436: rust/core.o] Error 1\n"
	const spec = "error: error loading target specification: custom targets are unstable\n"
	const source = "error: expected one of `!` or `::`, found `asks`\n --> /tmp/umlab-ask/none/core/src/lib.rs:1:7\n"
	for name, tt := range map[string]struct {
		empty, none string
		want        bool
	}{
		"the same of both":   {spec + fail, spec + fail, true},
		"the source":         {spec + fail, source + fail, false},
		"of the source":      {source + fail, source + fail, false},
		"something else too": {spec + fail, spec + source + fail, false},
		"no error of rustc":  {"sh: rustc: not found\n" + fail, "sh: rustc: not found\n" + fail, false},
	} {
		if got := refusal(kmake.Base{}, []byte(tt.empty), []byte(tt.none)); (got != nil) != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
