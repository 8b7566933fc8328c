package harness_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"umlab/harness"
	"umlab/harness/report"
	"umlab/harness/result"
	"umlab/harness/store"
)

// nights returns a lab whose configuration has one more series, of the compilers
// that one suite serves, and its name. No other test's nights were of it.
func nights(t *testing.T, getenv func(string) string) (*harness.Lab, *os.File, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	const file = "configs/toolchains.toml"
	text, err := os.ReadFile("../" + file)
	if err != nil {
		t.Fatal(err)
	}
	series := fmt.Sprintf("test-%d", time.Now().UnixNano())
	text = fmt.Appendf(text, "\n[series.%s]\nvaries = \"rustc\"\nc = \"trixie\"\nsuites = [\"trixie\"]\n", series)
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	l, err := harness.Open(harness.Options{Project: replaced{os.DirFS(".."), file, text}, Getenv: getenv, Stdout: out, Stderr: os.Stderr, Forget: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, out, series
}

func night(t *testing.T, l *harness.Lab, series, dir string) *result.Nightly {
	t.Helper()
	o := harness.NightlyOptions{Series: series, Dir: dir, MatrixOptions: harness.MatrixOptions{Command: "go test"}}
	o.Select.Cells = []string{"stock"}
	n, err := l.Nightly(t.Context(), o)
	if fault(n == nil, err) {
		t.Fatal(err)
	}
	valid(t, result.NightlySchema, report.JSON, n)
	return n
}

// TestNightly goes through three nights: the first one, one with nothing new,
// and one on which a toolchain is not what was remembered of it.
func TestNightly(t *testing.T) {
	l, out, series := nights(t, os.Getenv)
	dir := t.TempDir()

	first := night(t, l, series, dir)
	if first.Exit != result.ExitExpected || len(first.Changes) > 0 || len(first.Members) < 2 {
		t.Fatalf("the first night: exit %d, changes %+v, members %+v", first.Exit, first.Changes, first.Members)
	}
	for i, c := range first.Sweep.Columns {
		if !first.Members[i].New || c.Toolchain != first.Members[i].Name || c.Results == nil {
			t.Errorf("member %+v, column %s, %v, %s", first.Members[i], c.Toolchain, c.Refused, c.Infra)
			continue
		}
		check(t, c.Results)
		if got := c.Results.Toolchain.Identity["rustc"]; got != first.Members[i].Version {
			t.Errorf("%s has rustc %s", c.Toolchain, got)
		}
	}
	for _, f := range []string{"report.md", "report.html", "report.txt", "results.json", "junit.xml", "ktap.txt", "kcidb.json"} {
		if info, err := os.Stat(filepath.Join(dir, "latest", f)); err != nil || info.Size() == 0 {
			t.Errorf("report %s: %v", f, err)
		}
	}

	second := night(t, l, series, dir)
	if second.Exit != result.ExitExpected || len(second.Changes) > 0 || second.Sweep.Totals.Boots == 0 || second.Sweep.Totals.Cached != second.Sweep.Totals.Boots {
		t.Errorf("a night with nothing new: exit %d, changes %+v, totals %+v", second.Exit, second.Changes, second.Sweep.Totals)
	}
	if slices.ContainsFunc(second.Members, func(m result.NightlyMember) bool { return m.New }) {
		t.Errorf("what was seen the night before is called new: %+v", second.Members)
	}

	misremember(t, first.Members[0].Name)
	third := night(t, l, series, dir)
	if third.Exit != result.ExitDiffers || len(third.Changes) != 1 || third.Changes[0].Cell != "stock" || !strings.Contains(third.Changes[0].From.Seen, "29") ||
		!strings.Contains(third.Changes[0].To.Seen, "9 GOTPCREL") {
		t.Errorf("a night with a change: exit %d, %+v", third.Exit, third.Changes)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"first night", "unchanged: ", "changed: stock"} {
		if !strings.Contains(string(text), "\n"+says) && !strings.HasPrefix(string(text), says) {
			t.Errorf("no line begins with %q:\n%s", says, text)
		}
	}
}

// misremember makes the last night have seen another relocation with a
// toolchain.
func misremember(t *testing.T, name string) {
	t.Helper()
	home, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	files, err := filepath.Glob(filepath.Join(st.Root(), "records", "nightly", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(text, []byte(`"`+name+`"`)) {
			continue
		}
		var known map[string]map[string]json.RawMessage
		if !st.Get("nightly", filepath.Base(f), &known) {
			t.Fatalf("%s cannot be read", f)
		}
		known[name]["question"] = json.RawMessage(`""`)
		known[name]["results"] = bytes.ReplaceAll(known[name]["results"], []byte(`"type":9,"name":"R_X86_64_GOTPCREL"`), []byte(`"type":29,"name":"R_X86_64_GOTPC64"`))
		err = st.Put("nightly", filepath.Base(f), known)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no night remembers %s", name)
}

// TestNightOffline has a source that cannot be asked: the night proves nothing,
// and its report says so.
func TestNightOffline(t *testing.T) {
	l, out, series := nights(t, func(name string) string {
		if name == "UMLAB_DEBIAN_MIRROR" {
			return "http://127.0.0.1:1/debian"
		}
		return os.Getenv(name)
	})
	dir := t.TempDir()
	n := night(t, l, series, dir)
	if n.Exit != result.ExitInfra || n.Infra == "" || n.Sweep != nil {
		t.Errorf("exit %d, infra %q, sweep %v", n.Exit, n.Infra, n.Sweep)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil || !strings.HasPrefix(string(text), "infrastructure: this night proves nothing") {
		t.Errorf("%v:\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(dir, "latest", "report.md")); err != nil {
		t.Error(err)
	}
}
