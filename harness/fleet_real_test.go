package harness_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"umlab/harness"
	"umlab/harness/fleet"
	"umlab/harness/fleet/jetstream"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// joined is real with the workers of a queue, and with what it tells.
func joined(t *testing.T, address string) (l *harness.Lab, out, told *os.File) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	dir := t.TempDir()
	files := map[string]*os.File{"stdout": nil, "stderr": nil}
	for name := range files {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[name] = f
	}
	engine := &harness.Engine{Queue: func(ctx context.Context, at harness.QueueAt) (fleet.Queue, error) {
		return jetstream.Open(ctx, jetstream.Options{Where: at.Address, Store: at.Store, Say: at.Note})
	}}
	l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Getenv: os.Getenv, Stdout: files["stdout"], Stderr: files["stderr"],
		Forget: true, Engine: engine, Join: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, files["stdout"], files["stderr"]
}

// ofTheRun is what two runs of the same have of their own; of nothing, JSON has one form.
var ofTheRun = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(result.Results{}, "Started", "Seconds"),
	cmpopts.IgnoreFields(result.Build{}, "Seconds"), cmpopts.IgnoreFields(result.Run{}, "Seconds")}

var seconds = regexp.MustCompile(`[0-9.]+ (s|min)$`)

// printed is what a run printed, without how long it took.
func printed(t *testing.T, f *os.File) string {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(text)) {
		b.WriteString(seconds.ReplaceAllString(strings.TrimSuffix(line, "\n"), "") + "\n")
	}
	return b.String()
}

// What workers do comes to what one machine does: the same table, the same JSON.
func TestJoinLocal(t *testing.T) {
	warm, _ := real(t)
	alone, one := real(t)
	l, many, told := joined(t, harness.Local)
	for name, o := range map[string]harness.MatrixOptions{
		"matrix": {}, "of a build": {Scenario: "rustc-target-pointer-width"},
		"own modules": {Select: scenario.Selection{Cells: []string{"stock"}, Modules: []string{"./testdata/modules/rust_hello"}}},
		"other kernels": func() (o harness.MatrixOptions) {
			o.Select.Axes, o.Select.Cells = []string{"param:seccomp=on"}, []string{"stock", "static-large*@module"}
			return o
		}(),
	} {
		matrix(t, warm, o)
		want := matrix(t, alone, o)
		for range 2 { // the second time they are answered at once
			if d := cmp.Diff(want, matrix(t, l, o), ofTheRun); d != "" {
				t.Errorf("%s: one machine and workers (-one +workers):\n%s", name, d)
			}
		}
		matrix(t, alone, o)
	}
	if d := cmp.Diff(printed(t, one), printed(t, many)); d != "" {
		t.Errorf("printed (-one +workers):\n%s", d)
	}
	if text := printed(t, told); !strings.Contains(text, "cells done by workers") || !strings.Contains(text, "worker ") {
		t.Errorf("the workers are not told of:\n%s", text)
	}
}

// The columns of a sweep are done beside each other, and come to the same.
func TestJoinSweep(t *testing.T) {
	alone, _ := real(t)
	l, _, _ := joined(t, harness.Local)
	o := harness.SweepOptions{Toolchains: []string{"trixie", "sid"}, MatrixOptions: harness.MatrixOptions{Tree: "debian-6.12"}}
	o.Select.Cells = []string{"stock"}
	sweep(t, alone, o)
	want, got := sweep(t, alone, o), sweep(t, l, o)
	if d := cmp.Diff(want, got, ofTheRun, cmpopts.IgnoreFields(result.Sweep{}, "Started", "Seconds")); d != "" {
		t.Errorf("one machine and workers (-one +workers):\n%s", d)
	}
}

// A verification by a worker is that of one machine.
func TestJoinVerify(t *testing.T) {
	alone, _ := real(t)
	l, _, _ := joined(t, harness.Local)
	text, err := os.ReadFile("../scenarios/unknown-rela-relocation/comment-only.patch")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(l *harness.Lab) *result.Verification {
		v, err := l.Verify(t.Context(), harness.VerifyOptions{Patch: "-", Stdin: bytes.NewReader(text)}, harness.VerifyOutputs{})
		if fault(v == nil, err) {
			t.Fatal(err)
		}
		return v
	}
	verify(alone)
	want, got := verify(alone), verify(l)
	if d := cmp.Diff(want, got, ofTheRun, cmpopts.IgnoreFields(result.Verification{}, "Seconds")); d != "" {
		t.Errorf("one machine and a worker (-one +worker):\n%s", d)
	}
}

// A bisection whose candidates workers run finds what one machine finds, by the same steps.
func TestJoinBisect(t *testing.T) {
	long(t)
	alone, one := real(t)
	l, many, _ := joined(t, harness.Local)
	o := harness.BisectOptions{Good: "1.85.0", Bad: "1.98.1", Series: "debian-rustc", Until: "rust_print:GOTPCREL<20",
		MatrixOptions: harness.MatrixOptions{Tree: "debian-7.3", Command: "go test", Fresh: true}} // nothing from the logs of earlier ones
	o.Cell = "stock"
	bisect := func(l *harness.Lab) *result.Bisection {
		b, err := l.Bisect(t.Context(), o)
		if fault(b == nil, err) {
			t.Fatal(err)
		}
		return b
	}
	want, got := bisect(alone), bisect(l)
	if d := cmp.Diff(want, got, ofTheRun, cmpopts.IgnoreFields(result.Bisection{}, "Started", "Seconds"),
		cmpopts.IgnoreFields(result.BisectStep{}, "Seconds")); d != "" {
		t.Errorf("one machine and workers (-one +workers):\n%s", d)
	}
	if d := cmp.Diff(printed(t, one), printed(t, many)); d != "" {
		t.Errorf("printed (-one +workers):\n%s", d)
	}
}

// A zoo of workers has what that of one machine has: builds alone, of which each has a configuration of its own, and boots.
func TestJoinZoo(t *testing.T) {
	alone, _ := real(t)
	l, _, _ := joined(t, harness.Local)
	zoo := func(l *harness.Lab) *result.Zoo {
		z, err := l.Zoo(t.Context(), harness.ZooOptions{Scenarios: []string{"cf-protection-i586", "hostfs-new-mount-api"}, Command: "go test"},
			harness.Outputs{})
		if fault(z == nil, err) {
			t.Fatal(err)
		}
		return z
	}
	zoo(alone)
	want, got := zoo(alone), zoo(l)
	if d := cmp.Diff(want, got, ofTheRun, cmpopts.IgnoreFields(result.Zoo{}, "Started", "Seconds")); d != "" {
		t.Errorf("one machine and workers (-one +workers):\n%s", d)
	}
}
