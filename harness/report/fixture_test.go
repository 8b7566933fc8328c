package report

import (
	"fmt"
	"slices"
	"time"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// matrix is the default matrix of debian-6.12, as it was measured.
func matrix() *result.Results {
	r := &result.Results{
		Scenario: result.Scenario{Name: "unknown-rela-relocation", Title: "Unknown rela relocation when a Rust module is loaded on UML", Digest: "sha256:5f0c2a"},
		Command:  "go tool mage matrix -tree=debian-6.12 -toolchain=trixie",
		Next:     "go tool mage explain static-small@module:high -tree=debian-6.12 -toolchain=trixie",
		Started:  time.Date(2026, 11, 22, 23, 10, 0, 0, time.UTC),
		Seconds:  18.31,
		Tree:     result.Tree{Name: "debian-6.12", Version: "6.12.107", Package: "linux-source-6.12 6.12.107-1", Digest: "sha256:77aa01"},
		Toolchain: result.Toolchain{Name: "trixie", Compiler: "clang", Digest: "sha256:0b1c", Identity: map[string]string{
			"rustc": "1.85.1", "rustc-llvm": "19.1.7", "rust-src": "1.85.1", "bindgen": "0.71.1", "libclang": "19.1.7",
			"clang": "Debian clang version 19.1.7 (3+b1)", "ld": "LLD 19.1.7", "gcc": "14.2.0"}},
		Config: result.Config{Fragments: []string{"uml.config", "rust.config"}, Digest: "sha256:9f0c31d2a4b78e55"},
		Controls: []result.Control{
			{Name: "known-reject", Cell: "stock:low", Want: "relocation-unknown", Got: "relocation-unknown 9 GOTPCREL", Holds: true},
			{Name: "known-load", Cell: "static-large@module:low", Want: "loaded", Got: "loaded", Holds: true},
		},
		Notes: []string{"mirror of sid: InRelease is past its Valid-Until (allowed for this suite)"},
	}
	for _, v := range []struct {
		id, relocation, code string
		low, high            func(module string) outcome.Outcome
	}{
		{"stock", "", "", unknown(9), unknown(9)},
		{"pie-small@module", "pie", "small", unknown(9), unknown(9)},
		{"pie-kernel@module", "pie", "kernel", unknown(9), unknown(9)},
		{"pie-large@module", "pie", "large", unknown(29), unknown(29)},
		{"static-small@module", "static", "small", loaded, overflow(11)},
		{"static-kernel@module", "static", "kernel", loaded, overflow(11)},
		{"static-large@module", "static", "large", loaded, loaded},
	} {
		c := result.Cell{ID: v.id, AsExpected: true, Variant: result.Variant{RelocationModel: v.relocation, CodeModel: v.code}}
		if v.relocation != "" {
			c.Variant.Scope = "module"
			c.Build.Flags = []string{"-Crelocation-model=" + v.relocation, "-Ccode-model=" + v.code}
			c.Build.Effective = map[string][]string{"rust_minimal": c.Build.Flags, "rust_print": c.Build.Flags}
		}
		c.Build.Command = "make ARCH=um O=/out LLVM=1 RUSTFLAGS_MODULE='-Crelocation-model=" + v.relocation + "' modules"
		c.Build.Signature = map[string]string{"linux": "sha256:11", "rust_minimal": "sha256:22", "rust_print": "sha256:33"}
		c.Build.Seconds = 5.2
		c.Placements = []result.Placement{
			{Name: "low", Mem: "64M", Runs: []result.Run{boot("64M", v.low)}},
			{Name: "high", Mem: "1G", Runs: []result.Run{boot("1G", v.high)}},
		}
		r.Cells = append(r.Cells, c)
	}
	judge(r)
	for i := range r.Cells {
		r.Cells[i].Expected = string(r.Cells[i].Verdict)
	}
	return r
}

// goalRun is a run of a scenario about the build: what it describes, another error, and what is made with warnings.
func goalRun() *result.Results {
	r := matrix()
	r.Scenario = result.Scenario{Name: "rustc-custom-target", Title: "custom targets are unstable", Digest: "sha256:5f0c2b"}
	r.Command, r.Next, r.Tree.Patches = "go tool mage matrix -scenario=rustc-custom-target", "", []string{"sha256:aa"}
	r.Controls = []result.Control{
		{Name: "older-rustc-builds", Cell: "stock, by trixie", Want: "built", Got: "built", Holds: true},
		{Name: "fixed-tree-builds", Cell: "stock, without the patches", Want: "built", Got: "built", Holds: true}}
	made := func(id string, as bool, expected string, o outcome.Outcome) {
		r.Cells = append(r.Cells, result.Cell{ID: id, AsExpected: as, Expected: expected, Build: result.Build{
			Goal: "rust/core.o", Command: "make ARCH=um O=build LLVM=1 rust/core.o", Seconds: 4.2, Outcome: &o, Log: "/store/files/0b/0b1c"}})
	}
	const spec = "error loading target specification: custom targets are unstable and require `-Zunstable-options`"
	r.Cells = nil
	made("stock", true, "build-failed", outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: " + spec, Known: `build-failed "custom targets"`,
		Frame:      []string{"error: " + spec, "  = help: run `rustc --print target-list` for a list of built-in targets"},
		Detail:     "rustc failed in step rust/core.o at scripts/target.json",
		Diagnostic: &outcome.Diagnostic{Tool: "rustc", Step: "rust/core.o", Place: "scripts/target.json", Message: spec}})
	r.Cells[0].Build.Refused = &result.Refused{Gives: "rust/Makefile:392", Seconds: 1.9}
	made("large@all", false, `build-failed "custom targets"`, outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error: no such code model", Other: true,
		Frame: []string{"error: no such code model"}, Detail: "rustc failed in step rust/core.o",
		Diagnostic: &outcome.Diagnostic{Tool: "rustc", Step: "rust/core.o", Message: "no such code model"}})
	made("static@all", false, `build-failed "custom targets"`, outcome.Outcome{Kind: outcome.Built, Differs: []string{"linux"},
		Warnings: []outcome.Diagnostic{{Tool: "clang", Step: "init/main.o", Place: "init/main.c:9:5", Message: "unused variable 'x' [-Wunused-variable]"}}})
	judge(r)
	r.Totals.Differing = 2
	return r
}

