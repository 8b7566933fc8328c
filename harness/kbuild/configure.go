package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/progress"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// ConfigError says that Kconfig did not take what was requested.
type ConfigError struct {
	When          string // "configuring" or "building"
	Dropped       []kconfig.Dropped
	RustAvailable string // what `make rustavailable` said, where CONFIG_RUST was dropped
}

func (e *ConfigError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "after %s, the .config is not what was requested:", e.When)
	for _, d := range e.Dropped {
		s.WriteString("\n  " + d.String())
	}
	if e.RustAvailable != "" {
		s.WriteString("\n  make rustavailable says: " + strings.ReplaceAll(strings.TrimSpace(e.RustAvailable), "\n", "\n    "))
	}
	return s.String()
}

// configure makes .config from nothing.
func (m *making) configure(ctx context.Context, what string) error {
	if err := writeIn(m.build, ".umlab.config", []byte(kconfig.Text(m.base.Options))); err != nil {
		return err
	}
	err := m.run(ctx, m.job("configure "+m.base.Tree.Name, m.out, "KCONFIG_ALLCONFIG="+buildDir+"/.umlab.config", "allnoconfig"))
	return m.blame(ctx, what, err, m.log.Name())
}

// readConfig reads the resolved .config of a build directory.
func readConfig(build string) (kconfig.Config, error) {
	text, err := readIn(build, ".config")
	if err != nil {
		return kconfig.Config{}, err
	}
	return kconfig.ParseConfig(".config", text)
}

// compare holds the resolved .config against the requests.
func (m *making) compare(ctx context.Context, when string) error {
	resolved, err := readConfig(m.build)
	if err != nil {
		return err
	}
	dropped := kconfig.Compare(m.base.Options, resolved)
	if len(dropped) == 0 {
		return nil
	}
	e := &ConfigError{When: when, Dropped: dropped}
	for _, d := range dropped {
		if d.Option.Name != "CONFIG_RUST" {
			continue
		}
		var said bytes.Buffer
		err := m.run(ctx, m.job("make rustavailable", &said, "-s", "rustavailable"))
		if err != nil && said.Len() == 0 {
			said.WriteString(err.Error())
		}
		e.RustAvailable = said.String()
	}
	return e
}

// Configure returns what Kconfig makes of the options of base, without building
// anything. What it drops is for the caller to compare. The store keeps it. The
// error is a *BuildError where the tree cannot be configured.
func (b *Builder) Configure(ctx context.Context, base Base) (kconfig.Config, error) {
	const kind = "configured"
	key := store.Key(kind, base.key())
	var text string
	if b.Store.Get(kind, key, &text) {
		if c, err := kconfig.ParseConfig(".config", []byte(text)); err == nil {
			return c, nil
		}
	}
	dir, remove, err := b.Store.Scratch("configure")
	if err != nil {
		return kconfig.Config{}, err
	}
	defer remove()
	mk, err := b.newMake(base, dir, progress.Discard{}.Start("", progress.None, 0), watching{})
	if err != nil {
		return kconfig.Config{}, err
	}
	defer mk.close()
	if err := mk.configure(ctx, "configuration"); err != nil {
		return kconfig.Config{}, base.told(scenario.Cell{}, err)
	}
	c, err := readConfig(mk.build)
	if err != nil {
		return kconfig.Config{}, fmt.Errorf("configure %s: %w", base.Tree.Name, err)
	}
	return c, b.Store.Put(kind, key, c.Canonical())
}
