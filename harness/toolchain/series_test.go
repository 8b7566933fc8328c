package toolchain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/debian"
	"umlab/harness/settings"
)

// packages reads "name version suite" lines.
func packages(lines string) (list []debian.Package) {
	for l := range strings.Lines(lines) {
		if f := strings.Fields(l); len(f) == 3 {
			list = append(list, debian.Package{Name: f[0], Version: f[1], Suite: f[2]})
		}
	}
	return list
}

func TestRustcMembers(t *testing.T) {
	base := settings.Toolchain{Suites: []string{"stable"}, Packages: []string{"make", "rustc", "rust-src", "bindgen"}}
	s := settings.Series{Varies: settings.VariesRustc, C: "base", Suites: []string{"backports", "stable", "testing", "unstable"}}
	list := rustcMembers(packages(`
		rustc 1.9.0+dfsg1-1 stable
		rust-src 1.9.0+dfsg1-1 stable
		rustc 1.10.2+dfsg1-1 unstable
		rust-src 1.10.2+dfsg1-1 unstable
		rustc 1.10.2+dfsg1-1 testing
		rust-src 1.10.2+dfsg1-1 testing
		rustc 1.10.0+dfsg1-2~bpo1+1 backports
		rust-src 1.10.0+dfsg1-2~bpo1+1 backports
		rust-src 1.9.9+dfsg1-1~bpo1+1 backports
		rustc-web 1.9.0+dfsg1-1 stable
		rust-web-src 1.9.0+dfsg1-1 stable
		rustc-web 1.11.0+dfsg1-1~u1+b1 stable
		rust-web-src 1.11.0+dfsg1-1~u1 stable
		rustc 1.12.0+dfsg1-1 unstable
		`), s, base)
	var got []string
	for _, m := range list {
		got = append(got, m.Version+": "+strings.Join(m.Spec.Suites, "+")+": "+strings.Join(m.Spec.Packages, " "))
	}
	want := []string{
		"1.9.0: stable: make bindgen rustc=1.9.0+dfsg1-1/stable rust-src=1.9.0+dfsg1-1/stable", // the release's own before the browsers'
		"1.10.0: stable+backports: make bindgen rustc=1.10.0+dfsg1-2~bpo1+1/backports rust-src=1.10.0+dfsg1-2~bpo1+1/backports",
		"1.10.2: stable+testing: make bindgen rustc=1.10.2+dfsg1-1/testing rust-src=1.10.2+dfsg1-1/testing", // the suite that is named first
		"1.11.0: stable: make bindgen rustc-web=1.11.0+dfsg1-1~u1+b1/stable rust-web-src=1.11.0+dfsg1-1~u1/stable",
		// 1.9.9 has no compiler, 1.12.0 no source of its library.
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if base.Packages[1] != "rustc" {
		t.Error("the base was changed")
	}
}

func TestLLVMMembers(t *testing.T) {
	base := settings.Toolchain{Suites: []string{"stable"}, Packages: []string{"make", "clang", "lld", "llvm", "rustc"}}
	s := settings.Series{Varies: settings.VariesLLVM, Toolchain: "base", Suites: []string{"stable", "unstable"}}
	whole := func(major, version, suite string) (lines string) {
		for _, n := range settings.LLVMPackages(major) {
			lines += n + " " + version + " " + suite + "\n"
		}
		return lines
	}
	list := llvmMembers(packages(whole("19", "1:19.1.7-3+b1", "stable")+whole("19", "1:19.1.7-22", "unstable")+whole("9", "1:9.0-1", "stable")+
		whole("22", "1:22.1.8-3", "unstable")+"clang-23 1:23.1.4-2 unstable\nlld-23 1:23.1.4-2 unstable\n"), s, base)
	var got []string
	for _, m := range list {
		got = append(got, m.Version+": llvm "+m.Spec.LLVM+": "+strings.Join(m.Spec.Suites, "+")+": "+strings.Join(m.Spec.Packages, " "))
	}
	want := []string{
		"9.0: llvm 9: stable: make rustc clang-9=1:9.0-1/stable lld-9=1:9.0-1/stable llvm-9=1:9.0-1/stable libclang-9-dev=1:9.0-1/stable",
		"19.1.7: llvm 19: stable: make rustc clang-19=1:19.1.7-3+b1/stable lld-19=1:19.1.7-3+b1/stable llvm-19=1:19.1.7-3+b1/stable libclang-19-dev=1:19.1.7-3+b1/stable",
		"22.1.8: llvm 22: stable+unstable: make rustc clang-22=1:22.1.8-3/unstable lld-22=1:22.1.8-3/unstable llvm-22=1:22.1.8-3/unstable libclang-22-dev=1:22.1.8-3/unstable",
		// 23 lacks llvm and libclang.
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSpaced(t *testing.T) {
	stamps := []string{"20260101T000000Z", "20260101T120000Z", "20260105T000000Z", "20260109T000000Z", "20260110T000000Z"}
	for days, want := range map[int]string{
		0: "20260101T000000Z 20260101T120000Z 20260105T000000Z 20260109T000000Z 20260110T000000Z",
		1: "20260101T120000Z 20260105T000000Z 20260109T000000Z 20260110T000000Z",
		4: "20260101T120000Z 20260105T000000Z 20260110T000000Z",
		5: "20260105T000000Z 20260110T000000Z",
		9: "20260101T120000Z 20260110T000000Z",
	} {
		if got := strings.Join(spaced(stamps, days), " "); got != want {
			t.Errorf("every %d days: %s, want %s", days, got, want)
		}
	}
	if got := strings.Join(spaced([]string{"2026-05-01", "20260502"}, 1), " "); got != "20260502" {
		t.Errorf("a stamp that is none: %s", got)
	}
}
