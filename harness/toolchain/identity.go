package toolchain

import (
	"fmt"
	"regexp"
	"strings"
)

// identityScript asks every tool for its version; each answer follows a line
// "@name". What is missing answers nothing.
const identityScript = `
cd /tmp
ask() { echo "@$1"; shift; "$@" 2>&1; }
ask rustc rustc -vV
ask rust-src readlink -f "$(rustc --print sysroot)/lib/rustlib/src/rust"
ask bindgen bindgen --version
echo '#pragma message("clang version " __clang_version__)' > libclang.h
ask libclang bindgen libclang.h
ask clang clang --version
ask lld ld.lld --version
ask ld ld --version
ask gcc gcc -dumpfullversion
ask make make --version
exit 0
`

// identityOf reads the answers to identityScript. Names without an answer that
// can be understood are left out.
func identityOf(answers string) map[string]string {
	said := map[string]string{}
	name := ""
	for line := range strings.Lines(answers) {
		if n, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "@"); ok {
			name = n
			continue
		}
		said[name] += line
	}
	id := map[string]string{}
	for _, q := range []struct{ name, from, pattern string }{
		{"rustc", "rustc", `(?m)^release: (\S+)`},
		{"rustc-commit", "rustc", `(?m)^commit-hash: (\S+)`},
		{"rustc-llvm", "rustc", `(?m)^LLVM version: (\S+)`},
		{"rust-src", "rust-src", `(?m)/rustc-([0-9][^/\s]*)`},
		{"bindgen", "bindgen", `(?m)^bindgen (\S+)`},
		{"libclang", "libclang", `clang version ([0-9][0-9.]*)`},
		{"clang", "clang", `clang version ([0-9][0-9.]*)`},
		{"lld", "lld", `LLD ([0-9][0-9.]*)`},
		{"ld", "ld", `(?m)^GNU ld .*?([0-9][0-9.]*)$`},
		{"gcc", "gcc", `(?m)^([0-9][0-9.]*)$`},
		{"make", "make", `GNU Make ([0-9][0-9.]*)`},
	} {
		if m := regexp.MustCompile(q.pattern).FindStringSubmatch(said[q.from]); m != nil {
			id[q.name] = m[1]
		}
	}
	return id
}

// checkIdentity says what keeps the tools from building Rust for a kernel,
// whatever the kernel is.
func checkIdentity(id map[string]string) error {
	for _, need := range []string{"rustc", "rustc-llvm", "rust-src", "bindgen", "libclang", "ld", "make"} {
		if id[need] == "" {
			return fmt.Errorf("%s does not say its version: it is missing or does not run", need)
		}
	}
	if id["clang"] == "" && id["gcc"] == "" {
		return fmt.Errorf("there is neither clang nor gcc")
	}
	if id["rust-src"] != id["rustc"] {
		return fmt.Errorf("rust-src is %s and rustc is %s: they must be the same to the digit", id["rust-src"], id["rustc"])
	}
	return nil
}
