//go:build mage

// Targets of umlab, see README.md. What they do and which flags they take is described in harness/cli.
//
//mage:multiline
package main

import (
	"os"
	"strconv"

	"umlab/harness"
	"umlab/harness/cli"
)

// The comments of the targets below, which Mage shows, come from the description: go test ./harness/cli -update writes them.
// Mage itself reads flags by the signature of a Go function; here package cli reads the whole command line in its place, but
// for the list of targets.
func init() {
	harness.Init()
	args := os.Args[1:]
	on := func(name string) bool { is, _ := strconv.ParseBool(os.Getenv(name)); return is }
	if len(args) == 0 || args[0] == "-l" || on("MAGEFILE_LIST") {
		return
	}
	if on("MAGEFILE_HELP") {
		args = append([]string{"help"}, args...)
	}
	os.Exit(cli.New(cli.Mage).Main(args))
}

// Matrix builds a kernel in every flag variant, boots each, loads the modules, and prints what happened.
//
//	Usage: go tool mage matrix [flags]
//	With several trees or toolchains, one table has a column for each; a series stands for all its
//	members.
//
//	Flags:
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE,…          the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME,…     the compilers: a name, or one of a series, debian-rustc:1.96.1; in a list,
//	                        all of a series; default: the scenario's (host, host-rust, rustup-nightly,
//	                        rustup-stable, sid, sid-experimental, trixie, trixie-backports, trixie-web;
//	                        series debian-llvm, debian-rustc, debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -scope=SCOPE,…        which Rust objects get the flags: RUSTFLAGS_MODULE, RUSTFLAGS_KERNEL,
//	                        KRUSTFLAGS; default: the scenario's (module, kernel, all)
//	  -cells=CELL,…         only these variants, or others that rustc knows: stock, static-*@module,
//	                        pic-large; default: the scenario's
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placements=NAME,…    where modules land; default: the scenario's (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -output=REGEXP        what init of a module of yours prints, none for nothing; default: what umlab
//	                        reads from the module
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -find=VERDICT         look for the smallest sets of settings that give this verdict, over the axes
//	                        and what else rustc offers (loads, rejected, address-dependent, mixed,
//	                        broken, builds, passes, fails)
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -jobs=N               CPUs to use; default: all
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -watch                again, whenever the tree, a module, a fragment or the patch is saved; Ctrl-C
//	                        ends it
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -junit=FILE           the result as JUnit XML, which CI systems read, too; - prints it in place of
//	                        the text
//	  -ktap=FILE            the result as KTAP, too; - prints it in place of the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func Matrix() {}

// Explain prints one page about a cell: flags, prediction, relocations, console, and how to repeat it by hand.
//
//	Usage: go tool mage explain CELL [flags]
//	CELL is VARIANT@SCOPE, with a placement VARIANT@SCOPE:PLACEMENT: stock, static-small@module:high.
//	Without one, it is the first at which a module is not loaded.
//
//	Flags:
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME       the compilers: a name, or one of a series, debian-rustc:1.96.1; default: the
//	                        scenario's (host, host-rust, rustup-nightly, rustup-stable, sid,
//	                        sid-experimental, trixie, trixie-backports, trixie-web; series debian-llvm,
//	                        debian-rustc, debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placement=NAME       where modules land; the same as behind CELL: (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -output=REGEXP        what init of a module of yours prints, none for nothing; default: what umlab
//	                        reads from the module
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -watch                again, whenever the tree, a module, a fragment or the patch is saved; Ctrl-C
//	                        ends it
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -script=DIRECTORY     the scripts that boot and build it without umlab, too
func Explain() {}

// Boot boots the kernel of a cell, with its modules, and gives you a shell in it.
//
//	Usage: go tool mage boot CELL [flags]
//	CELL is VARIANT@SCOPE, with a placement VARIANT@SCOPE:PLACEMENT: stock, static-small@module:high.
//	Ctrl-C goes to the guest, Ctrl-] ends it; it needs a terminal.
//
//	Flags:
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME       the compilers: a name, or one of a series, debian-rustc:1.96.1; default: the
//	                        scenario's (host, host-rust, rustup-nightly, rustup-stable, sid,
//	                        sid-experimental, trixie, trixie-backports, trixie-web; series debian-llvm,
//	                        debian-rustc, debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placement=NAME       where modules land; the same as behind CELL: (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
func Boot() {}

