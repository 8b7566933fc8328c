package kconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Config is a resolved .config. Its zero value sets nothing.
type Config struct {
	values map[string]string // without those that are not set
}

// Get returns the value of an option as the .config spells it, Unset where it
// sets none.
func (c Config) Get(name string) string {
	if v, ok := c.values[name]; ok {
		return v
	}
	return Unset
}

// Values returns what is set, by name; it is the caller's.
func (c Config) Values() map[string]string {
	if c.values == nil {
		return map[string]string{}
	}
	return maps.Clone(c.values)
}

// On reports whether an option is built in: y.
func (c Config) On(name string) bool { return c.Get(name) == "y" }

// Canonical is the configuration as text that depends on nothing but what is
// set: one NAME=value per line, sorted. Comments go, and with them the version
// in the header and the "is not set" lines, which say only that a question was
// asked: to the build an absent option is the same.
func (c Config) Canonical() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		fmt.Fprintf(&b, "%s=%s\n", name, c.values[name])
	}
	return b.String()
}

// Digest is the sha256 of Canonical, in hex.
func (c Config) Digest() string {
	sum := sha256.Sum256([]byte(c.Canonical()))
	return hex.EncodeToString(sum[:])
}

// Dropped is a request that did not survive: Kconfig exits 0 on an option that
// does not exist, whose dependencies are missing, or that another selects.
type Dropped struct {
	Option Option // as it was requested
	Got    string // Unset where the resolved .config does not set it
}

// String is the message, "configs/rust.config:3: CONFIG_RUST=y was dropped
// (resolved: not set)". ParseDropped reads it back.
func (d Dropped) String() string {
	got := d.Got
	if got == Unset {
		got = "not set"
	}
	return fmt.Sprintf("%s: %s was dropped (resolved: %s)", d.Option.at(), d.Option, got)
}

// Compare returns what was requested and is not so in resolved, in the order
// of the requests.
func Compare(requested []Option, resolved Config) []Dropped {
	var dropped []Dropped
	for _, o := range requested {
		if got := resolved.Get(o.Name); !sameValue(o.Value, got) {
			dropped = append(dropped, Dropped{Option: o, Got: got})
		}
	}
	return dropped
}

var droppedLine = regexp.MustCompile(`^(.*):(\d+): (CONFIG_[A-Za-z0-9_]+)=(.+) was dropped \(resolved: (.+)\)$`)

// ParseDropped finds the option and the resolved value in a line that
// Dropped.String wrote; ok is false for any other line.
func ParseDropped(line string) (name, got string, ok bool) {
	m := droppedLine.FindStringSubmatch(line)
	if m == nil {
		return "", "", false
	}
	if m[5] == "not set" {
		m[5] = Unset
	}
	return m[3], m[5], true
}
