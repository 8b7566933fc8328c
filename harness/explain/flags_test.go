package explain

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/result"
)

// mainMakefile is written after the tree's, with all that an origin must not be
// confused by.
const mainMakefile = `rust_common_flags := --edition=2021 \
		    -Wall
KBUILD_HOSTRUSTFLAGS := $(rust_common_flags) -O -Cstrip=debuginfo \
			-Copt-level=2
KBUILD_RUSTFLAGS := $(rust_common_flags) \
		    -Cpanic=abort -Cembed-bitcode=n \
		    -Crelocation-model=static \
		    -Zfunction-sections=n
# KBUILD_RUSTFLAGS += -Cpanic=abort
KBUILD_RUSTFLAGS += -Copt-level=2
KBUILD_RUSTFLAGS += -Copt-level=s
KBUILD_RUSTFLAGS += -Coverflow-checks=$(if $(CONFIG_RUST_OVERFLOW_CHECKS),y,n)
KBUILD_RUSTFLAGS += $(call maybe,-Cforce-frame-pointers=y)
`

const umMakefile = `KBUILD_CFLAGS += -fno-pic
KBUILD_RUSTFLAGS += -C relocation-model=pie
`

func texts() map[string]string {
	return map[string]string{"Makefile": mainMakefile, "arch/um/Makefile": umMakefile, "scripts/Makefile.lib": "x := -Crelocation-model=static\n"}
}

func TestOriginsOf(t *testing.T) {
	for option, want := range map[string][]string{
		"-Cpanic=abort":              {"Makefile:6"},
		"-Cembed-bitcode=n":          {"Makefile:6"},
		"-Copt-level=2":              {"Makefile:10"}, // not that of host programs
		"-Coverflow-checks=y":        {"Makefile:12"}, // an expression
		"-Cforce-frame-pointers=y":   {"Makefile:13"},
		"-Crelocation-model=pie":     {"arch/um/Makefile:2"},
		"-Crelocation-model=static":  {"Makefile:7", "scripts/Makefile.lib:1"},
		"-Crelocation-model=dynamic": {},
		"-Copt-level=3":              {},
		"-Cstrip=debuginfo":          {},
		"-Ccode-model=large":         {},
		"-C":                         {},
	} {
		if diff := cmp.Diff(want, originsOf(texts(), option)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", option, diff)
		}
	}
}

func TestObjectFlags(t *testing.T) {
	given := []string{"-Crelocation-model=static", "-Crelocation-model=pie", "-Copt-level=2", "-Crelocation_model=static"}
	got := objectFlags(texts(), []byte(`{"code-model":"kernel"}`), "a.o", given, []string{"-Crelocation_model=static"}, "make")
	want := result.ObjectFlags{Object: "a.o", Options: []result.GivenOption{
		{Option: given[0], Key: "relocation-model", Overridden: true, Origins: []string{"Makefile:7", "scripts/Makefile.lib:1"}},
		{Option: given[1], Key: "relocation-model", Overridden: true, Origins: []string{"arch/um/Makefile:2"}},
		{Option: given[2], Key: "opt-level", Origins: []string{"Makefile:10"}},
		{Option: given[3], Key: "relocation-model", Origins: []string{"make"}},
		{Key: "code-model", Origins: []string{`scripts/target.json: "code-model": "kernel", from scripts/generate_rust_target.rs`}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The same flag without a request comes from a Makefile, or from nowhere known.
	got = objectFlags(texts(), nil, "a.o", []string{"-Ccode-model=large"}, nil, "make")
	if o := got.Options[0].Origins; len(o) != 0 {
		t.Errorf("-Ccode-model=large comes from %v", o)
	}
	if o := got.Options[1]; o.Key != "relocation-model" || o.Option != "" || len(o.Origins) != 0 {
		t.Errorf("a model that nothing gives: %+v", o)
	}
}

// FuzzOrigins: an origin is a line that exists and speaks of the option.
func FuzzOrigins(f *testing.F) {
	for _, text := range texts() {
		f.Add(text, "-Crelocation-model=static")
	}
	f.Add("0", "\xa0")
	f.Add("a := -C x=$(y)\\", "-Cx=1")
	f.Fuzz(func(t *testing.T, text, option string) {
		lines := strings.Split(text, "\n")
		key, _, _ := strings.Cut(strings.TrimPrefix(option, "-C"), "=")
		for _, at := range originsOf(map[string]string{"M": text}, option) {
			n, err := strconv.Atoi(strings.TrimPrefix(at, "M:"))
			if err != nil || n < 1 || n > len(lines) {
				t.Fatalf("%q: origin %q of %d lines", option, at, len(lines))
			}
			if !strings.Contains(strings.ReplaceAll(lines[n-1], "_", "-"), strings.ReplaceAll(key, "_", "-")) {
				t.Fatalf("%q: line %d is %q", option, n, lines[n-1])
			}
		}
	})
}

func TestDirsOf(t *testing.T) {
	if got := dirsOf([]string{"samples/rust/a.ko", "samples/rust/b.ko", "drivers/misc/c.ko"}); !slices.Equal(got, []string{"samples/rust", "drivers/misc"}) {
		t.Errorf("%v", got)
	}
}
