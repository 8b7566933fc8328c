package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"umlab/harness/kconfig"
)

// Kind is what an axis varies.
type Kind string

// The kinds, by how the name of an axis is written.
const (
	OfRustc    Kind = "rustc"    // relocation-model, -Cpanic, -Zplt: an option of rustc, at a scope
	OfMake     Kind = "make"     // KCFLAGS, CFLAGS_MODULE, CFLAGS_trap.o: a variable of Kbuild, for one object where it names one
	OfKconfig  Kind = "kconfig"  // CONFIG_X
	OfFragment Kind = "fragment" // files of more options
	OfCompiler Kind = "compiler" // clang or gcc
	OfSubarch  Kind = "subarch"  // x86_64 or i386
	OfParam    Kind = "param"    // param:seccomp: a parameter of the kernel's command line
)

// Axis is one thing that varies.
type Axis struct {
	Kind Kind
	Name string // "relocation-model", "KCFLAGS", "CONFIG_X", "seccomp"; the kind where that is all there is to say
	// Prefix of an option of rustc is -C or -Z; "" where only rustc can tell, see Flags.
	Prefix string
}

// Off is the value that leaves an axis as the tree has it.
const Off = "-"

var (
	rustcName = regexp.MustCompile(`^(-[CZ])?([a-z][a-z0-9-]*)$`)
	paramName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	// What of Kbuild carries flags and is recorded in the .cmd files, where it is read back: see Documentation/kbuild/kbuild.rst.
	// What reaches the link of vmlinux is not among them: UML's is by the compiler, with CFLAGS_vmlinux of arch/um/Makefile
	// alone, which a command line would replace, while LDFLAGS_vmlinux stands in the command and goes nowhere.
	makeName = regexp.MustCompile(`^(?:K[CAR][A-Z]*FLAGS|(?:C|A|RUST|LD)FLAGS_(?:MODULE|KERNEL)|(?:C|A|RUST)FLAGS_[A-Za-z0-9_-]+\.o)$`)
	// A value becomes part of an argument that make, its shell and the console pass on.
	axisValue = regexp.MustCompile(`^[A-Za-z0-9_=+,.:/@%-]+( [A-Za-z0-9_=+,.:/@%-]+)*$`)
)

// stable are options of rustc -C that every rustc has had for years, so that none need be asked. See rustc -C help.
var stable = []string{"code-model", "codegen-units", "debug-assertions", "debuginfo", "embed-bitcode", "force-frame-pointers",
	"force-unwind-tables", "inline-threshold", "link-dead-code", "lto", "no-redzone", "opt-level", "overflow-checks", "panic",
	"relocation-model", "relro-level", "soft-float", "symbol-mangling-version", "target-cpu", "target-feature", "tune-cpu"}

// usual are values that axes have although no scenario lists them: those of rustc
// on x86-64 that are about where code may lie.
var usual = []axisValues{
	{Axis{OfRustc, "relocation-model", "-C"}, []string{"static", "pic", "pie"}},
	{Axis{OfRustc, "code-model", "-C"}, []string{"small", "kernel", "medium", "large"}}, // no tiny on x86
}

// AxisNames are how axes are written, for messages and completion.
func AxisNames() (list []string) {
	for _, u := range usual {
		list = append(list, u.axis.Name)
	}
	return append(list, "CONFIG_X", "KCFLAGS", "CFLAGS_MODULE", "CFLAGS_trap.o", "param:NAME", string(OfCompiler),
		string(OfSubarch), string(OfFragment))
}

// ParseAxis reads the name of an axis, as the kinds show it.
func ParseAxis(name string) (Axis, error) {
	param, isParam := strings.CutPrefix(name, "param:")
	rustc := rustcName.FindStringSubmatch(strings.ReplaceAll(name, "_", "-"))
	switch {
	case name == string(OfCompiler), name == string(OfSubarch), name == string(OfFragment):
		return Axis{Kind: Kind(name), Name: name}, nil
	case isParam && paramName.MatchString(param):
		return Axis{Kind: OfParam, Name: param}, nil
	case kconfig.ValidName(name):
		return Axis{Kind: OfKconfig, Name: name}, nil
	case makeName.MatchString(name):
		return Axis{Kind: OfMake, Name: name}, nil
	case rustc != nil && rustc[1] == "" && slices.Contains(stable, rustc[2]):
		return Axis{OfRustc, rustc[2], "-C"}, nil
	case rustc != nil:
		return Axis{OfRustc, rustc[2], rustc[1]}, nil
	}
	return Axis{}, fmt.Errorf("%q is no axis: write an option of rustc, as in -Zplt, or %s", name, strings.Join(AxisNames(), ", "))
}

// same reports whether both are one axis, which only rustc may be able to tell: then they are.
func (a Axis) same(b Axis) bool {
	return a.Kind == b.Kind && a.Name == b.Name && (a.Prefix == b.Prefix || a.Prefix == "" || b.Prefix == "")
}

