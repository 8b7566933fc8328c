package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/usage"
)

func TestSelectCells(t *testing.T) {
	s := shipped(t)
	for _, tt := range []struct {
		name  string
		cells []string
		scope []string
		want  string
	}{
		{"own choice", nil, nil, "stock pie-small@module pie-kernel@module pie-large@module static-small@module static-kernel@module static-large@module"},
		{"scope", []string{"pie-small", "stock"}, []string{"all", "kernel", "all"}, "pie-small@all pie-small@kernel stock"},
		{"stock has no scope", nil, []string{"kernel"}, "stock pie-small@kernel pie-kernel@kernel pie-large@kernel static-small@kernel static-kernel@kernel static-large@kernel"},
		{"named scope wins", []string{"static-small@kernel", "static-small"}, []string{"all"}, "static-small@kernel static-small@all"},
		{"pattern", []string{"*-large"}, nil, "pie-large@module static-large@module"},
		{"pattern with scopes", []string{"pie-small@*"}, []string{"module", "all"}, "pie-small@module pie-small@all"},
		{"scope pattern leaves stock out", []string{"*@kernel"}, nil, "pie-small@kernel pie-kernel@kernel pie-large@kernel static-small@kernel static-kernel@kernel static-large@kernel"},
		{"twice", []string{"stock", "stock", "s*"}, nil, "stock static-small@module static-kernel@module static-large@module"},
		{"widened", []string{"pic-medium", "static", "large@all"}, nil, "pic-medium@module static@module large@all"},
		{"widened by pattern", []string{"pic-*"}, nil, "pic-small@module pic-kernel@module pic-medium@module pic-large@module"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := s.Select(Selection{Cells: tt.cells, Scope: tt.scope})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, c := range plan.Cells {
				ids = append(ids, c.ID())
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSelectPlacements(t *testing.T) {
	s := shipped(t)
	on, off := true, false
	for _, tt := range []struct {
		name string
		sel  Selection
		want []Placement
	}{
		{"own choice", Selection{}, []Placement{{"low", 64 << 20, "64M", false, 1, 0}, {"high", 1 << 30, "1G", true, 1, 0}}},
		{"named", Selection{Placements: []string{"far", "far"}}, []Placement{{"far", 4 << 30, "4G", true, 1, 0}}},
		{"sizes alone", Selection{Mem: []string{"512m", "131072K"}}, []Placement{{"512M", 512 << 20, "512M", false, 1, 0}, {"131072K", 128 << 20, "131072K", false, 1, 0}}},
		{"both, overridden", Selection{Placements: []string{"low"}, Mem: []string{"512M"}, ASLR: &on, Repeat: 20}, []Placement{{"low", 64 << 20, "64M", true, 20, 0}, {"512M", 512 << 20, "512M", true, 20, 0}}},
		{"as sure as that", Selection{Placements: []string{"low"}, Confidence: 99}, []Placement{{"low", 64 << 20, "64M", false, 1, 99}}},
		{"randomisation off", Selection{ASLR: &off}, []Placement{{"low", 64 << 20, "64M", false, 1, 0}, {"high", 1 << 30, "1G", false, 1, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := s.Select(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range plan.Cells {
				if d := cmp.Diff(tt.want, c.Placements); d != "" {
					t.Error(d)
				}
			}
		})
	}
	if p := shipped(t).placements[0]; p.Repeat != 1 || p.ASLR {
		t.Error("a selection changed the scenario")
	}
}

func TestSelectModules(t *testing.T) {
	s := shipped(t)
	plan, err := s.Select(Selection{Modules: []string{"rust_print", "samples/rust/rust-misc_device.ko", "rust_print", "rust-driver_faux", "./my-hello", "./my-hello/"}, Output: "^hi"})
	if err != nil {
		t.Fatal(err)
	}
	type seen struct{ Name, Path, Given, Output string }
	var got []seen
	for _, m := range plan.Cells[0].Modules {
		n := seen{Name: m.Name, Path: m.Path}
		if m.External != nil {
			n.Given = m.External.Given
		}
		if m.Output != nil {
			n.Output = m.Output.String()
		}
		got = append(got, n)
	}
	want := []seen{
		{"rust_print", "samples/rust/rust_print.ko", "", s.Modules[1].Output.String()},
		{"rust_misc_device", "samples/rust/rust-misc_device.ko", "", "^hi"},
		{"rust_driver_faux", "", "", "^hi"},
		{"my_hello", "", "./my-hello", "^hi"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	// The controls load rust_minimal, which the selection left out.
	for _, c := range plan.Controls {
		if c.Selected || c.Shown.Modules[0].Name != "rust_minimal" {
			t.Errorf("control %+v", c)
		}
	}
}

// TestSelectOutput: without -output= a module of the user's is left to what it
// shows itself.
func TestSelectOutput(t *testing.T) {
	s := shipped(t)
	for _, tt := range []struct {
		output string
		given  bool
		silent bool
	}{{"", false, false}, {"none", false, true}, {"^x", true, false}} {
		plan, err := s.Select(Selection{Modules: []string{"a/b.ko"}, Output: tt.output})
		if err != nil {
			t.Fatal(err)
		}
		if m := plan.Cells[0].Modules[0]; (m.Output != nil) != tt.given || m.Silent != tt.silent {
			t.Errorf("-output=%s: %+v", tt.output, m)
		}
	}
}

// TestOthersModulesExpectNothing: what a scenario expects, it expects of its own
// modules, and not of another that has the name of one.
func TestOthersModulesExpectNothing(t *testing.T) {
	s := shipped(t)
	for _, tt := range []struct {
		modules []string
		wants   bool
		verdict string
		control bool
	}{
		{nil, true, "rejected", true},
		{[]string{"rust_minimal", "rust_print"}, true, "rejected", true},
		{[]string{"rust_minimal"}, true, "", true},
		{[]string{"rust_minimal", "rust_print", "a/b.ko"}, true, "", true},
		{[]string{"./rust_minimal"}, false, "", false},
		{[]string{"elsewhere/rust_minimal.ko"}, false, "", false},
	} {
		plan, err := s.Select(Selection{Cells: []string{"pie-small"}, Modules: tt.modules})
		if err != nil {
			t.Fatal(err)
		}
		c := plan.Cells[0]
		if got := len(s.Expected(On{Kernel: "6.12.107"}, c, c.Placements[0], "rust_minimal")) > 0; got != tt.wants {
			t.Errorf("%v: something is expected of rust_minimal: %v", tt.modules, got)
		}
		if got := s.ExpectedVerdict(On{Kernel: "6.12.107"}, c); got != tt.verdict {
			t.Errorf("%v: expected verdict %q, want %q", tt.modules, got, tt.verdict)
		}
		if got := plan.Controls[0].Selected; got != tt.control {
			t.Errorf("%v: the control is among the cells: %v", tt.modules, got)
		}
	}
}

func TestSelectUsage(t *testing.T) {
	s := shipped(t)
	const has = "scenario unknown-rela-relocation has stock, pie-small, pie-kernel, pie-large, static-small, static-kernel, static-large; static, pic, pie with small, kernel, medium, large is allowed too; scopes are module, kernel, all"
	const alsoModules = "scenario unknown-rela-relocation has rust_minimal, rust_print; allowed are also names of the tree's samples, all for its Rust samples, targets of the tree, as in samples/rust/rust_minimal.ko, and directories of your own, as in ./hello"
	for _, tt := range []struct {
		name string
		sel  Selection
		want string
	}{
		{"cell", Selection{Cells: []string{"stattic-small"}}, `cell "stattic-small" is unknown: ` + has + `; did you mean "static-small"?`},
		{"cell with scope", Selection{Cells: []string{"pie-smal@kernel"}}, `cell "pie-smal@kernel" is unknown: ` + has + `; did you mean "pie-small@kernel"?`},
		{"near a variant that is not here", Selection{Cells: []string{"pic-mediun"}}, `cell "pic-mediun" is unknown: ` + has + `; did you mean "pic-medium"?`},
		{"far from all", Selection{Cells: []string{"x"}}, `cell "x" is unknown: ` + has},
		{"no pattern", Selection{Cells: []string{"[a"}}, `cell "[a" is no pattern: write a variant, "pie-*" or "static-small@kernel"`},
		{"stock with scope", Selection{Cells: []string{"stock@kernel"}}, `cell "stock@kernel" is not possible: stock has no flags, so no scope: write "stock"`},
		{"scope in cell", Selection{Cells: []string{"pie-small@kernal"}}, `cell "pie-small@kernal" has no such scope: allowed are module, kernel, all; did you mean "kernel"?`},
		{"all of them", Selection{Modules: []string{"rust_prnt.ko", "1", "a/c-d.ko", "./c_d"}, Output: "(", Placements: []string{"middle"}, Mem: []string{"1M", "lots"}, Repeat: -1, Confidence: 100, Scope: []string{"modules"}},
			"-output=( is no regular expression: write Go's syntax: error parsing regexp: missing closing ): `(`\n" +
				"module \"rust_prnt.ko\" is unknown: " + alsoModules + "; did you mean \"rust_print\"?\n" +
				"module \"1\" is unknown: " + alsoModules + "\n" +
				"-modules= names two modules c_d, of which the guest can load only one at a time\n" +
				"placement \"middle\" is unknown: allowed are low, high, far; -mem= takes any size\n" +
				"-mem: mem=1M is out of range: allowed is 16M to 64G\n" +
				"-mem: \"lots\" is no memory size: write digits and K, M or G, as in \"512M\"\n" +
				"-repeat=-1 is not possible: allowed is 1 to 1000\n" +
				"-confidence=100 is not possible: allowed is 50 to 99, in percent\n" +
				"scope \"modules\" is unknown: allowed are module, kernel, all; did you mean \"module\"?"},
		{"module elsewhere", Selection{Modules: []string{"/tmp/x.ko"}}, `module "/tmp/x.ko" is unknown: ` + alsoModules},
		{"output of nothing", Selection{Output: "^x"}, "-output= says what modules of your choice print: name them with -modules="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Select(tt.sel)
			var mistake *usage.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("no *usage.Error: %v", err)
			}
			if d := cmp.Diff(strings.Split(tt.want, "\n"), strings.Split(err.Error(), "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPlannedControls(t *testing.T) {
	s := shipped(t)
	plan, err := s.Select(Selection{Cells: []string{"pie-small"}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range plan.Controls {
		got[c.Name+" "+c.Cell+" "+c.Shown.ID()+" "+Wanted(c.Wants)] = c.Selected
	}
	want := map[string]bool{
		"known-reject pie-small@module pie-small@module relocation-unknown": true,
		"known-load static-large@module static-large@module loaded":         false,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		cell Cell
		want string
	}{
		{Cell{Variant: newVariant()}, ""},
		{Cell{Variant: variant(t, "relocation-model=pie", "code-model=small"), Scope: ScopeModule}, "RUSTFLAGS_MODULE=-Crelocation-model=pie -Ccode-model=small"},
		{Cell{Variant: variant(t, "relocation-model=static"), Scope: ScopeKernel}, "RUSTFLAGS_KERNEL=-Crelocation-model=static"},
		{Cell{Variant: variant(t, "code-model=large"), Scope: ScopeAll}, "KRUSTFLAGS=-Ccode-model=large"},
	} {
		if got := strings.Trim(fmt.Sprint(tt.cell.MakeVars()), "[]"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.cell.ID(), got, tt.want)
		}
	}
}

func TestParseMem(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64 // 0 for a refusal
	}{
		{"64M", 64 << 20}, {"1g", 1 << 30}, {"16384K", 16 << 20}, {"67108864", 64 << 20}, {"64G", 64 << 30},
		{"", 0}, {"0M", 0}, {"064M", 0}, {"-64M", 0}, {"64MB", 0}, {"1.5G", 0}, {"15M", 0}, {"65G", 0}, {"67108865", 0}, {"999999999999999G", 0},
	} {
		got, err := ParseMem(tt.text)
		if got != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("ParseMem(%q) = %d, %v", tt.text, got, err)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		set, kernel string
		want        bool
	}{
		{">=6.12", "6.12.107", true}, {">6.12", "6.12.107", false}, {"=6.12", "6.12.107", true}, {"<=6.12", "6.12.107", true},
		{"<6.12", "6.12.107", false}, {"<6.12.108", "6.12.107", true}, {">=6.12, <7.2", "7.2.0-rc1", false}, {">=7.2", "7.2.0-rc1", true},
		{"> 6.9", "6.12.0", true}, {"=7.3.4", "7.3", false}, {"=7.3.0", "7.3", true}, {">=1.0", "next", false},
	} {
		vs, err := parseVersions(tt.set)
		if err != nil {
			t.Errorf("%q: %v", tt.set, err)
		} else if got := vs.contain(tt.kernel); got != tt.want {
			t.Errorf("%q contains %q: %v", tt.set, tt.kernel, got)
		}
	}
	for _, bad := range []string{"", "6.12", "==6.12", ">=6", ">=6.12,", ">=6.12 <7", "~6.12", ">=6.1234567"} {
		if vs, err := parseVersions(bad); err == nil {
			t.Errorf("%q is accepted: %v", bad, vs)
		}
	}
	if !(versions)(nil).contain("anything") {
		t.Error("no bounds exclude something")
	}
}

// variant is that of settings such as "code-model=large".
func variant(t testing.TB, settings ...string) Variant {
	t.Helper()
	v, err := parseVariant(settings...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
