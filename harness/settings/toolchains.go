package settings

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Toolchain is a named toolchain, see configs/toolchains.toml. It comes from one
// of Suites, Rustup, Tarball or Host; those that name parts of others (rust, c,
// bindgen) are such a one after Load.
type Toolchain struct {
	Suites   []string `toml:"suites"`   // Debian suites; the first is preferred
	Packages []string `toml:"packages"` // over the common ones; after Load with them
	Without  []string `toml:"without"`  // of the common ones, not these

	LLVM     string `toml:"llvm"`     // of Suites: the major version of clang, lld, llvm and libclang instead of the suite's default
	Snapshot string `toml:"snapshot"` // of Suites: YYYYMMDDTHHMMSSZ, all of them as they were then

	Rustup  string `toml:"rustup"`   // what rustup calls it: "stable", "1.95.0", "nightly-2026-05-20"
	RustSrc string `toml:"rust-src"` // of Rustup and Host: "component", "debian", or empty: the component, else Debian's
	Server  string `toml:"server"`   // of Rustup: what it installs from; empty: RUSTUP_DIST_SERVER, which comes first, else rustup's own

	Tarball   string `toml:"tarball"`   // URL or absolute path of an LLVM + Rust archive of kernel.org's layout
	SHA256    string `toml:"sha256"`    // of Tarball, hex; or empty with Sums
	Sums      string `toml:"sums"`      // URL or path of a signed list of digests that names Tarball
	Host      bool   `toml:"host"`      // what is on PATH
	Rust      string `toml:"rust"`      // the toolchain whose rustc and rust-src these are
	C         string `toml:"c"`         // the Debian toolchain that everything else comes from
	Bindgen   string `toml:"bindgen"`   // the Debian toolchain that bindgen comes from; empty: C's
	Signature string `toml:"signature"` // URL or path of Tarball's detached signature
	Key       string `toml:"key"`       // path of the public keys that Sums and Signature are made with

	// Parts says, of a toolchain that was put together, which part comes from
	// which toolchain: "rust", "c", "bindgen".
	Parts map[string]string `toml:"-"`
}

// The things that can vary in a series.
const (
	VariesRustc    = "rustc"
	VariesLLVM     = "llvm"
	VariesRustup   = "rustup"
	VariesSnapshot = "snapshot"
)

// RustPackages are the packages that make the Rust side of a Debian toolchain.
var RustPackages = []string{"rustc", "rust-src", "rustc-web", "rust-web-src"}

var number = regexp.MustCompile(`^[0-9]+$`)

var day = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// base is the name of a wanted package: "rustc" of "rustc=1.85.*/trixie" and of "rustc:i386".
func base(want string) string {
	if i := strings.IndexAny(want, "/=:"); i >= 0 {
		return want[:i]
	}
	return want
}

// merge adds the packages of own to common; an own "rustc/sid" takes the place
// of a common "rustc".
func merge(common, own, without []string) []string {
	replaced := make(map[string]bool)
	for _, p := range own {
		replaced[base(p)] = true
	}
	for _, p := range without {
		replaced[p] = true
	}
	var all []string
	for _, p := range common {
		if !replaced[base(p)] {
			all = append(all, p)
		}
	}
	return append(all, own...)
}

// With returns the Debian toolchain t with the packages of one of its parts
// taken from suites: own replaces what t has under the same names, and without
// is left out.
func (t Toolchain) With(suites, own, without []string) Toolchain {
	out := t
	out.Suites = slices.Clone(t.Suites)
	for _, s := range suites {
		if !slices.Contains(out.Suites, s) {
			out.Suites = append(out.Suites, s)
		}
	}
	out.Packages = merge(t.Packages, own, without)
	return out
}

// LLVMPackages are the packages of Debian that hold the tools of one major
// version of LLVM that a kernel build calls; libclang1 is what bindgen loads, and
// has another name in some releases.
func LLVMPackages(major string) []string {
	return []string{"clang-" + major, "lld-" + major, "llvm-" + major, "libclang-" + major + "-dev"}
}

// WithLLVM returns the Debian toolchain t with another major version of LLVM for
// the C side and bindgen; wants are its packages, those of LLVMPackages if none
// are given.
func (t Toolchain) WithLLVM(major string, wants ...string) Toolchain {
	if len(wants) == 0 {
		wants = LLVMPackages(major)
	}
	out := t.With(nil, wants, []string{"clang", "lld", "llvm"})
	out.LLVM = major
	return out
}

// part returns the wants of t under the given names, pinned to where t gets them.
func (t Toolchain) part(names ...string) (own []string) {
	for _, p := range t.Packages {
		if !slices.Contains(names, base(p)) {
			continue
		}
		if !strings.Contains(p, "/") {
			p += "/" + t.Suites[0]
		}
		own = append(own, p)
	}
	return own
}

