package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRustOptions(t *testing.T) {
	const command = `RUST_MODFILE=samples/rust/rust_print rustc --edition=2021 -Zbinary_dep_depinfo=y -Dnon_ascii_idents -Wclippy::all -Cpanic=abort ` +
		`-Crelocation-model=static -C opt-level=2 --target=./scripts/target.json -Crelocation-model=pie --cfg MODULE @./include/generated/rustc_cfg ` +
		`-Zcrate-attr='feature(arbitrary_self_types,lint_reasons)' -Z unstable-options --cfg MODULE --extern kernel -L ./rust/ --crate-name rust_print ` +
		`--sysroot=/dev/null --emit=obj=samples/rust/rust_print.o /src/samples/rust/rust_print.rs`
	want := []string{"--cfg=MODULE", "--edition=2021", "--target=./scripts/target.json", "-Copt-level=2", "-Cpanic=abort", "-Crelocation-model=pie",
		"-Zbinary_dep_depinfo=y", "-Zcrate-attr=feature(arbitrary_self_types,lint_reasons)", "-Zunstable-options"}
	bl := &Baseline{Dir: t.TempDir()}
	dir := filepath.Join(bl.Build(), "samples", "rust")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".rust_print.o.cmd": "savedcmd_samples/rust/rust_print.o := " + command + "\n\nsource_x := y\n",
		".c.o.cmd":          "savedcmd_samples/rust/c.o := gcc -O2 -c -o c.o c.c\n",
		".cut.o.cmd":        "savedcmd_samples/rust/cut.o := rustc --edition=2021 -Z",
		".odd.o.cmd":        "nothing of the kind\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, ok := bl.RustOptions("samples/rust/rust_print.o")
	if d := cmp.Diff(want, got); !ok || d != "" {
		t.Error(ok, d)
	}
	if got, ok := bl.RustOptions("samples/rust/cut.o"); !ok || len(got) != 1 {
		t.Error(got, ok)
	}
	for _, object := range []string{"samples/rust/c.o", "samples/rust/odd.o", "samples/rust/missing.o"} {
		if got, ok := bl.RustOptions(object); ok {
			t.Errorf("%s: %v", object, got)
		}
	}
}
