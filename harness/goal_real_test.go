package harness_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/result"
)

// newerRustc is a toolchain whose rustc refuses what the trees without the fixes ask of it.
const newerRustc = "trixie-backports"

// goalRun runs a scenario about the build with one toolchain.
func goalRun(t *testing.T, l *harness.Lab, scenario, toolchain string) *result.Results {
	t.Helper()
	r, err := l.Matrix(t.Context(), harness.MatrixOptions{Scenario: scenario, Toolchain: toolchain}, harness.Outputs{})
	if err != nil {
		t.Fatalf("%s with %s: %v", scenario, toolchain, err)
	}
	return r
}

// TestRustcFamilies holds both sides of each scenario about which rustc still builds which tree: an older rustc builds the tree
// without the fix, a newer one does not, in the words that the scenario describes, and builds the tree with it.
func TestRustcFamilies(t *testing.T) {
	l, _ := real(t)
	families := map[string]string{"rustc-target-pointer-width": "target-pointer-width: invalid type"}
	if os.Getenv("UMLAB_TEST_LONG") != "" {
		families["rustc-soft-float-abi"] = "soft-float"
		families["rustc-custom-target"] = "custom targets are unstable"
		families["rustc-core-edition"] = "only allowed in Rust 2024"
	}
	for name, says := range families {
		for toolchain, kind := range map[string]outcome.Kind{"trixie": outcome.Built, newerRustc: outcome.BuildFailed} {
			r := goalRun(t, l, name, toolchain)
			c := r.Cells[0]
			o := c.Build.Outcome
			if o == nil || o.Kind != kind || !c.AsExpected || r.Schema != result.SchemaV2 || len(c.Placements) > 0 {
				t.Errorf("%s with %s: %+v", name, toolchain, c)
				continue
			}
			if kind == outcome.BuildFailed && (o.Diagnostic.Tool != "rustc" || o.Diagnostic.Step != "rust/core.o" || o.Known == "" ||
				!strings.Contains(o.Diagnostic.Message, says)) {
				t.Errorf("%s with %s: %+v", name, toolchain, o.Diagnostic)
			}
			for _, control := range r.Controls {
				if !control.Holds {
					t.Errorf("%s with %s: %s", name, toolchain, control)
				}
			}
		}
	}
}

// TestOutOfTree holds that modules of a directory are made for the kernel of another toolchain, by the rustc of that one alone.
func TestOutOfTree(t *testing.T) {
	long(t)
	l, _ := real(t)
	for toolchain, want := range map[string]string{newerRustc: "", "trixie-web": "found crate `core` compiled by an incompatible version of rustc",
		"trixie": "error loading target specification: "} {
		r := goalRun(t, l, "rust-module-other-rustc", toolchain)
		c := r.Cells[0]
		switch o := c.Build.Outcome; {
		case !c.AsExpected || len(r.Controls) != 1 || !r.Controls[0].Holds:
			t.Errorf("%s: %+v, %+v", toolchain, c, r.Controls)
		case want == "" && o.Kind != outcome.Built:
			t.Errorf("%s: %s", toolchain, o)
		case want != "" && (o.Diagnostic.Step != "hello/hello.o" || !strings.HasPrefix(strings.ToLower(o.Diagnostic.Message), want)):
			t.Errorf("%s: %+v", toolchain, o.Diagnostic) // which rustc begins either way, by its version
		}
	}
}

// TestGoalElsewhere holds that a tree that a scenario's patch does not fit is refused, with no verdict, and that another error than
// the one that is described is no candidate of a bisection.
func TestGoalElsewhere(t *testing.T) {
	long(t)
	l, out := real(t)
	_, err := l.Matrix(t.Context(), harness.MatrixOptions{Scenario: "rustc-custom-target", Tree: "debian-7.3"}, harness.Outputs{})
	if err == nil || harness.ExitCode(err) != result.ExitUsage || !strings.Contains(err.Error(), "is not for tree debian-7.3") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(out.Name()); len(text) > 0 {
		t.Errorf("a table of a tree that the scenario is not for:\n%s", text)
	}
	// The scenario of one failure on the patches of another: that it fails is not what is described.
	dir := t.TempDir()
	text, err := os.ReadFile("../scenarios/rustc-custom-target.toml")
	if err != nil {
		t.Fatal(err)
	}
	patch, err := os.ReadFile("../scenarios/rustc-soft-float-abi/revert-6273a058383e.patch")
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`"rustc-custom-target"`, `"other"`, "rustc-custom-target/revert-0a9be83e57de.patch", "other.patch").Replace(string(text))
	file := filepath.Join(dir, "other.toml")
	for name, text := range map[string]string{file: other, filepath.Join(dir, "other.patch"): string(patch)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, _ := l.Matrix(t.Context(), harness.MatrixOptions{Scenario: file, Toolchain: newerRustc}, harness.Outputs{})
	if r == nil || r.Exit != result.ExitDiffers || !r.Cells[0].Build.Outcome.Other || !strings.Contains(r.Cells[0].Reason, "not as the scenario says") {
		t.Errorf("%+v", r)
	}
	b, _ := l.Bisect(context.WithoutCancel(t.Context()), harness.BisectOptions{Good: "1.85.1", Bad: "1.96.0", Series: "debian-rustc",
		MatrixOptions: harness.MatrixOptions{Scenario: file}})
	if b == nil || b.Conclusion != result.NotBisected || !strings.Contains(b.Reason, "not as the scenario says") {
		t.Errorf("%+v", b)
	}
}

// TestRustcIsAsked holds that a build from nothing asks rustc first, that nothing is built where it refuses, and that the line of
// the tree is told that asks for what it refuses.
func TestRustcIsAsked(t *testing.T) {
	long(t)
	l, _ := real(t)
	for name, gives := range map[string]string{
		"rustc-target-pointer-width": "scripts/generate_rust_target.rs:", "rustc-soft-float-abi": "scripts/generate_rust_target.rs:",
		"rustc-custom-target": "rust/Makefile:",
	} {
		text, err := os.ReadFile("../scenarios/" + name + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		patches, err := filepath.Glob("../scenarios/" + name + "/*.patch")
		if err != nil || len(patches) != 1 {
			t.Fatalf("%v, %v", patches, err)
		}
		patch, err := os.ReadFile(patches[0])
		if err != nil {
			t.Fatal(err)
		}
		// Who asks for warnings has it built from nothing.
		from := strings.NewReplacer(name+"/", "", "outcome = \"built\"\nverdict", "outcome = \"built\"\nno-warning = \"zzz\"\nverdict").Replace(string(text))
		file := filepath.Join(t.TempDir(), name+".toml")
		for name, text := range map[string]string{file: from, filepath.Join(filepath.Dir(file), filepath.Base(patches[0])): string(patch)} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := goalRun(t, l, file, newerRustc)
		b := r.Cells[0].Build
		if !r.Cells[0].AsExpected || b.Refused == nil || !strings.HasPrefix(b.Refused.Gives, gives) || b.Outcome.Known == "" {
			t.Errorf("%s: %+v", name, b)
		}
	}
}
