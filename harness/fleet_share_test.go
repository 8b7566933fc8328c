package harness

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/cache/cachetest"
	"umlab/harness/cache/oci"
	"umlab/harness/fleet"
	"umlab/harness/parcel"
	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/settings"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// sharing is a lab with a store of its own and a cache, of somebody with that configuration; without an address, without a cache.
func sharing(t *testing.T, address, own string) *Lab {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	env := map[string]string{"UMLAB_HOME": t.TempDir(), "UMLAB_CACHE": address}
	l, err := Open(Options{Project: os.DirFS(".."), Getenv: func(name string) string { return env[name] }, Stdout: null, Stderr: null,
		Forget: true, Own: own, Engine: &Engine{Registry: oci.Open}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// kernelIn makes a directory that is a kernel's, as far as a name and a version go.
func kernelIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 9\nEXTRAVERSION =\n", "Kconfig": "", "arch/um/Kconfig": "", "kernel/fork.c": "int x;\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTreeOfAnotherMachine: a worker has the tree of the planner's directory under its name, and reads no directory.
func TestTreeOfAnotherMachine(t *testing.T) {
	r, own := cachetest.New(t), t.TempDir()
	cachetest.Key(t, filepath.Join(own, "cache_key"))
	here, dir := sharing(t, r.Address, own), kernelIn(t)
	was, err := tree.FromDirectory(t.Context(), here.store, progress.Discard{}, dir, func(context.Context, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	src := here.sources.With(dir, was)
	sent, err := here.sendTree(t.Context(), src, &plan.Plan{Flags: plan.Flags{Tree: "debian-6.12"}})
	if sent != nil || err != nil {
		t.Fatalf("a tree of the archive was sent: %v", err)
	}
	if !here.ownTree(&plan.Plan{Flags: plan.Flags{Tree: dir}}) {
		t.Fatal("a directory is not taken for this machine's own")
	}
	if err := here.cache.Put(t.Context(), store.Offered{Entry: store.Entry{Kind: tree.Kind, Key: was.Digest}}); err != nil {
		t.Fatal(err)
	}
	was.Work = func() (string, string) { return "", "over commit 012345" }
	var away tree.Tree // as a task tells of it
	text, err := json.Marshal(was.Elsewhere())
	if err == nil {
		err = json.Unmarshal(text, &away)
	}
	if err != nil || !slices.Equal(away.Notes, []string{"over commit 012345"}) {
		t.Fatal(string(text), err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	there := sharing(t, r.Address, own)
	if _, err := there.plan(plan.Flags{Tree: dir}); err == nil {
		t.Error("a directory that is not there makes a plan")
	}
	var got *sources.Sources
	for range 2 { // the second time, it is in the store
		if got, err = there.receiveTree(t.Context(), dir, away); err != nil {
			t.Fatal(err)
		}
	}
	if err := got.CheckTree(dir); err != nil {
		t.Error(err)
	}
	if one, ok := got.For("i386").Unpacked(t.Context(), dir); !ok || one.Digest != was.Digest || one.Version != "6.12.9" || one.Name != was.Name ||
		one.Origin != was.Origin {
		t.Errorf("%+v", one)
	} else if text, err := one.FS().Open("kernel/fork.c"); err != nil || text.Close() != nil {
		t.Error(err)
	}
	without := sharing(t, "", own)
	if _, err := without.receiveTree(t.Context(), dir, away); err == nil || !strings.Contains(err.Error(), "here UMLAB_CACHE is not set") {
		t.Errorf("%v", err)
	}
}

// TestTranscriptsOfAnotherMachine: what is too large for an answer comes by the cache; where it cannot, the result comes all the same.
func TestTranscriptsOfAnotherMachine(t *testing.T) {
	r, own := cachetest.New(t), t.TempDir()
	cachetest.Key(t, filepath.Join(own, "cache_key"))
	worker, planner, poor := sharing(t, r.Address, own), sharing(t, r.Address, own), sharing(t, "", own)
	task := fleet.Task{Key: store.Key("piece"), Name: "stock of t with c"}
	text := strings.Repeat("console ", 1000)
	path, err := worker.store.Bytes(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	run := result.Run{Transcript: path}
	out := &reply{Results: &result.Results{Cells: []result.Cell{{Placements: []result.Placement{{Runs: []result.Run{run, run}}}}}}}
	files := map[string][]byte{}
	leaving(worker.store, out.Results, files)
	if out.Sent = worker.sendFiles(t.Context(), task, files); !out.Sent || len(files) != 1 {
		t.Fatalf("%v were not sent", slices.Collect(maps.Keys(files)))
	}
	body, err := out.pack(nil, 0)
	if err != nil || len(body) > len(text)/2 {
		t.Fatalf("the answer has %d bytes: %v", len(body), err)
	}
	for name, l := range map[string]*Lab{"planner": planner, "planner without a cache": poor} {
		got, err := open(t.Context(), l, fleet.Answer{Key: task.Key, Worker: "w", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		at := got.Results.Cells[0].Placements[0].Runs[1].Transcript
		b, err := os.ReadFile(at)
		if !strings.HasPrefix(at, l.store.Root()) || (err == nil) != (l == planner) || l == planner && string(b) != text {
			t.Errorf("%s: %s has %d bytes: %v", name, at, len(b), err)
		}
	}
	if poor.sendFiles(t.Context(), task, files) {
		t.Error("without a cache, something was sent")
	}
}

// TestModulesOfAnotherMachine: a directory of modules comes by the cache, and makes the same plan where it does not lie.
func TestModulesOfAnotherMachine(t *testing.T) {
	r, own := cachetest.New(t), t.TempDir()
	cachetest.Key(t, filepath.Join(own, "cache_key"))
	here, there, without := sharing(t, r.Address, own), sharing(t, r.Address, own), sharing(t, "", own)
	for _, l := range []*Lab{here, there, without} {
		root, err := filepath.Abs("..")
		if err != nil {
			t.Fatal(err)
		}
		l.project = os.DirFS(root)
	}
	from, err := filepath.Abs("testdata/modules")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(from)
	const name = "./c-hello"
	p, err := here.plan(plan.Flags{Select: scenario.Selection{Modules: []string{name}}})
	if err == nil {
		p, err = p.Snapshot(t.Context(), here.store, here.sink)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !here.hereAlone(p, settings.Toolchain{}, false, false) || here.hereAlone(p, settings.Toolchain{}, false, true) {
		t.Error("a directory of modules that was not sent is this machine's alone, and one that was is not")
	}
	dirs := directories(p)
	if e, ok := dirs[name]; len(dirs) != 1 || !ok || e.Dir != "" || e.Given != filepath.Join(from, "c-hello") {
		t.Fatalf("%+v", dirs)
	}
	if sent, err := here.sendModules(t.Context(), dirs); !sent || err != nil {
		t.Fatal(sent, err)
	}
	files, err := p.Parcel()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for range 2 { // the second time, it is in the store
		library := there.library()
		if library.Taken, err = there.receiveModules(t.Context(), dirs); err != nil {
			t.Fatal(err)
		}
		if library.Files, err = parcel.Open(files); err != nil {
			t.Fatal(err)
		}
		q, err := plan.New(library, there.sources, p.Flags)
		if err == nil {
			q, err = q.Snapshot(t.Context(), there.store, there.sink)
		}
		if err != nil {
			t.Fatal(err)
		}
		if q.Asked.Digest != p.Asked.Digest || !p.SameContent(q) {
			t.Errorf("%+v here, and %+v there", p.Asked, q.Asked)
		}
		if text, err := os.ReadFile(filepath.Join(q.Modules()[0].External.Dir, "c-hello.c")); err != nil || len(text) == 0 {
			t.Error(err)
		}
	}
	if _, err := without.receiveModules(t.Context(), dirs); err == nil || !strings.Contains(err.Error(), "here UMLAB_CACHE is not set") {
		t.Errorf("%v", err)
	}
}
