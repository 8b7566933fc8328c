package kbuild

import (
	"os/exec"
	"path/filepath"
	"testing"

	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/remake"
	"umlab/harness/tree"
)

// Whether Rust can be built is not asked again where the same scripts were asked in the same way, and only there.
func TestAvailable(t *testing.T) {
	rust := []kconfig.Option{{Name: "CONFIG_RUST", Value: "y"}}
	const asks = "scripts/rust_is_available.sh"
	script, none := fill(t, map[string]string{asks: "exit 1\n"}), t.TempDir()
	for name, c := range map[string]struct {
		options []kconfig.Option
		tree    string
		m       remake.Remake
		want    bool
	}{
		"a source":               {rust, script, remake.Remake{Newer: []string{"kernel/fork.c"}}, true},
		"no Rust":                {nil, script, remake.Remake{Newer: []string{"kernel/fork.c"}}, false},
		"a tree without":         {rust, none, remake.Remake{Newer: []string{"kernel/fork.c"}}, false},
		"a script":               {rust, script, remake.Remake{Newer: []string{"kernel/fork.c", "scripts/min-tool-version.sh"}}, false},
		"a makefile":             {rust, script, remake.Remake{Newer: []string{"Makefile"}, Rules: true}, false},
		"a configuration":        {rust, script, remake.Remake{Config: true}, false},
		"something was removed":  {rust, script, remake.Remake{Shrink: true}, false},
		"nothing that make sees": {rust, script, remake.Remake{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			over := t.TempDir()
			n := &near{m: &c.m}
			if err := n.available(&making{base: kmake.Base{Tree: &tree.Tree{Layers: []string{c.tree}}, Options: c.options}, over: over}); err != nil {
				t.Fatal(err)
			}
			err := exec.Command(filepath.Join(over, asks)).Run()
			if got := err == nil; got != c.want {
				t.Errorf("it is taken to be available: %v, want %v (%v)", got, c.want, err)
			}
		})
	}
}
