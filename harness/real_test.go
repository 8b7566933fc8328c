package harness_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness"
	"umlab/harness/outcome"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// The real tests build and boot. They share the user's store, so that what it
// holds is not built again; everything that they check is checked on results
// that say whether they come from there.

// real opens a lab on the user's store and a file that its stdout goes to.
func real(t *testing.T) (*harness.Lab, *os.File) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	return lab(t, os.Getenv)
}

// long skips what takes longer than a change should wait for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("UMLAB_TEST_LONG") == "" {
		t.Skip("takes long: go tool mage test -long")
	}
}

func lab(t *testing.T, getenv func(string) string) (*harness.Lab, *os.File) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Getenv: getenv, Stdout: out, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, out
}

// fault reports whether a flow came to nothing, and not only to another end than
// was hoped for.
func fault(nothing bool, err error) bool {
	var end *harness.EndError
	return nothing || err != nil && !errors.As(err, &end)
}

func matrix(t *testing.T, l *harness.Lab, o harness.MatrixOptions) *result.Results {
	t.Helper()
	o.Command = "go test"
	r, err := l.Matrix(t.Context(), o, harness.Outputs{})
	if fault(r == nil, err) {
		t.Fatal(err)
	}
	return r
}

// valid holds that the JSON of v is what its schema says.
func valid[T any](t *testing.T, schema string, write func(io.Writer, *T) error, v *T) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, v); err != nil {
		t.Fatal(err)
	}
	check, err := report.Validator(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(b.Bytes()); err != nil {
		t.Errorf("the JSON is not what its schema says: %v", err)
	}
}

// check holds what every result must hold, whatever the kernel did.
func check(t *testing.T, r *result.Results) {
	t.Helper()
	valid(t, r.Version(), report.JSON, r) // a boot that was discarded is told in the second version
	if r.Infra != "" {
		t.Errorf("infra: %s", r.Infra)
	}
	for _, c := range r.Controls {
		if !c.Holds {
			t.Errorf("control %s: %s gave %s, want %s", c.Name, c.Cell, c.Got, c.Want)
		}
	}
	for _, c := range r.Cells {
		if !c.AsExpected {
			t.Errorf("%s: verdict %s (%s), expected %s", c.ID, c.Verdict, c.Reason, c.Expected)
		}
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				text, err := os.ReadFile(run.Transcript)
				if err != nil {
					t.Errorf("%s:%s: %v", c.ID, p.Name, err)
					continue
				}
				for _, m := range run.Modules {
					o := m.Outcome
					if o.Evidence == "" || !strings.HasPrefix(string(text[min(o.Offset, int64(len(text))):]), o.Evidence) {
						t.Errorf("%s:%s %s: evidence %q does not stand at %d of the transcript", c.ID, p.Name, m.Name, o.Evidence, o.Offset)
					}
				}
			}
		}
	}
}

// outcomes lists what a run of the default scenario showed: cell, placement,
// module, outcome.
func outcomes(r *result.Results) map[string]string {
	m := map[string]string{}
	for _, c := range r.Cells {
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, mod := range run.Modules {
					m[c.ID+":"+p.Name+":"+mod.Name] = mod.Outcome.String()
				}
			}
		}
	}
	return m
}

