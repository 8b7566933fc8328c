package harness

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// zooLab is a lab that never gets to a network.
func zooLab(t *testing.T) *Lab {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"UMLAB_HOME": dir, "UMLAB_DEBIAN_MIRROR": "http://127.0.0.1:1"}
	l, err := Open(Options{Project: os.DirFS(".."), Stdout: os.Stdout, Stderr: os.Stderr, Forget: true, Quiet: true,
		Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestPlanZoo: all scenarios where none is named, each where it says itself, and patterns in their order.
func TestPlanZoo(t *testing.T) {
	l := zooLab(t)
	all, err := l.planZoo(t.Context(), ZooOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 12 {
		t.Errorf("the zoo has %d scenarios", len(all))
	}
	for _, p := range all {
		if p.Flags.Tree != p.Scenario.Tree || p.Flags.Toolchain != p.Scenario.Toolchain || p.Flags.Command != "" {
			t.Errorf("%s: on %s with %s, %q", p.Scenario.Name, p.Flags.Tree, p.Flags.Toolchain, p.Flags.Command)
		}
	}
	some, err := l.planZoo(t.Context(), ZooOptions{Scenarios: []string{"test-*", "rustc-custom-target", "rustc-*-target"},
		Trees: []string{"debian-7.3"}, Toolchains: []string{"trixie", "sid"},
		Command: "umlab zoo -scenario=test-*,rustc-custom-target -trees=debian-7.3 -toolchains=trixie,sid -json=x"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range some {
		got = append(got, p.Flags.Command)
	}
	want := []string{
		"umlab matrix -scenario=test-ida-inverted-result -tree=debian-7.3 -toolchain=trixie",
		"umlab matrix -scenario=test-ida-inverted-result -tree=debian-7.3 -toolchain=sid",
		"umlab matrix -scenario=rustc-custom-target -tree=debian-7.3 -toolchain=trixie",
		"umlab matrix -scenario=rustc-custom-target -tree=debian-7.3 -toolchain=sid",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPlanZooMistakes(t *testing.T) {
	l := zooLab(t)
	for _, c := range []struct {
		o    ZooOptions
		want string
	}{
		{ZooOptions{Scenarios: []string{"nope"}}, `scenario "nope" is unknown`},
		{ZooOptions{Scenarios: []string{"nope-*"}}, "no scenario is called so: there are "},
		{ZooOptions{Scenarios: []string{"[x"}}, "is no pattern"},
		{ZooOptions{Trees: []string{"a-tree-of-no-name"}}, `unknown tree "a-tree-of-no-name"`},
		{ZooOptions{Toolchains: []string{"sid", "sid"}}, "-toolchains= names sid twice"},
	} {
		_, err := l.planZoo(t.Context(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || ExitCode(err) != 2 {
			t.Errorf("%+v: %v", c.o, err)
		}
		if n := strings.Count(err.Error(), c.want); n > 1 {
			t.Errorf("%+v is told %d times", c.o, n)
		}
	}
}
