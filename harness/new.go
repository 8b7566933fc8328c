package harness

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/plan"
	"umlab/harness/propose"
	"umlab/harness/result"
	"umlab/harness/sample"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// NewOptions are the arguments of `mage new`.
type NewOptions struct {
	Files     []string // reports: logs, mails, a .config, patches; "-" for Stdin
	Stdin     io.Reader
	Name      string // of the scenario; "" for one that the report suggests
	Dir       string // that it is written to; "" for the user's own scenarios, else the working directory
	Tree      string // "" for the configured one that is nearest to the report's kernel
	Toolchain string // "" for one that has the report's compilers
	Patch     string // what a patch is: "fix" or "culprit"; "" for a guess
	Force     bool   // a file that is there is written over
	Plan      bool   // the scenario is not run
}

// Roles are what a patch can be to a bug.
func Roles() []string { return []string{"fix", "culprit"} }

// New proposes a scenario of what reports say, writes it, and runs it once. The error is an *EndError where the reports prove
// nothing, and then nothing is written, or where the run does not show what they say.
func (l *Lab) New(ctx context.Context, o NewOptions) error {
	facts, err := readReports(o)
	if err != nil {
		return err
	}
	if !facts.Starts() {
		return ended(result.ExitDiffers, "%s", nothingProved(facts))
	}
	known := propose.Known{Name: cmp.Or(o.Name, facts.Name()), Culprit: o.Patch == "culprit"}
	file, err := l.newFile(o, known.Name)
	if err != nil {
		return err
	}
	l.chooseTree(facts, &known, o.Tree)
	l.chooseToolchain(ctx, facts, &known, o.Toolchain)
	if err := usage.Join(l.sources.CheckTree(known.Tree), l.sources.CheckToolchain(known.Toolchain)); err != nil {
		return err
	}
	t, tc, err := l.newSources(ctx, known, o.Plan)
	if err != nil {
		return err
	}
	if err := l.lookUp(facts, &known, t); err != nil {
		return err
	}
	if err := l.newOptions(ctx, facts, &known, t, tc); err != nil {
		return err
	}
	s := propose.Propose(facts, known)
	if err := writeScenario(file, s, o.Force); err != nil {
		return err
	}
	if _, err := l.library().Load(file); err != nil {
		_ = os.Remove(file) // nobody could run it
		return fmt.Errorf("umlab wrote a scenario that it does not read itself, please report it: %w", err)
	}
	fmt.Fprintf(l.stdout, "%s: written, from %s\n", file, strings.Join(facts.Files, ", "))
	again := shell.Join(append(strings.Fields(l.program), "matrix", "-scenario="+file)...)
	if o.Plan {
		fmt.Fprintf(l.stdout, "It was not run. Read its comments, then: %s\n", again)
		return nil
	}
	p, err := l.plan(plan.Flags{Scenario: file, Command: again})
	if err != nil {
		return err
	}
	r, err := l.run(ctx, l.sources, p)
	if err != nil {
		return err
	}
	fmt.Fprintln(l.stdout)
	if err := finish(l, ofMatrix(), r, nil); err != nil {
		return err
	}
	end := judged(s, r)
	fmt.Fprintf(l.stdout, "\n%s\n%s\n", end.sentence, end.next(l.program, file, s))
	return ended(end.code, "%s", end.sentence)
}

// readReports reads what was given.
func readReports(o NewOptions) (*propose.Facts, error) {
	facts := &propose.Facts{}
	for _, file := range o.Files {
		data, err := readLog("new", file, o.Stdin)
		if err != nil {
			return nil, err
		}
		if err := facts.Add(filepath.Base(logName(file)), data); err != nil {
			return nil, usage.Errorf("new %w", err)
		}
	}
	return facts, nil
}

// nothingProved says what is missing.
func nothingProved(f *propose.Facts) string {
	text := fmt.Sprintf("no line of %s proves that something goes wrong, so that no scenario was written", strings.Join(f.Files, ", "))
	for _, u := range f.Unclear {
		text += "\n  seen: " + u
	}
	return text + "\n  needed are the loader's, insmod's or the fault's own lines, the first error of make with its lines of *** behind\n" +
		"  it, or a test of KUnit that is not ok, with its suite; a .config and patches may be given beside, in the same command"
}