func judge(r *result.Results) {
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Verdict, c.Reason = conclude.Cell(*c)
	}
	r.Totals = conclude.Totals(r.Cells)
}

func boot(mem string, show func(string) outcome.Outcome) result.Run {
	run := result.Run{Command: "linux mem=" + mem + " root=/dev/root rootfstype=hostfs init=/init con=null con0=fd:0,fd:1",
		Transcript: "transcripts/4f/4f0d", Kernel: "6.12.107", Seconds: 0.41}
	for _, m := range []string{"rust_minimal", "rust_print"} {
		run.Modules = append(run.Modules, result.Module{Name: m, Outcome: show(m)})
	}
	return run
}

func loaded(m string) outcome.Outcome {
	return outcome.Outcome{Kind: outcome.Loaded, Address: "0x62804000", Offset: 2210, Evidence: m + " 12288 0 - Live 0x0000000062804000"}
}

func unknown(t uint32) func(string) outcome.Outcome {
	return func(m string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.RelocationUnknown, Relocation: outcome.NewRelocation(t), Errno: 8, Offset: 2117,
			Evidence: fmt.Sprintf("%s: Unknown rela relocation: %d", m, t)}
	}
}

func overflow(t uint32) func(string) outcome.Outcome {
	return func(string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(t), Errno: 8, Offset: 2117,
			Value: "0x80804010", Evidence: fmt.Sprintf("overflow in relocation type %d val 80804010", t)}
	}
}

func simple(k outcome.Kind, evidence string) func(string) outcome.Outcome {
	return func(string) outcome.Outcome { return outcome.Outcome{Kind: k, Evidence: evidence, Offset: 40} }
}

