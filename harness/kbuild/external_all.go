package kbuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/store"
)

// rustSamplesDir is where a tree has its Rust samples.
const rustSamplesDir = samplesDir + "/rust/"

// RustSamples returns the samples that a tree's samples/rust/ makes, in the order
// of its Makefile. Which of them UML can build only Kconfig can tell, see
// Configure.
func RustSamples(tree fs.FS) ([]Sample, error) {
	made, err := samplesOf(tree)
	if err != nil {
		return nil, err
	}
	k, err := readKconfigs(tree)
	if err != nil {
		return nil, err
	}
	var out []Sample
	for _, m := range made {
		if strings.HasPrefix(m.target, rustSamplesDir) {
			out = append(out, k.sample(m))
		}
	}
	return out, nil
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
	build, logPath := filepath.Join(dir, "build"), filepath.Join(dir, "make.log")
	if err := os.Mkdir(build, 0o755); err != nil {
		return kconfig.Config{}, err
	}
	log, err := os.Create(logPath)
	if err != nil {
		return kconfig.Config{}, err
	}
	defer log.Close()
	if err := b.configure(ctx, base, build, log); err != nil {
		return kconfig.Config{}, b.judge(ctx, "configuration", err, logPath)
	}
	c, err := readConfig(build)
	if err != nil {
		return kconfig.Config{}, fmt.Errorf("configure %s: %w", base.Tree.Name, err)
	}
	return c, b.Store.Put(kind, key, c.Canonical())
}