var scenarioName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// newFile is where the scenario is to be written; the error is that of one who is in the way.
func (l *Lab) newFile(o NewOptions, name string) (string, error) {
	if !scenarioName.MatchString(name) {
		return "", usage.Errorf("-name=%s is not possible: write lower-case words joined by -", name)
	}
	dir := o.Dir
	switch {
	case dir != "":
		if err := checkDirectory("dir", dir); err != nil {
			return "", err
		}
	case l.options.Own != "":
		dir = filepath.Join(l.options.Own, "scenarios")
	default:
		dir = "."
	}
	file := filepath.Join(dir, name+".toml")
	if _, err := os.Lstat(file); err == nil && !o.Force {
		return "", usage.Errorf("%s is there already: choose another -name=, or -force writes over it", file)
	}
	return file, nil
}

// chooseTree takes the configured tree that is nearest to the report's kernel.
func (l *Lab) chooseTree(f *propose.Facts, k *propose.Known, asked string) {
	versions := map[string]string{}
	for name, t := range l.settings.Trees {
		versions[name] = cmp.Or(t.Package, t.Ref, filepath.Base(t.Tarball), name)
		if t.Package == "" && t.Ref == "" && t.Tarball == "" {
			versions[name] = name
		}
	}
	said := func(format string, args ...any) { k.TreeSaid = append(k.TreeSaid, fmt.Sprintf(format, args...)) }
	where := fmt.Sprintf("(%s: %q)", f.Kernel.At, f.Kernel.Line)
	var same bool
	k.Tree, same = propose.Nearest(versions, l.settings.DefaultTree, f.Kernel.Value)
	switch {
	case asked != "":
		if k.Tree = tree.Absolute(asked); f.Kernel.Value != "" {
			said("The report's kernel is %s %s; -tree= named this one.", f.Kernel.Value, where)
		}
	case f.Kernel.Value == "":
		said("The report names no version of the kernel: this is umlab's usual tree.")
	case same && f.Kernel.Prose:
		said("A guess: somebody wrote of %s %s.", f.Kernel.Value, where)
	case same:
		said("The report's kernel is %s %s.", f.Kernel.Value, where)
	default:
		said("The report's kernel is %s %s, which umlab has no tree of: this is the nearest, another version. -tree= takes others.",
			f.Kernel.Value, where)
	}
}

// askedSoon is how long a source may take to say what it serves: a version is a guess's worth.
const askedSoon = 15 * time.Second

// chooseToolchain takes one that has the report's rustc, as far as one is known or served.
func (l *Lab) chooseToolchain(ctx context.Context, f *propose.Facts, k *propose.Known, asked string) {
	said := func(format string, args ...any) {
		k.ToolchainSaid = append(k.ToolchainSaid, fmt.Sprintf(format, args...))
	}
	k.Toolchain, k.UsualChain = l.settings.DefaultToolchain, l.settings.DefaultToolchain
	wanted, tool := f.Rustc, "rustc"
	if wanted.Value == "" && f.Clang.Value != "" {
		wanted, tool = f.Clang, "clang"
	}
	where := fmt.Sprintf("(%s: %q)", wanted.At, wanted.Line)
	switch {
	case asked != "":
		if k.Toolchain = asked; wanted.Value != "" {
			said("The report's %s is %s %s; -toolchain= named this one.", tool, wanted.Value, where)
		}
		return
	case wanted.Value == "" && f.GCC.Value != "":
		said("The report's kernel was built with gcc %s (%s: %q), and it names no rustc: this is umlab's usual toolchain.", f.GCC.Value,
			f.GCC.At, f.GCC.Line)
		return
	case wanted.Value == "":
		said("The report names no rustc and no clang: this is umlab's usual toolchain.")
		return
	}
	series := map[string]string{"rustc": "debian-rustc", "clang": "debian-llvm"}[tool]
	soon, cancel := context.WithTimeout(ctx, askedSoon)
	defer cancel()
	members, err := l.sources.Series(soon, series)
	if err != nil {
		said("The report's %s is %s %s. What series %s serves could not be asked: this is umlab's usual toolchain, another version.", tool,
			wanted.Value, where, series)
		return
	}
	has := func(version string) bool {
		return version == wanted.Value || strings.HasPrefix(version, wanted.Value+".")
	}
	names := append([]string{k.Toolchain}, slices.Sorted(maps.Keys(l.settings.Toolchains))...)
	for _, name := range names {
		if t := l.settings.Toolchains[name]; t.Host || t.Rustup != "" {
			continue // of this machine alone
		}
		if v := firstVersion.FindString(l.sources.Foretell(ctx, name)[tool]); v != "" && has(v) {
			k.Toolchain = name
			said("The report's %s is %s %s, which this toolchain has.", tool, wanted.Value, where)
			return
		}
	}
	for _, m := range members {
		if has(m.Version) {
			k.Toolchain = m.Name
			said("The report's %s is %s %s, which is served.", tool, wanted.Value, where)
			return
		}
	}
	said("The report's %s is %s %s, which is not served any more: this is umlab's usual toolchain, another version. rustup may have it: "+
		"see configs/toolchains.toml.", tool, wanted.Value, where)
}

