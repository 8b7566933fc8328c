package propose

import (
	"slices"

	"umlab/harness/kconfig"
	"umlab/harness/pattern"
)

// Of a whole .config, most options are of machines that UML is not, or follow from others. These decide how code is compiled,
// checked and loaded, and which tests there are.
var (
	matters = pattern.New(`^CONFIG_(?:RUST(?:_.*)?|MODULES?(?:_.*)?|MODVERSIONS|KASAN.*|UBSAN.*|KCSAN.*|KFENCE.*|KMSAN.*|DEBUG_.*|` +
		`PROVE_LOCKING|LOCKDEP.*|LOCK_STAT|SLUB_.*|INIT_ON_.*|INIT_STACK_.*|FORTIFY_SOURCE|STACKPROTECTOR.*|CC_OPTIMIZE_.*|LTO_.*|CFI.*|` +
		`RANDSTRUCT.*|KUNIT.*|.*_KUNIT_TEST|PREEMPT.*|STATIC_LINK|UML_.*|HARDENED_.*|PANIC_ON_.*|TRIM_UNUSED_KSYMS|WERROR|KALLSYMS.*|` +
		`STRICT_MODULE_RWX|SAMPLES|SAMPLE_.*|SAMPLES_.*|TEST_.*|RUNTIME_TESTING_MENU|GCOV_.*|FRAME_POINTER|BLOCK|HOSTFS|TMPFS|EXT4_FS)$`)
	follows = pattern.New(`_(?:VERSION|TEXT)$|^CONFIG_(?:HAVE_|ARCH_|CC_HAS_|CC_IS_|RUSTC_|AS_|LD_|TOOLS_SUPPORT_|RUST_IS_AVAILABLE)` +
		`|^CONFIG_DEBUG_INFO|_SUPPORT$`)
)

// Matter are the options of a report that differ from what a kernel has without them and that matter; of a whole .config these
// are some kinds alone. without tells what a kernel has.
func (f *Facts) Matter(without func(name string) string) (list []kconfig.Option) {
	for _, o := range f.Options {
		if follows.MatchString(o.Name) || f.Config && !matters.MatchString(o.Name) || without(o.Name) == o.Value {
			continue
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b kconfig.Option) int { return a.Line - b.Line })
	return list
}
