package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/settings"
)

// seen is a result of one cell in which a module was refused for a relocation of
// that type; 0 is a module that loaded.
func seen(toolchain string, relocation uint32) *result.Results {
	o := outcome.Outcome{Kind: outcome.Loaded, Evidence: "hello"}
	verdict := result.Loads
	if relocation != 0 {
		o = outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(relocation), Evidence: fmt.Sprintf("Unknown rela relocation: %d", relocation)}
		verdict = result.Rejected
	}
	r := &result.Results{
		Schema: result.Schema, Started: time.Unix(1, 0), Scenario: result.Scenario{Name: "s"}, Question: &result.Question{Digest: "d1"}, Tree: result.Tree{Name: "t", Version: "1", Patches: []string{}},
		Toolchain: result.Toolchain{Name: toolchain, Compiler: "gcc", Identity: map[string]string{"rustc": strings.TrimPrefix(toolchain, "s:")}},
		Cells: []result.Cell{{ID: "stock", Verdict: verdict, Placements: []result.Placement{{
			Name: "low", Mem: "64M", Runs: []result.Run{{Modules: []result.Module{{Name: "m", Outcome: o}}}},
		}}}},
	}
	r.Totals = conclude.Totals(r.Cells)
	return r
}

// TestNightChanges holds what counts as news.
func TestNightChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		last  map[string]uint32
		night []uint32 // of the toolchains s:1, s:2, ...; 99 is refused
		want  string
	}{
		{"the first night", nil, []uint32{9, 9, 29}, ""},
		{"nothing new", map[string]uint32{"s:1": 9, "s:2": 9}, []uint32{9, 9}, ""},
		{"what differs along the series is no news", map[string]uint32{"s:1": 9, "s:2": 29}, []uint32{9, 29}, ""},
		{"a new one like the last", map[string]uint32{"s:1": 9}, []uint32{9, 9}, ""},
		{"a new one that differs", map[string]uint32{"s:1": 9}, []uint32{9, 0}, "s:1 > s:2"},
		{"two new ones, the second differs", map[string]uint32{"s:1": 9}, []uint32{9, 9, 29}, "s:2 > s:3"},
		{"one that was known changed", map[string]uint32{"s:1": 9, "s:2": 9}, []uint32{9, 29}, "s:2 > s:2"},
		{"between two that differ, like the first", map[string]uint32{"s:1": 9, "s:3": 0}, []uint32{9, 9, 0}, ""},
		{"between two that differ, like the second", map[string]uint32{"s:1": 9, "s:3": 0}, []uint32{9, 0, 0}, ""},
		{"between two that differ, like none", map[string]uint32{"s:1": 9, "s:3": 0}, []uint32{9, 29, 0}, "s:1 > s:2"},
		{"between two that are the same", map[string]uint32{"s:1": 9, "s:3": 9}, []uint32{9, 0, 9}, "s:1 > s:2"},
		{"one is refused between", map[string]uint32{"s:1": 9}, []uint32{9, 99, 0}, "s:1 > s:3"},
		{"none before it proved anything", map[string]uint32{"s:1": 9}, []uint32{99, 0}, ""},
	} {
		last := known{}
		for name, relocation := range c.last {
			last[name] = knownResult{Results: seen(name, relocation)}
		}
		s := &result.Sweep{}
		for i, relocation := range c.night {
			column := result.SweepColumn{Tree: "t", Toolchain: fmt.Sprintf("s:%d", i+1)}
			if relocation == 99 {
				column.Refused = &result.Refusal{Reasons: []string{"too old"}}
			} else {
				column.Results = seen(column.Toolchain, relocation)
			}
			s.Columns = append(s.Columns, column)
		}
		var got []string
		for _, change := range nightChanges(s, last) {
			got = append(got, change.From.Toolchain.Toolchain+" > "+change.To.Toolchain.Toolchain)
		}
		if d := cmp.Diff(c.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// TestTonight holds which members of a series are run.
func TestTonight(t *testing.T) {
	members := func(states string) (list []result.NightlyMember) {
		for i, r := range states {
			list = append(list, result.NightlyMember{Name: fmt.Sprint(i + 1), New: r == 'n'})
		}
		return list
	}
	for _, c := range []struct{ varies, states, want string }{
		{settings.VariesRustc, "kknk", "1 2 3 4"},
		{settings.VariesLLVM, "n", "1"},
		{settings.VariesRustup, "nnn", "3"},
		{settings.VariesRustup, "knknnn", "3 6"},
		{settings.VariesRustup, "kkk", "2 3"},
		{settings.VariesSnapshot, "k", "1"},
	} {
		if got := strings.Join(tonight(settings.Series{Varies: c.varies}, members(c.states)), " "); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.varies, c.states, got, c.want)
		}
	}
}

