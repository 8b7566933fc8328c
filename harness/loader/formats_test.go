package loader

import (
	"testing"
	"testing/fstest"
)

// Every message of the loader's files is read, and nothing else.
func TestFormats(t *testing.T) {
	const main = `#include <linux/module.h>
#define PFX "acme: "
#define debug(fmt, ...) printk(KERN_DEBUG fmt, ##__VA_ARGS__)
static void f(struct module *mod)
{
	/* pr_err("in a comment: nothing of it\n"); */
	pr_warn("%s: sealed by %s, "
		"not loaded\n", mod->name, who);
#ifdef CONFIG_ACME
	pr_err(
#else
	pr_notice_once(
#endif
		"%s: has %lu seals of %*phN (0x%lx)\n", mod->name, n, 3, p, v);
	printk(KERN_ERR PFX "no room for \"%s\"\n" KERN_WARNING "%s: going on anyway...\n", mod->name, mod->name);
	pr_info("Only one seal must exist.\n");
	pr_err("%s: %s\n", mod->name, why);
	pr_debug("%s: never printed by default\n", mod->name);
	pr_err(text);
	printk(KERN_DEFAULT "Modules linked in:");
}
`
	const relocate = `#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
void g(void) { pr_err("%s: unsealed relocation: %llu\n", me->name, type); printk(KERN_INFO "relocations are sealed\n"); }
`
	all := Formats(fstest.MapFS{
		"kernel/module/main.c":        {Data: []byte(main)},
		"kernel/module.c":             {Data: []byte(`void h(void) { printk(KERN_ERR "%s: an old seal\n", name); }`)},
		"kernel/module/broken.c":      {Data: []byte("/* pr_err(\"in a file that is broken\")")},
		"kernel/sched.c":              {Data: []byte(`void h(void) { pr_err("something else altogether\n"); }`)},
		"arch/x86/kernel/module.c":    {Data: []byte(relocate)},
		"arch/sparc/kernel/module.c":  {Data: []byte(`void h(void) { pr_err("not the booted architecture\n"); }`)},
		"arch/um/kernel/module.c":     {Data: []byte(`void h(void) { pr_crit("the guest has no seals\n"); }`)},
		"arch/um/kernel/module.c.rej": {Data: []byte(`void h(void) { pr_crit("rejected by the patch\n"); }`)},
	})
	for _, line := range []string{"m: sealed by acme, not loaded", "m: has 3 seals of 0a0b0c (0xff)", `acme: no room for "m"`, "m: going on anyway...",
		"Only one seal must exist.", "subarch: m: unsealed relocation: 9", "relocations are sealed", "m: an old seal", "the guest has no seals"} {
		if _, ok := all.Match(line); !ok {
			t.Errorf("not read: %q", line)
		}
	}
	for _, line := range []string{"m: hello", "Modules linked in:", "m: never printed by default", "in a comment: nothing of it", "something else altogether",
		"not the booted architecture", "rejected by the patch", "m: sealed by acme, not loaded yet", "m: has many seals of 0a (0xff)", "m: unsealed relocation: 9", ""} {
		if args, ok := all.Match(line); ok {
			t.Errorf("%q is taken for the loader's: %q", line, args)
		}
	}
	if len(all) != 9 {
		t.Errorf("%d formats: %+v", len(all), all)
	}
}
