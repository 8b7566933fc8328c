package settings

import (
	"maps"
	"slices"
	"strings"
)

// Series is an ordered list of toolchains in which one thing varies, see
// configs/toolchains.toml. Its members are found out by asking the source.
type Series struct {
	Varies    string   `toml:"varies"`    // "rustc", "llvm", "rustup" or "snapshot"
	C         string   `toml:"c"`         // rustc, rustup: the Debian toolchain that all else comes from
	Suites    []string `toml:"suites"`    // rustc, llvm: that are asked; empty: all of suites.toml
	Toolchain string   `toml:"toolchain"` // llvm: that all else comes from; snapshot: whose suites are read as they were
	Channel   string   `toml:"channel"`   // rustup: "nightly", "beta"
	Server    string   `toml:"server"`    // rustup: what says which days there are; RUSTUP_DIST_SERVER comes first
	From      string   `toml:"from"`      // rustup, snapshot: the first day, YYYY-MM-DD
	Every     int      `toml:"every"`     // rustup, snapshot: days from one member to the next; 0: all there are
}

// series checks what toolchains.toml says of series.
func series(all map[string]Series, chains map[string]Toolchain, suites map[string]Suite, bad func(kind, name, format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		add := func(format string, args ...any) {
			bad("series", name, ": "+format, args...)
		}
		if !treeName.MatchString(name) {
			add("%q: a name has letters, digits, dots and dashes", name)
		}
		from := func(key, name string) {
			if t, ok := chains[name]; !ok || len(t.Suites) == 0 {
				add("%s = %q names no toolchain of Debian suites", key, name)
			}
		}
		switch s.Varies {
		case VariesRustc:
			from("c", s.C)
		case VariesRustup:
			from("c", s.C)
			if s.Channel != "nightly" && s.Channel != "beta" {
				add("channel = %q is neither nightly nor beta", s.Channel)
			}
		case VariesLLVM, VariesSnapshot:
			from("toolchain", s.Toolchain)
			if s.Varies == VariesSnapshot && s.From == "" {
				add("needs from: the first day to read")
			}
		default:
			add("varies = %q is none of %s", s.Varies, strings.Join([]string{VariesRustc, VariesLLVM, VariesRustup, VariesSnapshot}, ", "))
		}
		for _, n := range s.Suites {
			if _, ok := suites[n]; !ok {
				add("unknown suite %q (configs/suites.toml has %s)", n, strings.Join(slices.Sorted(maps.Keys(suites)), ", "))
			}
		}
		if s.From != "" && !day.MatchString(s.From) {
			add("from = %q is not of the form YYYY-MM-DD", s.From)
		}
		if s.Every < 0 {
			add("every = %d: give a number of days", s.Every)
		}
		if len(s.Suites) == 0 {
			s.Suites = slices.Sorted(maps.Keys(suites))
			all[name] = s
		}
	}
}