// Verify shows what a patch changes: the cells before and after it, and a report to be mailed.
//
//	Usage: go tool mage verify PATCH | -range=A..B -tree=DIRECTORY [flags]
//	PATCH is a diff, a mail, an mbox with a series, or - for standard input; -range= takes the commits
//	of your own repository instead.
//
//	Flags:
//	  -range=A..B           the commits A..B of the git repository that -tree= names, in place of PATCH
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchains=NAME,…    the compilers: a name, or one of a series, debian-rustc:1.96.1; each is a
//	                        pair of before and after; default: the scenario's (host, host-rust,
//	                        rustup-nightly, rustup-stable, sid, sid-experimental, trixie,
//	                        trixie-backports, trixie-web; series debian-llvm, debian-rustc,
//	                        debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -matrix               the flag variants too, not only the cell stock
//	  -scope=SCOPE,…        which Rust objects get the flags: RUSTFLAGS_MODULE, RUSTFLAGS_KERNEL,
//	                        KRUSTFLAGS; default: the scenario's (module, kernel, all)
//	  -cells=CELL,…         only these variants, or others that rustc knows: stock, static-*@module,
//	                        pic-large; default: the scenario's
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placements=NAME,…    where modules land; default: the scenario's (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -output=REGEXP        what init of a module of yours prints, none for nothing; default: what umlab
//	                        reads from the module
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -jobs=N               CPUs to use; default: all
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -watch                again, whenever the tree, a module, a fragment or the patch is saved; Ctrl-C
//	                        ends it
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -junit=FILE           the result as JUnit XML, which CI systems read, too; - prints it in place of
//	                        the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func Verify() {}

// Bisect finds where toolchains, trees or commits change from how GOOD is.
//
//	Usage: go tool mage bisect GOOD BAD [flags]
//	GOOD and BAD are versions of the series; with -axis=tree names of trees, and with -tree=DIRECTORY as
//	well commits of it.
//
//	Flags:
//	  -series=NAME          the toolchains to search; default debian-rustc (debian-llvm, debian-rustc,
//	                        debian-snapshot, rust-nightly)
//	  -axis=toolchain|tree  what varies; default toolchain
//	  -cell=CELL            what is looked at, CELL[:PLACEMENT[:MODULE]]; default stock
//	  -until=CONDITION      what is bad: outcomes (loaded, oops), or relocations
//	                        (rust_print:GOTPCREL>0); default: what BAD shows
//	  -fixed                the first good one is looked for: GOOD is the end that is broken, BAD the
//	                        one that is not, and until says how that is
//	  -log=FILE             answers are written there as they come, and taken from there
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME       the compilers: a name, or one of a series, debian-rustc:1.96.1; default: the
//	                        scenario's (host, host-rust, rustup-nightly, rustup-stable, sid,
//	                        sid-experimental, trixie, trixie-backports, trixie-web; series debian-llvm,
//	                        debian-rustc, debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -placements=NAME,…    where modules land; default: the scenario's (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -jobs=N               CPUs to use; default: all
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func Bisect() {}

// Minimise leaves out of a cell all that what it shows does not need, and prints what is left.
//
//	Usage: go tool mage minimise CELL [flags]
//	CELL is VARIANT@SCOPE, with what decides VARIANT@SCOPE:PLACEMENT:MODULE; without that, it is the
//	first module that is not loaded.
//
//	Flags:
//	  -what=KIND,…          only these: settings of the variant, steps, modules, lines of the source of
//	                        modules of yours, options of Kconfig, and those that every guest is given
//	                        (hours); default: all but the last, in this order (settings, steps, modules,
//	                        source, kconfig, guest)
//	  -within=MINUTES       then what is left by that time is printed; default: as long as it takes
//	  -out=DIRECTORY        what is left is written there: the options, your modules, a scenario
//	  -log=FILE             answers are written there as they come, and taken from there
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME       the compilers: a name, or one of a series, debian-rustc:1.96.1; default: the
//	                        scenario's (host, host-rust, rustup-nightly, rustup-stable, sid,
//	                        sid-experimental, trixie, trixie-backports, trixie-web; series debian-llvm,
//	                        debian-rustc, debian-snapshot, rust-nightly)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placement=NAME       where modules land; the same as behind CELL: (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -output=REGEXP        what init of a module of yours prints, none for nothing; default: what umlab
//	                        reads from the module
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -jobs=N               CPUs to use; default: all
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func Minimise() {}

