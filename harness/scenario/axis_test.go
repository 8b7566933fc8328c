package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAxis(t *testing.T) {
	for name, want := range map[string]Axis{
		"relocation-model":  {OfRustc, "relocation-model", "-C"},
		"-Ccode-model":      {OfRustc, "code-model", "-C"},
		"-Ccode_model":      {OfRustc, "code-model", "-C"},
		"-Zplt":             {OfRustc, "plt", "-Z"},
		"plt":               {OfRustc, "plt", ""},
		"CONFIG_RUST_DEBUG": {OfKconfig, "CONFIG_RUST_DEBUG", ""},
		"KCFLAGS":           {OfMake, "KCFLAGS", ""},
		"KRUSTFLAGS":        {OfMake, "KRUSTFLAGS", ""},
		"CFLAGS_MODULE":     {OfMake, "CFLAGS_MODULE", ""},
		"CFLAGS_trap.o":     {OfMake, "CFLAGS_trap.o", ""},
		"param:seccomp":     {OfParam, "seccomp", ""},
		"compiler":          {OfCompiler, "compiler", ""},
		"fragment":          {OfFragment, "fragment", ""},
	} {
		got, err := ParseAxis(name)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		if again, err := ParseAxis(got.String()); err != nil || again != got {
			t.Errorf("%s is written %s, which reads as %+v, %v", name, got, again, err)
		}
	}
	// Variables of make that would leave the sandbox's compilers, run a command, or carry nothing that is read back.
	for _, name := range []string{"", "-", "-C", "CC", "SHELL", "MAKEFLAGS", "O", "KBUILD_EXTMOD", "HOSTCC", "LDFLAGS_vmlinux", "CFLAGS_vmlinux", "CFLAGS_../x.o", "param:", "param:a b", "CONFIG_", "Plt", "rustc:plt"} {
		if a, err := ParseAxis(name); err == nil {
			t.Errorf("%q is an axis: %+v", name, a)
		}
	}
}

func TestVariantIDs(t *testing.T) {
	for want, settings := range map[string][]string{
		"stock":                             {"relocation-model=-"},
		"static-large":                      {"relocation-model=static", "code-model=large"},
		"static-plt=no":                     {"relocation-model=static", "-Zplt=no"},
		"opt-level=0":                       {"opt-level=0"},
		"daed=yes":                          {"-Zdirect-access-external-data=yes"},
		"panic=abort":                       {"panic=abort"},
		"O1":                                {"KCFLAGS=-O1"},
		"fcf-protection=branch":             {"KCFLAGS=-fcf-protection=branch"},
		"CFLAGS_trap.o=-O0_-g":              {"CFLAGS_trap.o=-O0 -g"},
		"RUST_DEBUG_ASSERTIONS=y":           {"CONFIG_RUST_DEBUG_ASSERTIONS=y"},
		"seccomp=on":                        {"param:seccomp=on"},
		"gcc":                               {"compiler=gcc"},
		"debug":                             {"fragment=../x/debug.config"},
		"gcc-static-RUST_DEBUG=y-seccomp=n": {"compiler=gcc", "relocation-model=static", "CONFIG_RUST_DEBUG=y", "param:seccomp=n"},
	} {
		v := variant(t, settings...)
		if v.ID != want || !cellPattern.MatchString(v.ID) {
			t.Errorf("%s: %q, want %q", settings, v.ID, want)
		}
	}
	for _, settings := range []string{"relocation-model=pi", "compiler=tcc", "KCFLAGS=$(reboot)", "KCFLAGS=", "-Zplt=a;b", "param:x=a\nb", "param:x='a'", "CONFIG_X=\"a\nb\""} {
		if v, err := parseVariant(settings); err == nil {
			t.Errorf("%q is variant %q", settings, v.ID)
		}
	}
}

