package propose

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/kmsg"
	"umlab/harness/outcome"
	"umlab/harness/pattern"
	"umlab/harness/prefix"
	"umlab/harness/sample"
	"umlab/harness/scenario"
)

// Known is what umlab has for the facts of a report.
type Known struct {
	Name          string   // of the scenario
	Tree          string   // and what is to be said of why it is this one
	TreeSaid      []string // a sentence each
	Toolchain     string
	ToolchainSaid []string
	UsualChain    string // a toolchain that is known to build Tree; "" for none but Toolchain

	Looked  bool                     // the tree was looked at
	Modules map[string]sample.Module // that the tree can make, of those that were asked for
	Runs    *sample.Module           // what has Facts.Suite; nil where that is not known
	Autorun bool                     // whether suites run at boot is an option of the tree's

	Options     []kconfig.Option // of the report, that matter and that Kconfig takes
	OptionsSaid []string
	Culprit     bool // the patches bring the bug about, and do not mend it
}

// Claim is what the report proves, and what a run of the scenario has to show.
type Claim struct {
	Module, Step string // in the scenario; one of the two, neither of a build
	Stands       string // the module of the report that Module stands in for; "" for itself
	Placement    string // "" for any
	Outcome      outcome.Outcome
	Kinds        []outcome.Kind // that may be meant, where it is not one alone
	Said         *regexp.Regexp // of a build that failed: the message
	Line         string         // that proves it
}

// Scenario is the text of a scenario, with what belongs beside it.
type Scenario struct {
	Text   []byte
	Beside map[string][]byte // by path, relative to the scenario's directory
	Claims []Claim
	Own    []string // modules of the report that are not the tree's: without them it shows nothing of them
}

// Modules of a tree that scenarios are held against: one that loads, and one whose init always fails with EAGAIN.
const (
	rustModule = "rust_minimal"
	loads      = "test_xarray"
	fails      = "percpu_test"
)

// Asked are the modules and targets that a tree should be asked for.
func (f *Facts) Asked() (names []string) {
	for _, m := range f.Modules {
		names = append(names, m.Name)
	}
	for _, c := range f.Commands {
		name, _ := c.module()
		names = append(names, name)
	}
	for _, p := range f.Patches {
		for _, file := range p.Paths {
			if ext := path.Ext(file); ext == ".c" || ext == ".rs" {
				names = append(names, scenario.ModuleName(strings.TrimSuffix(file, ext)+".o"))
			}
		}
	}
	names = append(names, rustModule, loads, fails)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
}

// Name is a name for the scenario.
func (f *Facts) Name() string {
	name := "report"
	switch {
	case f.Build != nil:
		name = "build-" + f.Build.Tool + "-" + path.Base(cmp.Or(f.Build.Step, "failed"))
	case len(f.Modules) > 0:
		m := f.Modules[0]
		if name = m.Name + "-" + string(m.Outcome.Kind); m.Outcome.Relocation != nil {
			name += "-" + m.Outcome.Relocation.Bare()
		}
	case f.Suite != "":
		name = "kunit-" + f.Suite
	case len(f.Patches) > 0:
		name = "patch-" + strings.TrimSuffix(f.Patches[0].File, ".patch")
	case f.Config:
		name = "config-" + cmp.Or(f.Kernel.Value, "of-report")
	}
	name = strings.Trim(unfit.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return cmp.Or(strings.Trim(name[:min(len(name), 60)], "-"), "report")
}

var whole = pattern.New(`whole: ("(?:[^"\\]|\\.)*")`)

// proof is the line that proves an outcome, whole where it was wrapped.
func proof(o outcome.Outcome) string {
	if m := whole.FindStringSubmatch(o.Detail); m != nil {
		if text, err := strconv.Unquote(m[1]); err == nil {
			return clean(text)
		}
	}
	return clean(o.Evidence)
}

// relocates reports whether an outcome is about relocations of x86.
func relocates(o outcome.Outcome) bool {
	const most = 42 // R_X86_64_REX_GOTPCRELX
	return o.Relocation != nil && o.Relocation.Type <= most &&
		(o.Kind == outcome.RelocationUnknown || o.Kind == outcome.RelocationOverflow || o.Kind == outcome.LoadedCorrupt)
}

// writer writes a scenario.
type writer struct {
	*Facts
	Known
	bytes.Buffer
	out  *Scenario
	rust bool
	mods []sample.Module // in the order to load them
	said []string        // comments in the place of modules that are not there
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.Buffer, format+"\n", args...) }

// note writes comments, wrapped.
func (w *writer) note(sentences ...string) {
	for _, s := range sentences {
		const width = 100
		line := "#"
		for _, word := range strings.Fields(clean(s)) {
			if len(line)+1+len(word) > width && line != "#" {
				w.line("%s", line)
				line = "#"
			}
			line += " " + word
		}
		w.line("%s", line)
	}
}