// Runs lists earlier runs, newest first, with what each came to; report shows one again.
//
//	Usage: go tool mage runs [flags]
//	Names may be patterns: debian-*. configs/limits.toml says how many are kept, and clean removes what
//	nobody looked at.
//
//	Flags:
//	  -target=TARGET,…      only of these; default: all (matrix, explain, verify, bisect, zoo, nightly,
//	                        minimise)
//	  -scenario=NAME,…      only of these; default: all (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE,…          only of these; default: all (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME,…     only of these; default: all (host, host-rust, rustup-nightly, rustup-stable,
//	                        sid, sid-experimental, trixie, trixie-backports, trixie-web; series
//	                        debian-llvm, debian-rustc, debian-snapshot, rust-nightly)
//	  -exit=CODE,…          only what ended so; default: all (0, 1, 2, 3)
//	  -most=N               how many, 0 for all; default 20
func Runs() {}

// Report shows an earlier run again, as it was, in any format that it has; nothing is run.
//
//	Usage: go tool mage report RUN [flags]
//	RUN is an ID that runs lists, or its beginning; last is the newest. Without a format, it is printed.
//
//	Flags:
//	  -json=FILE            as JSON; - prints it in place of the text
//	  -junit=FILE           as JUnit XML; - prints it in place of the text
//	  -ktap=FILE            as KTAP; - prints it in place of the text
//	  -html=FILE            as a page; - prints it in place of the text
//	  -md=FILE              as Markdown; - prints it in place of the text
func Report() {}

// History shows when each cell's verdict changed, over all results that were recorded.
//
//	Usage: go tool mage history [flags]
//	Names may be patterns: debian-rustc:*, static-*.
//
//	Flags:
//	  -cell=CELL,…          only these; default: all
//	  -tree=TREE,…          only of these; default: all (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME,…     only of these; default: all (host, host-rust, rustup-nightly, rustup-stable,
//	                        sid, sid-experimental, trixie, trixie-backports, trixie-web; series
//	                        debian-llvm, debian-rustc, debian-snapshot, rust-nightly)
//	  -scenario=NAME,…      only of these; default: all (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -changes              only what changed, without the table
//	  -import=FILE          enter results first, as -json= of matrix or -export= wrote them
//	  -export=FILE          all results, to be imported elsewhere: FILE.json an array, else one a line;
//	                        - prints it in place of the text
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func History() {}

// Zoo runs many scenarios, each where it shows its bug, and prints one table of them.
//
//	Usage: go tool mage zoo [flags]
//	A scenario that is not for a tree, or that a toolchain cannot build, is skipped, and the table says
//	why.
//
//	Flags:
//	  -scenario=NAME,…      only these: names, patterns (rustc-*), or paths of TOML files; default: all
//	                        (bindgen-gcc-16-option, cf-protection-i586, clang-links-pie,
//	                        hostfs-new-mount-api, hostfs-root-directory, kunit-region-intersects,
//	                        lld-relro-not-contiguous, rust-doctest-cpumask, rust-module-other-rustc,
//	                        rust-symbol-not-exported, rustc-core-edition, rustc-custom-target,
//	                        rustc-soft-float-abi, rustc-target-pointer-width, sscanf-field-width,
//	                        test-ida-inverted-result, uml-exitcode-overflow, unknown-rela-relocation)
//	  -tree=TREE,…          the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: each scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME,…     the compilers: a name, or one of a series, debian-rustc:1.96.1; all of a
//	                        series; default: each scenario's (host, host-rust, rustup-nightly,
//	                        rustup-stable, sid, sid-experimental, trixie, trixie-backports, trixie-web;
//	                        series debian-llvm, debian-rustc, debian-snapshot, rust-nightly)
//	  -jobs=N               CPUs to use; default: all
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -fresh                build the variants and boot them again; tree, toolchain and the kernel below
//	                        them stay
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
//	  -junit=FILE           the result as JUnit XML, which CI systems read, too; - prints it in place of
//	                        the text
//	  -ktap=FILE            the result as KTAP, too; - prints it in place of the text
//	  -html=FILE            the result as a page, too; - prints it in place of the text
//	  -md=FILE              the result as Markdown, too; - prints it in place of the text
func Zoo() {}

