package harness_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness"
	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// TestBaselineFromTheCache: a machine with nothing gets tree, toolchain and baseline from the cache of one that has them, builds
// none, and comes to the same table.
func TestBaselineFromTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	warm, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	r, own, empty := cachetest.New(t), t.TempDir(), t.TempDir()
	cachetest.Key(t, filepath.Join(own, "cache_key"))
	var times []time.Duration
	var results []*result.Results
	var said []string
	for _, home := range []string{warm, empty} {
		if home == empty { // what the archive serves, every machine asks itself: here, what the first one was told
			copyRecords(t, warm, empty)
		}
		text, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"UMLAB_HOME": home, "UMLAB_CACHE": r.Address}
		l, err := harness.Open(harness.Options{Project: os.DirFS(".."), Stdout: text, Stderr: text, Forget: true, Own: own,
			Engine: &harness.Engine{Registry: oci.Open},
			Getenv: func(name string) string {
				if v, ok := env[name]; ok {
					return v
				}
				return os.Getenv(name)
			}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		results = append(results, matrix(t, l, harness.MatrixOptions{Select: scenario.Selection{Cells: []string{"stock", "static-large@module"}}}))
		times = append(times, time.Since(began))
		l.Share(t.Context())
		l.Close()
		b, err := os.ReadFile(text.Name())
		if err != nil {
			t.Fatal(err)
		}
		t.Log(string(b))
		said = append(said, string(b))
	}
	if !strings.Contains(said[1], "fetch baseline") || strings.Contains(said[1], "build baseline") {
		t.Error("the baseline did not come from the cache")
	}
	if diff := cmp.Diff(unlikeMachines(t, results[0]), unlikeMachines(t, results[1])); diff != "" {
		t.Error(diff)
	}
	t.Logf("%s with a full store, %s with an empty one", times[0], times[1])
	for _, got := range results {
		if took := got.Kernel.Seconds; took == 0 {
			t.Error("it is not said how long the baseline took")
		}
	}
}

// unlikeMachines is what a run says that must not depend on the machine.
func unlikeMachines(t *testing.T, r *result.Results) (all []string) {
	t.Helper()
	for _, c := range r.Cells {
		for _, p := range c.Placements {
			for _, run := range p.Runs {
				for _, m := range run.Modules { // where it lands is another address in each boot
					text, err := json.Marshal([]any{c.ID, p.Name, c.Verdict, m.Name, m.Outcome.Kind, m.Outcome.Relocation, m.Agrees})
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, string(text))
				}
			}
		}
		text, err := json.Marshal([]any{c.Build.Signature, c.Build.Relocations, c.Build.Effective})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return append(all, r.Config.Digest, r.Tree.Digest, r.Toolchain.Digest)
}

// copyRecords gives a new store what the archive answered to another.
func copyRecords(t *testing.T, from, to string) {
	t.Helper()
	st, err := store.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"resolution"} {
		if err := os.CopyFS(filepath.Join(to, "v1/records", kind), os.DirFS(filepath.Join(from, "v1/records", kind))); err != nil {
			t.Fatal(err)
		}
	}
}
