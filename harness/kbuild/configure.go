package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"umlab/harness/answers"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/objtree"
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
	if err := objtree.Write(m.build, allConfig, []byte(kconfig.Text(m.base.Options))); err != nil {
		return err
	}
	if err := m.prepareQuestions(ctx); err != nil {
		return err
	}
	err := m.Run(ctx, m.job("configure "+m.base.Tree.Name, m.out, "KCONFIG_ALLCONFIG="+buildDir+"/"+allConfig, "allnoconfig"))
	if err != nil {
		return m.Blame(ctx, what, err, m.log.Name())
	}
	return errors.Join(m.asks.Keep(), m.keepConf(ctx))
}

// prepareQuestions has what is run from now on ask through m.asks.
func (m *making) prepareQuestions(ctx context.Context) error {
	if m.asks != nil || m.FromNothing {
		return nil
	}
	id, err := m.identity(ctx, m.base)
	if err != nil {
		return err
	}
	m.asks, err = answers.Ask(m.Store, m.base.Tree.FS(), answers.Tools{Root: m.base.Toolchain.Root, C: id.Side, All: id.Toolchain,
		Compiler: m.base.Compiler, Subarch: m.base.Subarch})
	return err
}

// conf is what `make allnoconfig` comes to: a program of the tree's, and what it sees of its surroundings.
type conf struct {
	Sum string   `json:"sum"` // sha256 of the program, which the store keeps
	Env []string `json:"env"`
}

const (
	kindConf    = "kconfig-conf"
	confProgram = "scripts/kconfig/conf"
	allConfig   = ".umlab.config" // what is requested
)

func confKey(b kmake.Base) string {
	return store.Key(kindConf, "1", b.Tree.Digest, b.Toolchain.Digest, b.Compiler, b.Subarch)
}

// keepConf keeps the program and its surroundings, as make allnoconfig had them.
func (m *making) keepConf(ctx context.Context) error {
	env, err := m.asks.Env()
	if err != nil || len(env) == 0 {
		return err // this tree asks nothing
	}
	if err := objtree.Regular(m.build, confProgram); err != nil {
		return nil // it has another place in this tree
	}
	c := conf{Env: strings.Split(strings.TrimRight(string(env), "\x00"), "\x00")}
	if _, c.Sum, err = m.Store.Keep(ctx, filepath.Join(m.build, filepath.FromSlash(confProgram))); err != nil {
		return err
	}
	return m.Store.Put(kindConf, confKey(m.base), c)
}

// configureFast is configure for who needs nothing but the .config.
func (m *making) configureFast(ctx context.Context, what string) error {
	made, err := m.askedConf(ctx)
	if err == nil && !made {
		err = m.configure(ctx, what)
	}
	return err
}

// askedConf makes .config with the program alone, without make. ok is false where that was not kept or fails: make has the last word.
func (m *making) askedConf(ctx context.Context) (ok bool, err error) {
	var c conf
	if m.FromNothing || !m.Store.Get(kindConf, confKey(m.base), &c) {
		return false, nil
	}
	program, ok := m.Store.Kept(c.Sum)
	if !ok {
		return false, nil
	}
	if err := m.prepareQuestions(ctx); err != nil {
		return false, err
	}
	at := filepath.Join(m.build, filepath.FromSlash(confProgram))
	err = errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), objtree.Remove(m.build, confProgram),
		objtree.Write(m.build, allConfig, []byte(kconfig.Text(m.base.Options))))
	if err == nil {
		_, err = store.CopyFile(at, program, 0o755)
	}
	if err != nil {
		return false, err
	}
	j := m.job("configure "+m.base.Tree.Name, m.out)
	j.Dir, j.Env, j.Args = buildDir, c.Env, []string{confProgram, "--allnoconfig", "Kconfig"}
	err = m.Run(ctx, j)
	if _, exit := errors.AsType[*kmake.ExitError](err); exit {
		return false, nil
	}
	return err == nil, err
}

// readConfig reads the resolved .config of a build directory.
func readConfig(build string) (kconfig.Config, error) {
	text, err := objtree.Read(build, ".config")
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
		err := m.Run(ctx, m.job("make rustavailable", &said, "-s", "rustavailable"))
		if err != nil && said.Len() == 0 {
			said.WriteString(err.Error())
		}
		e.RustAvailable = said.String()
	}
	return e
}

// Configure returns what Kconfig makes of the options of base, without building
// anything. What it drops is for the caller to compare. The store keeps it. The
// error is a *kmake.BuildError where the tree cannot be configured.
func (b *Builder) Configure(ctx context.Context, base kmake.Base) (kconfig.Config, error) {
	const kind = "configured"
	key := store.Key(kind, baseKey(base))
	var text string
	if !b.FromNothing && b.Store.Get(kind, key, &text) {
		if c, err := kconfig.ParseConfig(".config", []byte(text)); err == nil {
			return c, nil
		}
	}
	dir, remove, err := b.Store.Scratch("configure")
	if err != nil {
		return kconfig.Config{}, err
	}
	defer remove()
	mk, err := b.newMake(base, dir, progress.Discard{}.Start("", progress.None, 0), kmake.Watching{})
	if err != nil {
		return kconfig.Config{}, err
	}
	defer mk.close()
	if err := mk.configureFast(ctx, "configuration"); err != nil {
		return kconfig.Config{}, base.Told(scenario.Cell{}, err)
	}
	c, err := readConfig(mk.build)
	if err != nil {
		return kconfig.Config{}, fmt.Errorf("configure %s: %w", base.Tree.Name, err)
	}
	return c, b.Store.Put(kind, key, c.Canonical())
}
