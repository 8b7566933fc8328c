package kcidb

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

var update = flag.Bool("update", false, "write testdata anew; then read the difference")

// schemaOf53 is testdata/kcidb.v5.3.json: what KCIDB's schema 5.3 asks of the objects
// that umlab writes, in umlab's own words. It returns what holds a submission to it.
func schemaOf53(t testing.TB) func(data []byte) error {
	t.Helper()
	const name = "kcidb.v5.3.json"
	source, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	text, err := jsonschema.UnmarshalJSON(source)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return func(data []byte) error {
		in, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return schema.Validate(in)
	}
}

func submit(t testing.TB, results ...*result.Results) ([]byte, *submission) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, DefaultOrigin, results...); err != nil {
		t.Fatal(err)
	}
	var s submission
	dec := json.NewDecoder(bytes.NewReader(b.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), &s
}

// results are read from a file: testdata has runs as they were written by a matrix,
// three cells of each, and report/testdata those that package report tells of.
func results(t testing.TB, file string) *result.Results {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	r := new(result.Results)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func matrix(t testing.TB) *result.Results { return results(t, "../report/testdata/matrix.json") }

// spoiled is a run in which everything that nobody vouches for is text.
func spoiled(t testing.TB, text string) *result.Results {
	r := results(t, "../report/testdata/trouble.json")
	var spoil func(v reflect.Value)
	spoil = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if v.Type() == reflect.TypeFor[string]() {
				v.SetString(text)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					spoil(v.Field(i))
				}
			}
		case reflect.Pointer:
			if !v.IsNil() {
				spoil(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				spoil(v.Index(i))
			}
		case reflect.Map:
			if v.Type() == reflect.TypeFor[map[string]string]() && !v.IsNil() {
				v.SetMapIndex(reflect.ValueOf(text), reflect.ValueOf(text))
			}
		}
	}
	spoil(reflect.ValueOf(r))
	return r
}

// fullDisk is a writer that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestGolden(t *testing.T) {
	data, s := submit(t, results(t, "testdata/real.sid.json"), results(t, "testdata/real.sid-experimental.json"))
	const golden = "testdata/real.kcidb.json"
	if *update {
		if err := os.WriteFile(golden, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it:\n%s", golden, diff)
	}
	if err := schemaOf53(t)(data); err != nil {
		t.Error(err)
	}
	if len(s.Checkouts) != 1 || len(s.Builds) != 6 {
		t.Errorf("%d checkouts and %d builds of one tree with two toolchains and three variants", len(s.Checkouts), len(s.Builds))
	}
	for _, home := range []string{"/home/u", ".cache"} {
		if bytes.Contains(data, []byte(home)) {
			t.Errorf("%s of the machine is in the submission", home)
		}
	}
}

