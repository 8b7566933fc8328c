package kbuild

import (
	"os"
	"path/filepath"
	"testing"
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
