package kbuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/objtree"
	"umlab/harness/scenario"
)

func TestMismatch(t *testing.T) {
	o := objtree.RustObject{Name: "a.o", Options: []string{"-Ccode-model=large", "-Crelocation-model=static"}}
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
	if got := mismatch(variant(t, "relocation-model=pie"), objtree.RustObject{Name: "b.o"}); got != "b.o was built with no -Crelocation-model, not -Crelocation-model=pie" {
		t.Errorf("mismatch without the option = %q", got)
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
