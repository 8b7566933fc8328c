package report

import (
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

type show = func(module string) outcome.Outcome

// trialSide is one side of a verification on debian-7.3: the stock cell at low,
// high and far, every load predicted as it went.
func trialSide(toolchain string, patched bool, at ...show) *result.Results {
	r := matrix()
	r.Command = "go tool mage verify fix.patch -tree=debian-7.3 -toolchains=" + toolchain
	r.Tree = result.Tree{Name: "debian-7.3", Version: "7.3.4", Package: "linux-source-7.3 7.3.4-1~bpo13+1", Digest: "sha256:" + strings.Repeat("77aa02c4", 8)}
	r.Toolchain.Name = toolchain
	if toolchain != "trixie" {
		r.Toolchain.Identity = map[string]string{"rustc": "1.96.1", "rustc-llvm": "22.1.2", "gcc": "14.2.0"}
		r.Toolchain.Compiler = "gcc"
	}
	sum := "sha256:before"
	if patched {
		sum = "sha256:after"
		r.Tree.Patches = []string{"sha256:" + strings.Repeat("5e", 32)}
	}
	r.Cells = []result.Cell{trialCell("stock", sum, at...)}
	flags := []string{"-Cpanic=abort", "-Crelocation-model=pie"}
	if patched && len(at) > 0 {
		flags = []string{"-Cpanic=abort", "-Crelocation-model=static", "-Ccode-model=large"}
	}
	if !patched || len(at) > 0 {
		r.Cells[0].Build.Effective = map[string][]string{"rust_minimal": flags, "rust_print": flags}
	}
	judge(r)
	return r
}

func trialCell(id, sum string, at ...show) result.Cell {
	c := result.Cell{ID: id, AsExpected: true, Build: result.Build{Signature: map[string]string{"linux": "sha256:l", "rust_print": sum}}}
	for i, s := range at {
		mem := []string{"64M", "1G", "4G"}[i]
		run := boot(mem, s)
		for j := range run.Modules {
			o, agrees := run.Modules[j].Outcome, true
			o.Evidence, o.Offset = "", 0
			run.Modules[j].Predicted, run.Modules[j].Agrees = &o, &agrees
		}
		c.Placements = append(c.Placements, result.Placement{Name: []string{"low", "high", "far"}[i], Mem: mem, Runs: []result.Run{run}})
	}
	return c
}

// withCell adds a cell to r.
func withCell(r *result.Results, c result.Cell) *result.Results {
	r.Cells = append(r.Cells, c)
	judge(r)
	return r
}

func oops(m string) outcome.Outcome {
	if m == "rust_minimal" {
		return loaded(m)
	}
	return outcome.Outcome{Kind: outcome.Oops, Offset: 2400,
		Evidence: "Kernel tried to access user memory at addr 0x1602e9704, ip 0x160804a31, while the module rust_print was in its init function"}
}

// verifications are the fixtures, by conclusion.
func verifications() map[string]*result.Verification {
	type pairs = []result.Pair
	fix := result.Patch{Subject: "um: rust: build modules for the large code model", From: "Jane Roe <jane@example.org>",
		PatchID: strings.Repeat("0123456789", 4), Digest: "sha256:" + strings.Repeat("5e", 32),
		Diff: "diff --git a/arch/um/Makefile b/arch/um/Makefile\n--- a/arch/um/Makefile\n+++ b/arch/um/Makefile\n@@ -66 +66 @@\n" +
			"-KBUILD_RUSTFLAGS += -Crelocation-model=pie\n+KBUILD_RUSTFLAGS += -Ccode-model=large # <b>&\n"}
	base := func(toolchain string) *result.Results {
		return trialSide(toolchain, false, unknown(9), unknown(9), unknown(9))
	}
	list := map[string]*result.Verification{}
	add := func(name string, p pairs) *result.Verification {
		v := &result.Verification{Patches: []result.Patch{fix}, Pairs: p, Umlab: "umlab 1a2b3c4d5e6f", Seconds: 23.4, Exit: 1, TestedBy: "Max Mustermann <max@example.org>",
			Command:  "go tool mage verify scenarios/unknown-rela-relocation/large-code-model.patch -tree=debian-7.3 -toolchains=" + p[0].Before.Toolchain.Name,
			Untested: []string{"modules other than rust_minimal and rust_print", "trees other than debian-7.3, and architectures other than UML on x86_64"},
			Findings: []result.Finding{
				{Tool: "checkpatch.pl", Lines: []string{"patch, line 21: WARNING: Missing or malformed SPDX-License-Identifier tag in line 1", "patch: total: 0 errors, 1 warnings, 8 lines checked"}},
				{Tool: "get_maintainer.pl", Lines: []string{"Richard Weinberger <richard@nod.at> (maintainer:USER-MODE LINUX (UML))", "linux-um@lists.infradead.org (open list:USER-MODE LINUX (UML))"}},
			}}
		v.Conclusion, v.Reason = conclude.Verification(p)
		if v.Conclusion == result.Fixed {
			v.Exit = 0
		}
		list[name] = v
		return v
	}

	fixed := add("fixed", pairs{{Before: base("trixie"), After: trialSide("trixie", true, loaded, loaded, loaded)},
		{Before: base("trixie-backports"), After: trialSide("trixie-backports", true, loaded, loaded, loaded)}})
	fixed.Command = "go tool mage verify series.mbox -tree=debian-7.3 -toolchains=trixie,trixie-backports"
	fixed.Patches = append(fixed.Patches, result.Patch{Subject: "um: rust: say why", From: fix.From, PatchID: strings.Repeat("ab12cd34ef", 4), Digest: "sha256:" + strings.Repeat("6f", 32)})

	split := func(m string) outcome.Outcome {
		if m == "rust_minimal" {
			return loaded(m)
		}
		return overflow(11)(m)
	}
	after := trialSide("trixie", true, loaded, split, overflow(11))
	probe := func(mem string, s show) result.Placement {
		return result.Placement{Name: mem, Mem: mem, Runs: []result.Run{boot(mem, s)}}
	}
	after.Cells[0].Thresholds = []result.Threshold{{Modules: []string{"rust_print"}, Mem: "504M", Base: "0x80000000", Before: loaded("rust_print"),
		After: overflow(11)("rust_print"), Holds: true, Probes: []result.Placement{probe("503M", loaded), probe("504M", overflow(11))}}}
	before := withCell(base("trixie"), trialCell("static-small@module", "sha256:s", loaded, overflow(11), overflow(10)))
	for _, id := range []string{"pie-small@module", "pie-kernel@module"} {
		before = withCell(before, trialCell(id, "sha256:p", unknown(9), unknown(9), unknown(9)))
		after = withCell(after, trialCell(id, "sha256:p", unknown(9), unknown(9), unknown(9)))
	}
	after.Cells = append(after.Cells[:1], append([]result.Cell{trialCell("static-small@module", "sha256:s", loaded, overflow(11), overflow(10))}, after.Cells[1:]...)...)
	judge(after)
	partly := add("partly-fixed", pairs{{Before: before, After: after}})
	partly.Findings = []result.Finding{{Tool: "checkpatch.pl", Failed: "the tree has no scripts/checkpatch.pl"}, {Tool: "get_maintainer.pl"}}

	add("not-fixed", pairs{{Before: base("trixie"), After: trialSide("trixie", true, unknown(29), unknown(29), unknown(29))}})

	wrong := trialSide("trixie", true, loaded, loaded, oops)
	m := &wrong.Cells[0].Placements[2].Runs[0].Modules[1]
	expected, agrees := outcome.Outcome{Kind: outcome.Loaded, Address: "0x160804000"}, false
	m.Predicted, m.Agrees = &expected, &agrees
	judge(wrong)
	add("regressed", pairs{{Before: base("trixie"), After: wrong}})

	same := base("trixie")
	same.Tree.Patches = []string{"sha256:" + strings.Repeat("5e", 32)}
	add("no-effect", pairs{{Before: base("trixie"), After: same}})

	broken := trialSide("trixie", true)
	broken.Cells[0].Build.Outcome = &outcome.Outcome{Kind: outcome.BuildFailed, Evidence: "arch/um/Makefile:158: *** missing separator (did you mean TAB instead of 8 spaces?).  Stop.", Detail: "make exited with 2"}
	broken.Cells[0].Build.Signature = nil
	judge(broken)
	add("build-failed", pairs{{Before: base("trixie"), After: broken}})

	add("not-reproduced", pairs{{Before: trialSide("trixie", false, loaded, loaded, loaded), After: trialSide("trixie", true, loaded, loaded, loaded)}})

	void := trialSide("trixie", true, loaded, loaded, simple(outcome.Infra, "exec linux: no space left on device"))
	for i := range void.Cells[0].Placements[2].Runs[0].Modules {
		void.Cells[0].Placements[2].Runs[0].Modules[i].Agrees = nil // a boot that never was tells nothing
	}
	judge(void)
	void.Controls[1].Holds, void.Controls[1].Got, void.Infra = false, "infra", "control known-load misbehaves"
	add("infra", pairs{{Before: base("trixie"), After: void}}).Exit = 3
	return list
}
