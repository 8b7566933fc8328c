package uml

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/scenario"
)

func TestCmdline(t *testing.T) {
	common := func(mem, root string, more ...string) []string {
		return append([]string{"mem=" + mem, "root=/dev/root", "rootfstype=hostfs", "rootflags=" + root, "ro", "init=/init",
			"con=null", "con0=fd:0,fd:1", "loglevel=8"}, more...)
	}
	for _, tc := range []struct {
		name string
		o    Options
		want []string
	}{
		{"low", Options{Mem: 64 << 20, RootDir: "/r"}, common("64M", "/r")},
		{"far", Options{Mem: 4 << 30, RootDir: "/umlab/root"}, common("4G", "/umlab/root")},
		{"extra comes last", Options{Mem: 1 << 30, RootDir: "/r", Extra: []string{"init=/bin/sh", "--", "-l"}}, common("1G", "/r", "init=/bin/sh", "--", "-l")},
		{"interactive", Options{Mem: 1536 << 20, RootDir: "/r", Interactive: true, Extra: []string{"x"}}, common("1536M", "/r", "umlab_shell=1", "x")},
	} {
		if d := cmp.Diff(tc.want, tc.o.Cmdline()); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func TestMem(t *testing.T) {
	for v, want := range map[int64]string{0: "0", 1: "1", 1023: "1023", 1024: "1K", 64 << 20: "64M", 1 << 30: "1G", 1536 << 20: "1536M", 1<<20 + 1024: "1025K"} {
		if got := formatMem(v); got != want {
			t.Errorf("FormatMem(%d) = %q, want %q", v, got, want)
		}
	}
}

func FuzzMem(f *testing.F) {
	for _, s := range []string{"64M", "1G", "4096", "007K", "99999999999999999999G", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := scenario.ParseMem(s)
		if err != nil {
			return
		}
		if again, err := scenario.ParseMem(formatMem(v)); err != nil || again != v || v <= 0 {
			t.Errorf("%q is %d, written %q and read back %d, %v", s, v, formatMem(v), again, err)
		}
	})
}
