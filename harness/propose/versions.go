package propose

import (
	"fmt"
	"strings"

	"umlab/harness/pattern"
)

// version finds one kind of version in a line.
type version struct {
	of    func(*Facts) *Found
	form  *pattern.Lazy
	prose bool
}

// versions are the ways in which reports name versions; what a program printed stands before what a person wrote.
var versions = []version{
	{func(f *Facts) *Found { return &f.Kernel }, pattern.New(`Linux version (\d+\.\d+[\w.+-]*)`), false},
	{func(f *Facts) *Found { return &f.Kernel }, pattern.New(`^# Linux/\S+ (\d+\.\d+\S*) Kernel Configuration`), false},
	{func(f *Facts) *Found { return &f.Kernel }, pattern.New(`(?:[Nn]ot tainted|Tainted:[ A-Z]+) ?(\d+\.\d+[\w.+-]*) #\d`), false},
	{func(f *Facts) *Found { return &f.Kernel }, pattern.New(`/lib/modules/(\d+\.\d+[\w.+-]*)`), false},
	{func(f *Facts) *Found { return &f.Kernel }, pattern.New(`version magic '[^']*' should be '(\d+\.\d+[\w.+-]*)`), false},
	{func(f *Facts) *Found { return &f.Kernel },
		pattern.New(`(?i)(?:\blinux|\bkernel|\bthis is|\bon|\bbuild|\bpatch)[ -]v?(\d\.\d{1,2}(?:\.\d+)?(?:-rc\d+)?)\b`), true},
	{func(f *Facts) *Found { return &f.Rustc }, pattern.New(`\brustc (\d+\.\d+\.\d+)`), false},
	{func(f *Facts) *Found { return &f.Rustc }, pattern.New(`(?i)\b(?:rustc|rust)[ -](?:version )?v?(\d\.\d{2,3}(?:\.\d+)?)\b`), true},
	{func(f *Facts) *Found { return &f.Clang }, pattern.New(`\bclang version (\d+\.\d+\.\d+)`), false},
	{func(f *Facts) *Found { return &f.GCC }, pattern.New(`\bgcc(?:-\d+)? \([^)]*\) (\d+\.\d+\.\d+)`), false},
	{func(f *Facts) *Found { return &f.Mem }, pattern.New(`(?:Kernel command line: |\blinux )(?:.* )?mem=(\d+[KMGkmg]?)\b`), false},
}

var machineLine = pattern.New(`^# Linux/(\w+) \d.* Kernel Configuration$`)

// versions takes what a line names.
func (f *Facts) versions(name string, n int, line string) {
	for _, v := range versions {
		m := v.form.FindStringSubmatch(line)
		if at := v.of(f); m != nil && (at.Value == "" || at.Prose && !v.prose) {
			*at = Found{Value: strings.TrimRight(m[1], ".-+"), Line: clean(line), At: fmt.Sprintf("%s:%d", name, n), Prose: v.prose}
		}
	}
	if m := machineLine.FindStringSubmatch(line); m != nil && f.Machine == "" {
		f.Machine = m[1]
	}
}

// Release is the first numbers of a version of the kernel; ok is false where it has none.
func Release(version string) (major, minor int, ok bool) {
	n, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major, minor, n == 2 && err == nil
}

var named = pattern.New(`\d+\.\d+`)

// Nearest is which of the trees, by version, is nearest to that of a report: of the same release, else of the nearest one, else
// the usual. A version is whatever holds one, "linux-source-6.12".
func Nearest(trees map[string]string, usual, version string) (tree string, same bool) {
	major, minor, ok := Release(version)
	if !ok {
		return usual, false
	}
	const apart = 1000
	best := -1
	for name, v := range trees {
		m, n, ok := Release(named.Regexp().FindString(v))
		if !ok {
			continue
		}
		d := m*apart + n - major*apart - minor
		d = max(d, -d)
		if best < 0 || d < best || d == best && (name == usual || tree != usual && name < tree) {
			best, tree = d, name
		}
	}
	if best < 0 {
		return usual, false
	}
	return tree, best == 0
}
