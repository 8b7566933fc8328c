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
//	patches     = ["some.patch"]         # optional, beside the scenario or in the directory NAME there; applied to the tree in order
//	source      = ["8851e27d2cb9"]       # optional: commits, and https:// addresses of threads, that the bug is known from
//	trees       = ">=6.12, <7.2"         # optional: the kernels that it is for, by make kernelversion; default all
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
//	                                     # "*": a line of those that the built module can print
//	params = ["x=1"]                     # optional, given to insmod
//
//	[[step]]                             # optional: what the guest is given to do, in this order; see below
//	name   = "look"
//	run    = "ls /sys/module"            # the action: one of run, c, read, write, mount, insmod, rmmod, kunit, boot
//	status = 0                           # wanted of the command; default 0
//	output = '^test_xarray$'             # optional regexp of what it prints; ^ and $ match at lines
//	kernel = '^hostfs: '                 # optional regexp of a line that the kernel prints meanwhile
//	within = "5s"                        # optional deadline
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
//	module    = "rust_minimal"           # or step = "look", or of a test of KUnit step = "list-kunit-test/list_test_list_add"
//	patched   = false                    # optional: on the tree without the scenario's patches
//	outcome   = "loaded"                 # and relocation, errno, as in expect
//
//	[[expect]]                           # of several that apply, the last holds
//	cell      = ["stock", "pie-*@module"] # default "*"; without @scope: in every scope
//	placement = "low"                    # default "*"; a name stands for the placement as defined, not as overridden
//	module    = "*"                      # with neither module nor step: all that can have one of the outcomes
//	step      = "list-kunit-test/*"      # names of steps, of tests as "suite/test", and patterns of both
//	kernel    = ">=6.12, <7.2"           # default any; of make kernelversion
//	subarch   = "i386"                   # default any; x86_64 or i386, see -subarch=
//	rustc     = ">=1.91"                 # default any
//	gcc       = ">=16.0"                 # default any; of the toolchain, whichever compiler is used
//	outcome   = "relocation-unknown"     # one or a list of alternatives, of package outcome; never infra
//	relocation = [10, 11]                # optional, with relocation-unknown, relocation-overflow, loaded-corrupt
//	errno     = 22                       # optional, with init-failed, insmod-failed; one or a list
//	verdict   = "rejected"               # optional: of the whole cell, so not beside placement, module or step
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
//	CONFIG_X                          an option of Kconfig, with a value as in [kconfig]
//	fragment                          files with more of them
//	compiler                          clang, gcc
//	param:seccomp                     a parameter of the kernel's command line; with the value "" it stands there alone
//
// CONFIG_X, fragment and compiler make a build of their own, which goes on from the
// nearest; the others fork the scenario's. What was asked for is read back: options
// of rustc from each object, flags of Kbuild from the commands that were run.
//
// # Steps
//
// All steps of a cell are taken in one boot, behind the modules that no step
// loads. Each has one action:
//
//	run    = "echo a | grep b"              # for the guest's shell, busybox's, with all of its applets
//	c      = "poke.c"                       # a program, built statically with the cell's compiler
//	args   = ["x"]                          # of c
//	read   = "/proc/version"                # output is what stands in it
//	write  = { path = "/sys/x", text = "1" }
//	mount  = { type = "hostfs", target = "/mnt", source = "none", options = "/tmp" } # the target is made; source and options are optional
//	insmod = "test_xarray"                  # a [[module]], with those that it needs before it; it stays until a rmmod
//	rmmod  = "test_xarray"
//	kunit  = "list*"                        # suites that ran while the kernel booted; each test has an outcome of its own. They
//	                                        # run with CONFIG_KUNIT, _DEFAULT_ENABLED and, from 6.14 on, _AUTORUN_ENABLED
//	insmod = "list_test"                    # beside kunit: the suites are this module's
//	boot   = true                           # the boot alone
//
// A step is passed if all that is wanted was seen, and failed if it came to its
// end without; insmod has the outcomes of modules instead of failed. A test of
// KUnit that skips itself has no outcome. Behind an oops, a panic, a deadline
// that passed, or the guest's end, no step is taken: that is as expected where the
// former is. What a process prints is no
// line of the kernel, and what the kernel prints is no output. A command is run in
// a shell of its own, from /, with nothing on its standard input; of what it
// changes only the guest is left to the next. insmod, kunit and boot have no
// status and no output.
//
// The files that steps name, and scenarios/NAME/manifest, which says what else the
// guest finds (its format is that of rootfs/manifest, which every guest has), stand
// in scenarios/NAME/.
//
// # A scenario about the build
//
// With [build] nothing is booted: there are no modules, no placements, and outcome is built, build-failed or config-dropped, verdict
// builds or broken.
//
//	[build]
//	goal = "rust/core.o"                 # a target of make: "prepare", "rust/core.o", "all" for the kernel and all modules;
//	                                     # or "M=hello": the modules of the directory scenarios/NAME/hello
//	kernel = "trixie"                    # optional, with M=: the toolchain that made the kernel they are for; default the run's own
//
//	[[control]]                          # the same goal where it is known how it ends
//	name      = "older-rustc-builds"
//	toolchain = "trixie"                 # optional: by another toolchain
//	patched   = false                    # optional: on the tree without the scenario's patches
//	cell      = "stock"                  # default stock
//	outcome   = "built"                  # with what goes with it, as in expect, but for differs
//
//	[[expect]]                           # with cell, kernel, rustc and gcc as above
//	outcome    = "build-failed"
//	message    = '^custom targets'       # optional regexp of the first error of the step that failed, without its place
//	place      = "scripts/target.json"   # optional: file where the error is, or a glob of its last directories, and perhaps :LINE
//	tool       = "rustc"                 # optional: rustc, clang, gcc, modpost, kconfig, objtool, make, or as the message begins
//	# or
//	outcome    = "built"
//	warning    = "unused variable"       # optional regexp of a warning, with place and tool as of an error; built from nothing then
//	no-warning = "."                     # optional regexp of a warning that must not be there
//	differs    = ["linux"]               # optional: files of the build directory that must not be those of the stock cell
//
// A failure is the one that is described only where message, place and tool all fit: what fails otherwise is told as such, is
// never bad in a bisection, and never what a patch is to mend.
//
// # What is always there
//
// The variant stock, the tree with no flag override, is in every scenario. The
// placements low (mem=64M, address randomisation off), high (mem=1G) and far
// (mem=4G) are known to all; high and far leave randomisation as the host has it.
package scenario

const Schema = "umlab.scenario/v1"