// What the variant sets goes where it bites.
func TestStages(t *testing.T) {
	v := variant(t, "relocation-model=static", "-Zplt=no", "KCFLAGS=-O1 -g", "CFLAGS_MODULE=-g", "CONFIG_X=y", "CONFIG_S=word", "CONFIG_N=07", "compiler=gcc", "param:seccomp=on", "param:quiet=")
	c := Cell{Variant: v, Scope: ScopeKernel}
	if got, want := fmt.Sprint(c.MakeVars()), "[RUSTFLAGS_KERNEL=-Crelocation-model=static -Zplt=no KCFLAGS=-O1 -g CFLAGS_MODULE=-g]"; got != want {
		t.Errorf("make: %s, want %s", got, want)
	}
	if got := fmt.Sprint(v.Params(), v.Base()); got != "[seccomp=on quiet] [CONFIG_X=y CONFIG_S=word CONFIG_N=07 compiler=gcc]" {
		t.Error(got)
	}
	var options []string
	for _, o := range v.Options().Options {
		options = append(options, o.String())
	}
	if got := strings.Join(options, " "); got != `CONFIG_X=y CONFIG_S="word" CONFIG_N=07` {
		t.Error(got)
	}
	for only, settings := range map[bool][]string{true: {"CFLAGS_MODULE=-g", "RUSTFLAGS_MODULE=-g", "CONFIG_X=y"}, false: {"CFLAGS_trap.o=-g"}} {
		if got := (Cell{Variant: variant(t, settings...), Scope: ScopeModule}).ModulesOnly(); got != only {
			t.Errorf("%s reach modules only: %v", settings, got)
		}
	}
	// A variable that rustc's options take as well has both, once.
	both := Cell{Variant: variant(t, "code-model=large", "RUSTFLAGS_MODULE=-Zplt=no"), Scope: ScopeModule}
	if got := fmt.Sprint(both.MakeVars()); got != "[RUSTFLAGS_MODULE=-Ccode-model=large -Zplt=no]" {
		t.Error(got)
	}
}