// quote is a string of TOML.
func quote(s string) string { return strconv.Quote(clean(s)) }

// Propose writes the scenario.
func Propose(f *Facts, k Known) *Scenario {
	w := &writer{Facts: f, Known: k, out: &Scenario{Beside: map[string][]byte{}}}
	w.choose()
	w.head()
	w.options()
	if f.Build == nil {
		w.axes()
		w.modules()
		w.steps()
	} else {
		w.line("\n[build]\ngoal = %s", quote(w.goal()))
	}
	w.controls()
	w.expect()
	w.out.Text = w.Bytes()
	return w.out
}

// choose settles which modules of the tree the scenario has, and what it claims.
func (w *writer) choose() {
	add := func(name string) bool {
		m, ok := w.Known.Modules[name]
		if ok && !w.has(m.Name) {
			w.mods = append(w.mods, m)
		}
		return ok
	}
	why := func(name string) string {
		if !w.Looked {
			return fmt.Sprintf("Whether %s is a module of the tree was not looked up, for the tree is not on this machine.", name)
		}
		return fmt.Sprintf("%s is none of the tree's modules.", name)
	}
	for _, m := range w.Facts.Modules {
		c := Claim{Module: m.Name, Outcome: m.Outcome, Line: proof(m.Outcome)}
		if _, tool := kmsg.ToolOf(prefix.Any(m.Outcome.Evidence).Text); tool && m.Outcome.Kind == outcome.InsmodFailed {
			c.Kinds = []outcome.Kind{outcome.InsmodFailed, outcome.InitFailed}
		}
		switch {
		case m.Name == "":
			c.Step = "boots"
			if m.Outcome.Kind != outcome.BootFailed && len(w.Commands) > 0 {
				c.Step = "" // of the last command, see steps
			}
		case add(m.Name):
			if w.Known.Modules[m.Name].Rust() {
				w.rust = true
			}
		case relocates(m.Outcome) && w.claimed(rustModule):
			w.said = append(w.said, why(m.Name)+" What it showed is left to who has its source: -modules=./"+m.Name+", its directory.")
			w.out.Own = append(w.out.Own, m.Name)
			continue
		case relocates(m.Outcome):
			w.rust = true
			w.said = append(w.said, why(m.Name)+fmt.Sprintf(" A guess: it is written in Rust, for C code of a kernel has no such relocations, "+
				"and any module that rustc makes shows the same; %s stands in for it. To try %s itself: -modules=./%s, its directory.",
				rustModule, m.Name, m.Name))
			c.Module, c.Stands = rustModule, m.Name
			if !w.has(rustModule) {
				w.mods = append(w.mods, w.shipped(rustModule))
			}
		default:
			w.said = append(w.said, why(m.Name)+" With its source at hand, give that directory: -modules=./"+m.Name+
				". Where the tree makes it under another name, write:", "[[module]]", "name = "+quote(m.Name), `path = "DIRECTORY/NAME.ko"`)
			w.out.Own = append(w.out.Own, m.Name)
			continue
		}
		w.out.Claims = append(w.out.Claims, c)
	}
	for _, c := range w.Commands { // modules that the log loads before
		if name, verb := c.module(); verb == "insmod" {
			add(name)
		}
	}
	for _, p := range w.Patches {
		for _, file := range p.Paths {
			if path.Ext(file) == ".c" || path.Ext(file) == ".rs" {
				m, ok := w.Known.Modules[scenario.ModuleName(strings.TrimSuffix(file, path.Ext(file))+".o")]
				if ok && path.Dir(m.Target) == path.Dir(file) && w.Build == nil {
					add(m.Name)
				}
			}
		}
	}
	w.rust = w.rust || slices.ContainsFunc(w.mods, sample.Module.Rust) ||
		slices.ContainsFunc(w.Facts.Options, func(o kconfig.Option) bool { return o.Name == "CONFIG_RUST" && o.Value == "y" }) ||
		w.Build != nil && (w.Build.Tool == "rustc" || w.Build.Tool == "bindgen" || strings.HasPrefix(w.Build.Step, "rust/")) ||
		w.Facts.Suite == doctests || slices.ContainsFunc(w.Patches, Patch.rust)
}

// rust reports whether a patch changes Rust code or its flags.
func (p Patch) rust() bool {
	return bytes.Contains(p.Text, []byte("RUST")) ||
		slices.ContainsFunc(p.Paths, func(f string) bool { return strings.HasPrefix(f, "rust/") || path.Ext(f) == ".rs" })
}

// doctests is the suite of the documentation of crate kernel.
const doctests = "rust_doctests_kernel"

