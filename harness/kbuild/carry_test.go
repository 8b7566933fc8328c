package kbuild

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// What was built beside the baseline that another went on from is only taken over where nothing is another that it may be made of.
func TestCarried(t *testing.T) {
	const module = "samples/rust/m.ko"
	files := map[string]string{
		"linux": "l", ".config": "CONFIG_MODULES=y\n", "Module.symvers": "s", ".module-common.o": "c", "kernel/fork.o": "f", "built-in.a": "a",
		"kernel/.fork.o.cmd": "savedcmd_kernel/fork.o := clang fork.c\n", "include/generated/x.h": "h", "rust/libkernel.rmeta": "k",
		"scripts/mod/modpost": "p", "samples/rust/n.o": "n", "samples/rust/m.o": "m", "samples/rust/m.mod": "samples/rust/m.o\n",
		"samples/rust/m.mod.c": "mc", "samples/rust/m.mod.o": "mo", module: "ko",
		"samples/rust/.m.o.cmd":     "savedcmd_samples/rust/m.o := rustc --edition=2021 m.rs\n\ndeps_samples/rust/m.o := \\\n  lib/table.o \\\n",
		"samples/rust/.m.mod.o.cmd": "savedcmd_samples/rust/m.mod.o := clang m.mod.c\n",
		"samples/rust/.m.ko.cmd":    "savedcmd_samples/rust/m.ko := ld.lld -o samples/rust/m.ko samples/rust/m.o samples/rust/m.mod.o .module-common.o\n",
		"lib/table.o":               "t",
	}
	copied := time.Unix(1_700_000_000, 123)
	cell := scenario.Cell{Variant: variant(t, "relocation-model=static"), Scope: scenario.ScopeModule, Modules: []scenario.Module{{Path: module, Name: "m"}}}
	for name, c := range map[string]struct {
		made    map[string]string // files that make made again; "" removes
		on      func(*On)
		env     []string
		cell    func(*scenario.Cell)
		product func(*Product)
		want    bool
	}{
		"the kernel":                       {made: map[string]string{"linux": "l2", "kernel/fork.o": "f2", "built-in.a": "a2"}, want: true},
		"another module":                   {made: map[string]string{"samples/rust/n.o": "n2"}, want: true},
		"the same again":                   {made: map[string]string{"Module.symvers": "s", "include/generated/x.h": "h"}, want: true},
		"a command of the kernel":          {made: map[string]string{"kernel/.fork.o.cmd": "savedcmd_kernel/fork.o := clang -O1 fork.c\n"}, want: true},
		"answers":                          {made: map[string]string{".umlab.answers": "new"}, want: true},
		"exports":                          {made: map[string]string{"Module.symvers": "s2"}},
		"a header":                         {made: map[string]string{"include/generated/x.h": "h2"}},
		"another header":                   {made: map[string]string{"arch/um/include/generated/y.h": "y"}},
		"a crate":                          {made: map[string]string{"rust/libkernel.rmeta": "k2"}},
		"a program":                        {made: map[string]string{"scripts/mod/modpost": "p2"}},
		"what every module has":            {made: map[string]string{".module-common.o": "c2"}},
		"something is gone":                {made: map[string]string{"include/generated/x.h": ""}},
		"an object that a step read":       {made: map[string]string{"lib/table.o": "t2"}},
		"the module's object":              {made: map[string]string{"samples/rust/m.o": "m"}},
		"the module's table":               {made: map[string]string{"samples/rust/m.mod.c": "mc"}},
		"the module":                       {made: map[string]string{module: "ko"}},
		"the module is gone":               {made: map[string]string{module: ""}},
		"the kernel's types":               {made: map[string]string{".config": "CONFIG_DEBUG_INFO_BTF_MODULES=y\n"}},
		"the module's objects are unknown": {made: map[string]string{"samples/rust/m.mod": ""}},
		"a command that leads away":        {made: map[string]string{"samples/rust/.m.ko.cmd": ""}},
		"a makefile":                       {on: func(on *On) { on.Sources = false }},
		"an environment":                   {env: []string{"A=b"}},
		"another variant":                  {cell: func(c *scenario.Cell) { c.Variant = variant(t, "relocation-model=pie") }},
		"stock":                            {cell: func(c *scenario.Cell) { c.Variant = scenario.Variant{} }},
		"all of the kernel":                {cell: func(c *scenario.Cell) { c.Scope = scenario.ScopeAll }},
		"a module of one's own": {cell: func(c *scenario.Cell) {
			c.Modules = append([]scenario.Module{{Path: "own/x.ko", External: &scenario.External{Mount: "own"}}}, c.Modules...)
		}},
		"what was built otherwise": {product: func(p *Product) { p.Direct = false }},
		"what failed":              {product: func(p *Product) { p.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed} }},
		"a module that is lost":    {product: func(p *Product) { p.Modules[module] = Module{Sum: store.Key("nobody has it")} }},
		"no product":               {product: func(p *Product) { p.Key = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			b := &Builder{Runner: kmake.Runner{Store: st}}
			install := func(bl Baseline, made map[string]string) *Baseline {
				t.Helper()
				dir := filepath.Join(t.TempDir(), "baseline")
				text, err := json.Marshal(bl)
				if err != nil {
					t.Fatal(err)
				}
				write := func(name, text string, at time.Time) {
					p := filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.Chtimes(p, at, at); err != nil {
						t.Fatal(err)
					}
				}
				write("baseline.json", string(text), copied)
				for name, text := range files {
					write("build/"+name, text, copied)
				}
				for name, text := range made {
					if write("build/"+name, text, copied.Add(time.Second)); text == "" {
						_ = os.Remove(filepath.Join(dir, "build", name))
					}
				}
				if err := st.Install(dir, kindBaseline, bl.Key); err != nil {
					t.Fatal(err)
				}
				got, err := readBaseline(st.Lookup, bl.Key)
				if err != nil {
					t.Fatal(err)
				}
				got.Base = kmake.Base{Tree: &tree.Tree{}, Toolchain: &toolchain.Toolchain{}}
				return got
			}
			was := install(Baseline{Key: store.Key("was"), Linux: "l", Direct: true}, nil)
			on := &On{Key: was.Key, Sources: true, Copied: copied}
			if c.on != nil {
				c.on(on)
			}
			bl := install(Baseline{Key: store.Key("is"), Linux: "l2", Direct: true, Env: c.env, On: on}, c.made)
			kept, sum, err := st.Keep(t.Context(), filepath.Join(was.Build(), module))
			if err != nil {
				t.Fatal(err)
			}
			p := Product{Key: "k", LinuxSum: was.Linux, Direct: true, Log: sum, Modules: map[string]Module{module: {Sum: sum}}}
			if c.product != nil {
				c.product(&p)
			}
			if p.Key != "" {
				if err := st.Put(kindBuild, Request{Cell: cell}.key(kindBuild, was), p); err != nil {
					t.Fatal(err)
				}
			}
			asked := cell
			if c.cell != nil {
				c.cell(&asked)
			}
			got := b.carried(t.Context(), bl, Request{Cell: asked})
			if (got != nil) != c.want {
				t.Fatalf("%+v", got)
			}
			if p := b.carried(t.Context(), bl, Request{Cell: asked, fresh: true}); p != nil {
				t.Errorf("what is asked for afresh: %+v", p)
			}
			if got != nil && (got.Linux != filepath.Join(bl.Build(), "linux") || got.LinuxSum != bl.Linux || got.Modules[module].Path != kept) {
				t.Errorf("%+v", got)
			}
			if !c.want {
				return
			}
			for range 2 { // taken over, and found
				found, hit, err := b.Fork(t.Context(), bl, Request{Cell: asked}, false)
				if err != nil || !hit || found.Modules[module].Path != kept || found.Key != (Request{Cell: asked}).key(kindBuild, bl) {
					t.Errorf("%+v, %t, %v", found, hit, err)
				}
			}
		})
	}
}
