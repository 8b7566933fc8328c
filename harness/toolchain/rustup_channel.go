package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"umlab/harness/pattern"
)

// channelFile is rustup's copy of the manifest that a toolchain was installed
// from.
const channelFile = "lib/rustlib/multirust-channel-manifest.toml"

// rustChannel is what that manifest says; a toolchain that was linked, not
// installed, has none.
type rustChannel struct {
	Date   string `json:"date,omitempty"`   // of the channel: "2026-05-20"
	Rustc  string `json:"rustc,omitempty"`  // "1.97.0-nightly (e50aa6fba 2026-05-19)"
	Src    string `json:"src,omitempty"`    // of rust-src, the same way
	SrcURL string `json:"srcURL,omitempty"` // of the archive of rust-src
	SrcSum string `json:"srcSum,omitempty"` // its sha256, hex
}

func channelOf(dir string) (rustChannel, error) {
	b, err := os.ReadFile(filepath.Join(dir, channelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return rustChannel{}, nil
	}
	if err != nil {
		return rustChannel{}, err
	}
	c, err := readChannel(b)
	if err != nil {
		return rustChannel{}, fmt.Errorf("%s: %w", channelFile, err)
	}
	return c, nil
}

// readChannel reads a channel's manifest of version 2.
func readChannel(b []byte) (rustChannel, error) {
	type target struct {
		Available bool
		URL, Hash string
		XzURL     string `toml:"xz_url"`
		XzHash    string `toml:"xz_hash"`
	}
	var m struct {
		Version string `toml:"manifest-version"`
		Date    string
		Pkg     map[string]struct {
			Version string
			Target  map[string]target
		}
	}
	if err := toml.Unmarshal(b, &m); err != nil {
		return rustChannel{}, err
	}
	if m.Version != "2" {
		return rustChannel{}, fmt.Errorf("it is a manifest of version %q, and umlab knows version 2", m.Version)
	}
	c := rustChannel{Date: m.Date, Rustc: m.Pkg["rustc"].Version, Src: m.Pkg["rust-src"].Version}
	if t := m.Pkg["rust-src"].Target["*"]; t.Available {
		c.SrcURL, c.SrcSum = t.URL, t.Hash
		if t.XzURL != "" {
			c.SrcURL, c.SrcSum = t.XzURL, t.XzHash
		}
	}
	return c, nil
}

// rustcVersion is what a rustc says of itself.
type rustcVersion struct {
	release string // "1.97.0-nightly"
	commit  string // full, or empty
	date    string // of the commit, or empty
}

// String writes v the way rustc and its manifests do.
func (v rustcVersion) String() string {
	if v.commit == "" {
		return v.release
	}
	return fmt.Sprintf("%s (%s %s)", v.release, v.commit[:min(9, len(v.commit))], v.date)
}

var manifestVersion = pattern.New(`^(\S+)(?: \(([0-9a-f]+) ([0-9-]+)\))?$`)

// is reports whether v is the version that a manifest names.
func (v rustcVersion) is(manifest string) bool {
	m := manifestVersion.FindStringSubmatch(manifest)
	return m != nil && m[1] == v.release && strings.HasPrefix(v.commit, m[2]) && (m[3] == "" || m[3] == v.date)
}

// releaseOf is the release that a manifest's version names: of "1.97.1 (8bab26f4f
// 2026-07-14)" it is 1.97.1.
func releaseOf(manifest string) string {
	if m := manifestVersion.FindStringSubmatch(manifest); m != nil {
		return m[1]
	}
	return ""
}

// released are versions that have a name of their own: a nightly's "1.97.0-nightly"
// is another compiler every day.
var released = pattern.New(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// rustcOf asks the rustc of t, once, who it is.
func (p *Provider) rustcOf(ctx context.Context, t *Toolchain) (rustcVersion, error) {
	said, failed, err := p.ask(ctx, t, []string{"rustc -vV"}, "rustc", "-vV")
	if err != nil {
		return rustcVersion{}, err
	}
	if failed != "" {
		return rustcVersion{}, t.unfit("", "its rustc does not run over the C side's libraries: "+failed)
	}
	v := rustcSaid(said)
	if v.release == "" {
		return v, t.unfit("", fmt.Sprintf("its rustc does not say its version: %q", strings.TrimSpace(said)))
	}
	return v, nil
}

func rustcSaid(said string) (v rustcVersion) {
	for line := range strings.Lines(said) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if value == "unknown" {
			continue
		}
		switch name {
		case "release":
			v.release = value
		case "commit-hash":
			v.commit = value
		case "commit-date":
			v.date = value
		}
	}
	return v
}