func TestAxesOfAFile(t *testing.T) {
	ids := func(text string) string {
		v := parse("x.toml", []byte(head+text))
		if err := v.err(); err != nil {
			return err.Error()
		}
		return strings.Join(names(v.s.variants), " ")
	}
	for _, tt := range []struct{ name, text, want string }{
		{"free", "[axes]\ncode-model = [\"small\", \"large\"]\n\"-Zplt\" = [\"-\", \"no\"]", "stock small small-plt=no large large-plt=no"},
		{"the tree's own is stock", "[axes]\ncode-model = [\"-\", \"large\"]\nCONFIG_X = [\"-\", \"y\"]", "stock X=y large large-X=y"},
		{"zip", "[axes]\ncombine = \"zip\"\ncode-model = [\"small\", \"large\"]\nKCFLAGS = [\"-O1\", \"-Os\"]", "stock small-O1 large-Os"},
		{"zip of unequal", "[axes]\ncombine = \"zip\"\ncode-model = [\"small\", \"large\"]\nKCFLAGS = [\"-O1\"]",
			"x.toml:8:11: combine is zip, which takes the values side by side: -Ccode-model has 2 and KCFLAGS has 1"},
		{"exclusions", "[axes]\nrelocation-model = [\"pie\", \"static\"]\ncode-model = [\"small\", \"kernel\"]\n[[exclude]]\nrelocation-model = \"pie\"\ncode-model = \"kernel\"",
			"stock pie-small static-small static-kernel"},
		{"exclusion of nothing", "[axes]\ncode-model = [\"small\"]\n[[exclude]]\ncode-model = \"kernel\"", "x.toml:9:3: [[exclude]] excludes nothing: no variant has all of this"},
		{"a variant", "[[variant]]\ncompiler = \"gcc\"\n\"param:seccomp\" = \"on\"", "stock gcc-seccomp=on"},
		{"two of a variant", "[[variant]]\ncompiler = [\"gcc\", \"clang\"]", "x.toml:8:1: compiler has several values: a [[variant]] takes one of each axis"},
		{"one name for two", "[[variant]]\nKCFLAGS = \"-O1\"\n[[variant]]\nCFLAGS_MODULE = \"-O1\"", `x.toml:9:3: two variants would be called "O1": make scenarios of their own of them`},
		{"an option that only rustc can tell", "[axes]\nplt = \"no\"", `x.toml:8:1: [axes] has no key "plt": allowed are placement, combine, scope, ` + strings.Join(AxisNames(), ", ") +
			"; other options of rustc begin with -C or -Z"},
		{"a value", "[axes]\nKCFLAGS = \"`x`\"", "x.toml:8:11: \"`x`\" is no value of KCFLAGS: write letters, digits and _=+,.:/@%-, and - for none"},
	} {
		if d := cmp.Diff(tt.want, ids(tt.text)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestSelectAxes(t *testing.T) {
	s := shipped(t)
	for _, tt := range []struct {
		axes []string
		want string
	}{
		{[]string{"direct-access-external-data=yes,no"}, "stock daed=yes@module daed=no@module pie-small-daed=yes@module"},
		{[]string{"code-model=medium"}, "stock medium@module pie-medium@module static-medium@module"},
		{[]string{"relocation-model=pic"}, "stock pic@module pic-small@module pic-kernel@module pic-large@module"},
		{[]string{"param:quiet", "param:nokaslr=,-"}, "stock nokaslr quiet-nokaslr quiet pie-small-quiet-nokaslr@module"},
		{[]string{"param:seccomp=on"}, "stock seccomp=on pie-small-seccomp=on@module"},
		{[]string{"code-model=-,large", "relocation-model=static,-"}, "stock static@module static-large@module large@module"},
	} {
		p, err := s.Select(Selection{Axes: tt.axes})
		if err != nil {
			t.Errorf("%s: %v", tt.axes, err)
			continue
		}
		var ids []string
		for _, c := range p.Cells {
			ids = append(ids, c.ID())
		}
		if got := strings.Join(ids, " "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s", tt.axes, got)
		}
	}
	const twice = `-axis=CFLAGS_MODULE=-O1,-: CFLAGS_MODULE=-O1 and KCFLAGS=-O1 would both be the variant "O1": try them in runs of their own`
	if _, err := s.Select(Selection{Axes: []string{"KCFLAGS=-O1,-", "CFLAGS_MODULE=-O1,-"}, Cells: []string{"stock"}}); err == nil || err.Error() != twice {
		t.Errorf("one ID for two: %v", err)
	}
	for axes, want := range map[string]string{
		"plt":               "-axis=plt: write its values behind it, as in -axis=plt=yes,no; - leaves it as the tree has it",
		"CC=tcc":            `-axis=CC=tcc: "CC" is no axis: write an option of rustc, as in -Zplt, or ` + strings.Join(AxisNames(), ", "),
		"code-model=larg":   `-axis=code-model=larg: code-model "larg" is unknown: allowed are small, kernel, medium, large; did you mean "large"?`,
		"param:a=b;c":       `-axis=param:a=b;c: "b;c" is no value of param:a: write letters, digits and _=+,.:/@%-, and - for none`,
		"CONFIG_X=y,\x01no": "-axis=CONFIG_X=y,\x01no: ",
	} {
		if _, err := s.Select(Selection{Axes: []string{axes}}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", axes, err, want)
		}
	}
}

// Nothing is expected of what the scenario never spoke of, whatever its patterns match.
func TestNothingExpectedOfOwnAxes(t *testing.T) {
	s := shipped(t)
	p, err := s.Select(Selection{Axes: []string{"-Zplt=no"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Cells {
		own := c.Variant.Value(OfRustc, "plt") != ""
		if got := s.Expected(On{Kernel: "6.12.117"}, c, c.Placements[0], "rust_minimal"); (len(got) == 0) != own {
			t.Errorf("%s: %s expected", c.ID(), Wanted(got))
		}
		if got := s.ExpectedVerdict(On{Kernel: "6.12.117"}, c); (got == "") != own {
			t.Errorf("%s: %s expected", c.ID(), got)
		}
	}
}

// Nor of steps.
func TestNothingExpectedOfStepsAtOwnAxes(t *testing.T) {
	s := mustParse(t, head+"[[step]]\nname = \"a\"\nrun = \"x\"\n[[expect]]\noutcome = \"passed\"\n")
	p, err := s.Select(Selection{Axes: []string{"param:seccomp=on"}})
	if err != nil || len(p.Cells) != 2 {
		t.Fatalf("%v, %+v", err, p)
	}
	for i, want := range []string{"passed", ""} {
		c := p.Cells[i]
		if got := Wanted(s.ExpectedStep(On{Kernel: "6.12.117"}, c, c.Placements[0], "a", "")); got != want {
			t.Errorf("%s: %q expected, want %q", c.ID(), got, want)
		}
	}
}

// What is expected of a SUBARCH is expected of a variant that is built for it.
func TestExpectedOfSubarchAxis(t *testing.T) {
	s := mustParse(t, head+module+"[[variant]]\nsubarch = \"i386\"\n[[expect]]\noutcome = \"loaded\"\n"+
		"[[expect]]\nsubarch = \"i386\"\noutcome = \"oops\"\n")
	p, err := s.Select(Selection{})
	if err != nil || len(p.Cells) != 2 {
		t.Fatalf("%v, %+v", err, p)
	}
	for i, want := range []string{"loaded", "oops"} {
		c := p.Cells[i]
		if got := Wanted(s.Expected(On{Kernel: "6.12.117"}, c, c.Placements[0], "m")); got != want {
			t.Errorf("%s: %q expected, want %q", c.ID(), got, want)
		}
	}
}

// parseVariant is the variant of settings as people write them: "relocation-model=static".
func parseVariant(settings ...string) (Variant, error) {
	var parsed []Setting
	for _, text := range settings {
		name, value, _ := strings.Cut(text, "=")
		axis, err := ParseAxis(name)
		if err == nil {
			err = axis.check(value)
		}
		if err != nil {
			return Variant{}, fmt.Errorf("%s: %w", text, err)
		}
		parsed = append(parsed, Setting{axis, value})
	}
	return newVariant(parsed...), nil
}