// String is the name as ParseAxis reads it.
func (a Axis) String() string {
	if a.Kind == OfParam {
		return "param:" + a.Name
	}
	return a.Prefix + a.Name
}

// check says what is wrong with a value of the axis.
func (a Axis) check(value string) error {
	known := a.known()
	switch {
	case value == Off, value == "" && a.Kind == OfParam: // the parameter alone
	case strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("%q is no value of %s: it holds a control character", value, a)
	case a.Kind == OfKconfig, a.Kind == OfFragment && value != "": // any text is a string of Kconfig's
	case len(known) > 0:
		return unknown(a.Name, value, known)
	case !axisValue.MatchString(value):
		return fmt.Errorf("%q is no value of %s: write letters, digits and _=+,.:/@%%-, and %s for none", value, a, Off)
	}
	return nil
}

// known are the values that the axis can have; nil where only a tool can tell.
func (a Axis) known() []string {
	switch a.Kind {
	case OfCompiler:
		return []string{"clang", "gcc"}
	case OfSubarch:
		return slices.Sorted(maps.Keys(machines))
	}
	if i := axisAt(usual, a); i >= 0 {
		return usual[i].values
	}
	return nil
}

// example is two values that the axis may have.
func (a Axis) example() string {
	if known := a.known(); known != nil {
		return strings.Join(known[:2], ",")
	}
	return cmp.Or(map[Kind]string{OfKconfig: "y,n", OfMake: "-O1,-Os", OfFragment: "a.config,b.config"}[a.Kind], "yes,no")
}

// literal reports whether a value is one of Kconfig's own, and no string: y, m, n and 0x hex.
func literal(value string) bool {
	return kconfig.CheckValue(value) == nil && (strings.Contains("ymn", value) || strings.HasPrefix(value, "0x"))
}

// kconfigValue is a value as a fragment has it: what is literal and numbers are
// themselves, all else is a string.
func kconfigValue(value string) string {
	if literal(value) || value != "" && strings.Trim(value, "0123456789") == "" {
		return value
	}
	return kconfig.Quote(strings.Trim(value, `"`))
}

// Setting is an axis at a value.
type Setting struct {
	Axis
	Value string
}

// String is "relocation-model=static".
func (s Setting) String() string { return s.given(s.Axis.String()) }

// given is the setting as who takes it is given it: a parameter of the kernel may have no value.
func (s Setting) given(name string) string {
	if s.Kind == OfParam && s.Value == "" {
		return name
	}
	return name + "=" + s.Value
}

// alone are values that say nothing without the name of their axis.
var alone = regexp.MustCompile(`^(?:[ymn]|yes|no|on|off|true|false|none|[0-9].*)$`)

// label is the setting in the ID of a variant: its value where that speaks for
// itself, else with the axis. It depends on nothing else, so that another axis
// beside it changes no ID.
func (s Setting) label() string {
	value := s.Value
	if s.Kind == OfFragment {
		value = strings.TrimSuffix(path.Base(value), ".config")
	}
	word := unusual.ReplaceAllString(value, "_")
	switch {
	case s.Kind == OfRustc && s.known() != nil, s.Kind == OfCompiler, s.Kind == OfSubarch, s.Kind == OfFragment:
		return word
	case s.Kind == OfMake && !strings.HasSuffix(s.Name, ".o") && !alone.MatchString(word):
		return strings.Trim(word, "-_")
	}
	name := strings.TrimPrefix(s.Name, "CONFIG_")
	if words := strings.Split(name, "-"); s.Kind == OfRustc && len(words) > 2 { // IDs are typed
		name = ""
		for _, w := range words {
			name += w[:min(1, len(w))]
		}
	}
	return strings.TrimSuffix(name+"="+word, "=")
}

// unusual is what a cell's ID does not hold: it is typed in shells and names files.
var unusual = regexp.MustCompile(`[^A-Za-z0-9_.=+-]`)

// Variant is one setting of each axis that it names. What it does not name is the
// tree's own.
type Variant struct {
	ID       string // Stock, "pie-small", "large-plt=no"
	Settings []Setting
}

// newVariant derives the ID. Settings that are Off are left out.
func newVariant(settings ...Setting) Variant {
	set := slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Value == Off || s.Value == "" && s.Kind != OfParam })
	return Variant{cmp.Or(strings.Join(each(set, Setting.label), "-"), Stock), set}
}

// same reports whether two variants set the same, in whatever order.
func (v Variant) same(w Variant) bool {
	return len(v.Settings) == len(w.Settings) && w.has(v)
}

// scoped reports whether the variant has flags of which a scope says where they apply.
func (v Variant) scoped() bool { return len(v.Of(OfRustc)) > 0 }