// Nightly runs what is new in a series, holds it against what was known, bisects what changed, and writes a report.
//
//	Usage: go tool mage nightly [flags]
//
//	Flags:
//	  -series=NAME          the toolchains to watch; default debian-rustc (debian-llvm, debian-rustc,
//	                        debian-snapshot, rust-nightly)
//	  -dir=DIRECTORY        where dated reports go; default: reports/SERIES of the store
//	  -zoo                  then all scenarios as well, each where it shows its bug: zoo.* beside the
//	                        report
//	  -scenario=NAME        the bug: a scenario that umlab knows, or the path of a TOML file; default
//	                        unknown-rela-relocation (bindgen-gcc-16-option, cf-protection-i586,
//	                        clang-links-pie, hostfs-new-mount-api, hostfs-root-directory,
//	                        kunit-region-intersects, lld-relro-not-contiguous, rust-doctest-cpumask,
//	                        rust-module-other-rustc, rust-symbol-not-exported, rustc-core-edition,
//	                        rustc-custom-target, rustc-soft-float-abi, rustc-target-pointer-width,
//	                        sscanf-field-width, test-ida-inverted-result, uml-exitcode-overflow,
//	                        unknown-rela-relocation)
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the scenario's (debian-6.12, debian-7.2, debian-7.3)
//	  -compiler=NAME        what builds the C side; default: what the tree was made for
//	  -subarch=NAME         SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64
//	  -scope=SCOPE,…        which Rust objects get the flags: RUSTFLAGS_MODULE, RUSTFLAGS_KERNEL,
//	                        KRUSTFLAGS; default: the scenario's (module, kernel, all)
//	  -cells=CELL,…         only these variants, or others that rustc knows: stock, static-*@module,
//	                        pic-large; default: the scenario's
//	  -axis=NAME=VALUE,…    one more thing that varies, or other values for one; - leaves it as the tree
//	                        has it: KCFLAGS=-O1,-; may be given again; default: the scenario's axes
//	                        (relocation-model, code-model, CONFIG_X, KCFLAGS, CFLAGS_MODULE,
//	                        CFLAGS_trap.o, param:NAME, compiler, subarch, fragment)
//	  -placements=NAME,…    where modules land; default: the scenario's (low, high, far)
//	  -mem=SIZE,…           other amounts of memory, each a placement of its own: 512M,768M
//	  -aslr=on|off          address randomisation of the host; default: as the placement says
//	  -modules=MODULE,…     only these: of the scenario, samples of the tree, all, targets x/y.ko,
//	                        directories ./hello; default: the scenario's
//	  -fragment=FILE,…      kernel options, CONFIG_X=y a line, merged over the scenario's; default: none
//	  -confidence=PERCENT   in place of -repeat=: boots until the rate of each outcome is known to 10
//	                        points more or less with this confidence (Wilson); 16 to 93 boots at 95
//	  -repeat=N             boots of each cell at each placement; default 1
//	  -jobs=N               CPUs to use; default: all
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
func Nightly() {}

// Classify names the outcome that a saved console log shows, with the line that proves it.
//
//	Usage: go tool mage classify FILE [flags]
//	FILE is a log, a mail or an mbox; - is standard input.
//
//	Flags:
//	  -json=FILE            the result as JSON, too; - prints it in place of the text
func Classify() {}

// New proposes a scenario of what a report says, writes it, and runs it once.
//
//	Usage: go tool mage new FILE… [flags]
//	FILE is a log, a mail, a .config or a patch; several belong to one report. - is standard input.
//
//	Flags:
//	  -name=NAME            what the scenario is called; default: by what the report shows
//	  -dir=DIRECTORY        where it is written; default: your own scenarios/, else where umlab was
//	                        called
//	  -tree=TREE            the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default: the one of configs/ that is nearest to the report's
//	                        (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME       the compilers: a name, or one of a series, debian-rustc:1.96.1; default: one
//	                        with the report's rustc (host, host-rust, rustup-nightly, rustup-stable,
//	                        sid, sid-experimental, trixie, trixie-backports, trixie-web; series
//	                        debian-llvm, debian-rustc, debian-snapshot, rust-nightly)
//	  -patch=fix|culprit    what a patch is: it mends the bug, or brings it about and is applied;
//	                        default fix, a guess
//	  -run                  run it once; default true, -run=false only writes it
//	  -force                write over a scenario of that name
func New() {}

