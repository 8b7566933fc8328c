package toolchain

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// A toolchain that has nothing of 32 bits is refused with what it lacks, and has it where its description says so.
func TestSubarch(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches a toolchain: not with -short")
	}
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("fetches one more toolchain: go tool mage test -long")
	}
	set := configured(t)
	p := onMachine(t, userStore(t), set, nil)
	plain := set.Toolchains["trixie"]
	tc, err := p.Get(t.Context(), "trixie", plain)
	if err != nil {
		t.Fatal(err)
	}
	var unfit *UnfitError
	if err := p.CheckSubarch(t.Context(), tc, "i386"); !errors.As(err, &unfit) {
		t.Fatal(err)
	}
	told := strings.Join(unfit.Reasons, "\n")
	for _, want := range []string{"gcc -m32: ", "clang --target=i386-linux-gnu: ", "busybox is a program of 64 bits"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q lacks %q", told, want)
		}
	}
	if tc, err = p.Get(t.Context(), "trixie", plain.With(nil, set.Subarches["i386"].Packages, nil)); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckSubarch(t.Context(), tc, "i386"); err != nil {
		t.Error(err)
	}
}
