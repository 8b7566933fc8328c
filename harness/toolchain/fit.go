package toolchain

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/pattern"
	"umlab/harness/settings"
)

// Fit says, a sentence each, why tools of this identity cannot build Rust for a
// kernel whose minimums (by the names that scripts/min-tool-version.sh uses) are
// least, where compiler, "clang" or "gcc", builds the C side. Nil: nothing is
// known to be in the way.
func Fit(id, least map[string]string, compiler string) []string {
	return append(append(unfit(id), TooOld(id, least, compiler)...), apart(id, compiler)...)
}

// TooOld says, a sentence each, which tools in id are older than the kernel
// allows, see Fit. What id has no version of is not judged.
func TooOld(id, least map[string]string, compiler string) (wrong []string) {
	// libclang is LLVM's, and reads the headers whoever compiles them.
	held := []struct{ tool, minimum string }{{"rustc", "rustc"}, {"bindgen", "bindgen"}, {"libclang", "llvm"}}
	if compiler == "clang" {
		held = append(held, []struct{ tool, minimum string }{{"clang", "llvm"}, {"lld", "llvm"}}...)
	} else {
		held = append(held, []struct{ tool, minimum string }{{"gcc", "gcc"}, {"ld", "binutils"}}...)
	}
	for _, h := range held {
		have, want := id[h.tool], least[h.minimum]
		if have != "" && want != "" && compareReleases(have, want) < 0 {
			wrong = append(wrong, fmt.Sprintf("%s is %s, and the kernel's scripts/min-tool-version.sh wants %s or newer", h.tool, have, want))
		}
	}
	return wrong
}

// apart says whether the headers are read by another LLVM than they are compiled
// by: Rust then sees other layouts than C.
func apart(id map[string]string, compiler string) []string {
	clang, libclang := id["clang"], id["libclang"]
	if compiler != "clang" {
		return nil
	}
	if clang == "" {
		return []string{"there is no clang, which is to compile it (-compiler=gcc does without)"}
	}
	if libclang != "" && release(clang)[0] != release(libclang)[0] {
		return []string{fmt.Sprintf("clang is %s and bindgen's libclang is %s: both must be of one major version where clang compiles",
			clang, libclang)}
	}
	return nil
}

var number = pattern.New(`^[0-9]+`)

// release is what the kernel's scripts read of a version: three numbers, those
// that are not there being 0.
func release(version string) (r [3]int) {
	for i, part := range strings.SplitN(version, ".", 4) {
		if i < len(r) {
			r[i], _ = strconv.Atoi(number.Regexp().FindString(part)) // of what is no number, 0
		}
	}
	return r
}

func compareReleases(a, b string) int {
	x, y := release(a), release(b)
	return slices.Compare(x[:], y[:])
}

// Candidate is a toolchain with what is known of its identity before any of it
// is fetched.
type Candidate struct {
	Name     string
	Identity map[string]string
}

// Nearest is the candidate that nothing speaks against and whose rustc is
// nearest to the given one; empty: none. Of equals, the first is taken.
func Nearest(rustc string, least map[string]string, compiler string, from []Candidate) string {
	if rustc == "" {
		rustc = least["rustc"]
	}
	distance := func(c Candidate) int {
		a, b := release(c.Identity["rustc"]), release(rustc)
		d := (a[0]-b[0])*1_000_000 + (a[1]-b[1])*1000 + a[2] - b[2]
		return max(d, -d)
	}
	var fit []Candidate
	for _, c := range from {
		if c.Identity["rustc"] != "" && len(TooOld(c.Identity, least, compiler)) == 0 {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return slices.MinFunc(fit, func(a, b Candidate) int { return cmp.Compare(distance(a), distance(b)) }).Name
}

// Foretell is what is known of the identity of c before any of it is fetched, as
// far as it consists of Debian's packages: it asks the archive for its lists
// only. What other sources give is not in it.
func (p *Provider) Foretell(ctx context.Context, c settings.Toolchain) (map[string]string, error) {
	if len(c.Suites) == 0 {
		return map[string]string{}, nil
	}
	res, _, err := p.resolve(ctx, c)
	if err != nil {
		return nil, err
	}
	id := foretold(res.Packages)
	if c.Tarball != "" && c.Rust == "" { // it has its own of these before the packages'
		for _, name := range []string{"bindgen", "libclang", "clang", "lld"} {
			delete(id, name)
		}
	}
	return id, nil
}

// foretold reads versions of tools from those of their packages. Where there are
// several versions of a tool, the one that its program belongs to is not known,
// and it is left out.
func foretold(packages []debian.Package) map[string]string {
	named := []struct {
		tool    string
		pattern *regexp.Regexp
	}{
		{"rustc", regexp.MustCompile(`^rustc(-web)?$`)},
		{"bindgen", regexp.MustCompile(`^bindgen$`)},
		{"libclang", regexp.MustCompile(`^libclang1-[0-9]+$`)},
		{"clang", regexp.MustCompile(`^clang-[0-9]+$`)},
		{"lld", regexp.MustCompile(`^lld-[0-9]+$`)},
		{"gcc", regexp.MustCompile(`^gcc-[0-9]+$`)},
		{"ld", regexp.MustCompile(`^binutils$`)},
	}
	id := map[string]string{}
	for _, n := range named {
		var found []string
		for _, pkg := range packages {
			if version := upstreamOf(pkg); version != "" && n.pattern.MatchString(pkg.Name) {
				found = append(found, version)
			}
		}
		if len(found) == 1 {
			id[n.tool] = found[0]
		}
	}
	return id
}