// toolchains checks and completes what toolchains.toml says.
func toolchains(all map[string]Toolchain, common []string, suites map[string]Suite, bad func(kind, name, format string, args ...any)) {
	known := strings.Join(slices.Sorted(maps.Keys(suites)), ", ")
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		c := all[name]
		for _, wrong := range c.mistakes(name) {
			bad("toolchain", name, "%s", wrong)
		}
		for _, s := range c.Suites {
			if _, ok := suites[s]; !ok {
				bad("toolchain", name, ": unknown suite %q (configs/suites.toml has %s)", s, known)
			}
		}
		for _, w := range c.Without {
			if !slices.Contains(common, w) {
				bad("toolchain", name, ": without = %q, which is not among the common packages", w)
			}
		}
		for _, p := range []struct{ key, name string }{{"rust", c.Rust}, {"c", c.C}, {"bindgen", c.Bindgen}} {
			other, ok := all[p.name]
			switch {
			case p.name == "":
			case !ok:
				bad("toolchain", name, ": %s = %q names no toolchain", p.key, p.name)
			case p.key != "rust" && len(other.Suites) == 0, p.key == "rust" && other.Rust != "":
				bad("toolchain", name, ": %s = %q is not a toolchain of Debian suites", p.key, p.name)
			}
		}
		if len(c.Suites) > 0 {
			c.Packages = merge(common, c.Packages, c.Without)
			if c.LLVM != "" {
				c = c.WithLLVM(c.LLVM)
			}
			all[name] = c
		}
	}
	for _, name := range names {
		if c := all[name]; c.Rust != "" || c.C != "" {
			all[name] = c.compose(all)
		}
	}
}

// compose puts a toolchain together from the parts that it names.
func (t Toolchain) compose(all map[string]Toolchain) Toolchain {
	rust, c, bindgen := all[t.Rust], all[t.C], all[t.Bindgen]
	out := t
	out.Parts = map[string]string{"c": t.C, "bindgen": t.C}
	if t.Rust != "" {
		out = rust
		out.Rust, out.C, out.Bindgen, out.Without = t.Rust, t.C, t.Bindgen, t.Without
		out.Parts = map[string]string{"c": t.C, "bindgen": t.C, "rust": t.Rust}
	}
	// Where rustc comes from elsewhere, the sysroot below needs none.
	own := rust.part(RustPackages...)
	from := rust.Suites
	if len(own) == 0 {
		from = nil
	}
	mixed := c.With(from, own, RustPackages)
	if t.Bindgen != "" {
		out.Parts["bindgen"] = t.Bindgen
		mixed = mixed.With(bindgen.Suites, bindgen.part("bindgen"), nil)
	}
	out.Suites, out.Packages, out.LLVM, out.Snapshot = mixed.Suites, mixed.Packages, mixed.LLVM, mixed.Snapshot
	return out
}

// mistakes are what is wrong with t by itself.
func (t Toolchain) mistakes(name string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !treeName.MatchString(name) {
		add(": %q: a name has letters, digits, dots and dashes", name)
	}
	sources := set{{"suites", len(t.Suites) > 0}, {"rustup", t.Rustup != ""}, {"tarball", t.Tarball != ""},
		{"host", t.Host}, {"rust", t.Rust != ""}}
	switch kinds := sources.given(); {
	case len(kinds) == 0:
		add(" has no suites, no rustup, no tarball, no host and no rust: set one of them")
	case len(kinds) > 1:
		add(" has %s: a toolchain comes from one of them", strings.Join(kinds, " and "))
	}
	signed, needsC := t.Sums != "" || t.Signature != "", t.Rustup != "" || t.Tarball != "" || t.Rust != ""
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{needsC && t.C == "", " needs c: the Debian toolchain that make, libc and all else come from"},
		{!needsC && (t.C != "" || t.Bindgen != ""), ": c and bindgen go with rust, rustup or tarball"},
		{t.RustSrc != "" && t.RustSrc != "component" && t.RustSrc != "debian",
			fmt.Sprintf(": rust-src %q is neither component nor debian", t.RustSrc)},
		{t.RustSrc != "" && t.Rustup == "" && !t.Host, ": rust-src goes with rustup or host"},
		{t.Server != "" && t.Rustup == "", ": server goes with rustup"},
		{(t.SHA256 != "" || signed || t.Key != "") && t.Tarball == "", ": sha256, sums, signature and key go with tarball"},
		{signed && t.Key == "",
			" has sums or a signature, but no key: the absolute path of a file with the OpenPGP keys that they are made with"},
		{t.Key != "" && (!signed || !path.IsAbs(t.Key)),
			": key is the absolute path of a file with OpenPGP keys, and goes with sums or signature"},
		{t.Tarball != "" && t.SHA256 == "" && t.Sums == "", " has a tarball, but neither sha256 nor sums"},
		{len(t.Suites) == 0 && (len(t.Packages) > 0 || len(t.Without) > 0 || t.LLVM != "" || t.Snapshot != ""),
			": packages, without, llvm and snapshot go with suites"},
	} {
		if rule.broken {
			add("%s", rule.says)
		}
	}
	return slices.Concat(wrong,
		unlike("sha256", t.SHA256, digest, "64 hexadecimal digits"),
		unlike("llvm", t.LLVM, number, "a major version"),
		unlike("snapshot", t.Snapshot, stamp, "of the form YYYYMMDDTHHMMSSZ"),
		elsewhere("tarball", t.Tarball, "https", "http"), elsewhere("sums", t.Sums, "https", "http"),
		elsewhere("signature", t.Signature, "https", "http"))
}
