package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"umlab/harness/sandbox"
	"umlab/harness/store"
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

// identify gives t its identity, by its tools' own words. What t has of one
// already stays: where rust-src comes from, the provider knows.
func (p *Provider) identify(ctx context.Context, t *Toolchain) error {
	said, failed, err := p.ask(ctx, t, []string{"identity", identityScript}, "sh", "-c", identityScript)
	if err != nil {
		return err
	}
	if failed != "" {
		return fmt.Errorf("ask the tools for their versions: %s", failed)
	}
	known := t.Identity
	t.Identity = identityOf(said)
	maps.Copy(t.Identity, known)
	if wrong := unfit(t.Identity); len(wrong) > 0 {
		return t.unfit(t.Identity["rustc"], wrong...)
	}
	return nil
}

// ask runs a command with the tools of t, once: what it said is remembered under
// those words and t's digest. failed says how it ended, where that was not well.
func (p *Provider) ask(ctx context.Context, t *Toolchain, words []string, command ...string) (said, failed string, err error) {
	key := store.Key(append(words, t.Digest)...)
	if p.Store.Get("identity", key, &said) {
		return said, "", nil
	}
	var out bytes.Buffer
	status, err := sandbox.Run(ctx, t.In(sandbox.Command{Args: command, Stdout: &out, Stderr: &out}))
	if err != nil {
		return "", "", err
	}
	if !status.Success() {
		return "", fmt.Sprintf("%s: %s", status, strings.TrimSpace(out.String())), nil
	}
	return out.String(), "", p.Store.Put("identity", key, out.String())
}

// UnfitError says that a toolchain is there and cannot do what it is asked for.
// Nothing was built.
type UnfitError struct {
	Toolchain string
	Tree      string   // empty: it cannot build Rust for any kernel
	Rustc     string   // the version of its rustc; empty where that is not known
	Reasons   []string // a sentence each
	Nearest   string   // the toolchain nearest to it that would do, if one is known
}

func (t *Toolchain) unfit(rustc string, reasons ...string) error {
	return &UnfitError{Toolchain: t.Name, Rustc: rustc, Reasons: reasons}
}

func (e *UnfitError) Error() string {
	text := "it cannot build Rust for any kernel: "
	if e.Tree != "" {
		text = "it cannot build " + e.Tree + ": "
	}
	text += strings.Join(e.Reasons, "; ")
	if e.Nearest != "" {
		text += "; the nearest that would: -toolchain=" + e.Nearest
	}
	return text
}

// unfit says what keeps the tools from building Rust for a kernel, whatever the
// kernel is.
func unfit(id map[string]string) (wrong []string) {
	for _, need := range []string{"rustc", "rustc-llvm", "rust-src", "bindgen", "libclang", "ld", "make"} {
		if id[need] == "" {
			wrong = append(wrong, need+" does not say its version: it is missing or does not run")
		}
	}
	if id["clang"] == "" && id["gcc"] == "" {
		wrong = append(wrong, "there is neither clang nor gcc")
	}
	if id["rust-src"] != "" && id["rustc"] != "" && id["rust-src"] != id["rustc"] {
		wrong = append(wrong, fmt.Sprintf("rust-src is %s and rustc is %s: they must be the same to the digit", id["rust-src"], id["rustc"]))
	}
	return wrong
}
