package objtree

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	in := Dir{Lower: t.TempDir()}
	dir := filepath.Join(in.Lower, "samples", "rust")
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
	got, ok := in.RustOptions("samples/rust/rust_print.o")
	if d := cmp.Diff(want, got); !ok || d != "" {
		t.Error(ok, d)
	}
	if got, ok := in.RustOptions("samples/rust/cut.o"); !ok || len(got) != 1 {
		t.Error(got, ok)
	}
	for _, object := range []string{"samples/rust/c.o", "samples/rust/odd.o", "samples/rust/missing.o"} {
		if got, ok := in.RustOptions(object); ok {
			t.Errorf("%s: %v", object, got)
		}
	}
}

func TestGiven(t *testing.T) {
	for command, want := range map[string][]string{
		"": nil,
		"rustc --edition=2021 -Cpanic=abort -C relocation-model=pie --codegen opt-level=2 -Crelocation-model=static -Cdebuginfo=2 a.rs": {
			"-Cpanic=abort", "-Crelocation-model=pie", "-Copt-level=2", "-Crelocation-model=static"},
		"rustc '-Ctarget-feature=-sse,-avx' x.rs -C": {"-Ctarget-feature=-sse,-avx"},
		"gcc -c -Wall": nil,
	} {
		if got := Given(command); !slices.Equal(got, want) {
			t.Errorf("%s:\n got  %q\n want %q", command, got, want)
		}
	}
}

func TestRustMade(t *testing.T) {
	for _, tc := range []struct {
		command string
		beside  []string
		ok      bool
	}{
		{"OBJTREE=/build rustc -Cfoo --emit=dep-info=rust/.core.o.d --emit=obj=rust/core.o --emit=metadata=rust/libcore.rmeta --crate-type rlib lib.rs ; objcopy rust/core.o",
			[]string{"rust/.core.o.d", "rust/core.o", "rust/libcore.rmeta"}, true},
		{"/opt/rust/bin/rustc --out-dir scripts/ --emit=dep-info=scripts/.g.d,link=./scripts/g g.rs", []string{"scripts/.g.d", "scripts/g"}, true},
		{"rustc-1.85 x.rs", nil, true},
		{"bindgen h.h -o rust/bindings/bindings_generated.rs --; sed -i s/a/b/ rust/bindings/bindings_generated.rs", []string{"rust/bindings/bindings_generated.rs"}, true},
		{"rustdoc --test lib.rs; scripts/rustdoc_test_gen", nil, true},
		{"gcc -Wp,-MMD,rust/.exports.o.d -c -o rust/exports.o /src/rust/exports.c", []string{"rust/exports.o"}, false},
		{"gcc -DTEXT=rustc -I/src/rustc -o a.o a.c", []string{"a.o"}, false},
		{"gcc @include/generated/rustc_cfg a.c", nil, false},
		{"ld -o", nil, false},
		{"", nil, false},
	} {
		beside, ok := rustMade(tc.command)
		if diff := cmp.Diff(tc.beside, beside); diff != "" || ok != tc.ok {
			t.Errorf("rustMade(%q): %v (-want +got)\n%s", tc.command, ok, diff)
		}
	}
}

// built is a small build directory with Rust.
func built() map[string]string {
	return map[string]string{
		"init/main.o":               "GCC: (Debian 14)",
		"init/.main.o.cmd":          "savedcmd_init/main.o := gcc -c -o init/main.o /src/init/main.c\n\ndeps_init/main.o := /src/rustc/x.h\n",
		"rust/core.o":               "rustc",
		"rust/libcore.rmeta":        "rust",
		"rust/.core.o.cmd":          "savedcmd_rust/core.o := rustc --emit=dep-info=rust/.core.o.d --emit=obj=rust/core.o --emit=metadata=rust/libcore.rmeta lib.rs\n",
		"rust/b.rs":                 "/* rust-bindgen 0.71 */",
		"rust/.b.rs.cmd":            "savedcmd_rust/b.rs := bindgen b.h -o rust/b.rs\n",
		"scripts/gen":               "rustc",
		"scripts/.gen.cmd":          "savedcmd_scripts/gen := rustc --out-dir scripts/ --emit=link=scripts/gen gen.rs\n",
		"rust/exports_generated.h":  "EXPORT_SYMBOL(x)",
		"rust/.exports_generated.h": "no command",
	}
}

func TestWhatRustMade(t *testing.T) {
	got, err := MadeByRust(t.Context(), fill(t, built()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"rust/.b.rs.cmd", "rust/.core.o.cmd", "rust/.core.o.d", "rust/b.rs", "rust/core.o", "rust/libcore.rmeta", "scripts/.gen.cmd", "scripts/gen"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
