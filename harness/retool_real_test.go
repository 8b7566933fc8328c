package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/kbuild"
)

// TestRetooledIsTheSame builds kernels with another rustc twice, from nothing and
// on from the baseline of the toolchain that differs in its Rust alone, and
// wants the same kernel, the same modules, the same configuration and the same
// commands.
func TestRetooledIsTheSame(t *testing.T) {
	l := longLab(t)
	alone := *l.builder
	alone.FromNothing = true
	for _, tree := range []string{"debian-7.3", "debian-6.12"} { // gcc, clang
		t.Run(tree, func(t *testing.T) {
			ctx := t.Context()
			from := fromNothing(ctx, t, l, &alone, tree, "trixie")
			nothing := fromNothing(ctx, t, l, &alone, tree, "trixie-backports")
			retooled, hit, err := alone.Retool(ctx, from, nothing.Base.Toolchain)
			if err != nil {
				t.Fatal(err)
			}
			if retooled.Key == nothing.Key || retooled.From != "trixie" {
				t.Fatalf("retooled baseline %s, from %q", retooled.Key, retooled.From)
			}
			t.Logf("from nothing %.0f s, %d steps; retooled %.0f s, %d steps (out of the store: %v)",
				nothing.Seconds, nothing.Steps, retooled.Seconds, retooled.Steps, hit)
			if retooled.Steps >= nothing.Steps/2 {
				t.Errorf("%d of %d steps were taken again: more than Rust was built", retooled.Steps, nothing.Steps)
			}
			if from.Linux == nothing.Linux {
				t.Error("another rustc makes the same kernel: this test shows nothing")
			}
			if retooled.Linux != nothing.Linux {
				t.Errorf("linux is %s, from nothing %s", retooled.Linux, nothing.Linux)
			}
			if retooled.Config != nothing.Config {
				t.Errorf(".config is %s, from nothing %s", retooled.Config, nothing.Config)
			}
			if diff := cmp.Diff(nothing.Env, retooled.Env); diff != "" {
				t.Errorf("the environment of a module (-nothing +retooled):\n%s", diff)
			}
			want, got := products(t, nothing.Build()), products(t, retooled.Build())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("objects, modules and commands (-nothing +retooled):\n%s", diff)
			}
			for _, kind := range []string{".ko", ".o", ".o.cmd"} {
				if n := count(want, kind); n == 0 {
					t.Errorf("no %s was compared", kind)
				}
			}
		})
	}
}

func fromNothing(ctx context.Context, t *testing.T, l *Lab, b *kbuild.Builder, tree, toolchain string) *kbuild.Baseline {
	t.Helper()
	j, err := l.plan(MatrixOptions{Tree: tree, Toolchain: toolchain})
	if err != nil {
		t.Fatal(err)
	}
	source, tc, err := l.sources.Get(ctx, j.Flags.Tree, j.Flags.Toolchain)
	if err != nil {
		t.Fatal(err)
	}
	bl, _, err := b.Baseline(ctx, j.Base(source, tc))
	if err != nil {
		t.Fatal(err)
	}
	if bl.From != "" {
		t.Fatalf("the baseline of %s goes on from %s's", toolchain, bl.From)
	}
	return bl
}

// products are the digests of the objects and modules of a build directory, and
// the first lines of its .cmd files, which hold the commands.
func products(t *testing.T, build string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(build, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(build, p)
		if err != nil {
			return err
		}
		switch filepath.Ext(p) {
		case ".o", ".ko", ".a", ".so", ".rmeta", ".rlib":
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(text)
			all[rel] = hex.EncodeToString(sum[:])
		case ".cmd":
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			all[rel], _, _ = strings.Cut(string(text), "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func count(products map[string]string, suffix string) (n int) {
	for name := range products {
		if strings.HasSuffix(name, suffix) {
			n++
		}
	}
	return n
}