// TestMatrix is the main job on the default tree, boots and all.
func TestMatrix(t *testing.T) {
	l, out := real(t)
	r := matrix(t, l, harness.MatrixOptions{})
	check(t, r)
	if r.Exit != result.ExitExpected {
		t.Errorf("exit %d", r.Exit)
	}
	got := outcomes(r)
	if len(got) != 7*2*2 {
		t.Errorf("%d module loads, want 7 variants x 2 placements x 2 modules", len(got))
	}
	for _, m := range []string{"rust_minimal", "rust_print"} {
		for cell, want := range map[string]string{
			"stock:low":                "relocation-unknown 9 GOTPCREL",
			"stock:high":               "relocation-unknown 9 GOTPCREL",
			"static-large@module:low":  "loaded",
			"static-large@module:high": "loaded",
			"static-small@module:low":  "loaded",
		} {
			if got[cell+":"+m] != want {
				t.Errorf("%s:%s is %q, want %q", cell, m, got[cell+":"+m], want)
			}
		}
		if o := got["static-small@module:high:"+m]; !strings.HasPrefix(o, string(outcome.RelocationOverflow)) {
			t.Errorf("static-small@module:high:%s is %q, want an overflow", m, o)
		}
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"stock", "unknown 9 GOTPCREL", "address-dependent", "7 variants", "all as expected"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}

	// A second run answers from the store, and says the same.
	again := matrix(t, l, harness.MatrixOptions{})
	if again.Totals.Cached != again.Totals.Boots {
		t.Errorf("second run: %d of %d boots were cached", again.Totals.Cached, again.Totals.Boots)
	}
	// -fresh boots again; where addresses do not matter it sees the same.
	fresh := matrix(t, l, harness.MatrixOptions{Fresh: true})
	check(t, fresh)
	if fresh.Totals.Cached != 0 {
		t.Errorf("-fresh: %d boots were cached", fresh.Totals.Cached)
	}
	for k, o := range outcomes(fresh) {
		if got[k] != o {
			t.Errorf("%s: %s, and fresh %s", k, got[k], o)
		}
	}
}

// TestVariantsOfModules narrows and widens the axes.
func TestNarrowAndWiden(t *testing.T) {
	l, _ := real(t)
	off := false
	r := matrix(t, l, harness.MatrixOptions{Select: scenario.Selection{
		Cells: []string{"static-small", "pic-large"}, Mem: []string{"32M", "2G"}, ASLR: &off, Modules: []string{"rust_minimal"}, Repeat: 2,
	}})
	check(t, r)
	if len(r.Cells) != 2 || len(r.Cells[0].Placements) != 2 || len(r.Cells[0].Placements[0].Runs) != 2 {
		t.Fatalf("not what was selected: %+v", r.Cells)
	}
	var first result.Placement
	for i, run := range r.Cells[0].Placements[0].Runs {
		if i == 0 {
			first = r.Cells[0].Placements[0]
			continue
		}
		if run.Modules[0].Outcome.Address != first.Runs[0].Modules[0].Outcome.Address {
			t.Errorf("without randomisation, the module lands at %s and at %s", first.Runs[0].Modules[0].Outcome.Address, run.Modules[0].Outcome.Address)
		}
	}
}

// TestConfigDropped asks for an option that no kernel has: nothing is built, and
// every cell says what was dropped.
func TestConfigDropped(t *testing.T) {
	l, _ := real(t)
	fragment := filepath.Join(t.TempDir(), "my.config")
	if err := os.WriteFile(fragment, []byte("# a comment\nCONFIG_NO_SUCH_OPTION=y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := matrix(t, l, harness.MatrixOptions{Fragments: []string{fragment}})
	for _, c := range r.Cells {
		if c.Verdict != result.Unknown || c.Build.Outcome == nil || c.Build.Outcome.Kind != outcome.ConfigDropped {
			t.Errorf("%s: %s, %v", c.ID, c.Verdict, c.Build.Outcome)
			continue
		}
		if want := fragment + ":2: CONFIG_NO_SUCH_OPTION=y was dropped"; !strings.Contains(c.Build.Outcome.Evidence, want) {
			t.Errorf("%s: evidence %q lacks %q", c.ID, c.Build.Outcome.Evidence, want)
		}
	}
	if r.Exit == result.ExitExpected {
		t.Error("exit 0")
	}
}

// TestConcurrent runs the same fresh matrix twice at once on one store.
func TestConcurrent(t *testing.T) {
	a, _ := real(t)
	b, _ := real(t)
	o := harness.MatrixOptions{Fresh: true, Select: scenario.Selection{Cells: []string{"static-large", "static-small"}, Placements: []string{"low"}}}
	results := make(chan *result.Results, 2)
	for _, l := range []*harness.Lab{a, b} {
		go func() {
			r, err := l.Matrix(context.WithoutCancel(t.Context()), o, harness.Outputs{})
			if fault(r == nil, err) {
				t.Error(err)
			}
			results <- r
		}()
	}
	x, y := <-results, <-results
	if x == nil || y == nil {
		return
	}
	check(t, x)
	check(t, y)
	if !mapsEqual(outcomes(x), outcomes(y)) {
		t.Errorf("two runs at once differ: %v, %v", outcomes(x), outcomes(y))
	}
}

func mapsEqual(a, b map[string]string) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// TestCancelled ends a run in the middle: the error is the cancellation, and
// nothing half-done stays behind.
func TestCancelled(t *testing.T) {
	l, _ := real(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Matrix(ctx, harness.MatrixOptions{Fresh: true}, harness.Outputs{}); err == nil {
		t.Error("a cancelled run succeeded")
	}
}

// TestTrees runs the default matrix on the other trees.
func TestTrees(t *testing.T) {
	long(t)
	for _, tree := range []string{"debian-7.2", "debian-7.3"} {
		t.Run(tree, func(t *testing.T) {
			l, _ := real(t)
			check(t, matrix(t, l, harness.MatrixOptions{Tree: tree}))
		})
	}
}

// TestToolchains runs the default matrix with the other toolchains.
func TestToolchains(t *testing.T) {
	long(t)
	for _, tc := range []string{"trixie-backports", "sid", "sid-experimental"} {
		t.Run(tc, func(t *testing.T) {
			l, _ := real(t)
			r := matrix(t, l, harness.MatrixOptions{Toolchain: tc})
			check(t, r)
			frozen := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "expired") })
			t.Logf("%s: %v, frozen mirror said: %v", tc, r.Toolchain.Identity, frozen)
		})
	}
}

