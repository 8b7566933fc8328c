package objtree

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const rustCmd = `savedcmd_samples/rust/rust_minimal.o := OBJTREE=/build RUST_MODFILE=samples/rust/rust_minimal rustc --edition=2021 -Zbinary_dep_depinfo=y -Cpanic=abort -Ccodegen-units=1 -Crelocation-model=static --target=./scripts/target.json -C relocation-model=pie -Crelocation-model=static -Ccode_model=large --emit=obj=samples/rust/rust_minimal.o /src/samples/rust/rust_minimal.rs

source_samples/rust/rust_minimal.o := /src/samples/rust/rust_minimal.rs
`

func TestCodegen(t *testing.T) {
	command, ok := savedCommand(rustCmd)
	if !ok {
		t.Fatal("no saved command")
	}
	got, ok := codegen(command)
	want := []string{"-Ccode-model=large", "-Ccodegen-units=1", "-Cpanic=abort", "-Crelocation-model=static"}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("codegen = %v, %v; want %v: of repeated options the last counts, _ is -", got, ok, want)
	}
	if _, ok := codegen("gcc -Wp,-MMD -Crustc -c -o x.o x.c"); ok {
		t.Error("a C command was taken for rustc's")
	}
	if o, ok := codegen("/usr/bin/rustc-1.85 --edition=2021 -C"); !ok || len(o) != 0 {
		t.Errorf("a dangling -C: %v, %v", o, ok)
	}
}

func TestMade(t *testing.T) {
	lower := fill(t, map[string]string{
		"d/m.mod":    "d/a.o\nd/b.o\n\n",
		"d/.a.o.cmd": "savedcmd_d/a.o := gcc -c a.c\n",
		"d/.b.o.cmd": "savedcmd_d/b.o := gcc -c b.c\n",
		"d/.c.o.cmd": "nonsense",
		"d/m.ko":     "old",
	})
	in := Dir{Upper: fill(t, map[string]string{"d/.a.o.cmd": rustCmd}), Lower: lower}
	objects, err := in.Objects("d/m.ko")
	if err != nil || !slices.Equal(objects, []string{"d/a.o", "d/b.o"}) {
		t.Fatalf("objects = %v, %v", objects, err)
	}
	rust, err := in.RustOf("d/m.ko")
	if err != nil || len(rust) != 1 || rust[0].Name != "d/a.o" {
		t.Errorf("rust = %v, %v", rust, err)
	}
	if _, err := in.Rust("d/c.o"); err == nil {
		t.Error("a .cmd file without a command was accepted")
	}
	if _, err := in.Objects("d/none.ko"); err == nil {
		t.Error("a module without .mod was accepted")
	}
	if ko, ok := in.Find("d/m.ko"); !ok || ko != filepath.Join(lower, "d/m.ko") {
		t.Errorf("the module that lies below: %q, %v", ko, ok)
	}
	if ko, ok := in.Again().Find("d/m.ko"); ok {
		t.Errorf("%s was not made again", ko)
	}
}

// Kbuild names what it makes of a user's directory by its path, or as seen from
// it.
func TestMadeOfAnOwnDirectory(t *testing.T) {
	for _, prefix := range []string{"", "/own/m/", "own/m/"} {
		in := Dir{Upper: fill(t, map[string]string{"hello.mod": prefix + "hello.o\n", ".hello.o.cmd": rustCmd, "hello.ko": "x"}), Mount: "own/m"}
		rust, err := in.RustOf("own/m/hello.ko")
		if err != nil || len(rust) != 1 || rust[0].Name != "own/m/hello.o" {
			t.Errorf("%q: %v, %v", prefix, rust, err)
		}
		if _, ok := in.Find("own/m/hello.ko"); !ok {
			t.Errorf("%q: no module", prefix)
		}
	}
}

func FuzzCmd(f *testing.F) {
	f.Add(rustCmd)
	f.Add("cmd_x := rustc --edition=2021 -C\n")
	f.Fuzz(func(t *testing.T, text string) {
		command, ok := savedCommand(text)
		if !ok {
			return
		}
		options, ok := codegen(command)
		if !ok && options != nil {
			t.Error("options of a command that is not rustc's")
		}
		keys := map[string]bool{}
		for _, o := range options {
			k, _, _ := strings.Cut(o, "=")
			if keys[k] {
				t.Errorf("%s counts twice in %q", k, options)
			}
			keys[k] = true
		}
	})
}

// fill makes the files of a directory.
func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
