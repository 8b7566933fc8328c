package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"umlab/harness"
	"umlab/harness/kmake"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/usage"
)

// newTarget makes a target. form is its arguments as help shows them; its flags are added to what is returned.
func (a *App) newTarget(name, form, short, long string, args cobra.PositionalArgs) *target {
	c := &cobra.Command{Use: words(name, form), Short: short, Long: long, Args: args, DisableFlagsInUseLine: true}
	c.ValidArgsFunction = cobra.NoFileCompletions
	return &target{app: a, Command: c}
}

// exactly wants as many arguments as it names.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage.Errorf("%s needs %s: %s (%s -h)", c.Name(), strings.Join(names[len(args):], " and "), c.UseLine(), c.CommandPath())
		case len(args) > len(names):
			return extra(c, args[len(names)])
		}
		return nil
	}
}

// extra refuses an argument that nothing takes.
func extra(c *cobra.Command, arg string) error {
	hint := "flags begin with a hyphen"
	if name, value, ok := strings.Cut(arg, "="); ok && lookup(c, name) != nil {
		hint = "for the flag, write -" + name + "=" + value
	} else if n := usage.Nearest(arg, flagNames(c)); n != "" {
		hint = "did you mean the flag -" + n + "?"
	}
	return usage.Errorf("%s takes no argument %q: %s (%s -h)", c.Name(), arg, hint, c.CommandPath())
}

// run is what targets of the scenario, the tree and the toolchain share.
type run struct {
	harness.MatrixOptions
	trees, toolchains []string
	aslr              string
}

// runFlags adds the flags that choose what is run.
func (t *target) runFlags(r *run) {
	t.one(&r.Scenario, flag{name: "scenario", takes: "NAME", path: true, offers: t.app.scenarios,
		means: "the bug: a scenario that umlab knows, or the path of a TOML file; default unknown-rela-relocation"})
}

const (
	meansTree      = "the kernel: a name, a directory, DIRECTORY#REF, git+https://…#REF, or a tarball"
	meansToolchain = "the compilers: a name, or one of a series, debian-rustc:1.96.1"
	theScenarios   = "; default: the scenario's"
)

// trees and oneTree add the flag of a target that works with some trees, or with one; means is what help says of it.
func (t *target) trees(to *[]string, means string) {
	t.list(to, flag{name: "tree", also: "trees", takes: "TREE,…", path: true, offers: t.app.trees, means: means})
}

func (t *target) oneTree(to *string, means string) {
	t.one(to, flag{name: "tree", also: "trees", takes: "TREE", path: true, offers: t.app.trees, means: means})
}

// toolchains and oneToolchain are the same of toolchains.
func (t *target) toolchains(to *[]string, means string) {
	t.list(to, flag{name: "toolchain", also: "toolchains", takes: "NAME,…", offers: t.app.toolchains, means: means})
}

func (t *target) oneToolchain(to *string, means string) {
	t.one(to, flag{name: "toolchain", also: "toolchains", takes: "NAME", offers: t.app.toolchains, means: means})
}

// compiler adds the flags that say how the C side is built, and for which machine.
func (t *target) compiler(r *run) {
	t.text(&r.Compiler, flag{name: "compiler", takes: "NAME", choices: func() []string { return []string{kmake.Clang, kmake.GCC} },
		means: "what builds the C side; default: what the tree was made for"})
	t.text(&r.Subarch, flag{name: "subarch", takes: "NAME", choices: t.app.subarches,
		means: "SUBARCH of the kernel: i386 is User-Mode Linux of 32 bits; default x86_64"})
}

func (t *target) scope(r *run) {
	t.list(&r.Select.Scope, flag{name: "scope", also: "scopes", takes: "SCOPE,…", offers: fixed(scenario.Scopes()...),
		means: "which Rust objects get the flags: RUSTFLAGS_MODULE, RUSTFLAGS_KERNEL, KRUSTFLAGS; default: the scenario's"})
}

func (t *target) cells(r *run) {
	t.list(&r.Select.Cells, flag{name: "cells", also: "cell", takes: "CELL,…", offers: t.app.cells,
		means: "only these variants, or others that rustc knows: stock, static-*@module, pic-large; default: the scenario's"})
}

func (t *target) axes(r *run) {
	t.texts(&r.Select.Axes, flag{name: "axis", also: "axes", takes: "NAME=VALUE,…", offers: fixed(scenario.AxisNames()...),
		means: "one more thing that varies, or other values for one; - leaves it as the tree has it: KCFLAGS=-O1,-; may be given again; " +
			"default: the scenario's axes"})
}

// spread takes out of the axes what has a flag of its own: mem= makes placements, toolchain= and tree= make columns.
func (r *run) spread() (several bool, err error) {
	flags := map[string]struct {
		to *[]string
		as string // for example
	}{"mem": {&r.Select.Mem, "512M,1G"}, "toolchain": {&r.toolchains, "trixie,sid"}, "tree": {&r.trees, "debian-6.12,debian-7.3"}}
	var errs []error
	r.Select.Axes = slices.DeleteFunc(r.Select.Axes, func(axis string) bool {
		name, list, _ := strings.Cut(axis, "=")
		flag, own := flags[name]
		if !own {
			return false
		}
		if list == "" {
			errs = append(errs, usage.Errorf("-axis=%s: write its values behind it, as in -axis=%s=%s", axis, name, flag.as))
			return true
		}
		for _, value := range strings.Split(list, ",") {
			if _, err := scenario.ParseMem(value); name == "mem" && err != nil {
				errs = append(errs, usage.Errorf("-axis=%s: %w", axis, err))
			}
			*flag.to = append(*flag.to, value)
		}
		several = several || name != "mem"
		return true
	})
	return several, usage.Join(errs...)
}

