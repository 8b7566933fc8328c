package sample

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestMade(t *testing.T) {
	tree := samplesTree()
	for name, text := range map[string]string{
		"lib/Makefile": `obj-$(CONFIG_TEST_IDA) += test_ida.o
obj-$(CONFIG_LIST_KUNIT_TEST) += list-test.o \
	other-test.o
obj-y += always.o
`,
		"lib/Kconfig.debug": `menuconfig RUNTIME_TESTING_MENU
	bool "Runtime Testing"

if RUNTIME_TESTING_MENU

config TEST_IDA
	tristate "Perform selftest on IDA functions"
	help
	  if you do not know, say N

config LIST_KUNIT_TEST
	tristate "KUnit Test for Kernel Linked-list structures"
	depends on KUNIT

endif # RUNTIME_TESTING_MENU

config AFTER
	tristate "of no menu"
`,
		"lib/list-test.c":                `static struct kunit_suite s = { .name = "list-kunit-test", };`,
		"arch/x86/Makefile":              "obj-$(CONFIG_X) += not_of_um.o\n",
		"drivers/misc/Makefile":          "obj-$(CONFIG_AFTER) += dummy-irq.o\n",
		"Documentation/example/Makefile": "obj-$(CONFIG_X) += documented.o\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	got, err := Made(tree, "test_ida", "kset_example", "dummy_irq", "not_of_um", "documented", "always", "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	for name, m := range got {
		text := m.Target + ":"
		for _, o := range m.Options {
			text += " " + o.String()
		}
		asked[name] = text
	}
	want := map[string]string{
		"test_ida":     "lib/test_ida.ko: CONFIG_RUNTIME_TESTING_MENU=y CONFIG_TEST_IDA=m",
		"dummy_irq":    "drivers/misc/dummy-irq.ko: CONFIG_AFTER=m",
		"kset_example": "samples/kobject/kset-example.ko: CONFIG_SAMPLES=y CONFIG_SAMPLE_KOBJECT=m",
	}
	if d := cmp.Diff(want, asked); d != "" {
		t.Error(d)
	}
	suite, err := Suite(tree, "list-kunit-test")
	if err != nil || suite == nil || suite.Option != "CONFIG_LIST_KUNIT_TEST" || len(suite.Options) != 3 {
		t.Errorf("the suite is of %+v (%v)", suite, err)
	}
	if none, err := Suite(tree, "nobody"); none != nil || err != nil {
		t.Errorf("an unknown suite is of %+v (%v)", none, err)
	}
}