// A night finds the last one that asked the same, which another process ran.
func TestNightlyKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("my.config", "CONFIG_DEBUG_FS=y\n")
	write("hello/Kbuild", "obj-m := hello.o\n")
	l := emptyLab(t)
	key := func(change func(*NightlyOptions)) string {
		t.Helper()
		o := NightlyOptions{Series: "debian-rustc"}
		o.Fragments, o.Select.Modules = []string{filepath.Join(dir, "my.config")}, []string{filepath.Join(dir, "hello")}
		if change != nil {
			change(&o)
		}
		_, p, err := l.planNightly(&o)
		if err == nil {
			p, err = p.Snapshot(t.Context(), l.store, l.sink)
		}
		if err != nil {
			t.Fatal(err)
		}
		return o.key(p)
	}
	// What the user asked otherwise than the scenario has reports of its own.
	at := func(o NightlyOptions) string {
		t.Helper()
		_, p, err := l.planNightly(&o)
		if err == nil {
			p, err = p.Snapshot(t.Context(), l.store, l.sink)
		}
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(l.nightsOf("debian-rustc", p))
	}
	if got := at(NightlyOptions{Series: "debian-rustc"}); got != "debian-rustc" {
		t.Errorf("nights of the scenario lie in %s", got)
	}
	own := NightlyOptions{Series: "debian-rustc"}
	own.Fragments = []string{filepath.Join(dir, "my.config")}
	if got := at(own); !strings.HasPrefix(got, "debian-rustc.") {
		t.Errorf("nights with options of the user's lie in %s", got)
	}
	first := key(nil)
	if key(nil) != first {
		t.Error("the same flags have another key")
	}
	on := true
	for name, change := range map[string]func(*NightlyOptions){
		"aslr": func(o *NightlyOptions) { o.Select.ASLR = &on }, "repeat": func(o *NightlyOptions) { o.Select.Repeat = 3 },
		"cells": func(o *NightlyOptions) { o.Select.Cells = []string{"stock"} }, "compiler": func(o *NightlyOptions) { o.Compiler = "gcc" },
		"modules": func(o *NightlyOptions) { o.Select.Modules = nil }, "mem": func(o *NightlyOptions) { o.Select.Mem = []string{"512M"} },
		"output":                        func(o *NightlyOptions) { o.Select.Output = "^hi" },
		"another fragment of that name": func(*NightlyOptions) { write("my.config", "CONFIG_DEBUG_FS=n\n") },
		"another module of that name":   func(*NightlyOptions) { write("hello/hello.c", "int a;\n") },
	} {
		if key(change) == first {
			t.Errorf("%s: the key is the same", name)
		}
	}
}

// A night asks the archive anew, and no other flow of its lab does because of it.
func TestNightlyRefreshesItsOwnSources(t *testing.T) {
	l := emptyLab(t)
	if fresh := l.sources.Refreshed(); !fresh.Archive.Refresh || l.sources.Archive.Refresh {
		t.Errorf("refreshed: %v, the lab's: %v", fresh.Archive.Refresh, l.sources.Archive.Refresh)
	}
}
