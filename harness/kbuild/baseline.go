package kbuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/progress"
	"umlab/harness/sandbox"
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
	From    string   `json:"from,omitempty"` // the toolchain from whose baseline make went on with another Rust, see Retool; "" if there was none
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
		var broken *BuildError
		var dropped *ConfigError
		var stale *StaleError
		if errors.As(err, &broken) || errors.As(err, &dropped) || errors.As(err, &stale) {
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
		return b.judge(ctx, "baseline (configure)", err, logPath)
	}
	if err := b.compare(ctx, base, build, "configuring"); err != nil {
		return err
	}
	// The default goal: the kernel and all configured modules.
	if err := b.run(ctx, base.makeIn(build, "baseline of "+base.Tree.Name, out, Request{}.jobs())); err != nil {
		return b.judge(ctx, "baseline", err, logPath)
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

// makeIn is a make in the build directory build.
func (b Base) makeIn(build, what string, log io.Writer, args ...string) job {
	return job{what: what, base: b, log: log, mounts: []sandbox.Mount{{Source: build, Target: buildDir}}, args: append(b.Make(), args...)}
}

// configure makes the .config of base in the build directory build.
func (b *Builder) configure(ctx context.Context, base Base, build string, log io.Writer) error {
	if err := os.WriteFile(filepath.Join(build, ".umlab.config"), []byte(kconfig.Text(base.Options)), 0o644); err != nil {
		return err
	}
	return b.run(ctx, base.makeIn(build, "configure "+base.Tree.Name, log, "KCONFIG_ALLCONFIG="+buildDir+"/.umlab.config", "allnoconfig"))
}

// readConfig reads the resolved .config of a build directory.
func readConfig(build string) (kconfig.Config, error) {
	text, err := os.ReadFile(filepath.Join(build, ".config"))
	if err != nil {
		return kconfig.Config{}, err
	}
	return kconfig.ParseConfig(".config", text)
}

// compare holds the resolved .config against the requests.
func (b *Builder) compare(ctx context.Context, base Base, build, when string) error {
	resolved, err := readConfig(build)
	if err != nil {
		return err
	}
	dropped := kconfig.Compare(base.Options, resolved)
	if len(dropped) == 0 {
		return nil
	}
	e := &ConfigError{When: when, Dropped: dropped}
	for _, d := range dropped {
		if d.Option.Name != "CONFIG_RUST" {
			continue
		}
		var said bytes.Buffer
		err := b.run(ctx, base.makeIn(build, "make rustavailable", &said, "-s", "rustavailable"))
		if err != nil && said.Len() == 0 {
			said.WriteString(err.Error())
		}
		e.RustAvailable = said.String()
	}
	return e
}

// hookDir is where the external module lies that takes the environment.
const hookDir = "/tmp/umlab-hook"

// captureEnv returns the environment that the top Makefile of a tree exports to
// the recipes of a module. An external module whose Kbuild file asks for it is
// the kernel's own, documented way in.
func (b *Builder) captureEnv(ctx context.Context, base Base, build string) ([]string, error) {
	script := `mkdir ` + hookDir + ` && echo '$(shell env -0 > ` + buildDir + `/.umlab.env)' > ` + hookDir + `/Kbuild && "$@"`
	var said bytes.Buffer
	j := base.makeIn(build, "take the environment of a module", &said, "M="+hookDir, "modules")
	j.args = append([]string{"sh", "-c", script, "sh"}, j.args...)
	if err := b.run(ctx, j); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	raw, err := os.ReadFile(filepath.Join(build, ".umlab.env"))
	if err != nil {
		return nil, err
	}
	return recipeEnv(string(raw))
}

// recipeEnv makes the environment of an in-tree module's recipes out of the one
// that was taken from an external module's.
func recipeEnv(raw string) ([]string, error) {
	var env []string
	for _, kv := range strings.Split(strings.TrimRight(raw, "\x00"), "\x00") {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, fmt.Errorf("%.40q is no NAME=value", kv)
		}
		switch {
		case name == "MAKEFLAGS", name == "MAKELEVEL", name == "MFLAGS", name == "MAKEOVERRIDES", // of that make
			name == "M", strings.HasPrefix(name, "KBUILD_EXTMOD"), name == "extmod_prefix", // of that module
			name == "MODORDER", name == "MODULES_NSDEPS",
			name == "srctree", name == "srcroot", name == "objtree", name == "VPATH", name == "building_out_of_srctree",
			name == "RUSTFLAGS_MODULE", name == "PWD", name == "OLDPWD", name == "_":
			continue
		}
		if strings.Contains(value, hookDir) {
			return nil, fmt.Errorf("%s=%.60s speaks of the module that it was taken with", name, value)
		}
		env = append(env, kv)
	}
	return append(env, "srctree="+srcDir, "srcroot="+srcDir, "objtree=.", "VPATH="+srcDir, "building_out_of_srctree=1", "MODORDER=.modules.tmp"), nil
}
