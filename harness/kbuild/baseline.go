package kbuild

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// Baseline is one full build in the store.
type Baseline struct {
	Base    Base     `json:"-"`
	Key     string   `json:"key"`
	Dir     string   `json:"-"`              // of the store; the build directory is Dir/build
	Seconds float64  `json:"seconds"`        // of its one full make, configuring included
	Steps   int      `json:"steps"`          // lines of Kbuild that made something
	Config  string   `json:"config"`         // sha256 of the resolved .config
	Linux   string   `json:"linux"`          // sha256 of the kernel
	Env     []string `json:"env"`            // what Kbuild exports to the recipes of a module, see direct
	Direct  bool     `json:"direct"`         // Env was taken: modules can be built below Kbuild's top
	From    string   `json:"from,omitempty"` // the toolchain from whose baseline make went on, see Retool; "" for none
}

const kindBaseline = "baseline"

// Build is the build directory (O=) of the baseline. Nobody writes to it.
func (b *Baseline) Build() string { return filepath.Join(b.Dir, "build") }

// made is the build directory as make left it.
func (b *Baseline) made() made { return made{lower: b.Build()} }

// ResolvedConfig is the path of its .config.
func (b *Baseline) ResolvedConfig() string { return filepath.Join(b.Build(), ".config") }

// Baseline returns the baseline of base, building it where the store has none:
// from nothing, or on from that of a toolchain with another Rust alone, see
// Retool. A build that was killed is resumed. The error is a *ConfigError where
// Kconfig dropped a request (nothing is built then), a *BuildError where the
// source does not build, a *HostError where the machine failed.
func (b *Builder) Baseline(ctx context.Context, base Base) (bl *Baseline, hit bool, err error) {
	if !b.FromNothing {
		if _, built := b.Store.Lookup(kindBaseline, base.key()); !built {
			if bl, hit, err := b.retooled(ctx, base); bl != nil || err != nil {
				return bl, hit, err
			}
		}
	}
	bl, hit, err = b.baseline(ctx, base, making{key: base.key(), steps: base.Compiler, prepare: func(string) error { return nil }})
	if err == nil {
		b.offer(ctx, bl)
	}
	return bl, hit, err
}

// baseline returns the baseline of m's key, making it where the store has none.
func (b *Builder) baseline(ctx context.Context, base Base, m making) (bl *Baseline, hit bool, err error) {
	key := m.key
	if bl, err := b.openBaseline(base, key); err == nil {
		return bl, true, nil
	}
	unlock, err := b.Store.Lock(ctx, kindBaseline+"-"+key)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if bl, err := b.openBaseline(base, key); err == nil {
		return bl, true, nil
	}
	if RequestsRust(base.Options) {
		if err := base.Tree.CheckRust(); err != nil {
			return nil, false, err
		}
	}
	dir, err := b.Store.Partial(kindBaseline, key)
	if err != nil {
		return nil, false, err
	}
	if err := m.prepare(dir); err != nil {
		return nil, false, errors.Join(err, store.RemoveAll(dir))
	}
	if err := b.makeBaseline(ctx, base, m, dir); err != nil {
		if lasts(err) {
			// Nothing to resume: the same inputs fail again.
			err = errors.Join(err, store.RemoveAll(dir))
		}
		return nil, false, err
	}
	if err := b.Store.Install(dir, kindBaseline, key); err != nil {
		return nil, false, err
	}
	bl, err = b.openBaseline(base, key)
	return bl, false, err
}

func (b *Builder) openBaseline(base Base, key string) (*Baseline, error) {
	dir, ok := b.Store.Lookup(kindBaseline, key)
	if !ok {
		return nil, os.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(dir, "baseline.json"))
	if err != nil {
		return nil, err
	}
	bl := &Baseline{}
	if err := json.Unmarshal(text, bl); err != nil {
		return nil, err
	}
	bl.Base, bl.Dir = base, dir
	return bl, nil
}

// makeBaseline fills dir: configure, compare, make, compare again, and take the
// environment of a module's recipes.
func (b *Builder) makeBaseline(ctx context.Context, base Base, m making, dir string) (err error) {
	build := filepath.Join(dir, "build")
	if err := os.MkdirAll(build, 0o755); err != nil {
		return err
	}
	logPath := filepath.Join(dir, "make.log")
	logFile, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer logFile.Close()
	var last int
	if m.steps != "" { // how many it was the last time is the best guess
		b.Store.Get("steps", m.steps, &last)
	}
	task := b.Sink.Start(m.title(base), progress.Objects, int64(last))
	defer func() { task.Done(err) }()
	out := &makeLog{Log: logFile, Task: task}
	start := time.Now()

	task.Status("configure")
	if err := b.configure(ctx, base, build, out); err != nil {
		return b.blame(ctx, "baseline (configure)", err, logPath)
	}
	if err := b.compare(ctx, base, build, "configuring"); err != nil {
		return err
	}
	// The default goal: the kernel and all configured modules.
	if err := b.run(ctx, base.makeIn(build, "baseline of "+base.Tree.Name, out, Request{}.jobs())); err != nil {
		return b.blame(ctx, "baseline", err, logPath)
	}
	if err := b.compare(ctx, base, build, "building"); err != nil {
		return err
	}

	bl := Baseline{Key: m.key, From: m.over, Seconds: time.Since(start).Seconds(), Steps: out.Steps}
	task.Status("take the environment of a module's recipes")
	if env, err := b.captureEnv(ctx, base, build); err == nil {
		bl.Env, bl.Direct = env, true
	} else if ctx.Err() != nil {
		return err
	} else {
		b.Sink.Note("modules of this tree are built by its top Makefile, which is slower: " + err.Error())
	}
	if m.check != nil {
		task.Status("check who made what")
		if err := m.check(build); err != nil {
			return err
		}
	}
	if bl.Linux, err = store.SumFile(filepath.Join(build, "linux")); err != nil {
		return err
	}
	config, err := readConfig(build)
	if err != nil {
		return err
	}
	bl.Config = config.Digest()
	record, err := json.MarshalIndent(bl, "", " ")
	if err != nil {
		return err
	}
	if m.steps != "" {
		if err := b.Store.Put("steps", m.steps, out.Steps); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "baseline.json"), record, 0o644)
}