var firstVersion = regexp.MustCompile(`\d+\.\d+(?:\.\d+)?`)

// newSources fetches what the run needs; where there is none, it takes what is on this machine, which may be nothing.
func (l *Lab) newSources(ctx context.Context, k propose.Known, only bool) (*tree.Tree, *toolchain.Toolchain, error) {
	if only {
		t, ok := l.sources.Unpacked(ctx, k.Tree)
		if !ok {
			t = nil
		}
		return t, nil, nil
	}
	if err := l.sandboxed(ctx); err != nil {
		return nil, nil, err
	}
	return l.sources.Get(ctx, k.Tree, k.Toolchain)
}

// lookUp asks the tree for the modules of the report.
func (l *Lab) lookUp(f *propose.Facts, k *propose.Known, t *tree.Tree) (err error) {
	if t == nil {
		return nil
	}
	k.Looked = true
	if t.Version != "" && f.Kernel.Value != "" && t.Version != f.Kernel.Value {
		k.TreeSaid = append(k.TreeSaid, "The tree itself is "+t.Version+".")
	}
	if k.Modules, err = sample.Made(t.FS(), f.Asked()...); err != nil || f.Suite == "" {
		return err
	}
	if kunit, err := fs.ReadFile(t.FS(), "lib/kunit/Kconfig"); err == nil {
		k.Autorun = strings.Contains(string(kunit), "config KUNIT_AUTORUN_ENABLED\n")
	}
	k.Runs, err = sample.Suite(t.FS(), f.Suite)
	return err
}

// newOptions takes of the report's options those that its scenario would not have otherwise, and that Kconfig takes.
func (l *Lab) newOptions(ctx context.Context, f *propose.Facts, k *propose.Known, t *tree.Tree, tc *toolchain.Toolchain) error {
	said := func(format string, args ...any) { k.OptionsSaid = append(k.OptionsSaid, fmt.Sprintf(format, args...)) }
	if len(f.Options) == 0 {
		return nil
	}
	if f.Machine != "" && f.Machine != "um" {
		said("The .config is of %s, not of User-Mode Linux.", f.Machine)
	}
	var fragments []kconfig.Fragment
	for _, name := range []string{scenario.GuestFragment, "rust.config", "samples-rust.config"} {
		text, err := fs.ReadFile(l.project, "configs/"+name)
		if err != nil {
			return err
		}
		one, err := kconfig.ParseFragment(name, text)
		if err != nil {
			return err
		}
		fragments = append(fragments, one)
	}
	base, _ := kconfig.Merge(fragments...)
	if t == nil || tc == nil {
		values := map[string]string{}
		for _, o := range base {
			values[o.Name] = o.Value
		}
		k.Options = f.Matter(func(name string) string { return values[name] })
		said("Options of the report that the fragments do not have. Kconfig was not asked whether UML can have them.")
		return nil
	}
	p := &plan.Plan{Options: base}
	on := p.Base(t, tc)
	usual, err := l.builder.Configure(ctx, on)
	if err != nil {
		return err
	}
	wanted := f.Matter(usual.Get)
	on.Options, _ = kconfig.Merge(kconfig.Fragment{Options: base}, kconfig.Fragment{Options: wanted})
	with, err := l.builder.Configure(ctx, on)
	if err != nil {
		return err
	}
	said("Options in which the report differs from what umlab builds.")
	for _, o := range wanted {
		switch got := with.Get(o.Name); {
		case got == o.Value:
			k.Options = append(k.Options, o)
		default:
			said("%s, and Kconfig makes %s of it for UML: left out.", o, got)
		}
	}
	for _, d := range kconfig.Compare(base, with) {
		k.Options = slices.DeleteFunc(k.Options, func(o kconfig.Option) bool { return o.Name == d.Option.Name })
		said("With them, %s, which umlab needs, becomes %s.", d.Option, d.Got)
	}
	return nil
}

// writeScenario writes a scenario with what belongs beside it.
func writeScenario(file string, s *propose.Scenario, force bool) error {
	dir := filepath.Dir(file)
	for name := range s.Beside {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(path); err == nil && !force {
			return usage.Errorf("%s is there already: choose another -name=, or -force writes over it", path)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Beside)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the scenario: %w", err)
		}
		if err := writeTo(nil, path, s.Beside[name]); err != nil {
			return fmt.Errorf("write the scenario: %w", err)
		}
	}
	if err := writeTo(nil, file, s.Text); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	return nil
}