// trouble is a run in which everything that a report can say is said: every
// kind of outcome, modules and runs that differ, predictions that hold and that
// do not, verdicts that nobody expected.
func trouble() *result.Results {
	r := matrix()
	r.Seconds = 272.4
	r.Tree = result.Tree{Name: "/home/u/linux", Version: "7.3.4", Digest: "sha256:77aa02", Patches: []string{"sha256:aa"}}
	r.Toolchain.Compiler = "gcc"
	r.Notes = []string{"/home/u/linux: the tree has uncommitted changes"}
	r.Cells = nil
	section, index := 5, 3
	sec := outcome.Outcome{Kind: outcome.RelocationOverflow, Relocation: outcome.NewRelocation(11), Errno: 8, Offset: 2117,
		Value: "0x80804010", Section: &section, Index: &index, Evidence: "overflow in relocation type 11 val 80804010 sec 5 idx 3"}
	corrupt := outcome.Outcome{Kind: outcome.LoadedCorrupt, Relocation: outcome.NewRelocation(2), Address: "0x160800000", Offset: 3000,
		Evidence: "rust_print 12288 0 - Live 0x0000000160800000", Detail: "R_X86_64_PC32 to _printk is 4303355904 away, more than 2 GiB"}
	errno := func(k outcome.Kind, n int, line string) func(string) outcome.Outcome {
		return func(string) outcome.Outcome { return outcome.Outcome{Kind: k, Errno: n, Evidence: line, Offset: 12} }
	}
	split := func(m string) outcome.Outcome {
		if m == "rust_print" {
			return unknown(9)(m)
		}
		return loaded(m)
	}
	add := func(id, expected string, asExpected bool, ps ...result.Placement) *result.Cell {
		r.Cells = append(r.Cells, result.Cell{ID: id, Expected: expected, AsExpected: asExpected, Placements: ps,
			Variant: result.Variant{RelocationModel: "static", CodeModel: "small", Scope: "module"}})
		return &r.Cells[len(r.Cells)-1]
	}
	low := func(runs ...result.Run) result.Placement {
		return result.Placement{Name: "low", Mem: "64M", Runs: runs}
	}
	random := func(runs ...result.Run) result.Placement {
		return result.Placement{Name: "high", Mem: "1G", ASLR: true, Runs: runs}
	}
	predict := func(p result.Placement, want func(string) outcome.Outcome) result.Placement {
		for i := range p.Runs {
			for j := range p.Runs[i].Modules {
				m := &p.Runs[i].Modules[j]
				o := want(m.Name)
				o.Evidence, o.Offset = "", 0
				agrees := o.Same(m.Outcome)
				m.Predicted, m.Agrees = &o, &agrees
			}
		}
		return p
	}
	var twenty []result.Run
	for i := range 20 {
		run := boot("1G", loaded)
		if i%7 != 0 {
			run = boot("1G", func(string) outcome.Outcome { return sec })
		}
		gap := int64(i) << 20
		run.Gap, run.Cached = &gap, i < 10
		run.Boots = []result.Boot{{Modules: []string{"rust_minimal", "rust_print"}, Gap: &gap}}
		twenty = append(twenty, run)
	}
	twentyRandom := random(twenty...)
	for _, m := range []string{"rust_minimal", "rust_print"} {
		twentyRandom.Chances = append(twentyRandom.Chances, result.Chance{Module: m, Computed: 0.25, Range: 1 << 30, Loaded: 3, Runs: 20, Low: 0.052, High: 0.36, Holds: true})
	}
	probe := func(mem string, show func(string) outcome.Outcome) result.Placement {
		return predict(result.Placement{Name: mem, Mem: mem, Runs: []result.Run{boot(mem, show)}}, show)
	}
	add("static-small@module", "address-dependent", true, predict(low(boot("64M", loaded)), loaded), twentyRandom).Thresholds = []result.Threshold{
		{Modules: []string{"rust_minimal", "rust_print"}, Mem: "504M", Base: "0x80000000", Before: loaded("rust_minimal"), After: overflow(11)("rust_minimal"), Holds: true,
			Probes: []result.Placement{probe("503M", loaded), probe("504M", overflow(11))}},
		{Modules: []string{"rust_print"}, Mem: "1528M", Base: "0xc0000000", Before: loaded("rust_print"), After: overflow(11)("rust_print"),
			Probes: []result.Placement{probe("1527M", loaded), predict(probe("1528M", loaded), overflow(11))}},
	}
	add("stock", "rejected: relocation-unknown 9", true, predict(low(boot("64M", unknown(9))), unknown(9)), random(boot("1G", unknown(9))))
	add("static-large@module", "loads", false, predict(low(boot("64M", func(string) outcome.Outcome { return sec })), loaded), random(boot("1G", loaded)))
	add("pie-small@module", "rejected", false, low(boot("64M", split)), random(boot("1G", split)))
	add("pie-large@all", "", true, low(boot("64M", simple(outcome.Oops, "Kernel mode fault at addr 0x0, ip 0x60287a5c"))), random(boot("1G", errno(outcome.InitFailed, 22, "insmod: can't insert 'rust_print.ko': Invalid argument"))))
	add("far@module", "", true, low(boot("64M", loaded)), result.Placement{Name: "far", Mem: "4G", Runs: []result.Run{boot("4G", func(string) outcome.Outcome { return corrupt })}})
	add("symbols", "", true, low(boot("64M", errno(outcome.InsmodFailed, 2, "rust_print: Unknown symbol foo (err -2)"))))
	add("hangs", "", true, low(boot("64M", func(string) outcome.Outcome {
		return outcome.Outcome{Kind: outcome.Timeout, Stage: "boot", Detail: "no prompt within 30 s"}
	})), random(boot("1G", simple(outcome.BootFailed, "Kernel panic - not syncing: VFS: Unable to mount root fs"))))
	add("flaky", "", true, low(boot("64M", loaded), boot("64M", unknown(9))))
	c := add("static-small@kernel", "", true)
	c.Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "error[E0463]: can't find crate for `core`",
		Detail: "./hello/hello.rs:3:5: error[E0463]: can't find crate for `core`",
		Frame:  []string{"error[E0463]: can't find crate", " --> ./hello/hello.rs:3:5", "  |", "3 | use core::ptr;", "  |     ^^^^", "  = help: consider rust-src"}}
	c.Build.Log = "logs/ab/abcd"
	add("dropped", "", true).Build.Outcome = &outcome.Outcome{Kind: outcome.ConfigDropped, Detail: "RUSTFLAGS_MODULE did not reach rust_print.o"}
	add("host", "", true, low(boot("64M", simple(outcome.Infra, "exec linux: no space left on device"))))
	judge(r)
	r.Exit = 1
	return r
}

// collapsed is matrix with a control that misbehaves.
func collapsed() *result.Results {
	r := matrix()
	r.Controls[1].Holds, r.Controls[1].Got = false, "oops"
	r.Infra = "control known-load misbehaves"
	r.Exit = 3
	return r
}

// search is what a search for sets of settings found.
func search() *result.Results {
	r := matrix()
	r.Cells = slices.DeleteFunc(r.Cells, func(c result.Cell) bool { return c.ID != "stock" && c.ID != "static-large@module" })
	own := r.Cells[1]
	own.ID, own.Variant = "daed=yes@module", result.Variant{Scope: "module",
		Settings: []result.Setting{{Axis: "-Zdirect-access-external-data", Value: "yes"}}}
	own.Build.Flags = []string{"-Zdirect-access-external-data=yes"}
	r.Cells = append(r.Cells, own)
	r.Search = &result.Search{Verdict: result.Loads, Most: 2, Asked: 140, Sets: []string{own.ID, "static-large@module"},
		Axes: "-Crelocation-model=static,pic -Ccode-model=small,large -Zdirect-access-external-data=yes,no", Others: map[result.Verdict]int{result.Rejected: 125}}
	r.Totals = conclude.Totals(r.Cells)
	return r
}