// Of are the variant's settings of some kinds.
func (v Variant) Of(kinds ...Kind) (settings []Setting) {
	for _, s := range v.Settings {
		if slices.Contains(kinds, s.Kind) {
			settings = append(settings, s)
		}
	}
	return settings
}

// Value is that of a kind and name; "" where the variant leaves it alone.
func (v Variant) Value(kind Kind, name string) string {
	for _, s := range v.Settings {
		if s.Kind == kind && s.Name == name {
			return s.Value
		}
	}
	return ""
}

// requested are settings as they are asked for: "-Crelocation-model=static",
// "KCFLAGS=-O1", "CONFIG_X=y", "seccomp=on"; never nil.
func requested(settings []Setting) []string {
	return each(settings, func(s Setting) string { return s.given(s.Prefix + s.Name) })
}

// Flags are the options of rustc that the variant adds. Each has its prefix, see Resolve.
func (v Variant) Flags() []string { return requested(v.Of(OfRustc)) }

// Requested are all settings as they are asked for.
func (v Variant) Requested() []string { return requested(v.Settings) }

// Params are the parameters that the variant adds to the kernel's command line.
func (v Variant) Params() []string { return requested(v.Of(OfParam)) }

// Base is what of the variant decides the build that it is a fork of: what makes
// another configuration, compiler or SUBARCH. It is empty for most.
func (v Variant) Base() []Setting { return v.Of(OfKconfig, OfFragment, OfCompiler, OfSubarch) }

// Options are the options of Kconfig that the variant sets.
func (v Variant) Options() (f kconfig.Fragment) {
	for _, s := range v.Of(OfKconfig) {
		f.File = "axis " + s.Axis.String()
		f.Options = append(f.Options, kconfig.Option{Name: s.Name, Value: kconfigValue(s.Value), File: f.File})
	}
	return f
}

// sets is one variant for each way to take one value of n of the axes.
func sets(axes []axisValues, n int) (out []Variant) {
	var add func(axes []axisValues, settings []Setting)
	add = func(axes []axisValues, settings []Setting) {
		if len(settings) == n {
			out = append(out, newVariant(settings...))
			return
		}
		for i := 0; len(axes)-i >= n-len(settings); i++ {
			for _, value := range axes[i].values {
				add(axes[i+1:], append(slices.Clip(settings), Setting{axes[i].axis, value}))
			}
		}
	}
	add(axes, nil)
	return out
}

// product is one variant for each way to take one value of every axis.
func product(axes []axisValues) []Variant { return sets(axes, len(axes)) }

// zip is the n-th values of all axes together; they must have equally many.
func zip(axes []axisValues) (out []Variant) {
	for n := range axes[0].values {
		var settings []Setting
		for _, a := range axes {
			settings = append(settings, Setting{a.axis, a.values[n]})
		}
		out = append(out, newVariant(settings...))
	}
	return out
}

// axisValues is an axis with the values that it takes.
type axisValues struct {
	axis   Axis
	values []string
}

// axisAt is where an axis stands in a list, -1 for nowhere.
func axisAt(list []axisValues, a Axis) int {
	return slices.IndexFunc(list, func(one axisValues) bool { return one.axis.same(a) })
}

// MakeVar is an argument of make: a variable of Kbuild that carries flags.
type MakeVar struct {
	Name  string // "RUSTFLAGS_MODULE"
	Flags []string
}

// String is the argument: "RUSTFLAGS_MODULE=-Crelocation-model=pie -Ccode-model=small".
func (m MakeVar) String() string { return m.Name + "=" + strings.Join(m.Flags, " ") }

// MakeVars are the arguments of make that request what the variant sets at its
// scope; nil for stock.
func (c Cell) MakeVars() (vars []MakeVar) {
	add := func(name string, flags ...string) {
		i := slices.IndexFunc(vars, func(v MakeVar) bool { return v.Name == name })
		if i < 0 {
			vars = append(vars, MakeVar{Name: name})
			i = len(vars) - 1
		}
		vars[i].Flags = append(vars[i].Flags, flags...)
	}
	if flags := c.Variant.Flags(); len(flags) > 0 {
		// See KBUILD_RUSTFLAGS_MODULE and KRUSTFLAGS in the tree's Makefile.
		add(cmp.Or(map[string]string{ScopeKernel: "RUSTFLAGS_KERNEL", ScopeAll: "KRUSTFLAGS"}[c.Scope], "RUSTFLAGS_MODULE"), flags...)
	}
	for _, s := range c.Variant.Of(OfMake) {
		add(s.Name, strings.Fields(s.Value)...)
	}
	return vars
}

// ModulesOnly reports whether nothing that the kernel is linked from is built
// otherwise than for stock.
func (c Cell) ModulesOnly() bool {
	return !slices.ContainsFunc(c.MakeVars(), func(v MakeVar) bool { return !strings.HasSuffix(v.Name, "FLAGS_MODULE") })
}