// TestScopes builds whole kernels with the flags.
func TestScopes(t *testing.T) {
	long(t)
	l, _ := real(t)
	r := matrix(t, l, harness.MatrixOptions{Select: scenario.Selection{Scope: scenario.Scopes()}})
	if r.Infra != "" || len(r.Cells) != 1+6*3 {
		t.Errorf("infra %q, %d cells", r.Infra, len(r.Cells))
	}
	for _, c := range r.Cells {
		t.Logf("%s: %s %s", c.ID, c.Verdict, c.Reason)
		if c.Build.Outcome != nil && c.Build.Outcome.Kind == outcome.ConfigDropped {
			t.Errorf("%s: %s", c.ID, c.Build.Outcome.Evidence)
		}
	}
}

// TestOwnTree snapshots a kernel directory that was built in place, and finds
// that it is the tree it was copied from.
func TestOwnTree(t *testing.T) {
	long(t)
	l, _ := real(t)
	r := matrix(t, l, harness.MatrixOptions{})
	store, _ := store.DefaultDir(os.Getenv)
	from := filepath.Join(store, "v1", "dirs", "tree", r.Tree.Digest)
	own := filepath.Join(t.TempDir(), "linux")
	if err := os.CopyFS(own, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{".config", "include/config/auto.conf", "include/generated/autoconf.h", "init/main.o", ".git/HEAD"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(own, f)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(own, f), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again := matrix(t, l, harness.MatrixOptions{Tree: own, Compiler: "clang"})
	check(t, again)
	if again.Tree.Digest != r.Tree.Digest {
		t.Errorf("digest %s, want that of %s, %s", again.Tree.Digest, r.Tree.Name, r.Tree.Digest)
	}
	if text, err := os.ReadFile(filepath.Join(own, "init", "main.o")); err != nil || string(text) != "x" {
		t.Errorf("the user's tree was touched: %q, %v", text, err)
	}
}

// What only the toolchain can say of a flag is told as the caller's mistake, by whatever target.
func TestUnknownOption(t *testing.T) {
	l, _ := real(t)
	o := harness.MatrixOptions{Select: scenario.Selection{Axes: []string{"no-such-option=yes"}}}
	_, matrix := l.Matrix(t.Context(), o, harness.Outputs{})
	o.Find = "loads"
	_, find := l.Matrix(t.Context(), o, harness.Outputs{})
	for name, err := range map[string]error{"matrix": matrix, "find": find} {
		if harness.ExitCode(err) != result.ExitUsage || !strings.Contains(fmt.Sprint(err), "rustc has no such option") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
