// Package scenario reads a bug's TOML file into a validated model and turns it
// into the cells to build and boot. It imports kconfig and outcome, reads only
// the file system it is handed, and never builds, boots or judges a run.
//
// # The file
//
// A scenario is scenarios/NAME.toml, of umlab or of the user's configuration, or
// any file that a path names. Unknown keys, wrong types and impossible
// combinations are all reported at once, with file, line, column and what is
// allowed, before any work starts.
//
//	schema      = "umlab.scenario/v1"    # required, as everything down to fragments
//	name        = "my-bug"               # the file's name without .toml
//	title       = "one line"
//	tree        = "debian-6.12"          # default tree, a name of configs/trees.toml
//	toolchain   = "trixie"               # default toolchain, of configs/toolchains.toml
//	fragments   = ["uml.config"]         # of configs/ or beside the scenario; a later one wins
//	description = """more lines"""       # optional
//	patches     = ["some.patch"]         # optional, beside the scenario, applied to the tree in order
//
//	[kconfig]                            # optional: options that need no fragment; they win over all fragments
//	CONFIG_TEST_X = "m"                  # y, m, n, 0x hex, an integer, or any other text as a Kconfig string
//
//	[axes]                               # optional, what varies: any of the axes below
//	relocation-model = ["pie", "static"] # static, pic, pie
//	code-model = ["small", "large"]      # small, kernel, medium, large
//	combine    = "product"               # or "zip": the first values together, the second ones, and so on; default product
//	scope      = ["module"]              # where options of rustc apply: module, kernel, all; default module
//	placement  = ["low", "high"]         # default low, high
//
//	[[exclude]]                          # optional: no variant of the axes with all of this
//	relocation-model = "pie"             # one or a list
//	code-model = "large"
//
//	[[variant]]                          # optional: a single variant beside those of the axes
//	relocation-model = "pic"             # any axes; its id is derived: pic, large, pic-large, pic-plt=no
//	code-model = "medium"
//
//	[[module]]                           # what is loaded, in this order; none for a scenario of configuration only
//	name   = "rust_minimal"              # as /proc/modules shows it
//	path   = "samples/rust/rust_minimal.ko"
//	output = '^rust_minimal: .*\(init\)' # optional regexp of a console line that only init prints; default "^NAME: "
//	params = ["x=1"]                     # optional, given to insmod
//
//	[[placement]]                        # optional: adds one, or overrides keys of low, high or far
//	name   = "tiny"
//	mem    = "32M"                       # required for a new one; bytes, or K, M, G
//	aslr   = false                       # address randomisation of the host left on; default false
//	repeat = 3                           # boots; default 1
//
//	[[control]]                          # a result known beforehand: if it fails, the run proves nothing
//	name      = "known-load"
//	cell      = "static-large"           # without @scope: the first scope of the axes
//	placement = "low"
//	module    = "rust_minimal"
//	outcome   = "loaded"                 # and relocation, errno, as in expect
//
//	[[expect]]                           # of several that apply, the last holds
//	cell      = ["stock", "pie-*@module"] # default "*"; without @scope: in every scope
//	placement = "low"                    # default "*"; a name stands for the placement as defined, not as overridden
//	module    = "*"                      # default "*"
//	kernel    = ">=6.12, <7.2"           # default any; of make kernelversion
//	subarch   = "i386"                   # default any; x86_64 or i386, see -subarch=
//	outcome   = "relocation-unknown"     # one or a list of alternatives, of package outcome; never infra
//	relocation = [10, 11]                # optional, with relocation-unknown, relocation-overflow, loaded-corrupt
//	errno     = 22                       # optional, with init-failed, insmod-failed; one or a list
//	verdict   = "rejected"               # optional: of the whole cell, so not beside placement or module
//	option    = "CONFIG_X"               # optional, with config-dropped: what is dropped
//	got       = "n"                      # optional, with option: what it resolves to, as in [kconfig]
//
// # Axes
//
// An axis is any one thing that varies, and "-" leaves it as the tree has it:
//
//	relocation-model, opt-level, …    an option of rustc -C that every rustc has
//	-Cforce-unwind-tables, -Zplt      any option of rustc, as it is given
//	KCFLAGS, CFLAGS_KERNEL, …         a variable of Kbuild that carries flags; CFLAGS_MODULE reaches modules alone
//	CFLAGS_trap.o, RUSTFLAGS_x.o      likewise, for one object
//	LDFLAGS_vmlinux                   flags of the kernel's link: "-fuse-ld=lld"
//	CONFIG_X                          an option of Kconfig, with a value as in [kconfig]
//	fragment                          files with more of them
//	compiler                          clang, gcc
//	param:seccomp                     a parameter of the kernel's command line
//
// CONFIG_X, fragment and compiler make a build of their own, which goes on from the
// nearest; the others fork the scenario's. What was asked for is read back: options
// of rustc from each object, flags of Kbuild from the commands that were run.
//
// The variant stock, the tree with no flag override, is in every scenario. The
// placements low (mem=64M, address randomisation off), high (mem=1G) and far
// (mem=4G) are known to all; high and far leave randomisation as the host has it.
package scenario

const Schema = "umlab.scenario/v1"
