package sample

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestRustSamples(t *testing.T) {
	tree := samplesTree()
	tree["samples/rust/Makefile"] = &fstest.MapFile{Data: []byte("obj-$(CONFIG_SAMPLE_LOOP) += loop.o\nobj-m += plain.o\nobj-$(CONFIG_SAMPLE_RUST_CONFIGFS) += rust_configfs.o\nsubdir-$(CONFIG_X) += hostprogs\n")}
	samples, err := Rust(tree)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct{ Name, Target, Option, Last string }
	var got []seen
	for _, s := range samples {
		got = append(got, seen{s.Name, s.Target, s.Option, s.Options[len(s.Options)-1].String()})
	}
	want := []seen{ // in the order of the Makefile, and none of samples/kobject
		{"loop", "samples/rust/loop.ko", "CONFIG_SAMPLE_LOOP", "CONFIG_SAMPLE_LOOP=y"},
		{"plain", "samples/rust/plain.ko", "", "CONFIG_SAMPLES_RUST=y"},
		{"rust_configfs", "samples/rust/rust_configfs.ko", "CONFIG_SAMPLE_RUST_CONFIGFS", "CONFIG_SAMPLE_RUST_CONFIGFS=m"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if samples, err := Rust(fstest.MapFS{"samples/Kconfig": {}}); err != nil || len(samples) > 0 {
		t.Errorf("a tree without: %v, %v", samples, err)
	}
}