// shipped is a module that the trees of configs/ have.
func (w *writer) shipped(name string) sample.Module {
	if m, ok := w.Known.Modules[name]; ok {
		return m
	}
	return sample.Module{Name: name, Target: map[string]string{
		rustModule: "samples/rust/rust_minimal.ko", loads: "lib/test_xarray.ko", fails: "lib/percpu_test.ko"}[name]}
}

// relocations reports whether the scenario is of modules that the loader refuses for a relocation.
func (w *writer) relocations() bool {
	return slices.ContainsFunc(w.out.Claims, func(c Claim) bool { return c.Module != "" && relocates(c.Outcome) })
}

func (w *writer) title() string {
	switch {
	case w.Build != nil:
		return fmt.Sprintf("%s fails: %s", w.Build.Tool, w.Build.Message)
	case len(w.Facts.Modules) > 0:
		m := w.Facts.Modules[0]
		return fmt.Sprintf("%s: %s", cmp.Or(m.Name, "the kernel"), m.Outcome.Brief())
	case w.Facts.Suite != "":
		return fmt.Sprintf("KUnit: %s of %s fails", w.Test, w.Facts.Suite)
	case len(w.Patches) > 0 && w.Patches[0].Title != "":
		return w.Patches[0].Title
	}
	return "what " + strings.Join(w.Files, ", ") + " is about"
}

// seen says where a report names something.
func seen(f Found) string {
	guess := ""
	if f.Prose {
		guess = ", which a person wrote"
	}
	return fmt.Sprintf("(%s%s: %q)", f.At, guess, f.Line)
}

func (w *writer) head() {
	w.note("Proposed by umlab new from "+strings.Join(w.Files, ", ")+". What is a guess, and what the report does not tell, stands in "+
		"comments.",
		"The keys are described in harness/scenario/doc.go of umlab.")
	w.line("\nschema = %s\nname = %s\ntitle = %s", quote(scenario.Schema), quote(w.Known.Name), quote(cmp.Or(clean(w.title()), "a report")))
	var lines []string
	for _, c := range w.Facts.Modules {
		lines = append(lines, proof(c.Outcome))
	}
	if w.Build != nil {
		lines = append(lines, clean(w.Build.Line))
	}
	if len(lines) > 0 {
		w.note("The line that proves it:")
		w.line("description = %s", quote(strings.Join(lines, " / ")))
	}
	if len(w.Links) > 0 {
		var list []string
		for _, l := range w.Links {
			list = append(list, quote(l))
		}
		w.line("source = [%s]", strings.Join(list, ", "))
	} else {
		w.note(`The report names no commit and no thread. Where there is one: source = ["https://…"]`)
	}
	w.line("")
	w.note(w.TreeSaid...)
	w.line("tree = %s", quote(w.Tree))
	w.note(w.ToolchainSaid...)
	w.line("toolchain = %s", quote(w.Toolchain))
	fragments := []string{scenario.GuestFragment}
	if w.rust {
		fragments = append(fragments, "rust.config", "samples-rust.config")
	}
	w.line("fragments = [%s]", `"`+strings.Join(fragments, `", "`)+`"`)
	w.patches()
}

// patches puts the patches that were given beside the scenario.
func (w *writer) patches() {
	var names []string
	for _, p := range w.Patches {
		name := path.Join(w.Known.Name, p.File)
		w.out.Beside[name] = p.Text
		names = append(names, quote(name))
	}
	switch {
	case len(names) == 0:
	case w.Culprit:
		w.note("The patch brings the bug about, as -patch=culprit said: it is applied to the tree.")
		w.line("patches = [%s]", strings.Join(names, ", "))
	default:
		w.note("A guess: the patch mends the bug, so that it is not applied here; umlab verify shows what it changes. Were it what brings the "+
			"bug about (-patch=culprit):", "patches = ["+strings.Join(names, ", ")+"]")
	}
}

// options writes [kconfig]: what modules need, and what the report has otherwise.
func (w *writer) options() {
	if w.Build == nil {
		w.controlModules()
	}
	var list []kconfig.Option
	have := map[string]bool{}
	add := func(o kconfig.Option) {
		if !have[o.Name] && o.Name != "CONFIG_RUST" && o.Name != "CONFIG_SAMPLES" && o.Name != "CONFIG_SAMPLES_RUST" {
			have[o.Name] = true
			list = append(list, o)
		}
	}
	for _, m := range w.mods {
		if w.rust && strings.HasPrefix(m.Target, "samples/rust/") && (m.Name == rustModule || m.Name == "rust_print") {
			continue // samples-rust.config has them
		}
		for _, o := range m.Options {
			add(o)
		}
	}
	if w.Facts.Suite != "" {
		add(kconfig.Option{Name: "CONFIG_KUNIT", Value: "y"})
		add(kconfig.Option{Name: "CONFIG_KUNIT_DEFAULT_ENABLED", Value: "y"})
		if w.Known.Autorun {
			add(kconfig.Option{Name: "CONFIG_KUNIT_AUTORUN_ENABLED", Value: "y"})
		}
		if w.Known.Runs != nil {
			for _, o := range w.Known.Runs.Options {
				o.Value = "y"
				add(o)
			}
		}
	}
	for _, o := range w.Known.Options {
		add(o)
	}
	if len(list) == 0 && len(w.OptionsSaid) == 0 {
		return
	}
	w.line("")
	w.note(w.OptionsSaid...)
	if len(list) == 0 {
		return
	}
	w.line("[kconfig]")
	for _, o := range list {
		w.line("%s = %s", o.Name, value(o.Value))
	}
}

