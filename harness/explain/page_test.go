package explain

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"umlab/harness/kbuild"
	"umlab/harness/kmake"
	"umlab/harness/outcome"
	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

func module(name string, kind outcome.Kind) result.Module {
	return result.Module{Name: name, Outcome: outcome.Outcome{Kind: kind}}
}

func run(kinds ...outcome.Kind) (r result.Run) {
	for i, k := range kinds {
		r.Modules = append(r.Modules, module(string(rune('a'+i)), k))
	}
	return r
}

func TestChosen(t *testing.T) {
	const ok, no = outcome.Loaded, outcome.RelocationOverflow
	place := func(runs ...result.Run) result.Placement { return result.Placement{Runs: runs} }
	for name, c := range map[string]struct {
		places []result.Placement
		given  bool
		at, n  int
		why    string
	}{
		"loads everywhere":      {[]result.Placement{place(run(ok)), place(run(ok))}, false, 0, 0, "the first one: the modules load at every placement that was booted"},
		"fails at the second":   {[]result.Placement{place(run(ok, ok)), place(run(ok, no))}, false, 1, 0, "the first placement at which b is not loaded"},
		"fails at both":         {[]result.Placement{place(run(no)), place(run(no))}, false, 0, 0, "the first placement at which a is not loaded"},
		"asked, fails":          {[]result.Placement{place(run(no))}, true, 0, 0, "as asked"},
		"asked, loads":          {[]result.Placement{place(run(ok))}, true, 0, 0, "as asked"},
		"fails in a later boot": {[]result.Placement{place(run(ok), run(ok), run(no))}, true, 0, 2, "boot 3 of 3, the first in which a is not loaded"},
	} {
		at, n, why := chosen(result.Cell{Placements: c.places}, c.given)
		if at != c.at || n != c.n || why != c.why {
			t.Errorf("%s: %d, %d, %q", name, at, n, why)
		}
	}
}

func TestExcerpt(t *testing.T) {
	log := []byte("one\r\ntwo\nthree\nfour\nfive")
	got := excerpt(log, outcome.Outcome{Evidence: "thr", Offset: 9}, 1)
	want := []result.ConsoleLine{{Number: 2, Offset: 5, Text: "two"}, {Number: 3, Offset: 9, Text: "three", Evidence: true}, {Number: 4, Offset: 15, Text: "four"}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%+v", got)
	}
	for _, o := range []outcome.Outcome{{}, {Evidence: "three", Offset: 8}, {Evidence: "x", Offset: 1000}} {
		if got := excerpt(log, o, 1); len(got) != 0 {
			t.Errorf("%+v is shown: %+v", o, got)
		}
	}
}

// FuzzExcerpt: whatever a log says, its evidence is in the excerpt, and every
// line stands where it is said to.
func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("subarch: rust_print: Unknown rela relocation: 9\n"))
	f.Add([]byte("> subarch: overflow in relocation type 11 val\r\n> a0 sec 2 idx 7\r\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		if len(bytes.TrimSpace(log)) == 0 {
			return
		}
		modules, _ := outcome.ClassifyLog(log)
		for _, m := range modules {
			line := 0
			if m.Outcome.Evidence != "" {
				line = outcome.LineAt(log, m.Outcome.Offset)
			}
			lines := excerpt(log, m.Outcome, around)
			evidence := 0
			for _, l := range lines {
				if !bytes.HasPrefix(log[l.Offset:], []byte(l.Text)) {
					t.Fatalf("line %d is not at %d", l.Number, l.Offset)
				}
				if l.Evidence {
					evidence = l.Number
				}
			}
			if evidence != line {
				t.Fatalf("evidence in line %d, shown at %d", line, evidence)
			}
		}
	})
}

// theHand is a cell whose paths a shell could take amiss.
func theHand(t *testing.T) byHand {
	cache := "/home/o'brien/my cache"
	own := scenario.Module{Name: "x-y", Path: "samples/rust/x-y.ko", Params: []string{"name=it's"}}
	base := kmake.Base{Compiler: kmake.Clang, Tree: &tree.Tree{Name: "a tree", Layers: []string{"/home/me/linux"}}, Toolchain: &toolchain.Toolchain{
		Root: cache + "/root", Busybox: cache + "/root/busybox", Path: []string{"/rust/bin"}, Env: []string{"NAME=it's"},
		Mounts: []sandbox.Mount{{Source: cache + "/rust", Target: "/rust"}, {Source: "/x y/bindgen", Target: "/host/bindgen"}},
	}}
	static := variant(t, "relocation-model=static", "code-model=small")
	return byHand{
		Booted: Booted{Store: cache, Baseline: &kbuild.Baseline{Base: base, Dir: cache + "/a b"},
			Product: &kbuild.Product{Linux: "/elsewhere $x/linux", Modules: map[string]kbuild.Module{own.Path: {Path: cache + "/x.ko"}}},
			Cell:    scenario.Cell{Variant: static, Scope: scenario.ScopeModule, Modules: []scenario.Module{own}}},
		Base: base, place: scenario.Placement{Name: "low", Mem: 64 << 20},
	}
}

// TestScriptsParse: the shell reads the scripts as they were meant, whatever the
// paths; that they do what they say is a real test's business.
func TestScriptsParse(t *testing.T) {
	for _, s := range theHand(t).scripts() {
		sh := exec.Command("sh", "-n")
		sh.Stdin = strings.NewReader(s.Text)
		if out, err := sh.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", s.Name, err, out, s.Text)
		}
		if strings.ContainsAny(s.Text, "\t") {
			t.Errorf("%s: a tab, which an interactive shell does not take as it is", s.Name)
		}
	}
	if boot := theHand(t).boot(); !strings.Contains(boot, `setarch "$(uname -m)" -R unshare`) {
		t.Errorf("randomisation stays on:\n%s", boot)
	}
	for _, s := range theHand(t).scripts() {
		for _, part := range []string{`"$store"/rust`, "export mount1='/x y/bindgen'", `show "$mount0" /rust`} {
			if !strings.Contains(s.Text, part) {
				t.Errorf("%s: no %s:\n%s", s.Name, part, s.Text)
			}
		}
	}
	if build := theHand(t).build(); !strings.Contains(build, "env -i PATH=/rust/bin:/usr/sbin") {
		t.Errorf("the toolchain's surroundings are not the build's:\n%s", build)
	}
	on := theHand(t)
	on.place.ASLR = true
	on.Cell.Modules = append(on.Cell.Modules, scenario.Module{Name: "own", Path: "ext/own/own.ko", External: &scenario.External{Given: "/home/me/own", Mount: "ext/own"}})
	if boot := on.boot(); strings.Contains(boot, "setarch") {
		t.Errorf("randomisation is turned off:\n%s", boot)
	}
	if text := on.scripts()[1].Text; strings.Contains(text, "unshare") || !strings.Contains(text, "M=/home/me/own PWD=/home/me/own modules\n") {
		t.Errorf("a module of the user's own is not built as the user does it:\n%s", text)
	}
}

// variant is that of settings such as "code-model=large".
func variant(t testing.TB, settings ...string) (v scenario.Variant) {
	t.Helper()
	var values []string
	for _, text := range settings {
		name, value, _ := strings.Cut(text, "=")
		axis, err := scenario.ParseAxis(name)
		if err != nil {
			t.Fatal(err)
		}
		v.Settings, values = append(v.Settings, scenario.Setting{Axis: axis, Value: value}), append(values, value)
	}
	v.ID = strings.Join(values, "-")
	return v
}
