package sample

import (
	"errors"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// samplesTree is in the manner of a kernel's samples/.
func samplesTree() fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"samples/Makefile": `# SPDX
obj-$(CONFIG_SAMPLE_KOBJECT)	+= kobject/
obj-$(CONFIG_SAMPLES_RUST)	+= rust/
subdir-$(CONFIG_SAMPLE_HOST)	+= host
obj-y += always/
`,
		"samples/Kconfig": `menuconfig SAMPLES
	bool "Module kernel code"

if SAMPLES

config SAMPLE_KOBJECT
	tristate "Build kobject examples"

config SAMPLE_TRACE
	tristate "Trace"
	depends on EVENT_TRACING && m
	depends on !OFF || NET

source "samples/rust/Kconfig"

endif # SAMPLES
`,
		"samples/kobject/Makefile": "obj-$(CONFIG_SAMPLE_KOBJECT) += kobject-example.o \\\n\tkset-example.o # both\n",
		"samples/always/Makefile":  "obj-$(CONFIG_SAMPLE_TRACE) := trace.o $(more)\nobj-m += plain.o\n",
		"samples/host/Makefile":    "userprogs-always-y += x\n",
		"samples/rust/Makefile":    "obj-$(CONFIG_SAMPLE_RUST_CONFIGFS) += rust_configfs.o\nrust_configfs-y := a.o b.o\nobj-$(CONFIG_SAMPLE_LOOP) += loop.o\n",
		"samples/rust/Kconfig": `menuconfig SAMPLES_RUST
	bool "Rust samples"
	depends on RUST

if SAMPLES_RUST

config SAMPLE_RUST_CONFIGFS
	tristate "Configfs sample"
	depends on CONFIGFS_FS = y
	help
	  depends on nothing that this says

config SAMPLE_LOOP
	bool "A circle"
	depends on SAMPLE_LOOP

endif
`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func TestFindSample(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		options      []string
	}{
		{"kset_example", "samples/kobject/kset-example.ko", []string{"samples/Kconfig:1 CONFIG_SAMPLES=y", "samples/Kconfig:6 CONFIG_SAMPLE_KOBJECT=m"}},
		{"rust_configfs", "samples/rust/rust_configfs.ko", []string{
			"samples/Kconfig:1 CONFIG_SAMPLES=y", "samples/rust/Kconfig:1 CONFIG_RUST=y", "samples/rust/Kconfig:1 CONFIG_SAMPLES_RUST=y",
			"samples/rust/Kconfig:7 CONFIG_CONFIGFS_FS=y", "samples/rust/Kconfig:7 CONFIG_SAMPLE_RUST_CONFIGFS=m"}},
		{"trace", "samples/always/trace.ko", []string{"samples/Kconfig:1 CONFIG_SAMPLES=y", "samples/Kconfig:9 CONFIG_EVENT_TRACING=y", "samples/Kconfig:9 CONFIG_SAMPLE_TRACE=m"}},
		{"plain", "samples/always/plain.ko", []string{"samples/Kconfig:1 CONFIG_SAMPLES=y"}},
		{"loop", "samples/rust/loop.ko", []string{
			"samples/Kconfig:1 CONFIG_SAMPLES=y", "samples/rust/Kconfig:1 CONFIG_RUST=y", "samples/rust/Kconfig:1 CONFIG_SAMPLES_RUST=y", "samples/rust/Kconfig:13 CONFIG_SAMPLE_LOOP=y"}},
	} {
		s, err := Find(samplesTree(), tt.name)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var options []string
		for _, o := range s.Options {
			options = append(options, o.File+":"+strconv.Itoa(o.Line)+" "+o.String())
		}
		if d := cmp.Diff(tt.options, options); s.Target != tt.target || d != "" {
			t.Errorf("%s: %s\n%s", tt.name, s.Target, d)
		}
	}
	_, err := Find(samplesTree(), "rust_minimal")
	var unknown *UnknownError
	want := []string{"kobject_example", "kset_example", "loop", "plain", "rust_configfs", "trace"}
	if !errors.As(err, &unknown) || cmp.Diff(want, unknown.Names) != "" {
		t.Errorf("%v", err)
	}
}