// value is a value of an option, as [kconfig] has it.
func value(v string) string {
	if text, err := strconv.Unquote(v); err == nil {
		return quote(text)
	}
	if regexp.MustCompile(`^-?\d{1,18}$`).MatchString(v) {
		return v
	}
	return quote(v)
}

// controlModules adds the modules that scenarios are held against, where the tree has them.
func (w *writer) controlModules() {
	names := []string{loads, fails}
	if w.relocations() {
		names = []string{rustModule}
	} else if w.Facts.Suite != "" || len(w.Facts.Modules) == 0 || w.Facts.Modules[0].Name == "" { // it is of no module
		return
	}
	for _, name := range names {
		_, there := w.Known.Modules[name]
		if (there || !w.Looked) && !w.has(name) {
			m := w.shipped(name)
			if !there && name != rustModule {
				m.Options = map[string][]kconfig.Option{
					loads: {{Name: "CONFIG_RUNTIME_TESTING_MENU", Value: "y"}, {Name: "CONFIG_TEST_XARRAY", Value: "m"}},
					fails: {{Name: "CONFIG_PERCPU_TEST", Value: "m"}}}[name]
			}
			w.mods = append(w.mods, m)
		}
	}
}

// axes writes what varies.
func (w *writer) axes() {
	placements := []string{}
	if w.placed() {
		placements = append(placements, "report")
	}
	if w.relocations() {
		placements = append(placements, "low", "high")
		w.line("")
		w.note("The outcome is about relocations: which models of rustc's avoid it?")
		w.line("[axes]\nrelocation-model = [\"pie\", \"static\"]\ncode-model = [\"small\", \"kernel\", \"large\"]\nscope = [\"module\"]")
	} else {
		if len(placements) == 0 {
			placements = append(placements, "low")
			w.line("")
			w.note("The report does not say how much memory the machine had: low is mem=64M.")
		} else {
			w.line("")
		}
		w.line("[axes]")
	}
	w.line("placement = [%s]", `"`+strings.Join(placements, `", "`)+`"`)
}

// modules writes what is loaded.
func (w *writer) modules() {
	if len(w.said) > 0 {
		w.line("")
		w.note(w.said...)
	}
	for _, m := range w.mods {
		w.line("\n[[module]]\nname = %s\npath = %s", quote(m.Name), quote(m.Target))
		switch m.Name {
		case loads:
			w.line(`output = '^XArray: \d+ of \d+ tests passed$'`)
		case fails:
			w.line(`output = '^percpu test done$'`)
		case rustModule:
			w.line(`output = '^rust_minimal: Rust minimal sample \(init\)'`)
		default:
			w.line("output = %s # that the built module has", quote(scenario.OutputBuilt))
		}
		for _, c := range w.Commands {
			if name, verb := c.module(); name == m.Name && verb == "insmod" && len(c.params()) > 0 {
				w.params(c.params())
				break
			}
		}
	}
	if w.placed() {
		w.line("")
		w.note("The command line of the report's kernel " + seen(w.Mem) + ".")
		w.line("[[placement]]\nname = \"report\"\nmem = %s", quote(strings.ToUpper(w.Mem.Value)))
	} else if w.Mem.Value != "" {
		_, err := scenario.ParseMem(w.Mem.Value)
		w.note(fmt.Sprintf("The report's kernel had mem=%s %s, which is no amount that umlab boots: %v", w.Mem.Value, seen(w.Mem), err))
	}
}

// placed reports whether the scenario has the placement "report", for the report says how much memory the kernel had.
func (w *writer) placed() bool {
	_, err := scenario.ParseMem(w.Mem.Value)
	return err == nil
}

func (w *writer) params(list []string) {
	var quoted []string
	for _, p := range list {
		if scenario.ValidParam(p) {
			quoted = append(quoted, quote(p))
		}
	}
	if len(quoted) > 0 {
		w.line("params = [%s]", strings.Join(quoted, ", "))
	}
}
