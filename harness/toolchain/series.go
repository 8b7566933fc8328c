package toolchain

import (
	"context"
	"fmt"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/pattern"
	"umlab/harness/settings"
)

// Member is one toolchain of a series. Its Name can be used wherever a toolchain
// is named.
type Member struct {
	Name    string // "debian-rustc:1.96.1"
	Version string // what varies: "1.96.1"; in series by date, the date
	Detail  string // where it comes from: "rustc 1.96.1+dfsg1-2~bpo13+1 (trixie-backports)"
	Spec    settings.Toolchain
}

// Series returns the members of a series, oldest first, as its source has them
// now. It fetches lists only.
func (p *Provider) Series(
	ctx context.Context, name string, s settings.Series, chains map[string]settings.Toolchain,
) (list []Member, notes []string, err error) {
	switch s.Varies {
	case settings.VariesRustc:
		list, notes, err = p.rustcs(ctx, s, chains[s.C])
	case settings.VariesLLVM:
		list, notes, err = p.llvms(ctx, s, chains[s.Toolchain])
	case settings.VariesRustup:
		list, notes, err = p.rustups(ctx, s, chains[s.C])
	case settings.VariesSnapshot:
		list, err = p.snapshots(ctx, s, chains[s.Toolchain])
	default:
		err = fmt.Errorf("umlab does not know how %q varies", s.Varies)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("series %s: %w", name, err)
	}
	for i := range list {
		list[i].Name = name + ":" + list[i].Version
	}
	return list, notes, nil
}

// Split tells a series and a version from the name of a member.
func Split(name string) (series, version string, ok bool) {
	return strings.Cut(name, ":")
}

// upstream is the part of a Debian version that its project gave it.
var upstream = pattern.New(`^(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)`)

// upstreamOf is the version that a package's project gave it; empty: it has none
// in numbers.
func upstreamOf(p debian.Package) string {
	if m := upstream.FindStringSubmatch(p.Version); m != nil {
		return m[1]
	}
	return ""
}
