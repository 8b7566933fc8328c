package scenario

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"umlab/harness/outcome"
)

// TestFile: what is written is read again, as the same cell with the same expectation.
func TestFile(t *testing.T) {
	for name, cell := range map[string]Cell{
		"stock":   {Variant: newVariant(), Placements: []Placement{{Name: "low", Mem: 64 << 20, MemText: "64M", Repeat: 1}}},
		"variant": {Variant: variant(t, "relocation-model=static", "-Zplt=no", "param:seccomp=on", "KCFLAGS=-O1 -g"), Scope: ScopeKernel, Placements: []Placement{{Name: "high", Mem: 1 << 30, MemText: "1G", ASLR: true, Repeat: 1}}},
		"a size":  {Variant: variant(t, "CONFIG_X=\"a b\""), Placements: []Placement{{Name: "512M", Mem: 512 << 20, MemText: "512M", Repeat: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			cell.Modules = []Module{{Name: "x", Path: "lib/x.ko", Output: regexp.MustCompile(`^x: "\d+"\t'$`), Params: []string{"a=1"}}}
			f := File{Name: "minimised", Title: `a "title" \ of`, Description: "two\nlines", Tree: "debian-6.12", Toolchain: "trixie", Fragments: []string{"own.config"},
				Cell: cell, Module: "x", Shows: outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11), Errno: 8}}
			s, err := Library{Project: written(map[string]string{"scenarios/minimised.toml": f.TOML(), "scenarios/own.config": "CONFIG_A=y\n"})}.Load("minimised")
			if err != nil {
				t.Fatalf("%v\n%s", err, f.TOML())
			}
			p, err := s.Select(Selection{Cells: []string{cell.ID()}})
			if err != nil || len(p.Cells) != 1 || p.Cells[0].ID() != cell.ID() {
				t.Fatalf("%v\n%s", err, f.TOML())
			}
			got := p.Cells[0]
			if len(got.Placements) != 1 || got.Placements[0].Mem != cell.Placements[0].Mem || got.Placements[0].ASLR != cell.Placements[0].ASLR || !got.Variant.same(cell.Variant) {
				t.Errorf("%+v", got)
			}
			if m := got.Modules[0]; m.Name != "x" || m.Path != "lib/x.ko" || m.Output.String() != cell.Modules[0].Output.String() || len(m.Params) != 1 {
				t.Errorf("%+v", m)
			}
			if w := Wanted(s.Expected(On{Kernel: "6.12.107"}, got, got.Placements[0], "x")); w != "relocation-overflow 11 32S" {
				t.Errorf("expects %q", w)
			}
		})
	}
}

// Of the user's own modules a scenario has neither the path nor an expectation.
func TestFileOfOwnModule(t *testing.T) {
	cell := Cell{Variant: newVariant(), Placements: builtin()[:1], Modules: []Module{{Name: "hello", Path: "ext/hello/hello.ko", External: &External{Given: "/home/me/hello"}}}}
	text := File{Name: "minimised", Title: "t", Tree: "t", Toolchain: "c", Fragments: []string{"uml.config"}, Cell: cell, Module: "hello", Shows: outcome.Outcome{Kind: outcome.Oops}}.TOML()
	if strings.Contains(text, "hello") || strings.Contains(text, "[[expect]]") {
		t.Error(text)
	}
	if _, err := (Library{Project: written(map[string]string{"scenarios/minimised.toml": text})}).Load("minimised"); err != nil {
		t.Error(err)
	}
}

// With other settings, a cell has another name, and a scope where it needs one.
func TestWith(t *testing.T) {
	c := Cell{Variant: variant(t, "relocation-model=static", "KCFLAGS=-O1"), Scope: ScopeKernel}
	if got := c.With(c.Variant.Settings[:1]).ID(); got != "static@kernel" {
		t.Error(got)
	}
	if got := c.With(c.Variant.Settings[1:]); got.ID() != "O1" || got.Scope != "" {
		t.Errorf("%+v", got)
	}
	if got := c.With(nil).ID(); got != Stock || c.ID() != "static-O1@kernel" {
		t.Error(got)
	}
}

func written(list map[string]string) fstest.MapFS {
	out := fstest.MapFS{"configs/uml.config": {}}
	for name, text := range list {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}