func TestIsValid(t *testing.T) {
	check := schemaOf53(t)
	all := map[string]*result.Results{"zero": {}}
	for _, name := range []string{"matrix", "trouble", "collapsed"} {
		all[name] = results(t, "../report/testdata/"+name+".json")
	}
	marshal := func(r *result.Results) []byte {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, r := range all {
		before := marshal(r)
		data, s := submit(t, r)
		if err := check(data); err != nil {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
		linked(t, s)
		if again, _ := submit(t, r, r); !bytes.Equal(data, again) {
			t.Errorf("%s: submitted twice it is other objects", name)
		}
		if !bytes.Equal(before, marshal(r)) {
			t.Errorf("%s: Write changed the results it was given", name)
		}
	}
	all["again"] = all["matrix"]
	data, s := submit(t, slices.Collect(maps.Values(all))...)
	if err := check(data); err != nil {
		t.Errorf("of all: %v", err)
	}
	linked(t, s)
	data, _ = submit(t)
	if err := check(data); err != nil {
		t.Errorf("of no results: %v", err)
	}
}

// linked holds that ids are unique, and that everything refers to what is there.
func linked(t testing.TB, s *submission) {
	t.Helper()
	ids := map[string]bool{}
	add := func(id string) {
		if ids[id] {
			t.Errorf("the id %s is there twice", id)
		}
		ids[id] = true
	}
	for _, c := range s.Checkouts {
		add(c.ID)
	}
	for _, b := range s.Builds {
		if !ids[b.Checkout] {
			t.Errorf("a build is of the checkout %s, which is not there", b.Checkout)
		}
		add(b.ID)
	}
	for _, test := range s.Tests {
		if !ids[test.Build] {
			t.Errorf("a test is of the build %s, which is not there", test.Build)
		}
		add(test.ID)
	}
}

// The status is what the kernel did: what umlab or its host did is no FAIL.
func TestStatus(t *testing.T) {
	want := map[outcome.Kind]status{
		outcome.Loaded: "PASS", outcome.Built: "PASS", outcome.RelocationUnknown: "FAIL", outcome.RelocationOverflow: "FAIL", outcome.LoadedCorrupt: "FAIL",
		outcome.InitFailed: "FAIL", outcome.InsmodFailed: "FAIL", outcome.Oops: "FAIL", outcome.BootFailed: "FAIL", outcome.BuildFailed: "FAIL",
		outcome.ConfigDropped: "ERROR", outcome.Timeout: "ERROR", outcome.Infra: "ERROR",
		outcome.Passed: "PASS", outcome.Failed: "FAIL", "exploded": "ERROR",
	}
	for _, k := range outcome.Kinds() {
		if want[k] == "" {
			t.Errorf("nothing is said of %s", k)
		}
	}
	for k, status := range want {
		r := matrix(t)
		o := outcome.Outcome{Kind: k, Evidence: "x"}
		r.Cells = r.Cells[:1]
		r.Cells[0].Build.Outcome = &o
		run := &r.Cells[0].Placements[0].Runs[0]
		run.Modules = []result.Module{{Name: "m", Outcome: o}}
		r.Cells[0].Placements = r.Cells[0].Placements[:1]
		_, s := submit(t, r)
		if s.Builds[0].Status != status || s.Tests[0].Status != status {
			t.Errorf("%s: build %s, test %s; want %s", k, s.Builds[0].Status, s.Tests[0].Status, status)
		}
		r.Infra = "the machine ran out of memory"
		_, s = submit(t, r)
		if s.Builds[0].Status != errored || s.Tests[0].Status != errored || s.Tests[0].Misc.Infra != r.Infra {
			t.Errorf("%s: %+v in a run that proves nothing", k, s.Tests[0])
		}
	}
}

func TestCheckout(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of "x"
	patched := "692af5735b9f5aacc98b3dd0a078a165a5966051d0d2370448e293deed93bdc7"
	none := ""
	for _, tc := range []struct {
		tree       result.Tree
		name, repo string
		patches    *string
	}{
		{result.Tree{Name: "debian-6.12", Package: "linux-source-6.12 6.12.107-1"}, "debian-6.12", "", &none},
		{result.Tree{Name: "/home/u/linux"}, "linux", "", nil},
		{result.Tree{Name: "/home/u/linux", Commit: commit}, "linux", "", &none},
		{result.Tree{Name: "../linux/"}, "linux", "", nil},
		{result.Tree{Name: "/home/u/linux#v7.3", Commit: commit}, "linux#v7.3", "", &none},
		{result.Tree{Name: "git+https://me:secret@git.example.org/pub/linux.git#rust/next", Commit: commit}, "linux#rust/next", "https://git.example.org/pub/linux.git", &none},
		{result.Tree{Name: "git+http://git.example.org/linux.git#v7.3", Commit: commit}, "linux#v7.3", "", &none},
		{result.Tree{Name: "https://example.org/linux-7.3.tar.xz"}, "linux-7.3.tar.xz", "", nil},
		{result.Tree{Name: "debian-6.12", Package: "p", Patches: []string{sum, "sha256:" + sum}}, "debian-6.12", "", &patched},
		{result.Tree{Name: "debian-6.12", Package: "p", Patches: []string{"sha256:aa"}}, "debian-6.12", "", nil},
	} {
		r := matrix(t)
		r.Tree = tc.tree
		data, s := submit(t, r)
		if err := schemaOf53(t)(data); err != nil {
			t.Errorf("%s: %v", tc.tree.Name, err)
		}
		got := s.Checkouts[0]
		if got.TreeName != tc.name || got.Repository != tc.repo || got.Commit != tc.tree.Commit {
			t.Errorf("%s: %+v", tc.tree.Name, got)
		}
		if diff := cmp.Diff(tc.patches, got.PatchsetHash); diff != "" {
			t.Errorf("%s: patchset_hash (-want +got):\n%s", tc.tree.Name, diff)
		}
		for _, leak := range []string{"/home/u", "secret"} {
			if bytes.Contains(data, []byte(leak)) {
				t.Errorf("%s: %s is in the submission", tc.tree.Name, leak)
			}
		}
	}
}

func TestPortable(t *testing.T) {
	p := newPortable(&result.Results{Tree: result.Tree{Name: "/home/u/my kernels/linux"}})
	for in, want := range map[string]string{
		"all of make's output: /home/u/.cache/umlab/v1/files/e3/e3b0": "all of make's output: …/e3b0",
		"make M=/home/u/hello O=/out/a modules":                       "make M=…/hello O=…/a modules",
		"gcc -I/home/u/inc -L/opt/lib/x -o /tmp/a/b.o":                "gcc -I…/inc -L…/x -o …/b.o",
		"error: /home/u/x.rs:3:4: no":                                 "error: …/x.rs:3:4: no",
		" --> /home/u/x.rs:3:4":                                       " --> …/x.rs:3:4",
		`can't insert '/home/u/m.ko': invalid`:                        `can't insert '…/m.ko': invalid`,
		`"/home/u/x"(/home/u/y),/home/u/z`:                            `"…/x"(…/y),…/z`,
		"file:/home/u/x":                                              "file:…/x",
		"/home/u/my kernels/linux/Makefile":                           "linux/Makefile",
		"root=/dev/root rootflags=/umlab/root init=/init":             "root=/dev/root rootflags=/umlab/root init=/init",
		"/usr/src/rustc-1.85.1/library":                               "/usr/src/rustc-1.85.1/library",
		"see https://example.org/a/b and samples/rust/x.rs":           "see https://example.org/a/b and samples/rust/x.rs",
		"3/20 loaded, 1/2":                                            "3/20 loaded, 1/2",
		"a\x00b\nc":                                                   `a\x00b\x0ac`,
	} {
		if got := p.text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	_, base := submit(t, matrix(t))
	for name, tc := range map[string]struct {
		change                func(*result.Results)
		checkout, build, test bool // another object
	}{
		"time":       {func(r *result.Results) { r.Started = r.Started.Add(time.Hour); r.Seconds++ }, false, false, false},
		"command":    {func(r *result.Results) { r.Command += " -fresh" }, false, false, false},
		"tree":       {func(r *result.Results) { r.Tree.Digest = "sha256:88" }, true, true, true},
		"toolchain":  {func(r *result.Results) { r.Toolchain.Identity["rustc"] = "1.86.0" }, false, true, true},
		"config":     {func(r *result.Results) { r.Config.Digest = "sha256:1" }, false, true, true},
		"signature":  {func(r *result.Results) { r.Cells[0].Build.Signature = nil }, false, true, true},
		"mem":        {func(r *result.Results) { r.Cells[0].Placements[0].Mem = "65M" }, false, false, true},
		"transcript": {func(r *result.Results) { r.Cells[0].Placements[0].Runs[0].Transcript = "transcripts/5a/5a11" }, false, false, true},
		"store":      {func(r *result.Results) { r.Cells[0].Placements[0].Runs[0].Transcript = "/elsewhere/4f0d" }, false, false, false},
		"outcome": {func(r *result.Results) {
			r.Cells[0].Placements[0].Runs[0].Modules[0].Outcome = outcome.Outcome{Kind: outcome.Loaded}
		}, false, false, true},
	} {
		r := matrix(t)
		tc.change(r)
		_, s := submit(t, r)
		got := [3]bool{s.Checkouts[0].ID != base.Checkouts[0].ID, s.Builds[0].ID != base.Builds[0].ID, s.Tests[0].ID != base.Tests[0].ID}
		if want := [3]bool{tc.checkout, tc.build, tc.test}; got != want {
			t.Errorf("%s: other checkout, build, test: %v, want %v", name, got, want)
		}
	}
}

// KCIDB takes so many characters of a log, not bytes.
func TestExcerpt(t *testing.T) {
	r := matrix(t)
	r.Cells[0].Placements[0].Runs[0].Modules[0].Outcome.Evidence = strings.Repeat("ä", excerptLimit+10)
	data, s := submit(t, r)
	if err := schemaOf53(t)(data); err != nil {
		t.Error(err)
	}
	if got := utf8.RuneCountInString(s.Tests[0].Log); got != excerptLimit {
		t.Errorf("%d characters of log, want %d", got, excerptLimit)
	}
}

func TestOrigin(t *testing.T) {
	for _, origin := range []string{"", "Umlab", "my lab", "a:b", "a-b", "a\n", "ä"} {
		var b bytes.Buffer
		if err := Write(&b, origin, matrix(t)); err == nil || b.Len() > 0 {
			t.Errorf("%q: %v, %d bytes", origin, err, b.Len())
		}
	}
	var b bytes.Buffer
	if err := Write(&b, "rust_lab2", matrix(t)); err != nil || !strings.Contains(b.String(), `"rust_lab2:`) || strings.Contains(b.String(), `"umlab:`) {
		t.Errorf("%v:\n%.300s", err, b.String())
	}
	if err := Write(fullDisk{}, DefaultOrigin, matrix(t)); err == nil {
		t.Error("a full disk went unnoticed")
	}
}

// The transcription describes the fields that are written, and no others.
func TestSchemaMatchesTypes(t *testing.T) {
	data, err := os.ReadFile("testdata/kcidb.v5.3.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
			Required   []string       `json:"required"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	for name, typ := range map[string]reflect.Type{
		"checkout": reflect.TypeFor[checkout](), "build": reflect.TypeFor[build](), "test": reflect.TypeFor[test](),
	} {
		fields := map[string]bool{}
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			fields[field] = true
			if schema.Defs[name].Properties[field] == nil {
				t.Errorf("%s.%s is not in the schema", name, field)
			}
		}
		for _, r := range schema.Defs[name].Required {
			if !fields[r] {
				t.Errorf("%s.%s is required, and not written", name, r)
			}
		}
	}
}

// FuzzKCIDB holds that no text of a console, a file name or a scenario makes a
// submission that KCIDB would refuse.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"x", "a\x00b", "\xff\xfe", "/home/u/linux", "git+https://u:p@h/x y#z", "git+https://h/%zz", "sha256:" + strings.Repeat("a", 64),
		"..", "a.b..c", "", " ", "\u2028", "#", "git+https://[::1", "0123456789abcdef0123456789abcdef01234567"} {
		f.Add(s)
	}
	check := schemaOf53(f)
	f.Fuzz(func(t *testing.T, s string) {
		r := spoiled(t, s)
		r.Tree.Commit = s
		data, sub := submit(t, r, matrix(t))
		if err := check(data); err != nil {
			t.Fatal(err)
		}
		linked(t, sub)
	})
}
