package kbuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/scenario"
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

func TestMismatch(t *testing.T) {
	o := rustObject{name: "a.o", options: []string{"-Ccode-model=large", "-Crelocation-model=static"}}
	for _, tc := range []struct {
		f    scenario.Variant
		want string
	}{
		{scenario.Variant{}, ""},
		{variant(t, "relocation-model=static", "code-model=large"), ""},
		{variant(t, "relocation-model=pie", "code-model=large"), "a.o was built with -Crelocation-model=static, not -Crelocation-model=pie"},
		{variant(t, "code-model=small"), "a.o was built with -Ccode-model=large, not -Ccode-model=small"},
	} {
		if got := mismatch(tc.f, o); got != tc.want {
			t.Errorf("mismatch(%v) = %q, want %q", tc.f, got, tc.want)
		}
	}
	if got := mismatch(variant(t, "relocation-model=pie"), rustObject{name: "b.o"}); got != "b.o was built with no -Crelocation-model, not -Crelocation-model=pie" {
		t.Errorf("mismatch without the option = %q", got)
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
	in := made{upper: fill(t, map[string]string{"d/.a.o.cmd": rustCmd}), lower: lower}
	objects, err := in.objects("d/m.ko")
	if err != nil || !slices.Equal(objects, []string{"d/a.o", "d/b.o"}) {
		t.Fatalf("objects = %v, %v", objects, err)
	}
	rust, err := in.rustOf("d/m.ko")
	if err != nil || len(rust) != 1 || rust[0].name != "d/a.o" {
		t.Errorf("rust = %v, %v", rust, err)
	}
	if _, err := in.rust("d/c.o"); err == nil {
		t.Error("a .cmd file without a command was accepted")
	}
	if _, err := in.objects("d/none.ko"); err == nil {
		t.Error("a module without .mod was accepted")
	}
	if ko, ok := in.find("d/m.ko"); !ok || ko != filepath.Join(lower, "d/m.ko") {
		t.Errorf("the module that lies below: %q, %v", ko, ok)
	}
	if ko, ok := in.again().find("d/m.ko"); ok {
		t.Errorf("%s was not made again", ko)
	}
}

// Kbuild names what it makes of a user's directory by its path, or as seen from
// it.
func TestMadeOfAnOwnDirectory(t *testing.T) {
	for _, prefix := range []string{"", "/own/m/", "own/m/"} {
		in := made{upper: fill(t, map[string]string{"hello.mod": prefix + "hello.o\n", ".hello.o.cmd": rustCmd, "hello.ko": "x"}), mount: "own/m"}
		rust, err := in.rustOf("own/m/hello.ko")
		if err != nil || len(rust) != 1 || rust[0].name != "own/m/hello.o" {
			t.Errorf("%q: %v, %v", prefix, rust, err)
		}
		if _, ok := in.find("own/m/hello.ko"); !ok {
			t.Errorf("%q: no module", prefix)
		}
	}
}

func TestByHand(t *testing.T) {
	cell := scenario.Cell{Variant: variant(t, "relocation-model=static", "code-model=small"), Scope: scenario.ScopeModule}
	got := Base{Compiler: Clang}.ByHand(cell, "samples/rust/rust_minimal.ko")
	want := "make ARCH=um O=build LLVM=1 RUSTFLAGS_MODULE='-Crelocation-model=static -Ccode-model=small' samples/rust/rust_minimal.ko"
	if got != want {
		t.Errorf("ByHand = %q\nwant     %q", got, want)
	}
	if got := (Base{Compiler: GCC}).ByHand(scenario.Cell{}); got != "make ARCH=um O=build" {
		t.Errorf("ByHand of stock = %q", got)
	}
}

func TestRecipeEnv(t *testing.T) {
	env, err := recipeEnv("CC=gcc\x00MAKEFLAGS=rR\x00M=/tmp/umlab-hook\x00KBUILD_EXTMOD=/tmp/umlab-hook\x00objtree=/build\x00MULTI=a\nb\x00")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(env, "\x00")
	for _, want := range []string{"CC=gcc", "MULTI=a\nb", "objtree=.", "srctree=/src"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %q in %q", want, env)
		}
	}
	if strings.Contains(text, "EXTMOD") || strings.Contains(text, "MAKEFLAGS") || strings.Contains(text, hookDir) {
		t.Errorf("the module that it was taken with shows: %q", env)
	}
	for _, bad := range []string{"garbage", "NEW_IN_7_9=" + hookDir + "/x\x00"} {
		if _, err := recipeEnv(bad); err == nil {
			t.Errorf("recipeEnv(%q) was accepted", bad)
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

func FuzzRecipeEnv(f *testing.F) {
	f.Add("A=b\x00C=d\x00")
	f.Fuzz(func(t *testing.T, raw string) {
		env, err := recipeEnv(raw)
		if err != nil {
			return
		}
		for _, kv := range env {
			if !strings.Contains(kv, "=") {
				t.Errorf("%q is no NAME=value", kv)
			}
		}
	})
}

// variant is that of settings such as "code-model=large".
func variant(t testing.TB, settings ...string) (v scenario.Variant) {
	t.Helper()
	var values []string
	for _, text := range settings {
		name, value, _ := strings.Cut(text, "=")
		axis, err := scenario.ParseAxis(name)
		if err != nil {
			t.Fatal(err)
		}
		v.Settings, values = append(v.Settings, scenario.Setting{Axis: axis, Value: value}), append(values, value)
	}
	v.ID = strings.Join(values, "-")
	return v
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
