package harness

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"umlab/harness/result"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// The oldest member of the default series is below what the newest configured
// tree wants, or nothing is shown: it is refused by what the archive's lists say,
// with a toolchain that is not.
func TestRefusedBeforeItIsFetched(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the archive: not with -short")
	}
	l, err := Open(Options{Project: os.DirFS(".."), Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := t.Context()
	members, err := l.sources.Series(ctx, l.settings.DefaultSeries)
	if err != nil || len(members) == 0 {
		t.Skipf("the archive cannot be asked: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(l.settings.Trees)) {
		source, ok := l.sources.Unpacked(ctx, name)
		if !ok {
			continue
		}
		least, err := tree.MinTools(source.FS())
		if err != nil {
			t.Fatal(err)
		}
		reasons := toolchain.TooOld(map[string]string{"rustc": members[0].Version}, least, "gcc")
		if len(reasons) == 0 {
			continue
		}
		_, err = l.Matrix(ctx, MatrixOptions{Tree: name, Toolchain: members[0].Name}, Outputs{})
		var unfit *toolchain.UnfitError
		if !errors.As(err, &unfit) || ExitCode(err) != result.ExitUsage {
			t.Errorf("%s on %s: %v", members[0].Name, name, err)
			continue
		}
		if unfit.Tree != name || !strings.Contains(strings.Join(unfit.Reasons, "\n"), reasons[0]) {
			t.Errorf("%s on %s: %+v", members[0].Name, name, unfit)
		}
		if l.sources.CheckToolchain(unfit.Nearest) != nil {
			t.Errorf("%q is no toolchain that can be asked for", unfit.Nearest)
			continue
		}
		id := l.sources.Foretell(ctx, unfit.Nearest)
		if id["rustc"] == "" || len(toolchain.TooOld(id, least, "gcc")) > 0 {
			t.Errorf("%s is named as one that would do: %v", unfit.Nearest, id)
		}
		return
	}
	t.Skip("no tree of the store is above the oldest toolchain")
}

// A machine without tools is told what it lacks and what would do instead.
func TestHostThatLacksTools(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the archive: not with -short")
	}
	getenv := func(name string) string {
		if name == "PATH" {
			return t.TempDir()
		}
		return os.Getenv(name)
	}
	l, err := Open(Options{Project: os.DirFS(".."), Getenv: getenv, Stdout: os.Stdout, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, ok := l.sources.Unpacked(t.Context(), l.settings.DefaultTree); !ok {
		t.Skip("the store has no tree to be built")
	}
	for name, c := range l.settings.Toolchains {
		if !c.Host || len(c.Suites) > 0 {
			continue
		}
		_, err = l.Matrix(t.Context(), MatrixOptions{Toolchain: name}, Outputs{})
		if err == nil || ExitCode(err) != result.ExitUsage {
			t.Fatal(err)
		}
		for _, part := range []string{"rustc is not on PATH", "bindgen is not on PATH", "make is not on PATH", "the nearest that would: -toolchain="} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("no %q in %q", part, err)
			}
		}
	}
}