// Fetch asks the archive what it serves now, and fetches trees and toolchains, so that later runs need no network.
//
//	Usage: go tool mage fetch [flags]
//
//	Flags:
//	  -tree=TREE,…          the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a
//	                        tarball; default debian-6.12 (debian-6.12, debian-7.2, debian-7.3)
//	  -toolchain=NAME,…     the compilers: a name, or one of a series, debian-rustc:1.96.1; default
//	                        trixie (host, host-rust, rustup-nightly, rustup-stable, sid,
//	                        sid-experimental, trixie, trixie-backports, trixie-web; series debian-llvm,
//	                        debian-rustc, debian-snapshot, rust-nightly)
func Fetch() {}

// Doctor says whether this machine has what umlab needs, and what to change.
//
//	Usage: go tool mage doctor
func Doctor() {}

// Clean removes from the store what was not used for 30 days; the history stays.
//
//	Usage: go tool mage clean [flags]
//
//	Flags:
//	  -days=N               what was not used for so many days goes; default 30
//	  -keep=SIZE            what was used least recently goes, until no more is left than 20GB, say
//	  -all                  everything goes
//	  -dry-run              only say what would go
func Clean() {}

// Fsck reads all of the store, and throws away what is not what was stored; it is made again when it is asked for.
//
//	Usage: go tool mage fsck [flags]
//	Runs check what they use; this reads every byte. Of the history, what is broken is set aside, and
//	the rest stays.
//
//	Flags:
//	  -dry-run              only say what is wrong
func Fsck() {}

// Worker takes cells from the queue of a fleet, builds and boots them, and answers, until it is ended.
//
//	Usage: go tool mage worker [flags]
//	Ctrl-C gives back what it has. NATS_CREDS names a file of credentials, NATS_CA, NATS_CERT and
//	NATS_KEY files for tls://.
//
//	Flags:
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -jobs=N               CPUs to use; default: all
func Worker() {}

// Queue shows what waits in the queue of a fleet, who works, and what was answered in two ways.
//
//	Usage: go tool mage queue [flags]
//
//	Flags:
//	  -join=URL             workers do it, which take it from the queue of this server, nats://HOST;
//	                        local is this process alone; default: UMLAB_JOIN, else this machine does it
//	                        (local)
//	  -empty                take all tasks out of it; answers stay, and what is being done is finished
func Queue() {}

// Cache lists, reads, or empties the cache that UMLAB_CACHE names.
//
//	Usage: go tool mage cache list|verify|prune [flags]
//	list says what is there, of whom; verify reads every byte; prune removes what was made more than 30
//	days ago.
//
//	Flags:
//	  -days=N               prune: what was made more than so many days ago goes; default 30
//	  -keep=SIZE            prune: what was made first goes, until no more is left than 20GB, say
//	  -all                  prune: everything goes
//	  -others               prune: what is not taken from there goes, too: signed by others, or broken
//	  -dry-run              prune: only say what would go
func Cache() {}

// Install builds the program umlab, which runs in any directory, and puts it where Go installs programs.
//
//	Usage: go tool mage install [flags]
//	With it comes umlab-fleet, which it starts for what several machines do.
//
//	Flags:
//	  -dir=DIRECTORY        where it goes instead; default: GOBIN, else GOPATH/bin
func Install() {}

// Test runs all tests, real builds and boots included.
//
//	Usage: go tool mage test [flags]
//
//	Flags:
//	  -long                 also what takes longer
//	  -short                not what builds and boots
//	  -run=REGEXP           only these tests
func Test() {}

// Bench prints ratios of umlab to the same work done by hand.
//
//	Usage: go tool mage bench [flags]
//
//	Flags:
//	  -cold                 also the way from an empty store
//	  -tree                 instead, what edits of a tree of your own cost
func Bench() {}

// Lint checks the code: gofmt, vet, staticcheck, unused parameters, dead functions, long lines, vulnerabilities.
//
//	Usage: go tool mage lint
func Lint() {}