// placements adds where modules land; a target about one cell has one.
func (t *target) placements(r *run, single bool) {
	name, also, takes, means := "placements", "placement", "NAME,…", "where modules land; default: the scenario's"
	if single {
		name, also, takes, means = "placement", "placements", "NAME", "where modules land; the same as behind CELL:"
	}
	t.list(&r.Select.Placements, flag{name: name, also: also, takes: takes, offers: t.app.placements, means: means})
	t.list(&r.Select.Mem, flag{name: "mem", takes: "SIZE,…", means: "other amounts of memory, each a placement of its own: 512M,768M"})
	t.text(&r.aslr, flag{name: "aslr", takes: "on|off", choices: func() []string { return []string{"on", "off"} },
		means: "address randomisation of the host; default: as the placement says"})
}

func (t *target) modules(r *run, output bool) {
	t.list(&r.Select.Modules, flag{name: "modules", also: "module", takes: "MODULE,…", path: true, offers: t.app.modules,
		means: "only these: of the scenario, samples of the tree, all, targets x/y.ko, directories ./hello; default: the scenario's"})
	if output {
		t.text(&r.Select.Output, flag{name: "output", takes: "REGEXP",
			means: "what init of a module of yours prints, none for nothing; default: what umlab reads from the module"})
	}
}

func (t *target) fragments(r *run) {
	t.list(&r.Fragments, flag{name: "fragment", also: "fragments", takes: "FILE,…", path: true,
		means: "kernel options, CONFIG_X=y a line, merged over the scenario's; default: none"})
}

func (t *target) repeat(r *run) {
	t.number(&r.Select.Confidence, 1, flag{name: "confidence", takes: "PERCENT",
		means: "in place of -repeat=: boots until the rate of each outcome is known " +
			"to 10 points more or less with this confidence (Wilson); 16 to 93 boots at 95"})
	t.number(&r.Select.Repeat, 1, flag{name: "repeat", takes: "N", means: "boots of each cell at each placement; default 1"})
}

func (t *target) jobs(to *int) {
	t.number(to, 1, flag{name: "jobs", takes: "N", once: true, means: "CPUs to use; default: all"})
}

func (t *target) fresh(to *bool) {
	t.toggle(to, flag{name: "fresh", means: "build the variants and boot them again; tree, toolchain and the kernel below them stay"})
}

func (t *target) watch(to *bool) {
	t.toggle(to, flag{name: "watch", once: true,
		means: "again, whenever the tree, a module, a fragment or the patch is saved; Ctrl-C ends it"})
}

// file is a form that a result can be had in.
type file struct {
	to          *string
	name, means string
}

// files adds the flags for outputs.
func (t *target) files(list ...file) {
	for _, f := range list {
		t.output(f.to, flag{name: f.name, takes: "FILE", means: f.means + "; - prints it in place of the text"})
	}
}

// Means of the outputs that most targets have.
const (
	asJSON  = "the result as JSON, too"
	asJUnit = "the result as JUnit XML, which CI systems read, too"
	asKTAP  = "the result as KTAP, too"
	asHTML  = "the result as a page, too"
	asMD    = "the result as Markdown, too"
)

// options are the run's, from what the flags of a target say.
func (t *target) options(r *run) harness.MatrixOptions {
	o := r.MatrixOptions
	if r.aslr != "" {
		on := r.aslr == "on"
		o.Select.ASLR = &on
	}
	o.Command = t.command()
	return o
}

// command is how what a target finds is found again: its arguments, and the flags that matter to it.
func (t *target) command() string {
	list := append(strings.Fields(t.app.Program), t.Name())
	list = append(list, t.Flags().Args()...)
	t.Flags().Visit(func(f *pflag.Flag) {
		if d, of := t.app.described[f]; !of || d.once {
			return
		}
		v, _ := f.Value.(*value)
		switch {
		case v != nil && v.every != nil:
			for _, text := range v.every {
				list = append(list, "-"+f.Name+"="+text)
			}
		case f.NoOptDefVal == "" || f.Value.String() != "true":
			list = append(list, "-"+f.Name+"="+f.Value.String())
		default:
			list = append(list, "-"+f.Name)
		}
	})
	return shell.Join(append(list, t.app.added...)...)
}

// stand puts the kernel tree that umlab was called in where no other was named.
func (a *App) stand(tree *string) {
	if a.Developer || *tree != "" {
		return
	}
	for dir := a.Dir; ; dir = filepath.Dir(dir) {
		if version, ok := harness.KernelTree(dir); ok {
			*tree = dir
			a.say = append(a.say, fmt.Sprintf("tree: %s (%s), where umlab was called; -tree= names another", dir, version))
			a.added = append(a.added, "-tree="+dir)
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

// standing is what help says of stand.
func (t *target) standing() string {
	if t.app.Developer {
		return theScenarios
	}
	return "; default: the kernel tree around you, else the scenario's"
}

// fixed offers the same names always.
func fixed(names ...string) func() ([]string, string) {
	return func() ([]string, string) { return names, strings.Join(names, ", ") }
}
