package uml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/console"
	"umlab/harness/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	code := m.Run()
	if fakeKernelDir != "" {
		os.RemoveAll(fakeKernelDir)
	}
	os.Exit(code)
}

var fakeKernelDir string // set by fakeKernel, removed by TestMain

// fakeKernel builds testdata/linux, once.
var fakeKernel = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "umlab-fake-kernel-")
	if err != nil {
		return "", err
	}
	fakeKernelDir = dir
	kernel := filepath.Join(dir, "linux")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", kernel, "./testdata/linux")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the fake kernel: %w\n%s", err, out)
	}
	return kernel, nil
})

// testRootfs is a rootfs with the least that makes sense.
func testRootfs() fstest.MapFS {
	return fstest.MapFS{
		"manifest": {Data: []byte("dir proc 0555\nfile init 0755 init\nbusybox bin/busybox 0755\nlink bin/sh busybox\n")},
		"init":     {Data: []byte("#!/bin/sh\n")},
	}
}

// booter makes a Booter with a fake kernel, whose path it returns.
func booter(t *testing.T) (*Booter, string) {
	t.Helper()
	if err := sandbox.Check(t.Context(), t.TempDir()); err != nil {
		t.Skipf("this machine has no sandboxes: %v", err)
	}
	kernel, err := fakeKernel()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	busybox := filepath.Join(dir, "busybox")
	if err := os.WriteFile(busybox, []byte("busy"), 0o755); err != nil {
		t.Fatal(err)
	}
	scratch := filepath.Join(dir, "scratch")
	if err := os.Mkdir(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	return &Booter{Busybox: busybox, Rootfs: testRootfs(), Scratch: scratch, Limits: console.Limits{Silence: time.Minute}}, kernel
}

// modules makes modules m0, m1, … that do what.
func modules(t *testing.T, what ...string) []Module {
	t.Helper()
	dir := t.TempDir()
	var ms []Module
	for i, w := range what {
		m := Module{Name: fmt.Sprintf("m%d", i), Path: filepath.Join(dir, fmt.Sprintf("file%d.ko", i))}
		if err := os.WriteFile(m.Path, []byte(w), 0o644); err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
	return ms
}

var stepLine = regexp.MustCompile(`(?m)^umlab\[\d+\.[0-9a-f]{16}\]: (begin|end) (\w+) (\w+)(?: status=(\d+))?$`)

// tried is what a transcript shows of each module's steps: "reached insmod=0 modules=0 rmmod=0".
func tried(transcript []byte) map[string]string {
	all := map[string]string{}
	for _, m := range stepLine.FindAllStringSubmatch(string(transcript), -1) {
		step, module := m[2], m[3]
		if all[module] == "" {
			all[module] = "reached"
		}
		if m[1] == "end" {
			all[module] += " " + step + "=" + m[4]
		}
	}
	return all
}

func TestBoot(t *testing.T) {
	const whole = "reached insmod=0 modules=0 rmmod=0"
	b, kernel := booter(t)
	for _, tc := range []struct {
		name     string
		modules  []string
		extra    []string
		kind     console.Kind
		attempts map[string]string // of the modules that were come to: m0, m1, …
	}{
		{"all load", []string{"loads", "loads"}, nil, console.Halted, map[string]string{"m0": whole, "m1": whole}},
		{"a rejected one is not removed", []string{"is rejected", "loads"}, nil, console.Halted, map[string]string{"m0": "reached insmod=8", "m1": whole}},
		{"none", nil, nil, console.Halted, map[string]string{}},
		{"after an oops no further module is tried", []string{"loads", "oopses", "loads"}, nil, console.Halted,
			map[string]string{"m0": whole, "m1": whole}},
		{"panic ends the boot", []string{"panics", "loads", "loads"}, nil, console.Panicked,
			map[string]string{"m0": "reached"}},
		{"exit ends the boot", []string{"loads", "exits"}, nil, console.Exited, map[string]string{"m0": whole, "m1": "reached"}},
		{"never ready", []string{"loads"}, []string{"fake=exit"}, console.Exited, map[string]string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := b.Boot(t.Context(), Spec{Kernel: kernel, Modules: modules(t, tc.modules...), Mem: 64 << 20, Extra: tc.extra})
			if err != nil {
				t.Fatal(err)
			}
			if attempts := tried(r.Transcript); r.End.Kind != tc.kind || !cmp.Equal(attempts, tc.attempts) {
				t.Errorf("end %+v\nattempts %q\n%s", r.End, attempts, r.Transcript)
			}
			for _, want := range []string{
				"Kernel command line: " + strings.TrimPrefix(r.Command, "linux ") + "\n",
				"init: 10 bytes, <nil>\n", "bin/busybox: 4 bytes, <nil>\n", "bin/sh: 4 bytes, <nil>\n",
			} {
				if !strings.Contains(string(r.Transcript), want) {
					t.Errorf("no %q in %s", want, r.Transcript)
				}
			}
			if strings.Contains(string(r.Transcript), "can be written") {
				t.Error("the guest can write to its root directory")
			}
			if r.Seconds <= 0 {
				t.Errorf("%v s in all", r.Seconds)
			}
			if left, err := os.ReadDir(b.Scratch); err != nil || len(left) > 0 {
				t.Errorf("scratch holds %v, %v", left, err)
			}
		})
	}
}

// TestBootNeeds: what a module needs is loaded before it and removed behind it, and
// the module is tried without what is refused.
func TestBootNeeds(t *testing.T) {
	b, kernel := booter(t)
	ms := modules(t, "loads", "is rejected", "loads")
	top := ms[2]
	top.Needs = ms[:2]
	r, err := b.Boot(t.Context(), Spec{Kernel: kernel, Modules: []Module{top}, Mem: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, m := range stepLine.FindAllStringSubmatch(string(r.Transcript), -1) {
		if m[1] == "begin" {
			steps = append(steps, m[2]+" "+m[3])
		}
	}
	if want := []string{"insmod m0", "insmod m1", "insmod m2", "modules m2", "rmmod m2", "rmmod m0"}; !slices.Equal(steps, want) {
		t.Errorf("%v, want %v", steps, want)
	}
}

func TestBootParamsAreQuoted(t *testing.T) {
	b, kernel := booter(t)
	ms := modules(t, "loads")
	ms[0].Params = []string{"a=1", "s=it's; reboot"}
	r, err := b.Boot(t.Context(), Spec{Kernel: kernel, Modules: ms, Mem: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if want := `command: insmod /modules/m0.ko a=1 's=it'\''s; reboot'` + "\n"; !strings.Contains(string(r.Transcript), want) {
		t.Errorf("no %q in %s", want, r.Transcript)
	}
}

func TestBootCancelled(t *testing.T) {
	b, kernel := booter(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		// As soon as the guest has a root directory, or a little later: whenever it comes, the boot must end.
		for ctx.Err() == nil {
			if left, _ := os.ReadDir(b.Scratch); len(left) > 0 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	r, err := b.Boot(ctx, Spec{Kernel: kernel, Mem: 64 << 20, Extra: []string{"fake=hang"}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, result %+v", err, r)
	}
	if r != nil && r.End.Kind != console.Killed {
		t.Errorf("end %+v", r.End)
	}
}

func TestBootRefuses(t *testing.T) {
	b, kernel := booter(t)
	good := modules(t, "loads", "loads")
	for name, tc := range map[string]struct {
		edit func(*Booter, *Spec)
		want string
	}{
		"module name":      {func(_ *Booter, s *Spec) { s.Modules[0].Name = "../m" }, `module "../m"`},
		"module twice":     {func(_ *Booter, s *Spec) { s.Modules[1].Name = "m0" }, "boot them separately"},
		"missing module":   {func(_ *Booter, s *Spec) { s.Modules[0].Path += "x" }, "no such file"},
		"parameter":        {func(_ *Booter, s *Spec) { s.Modules[0].Params = []string{"a=\n"} }, "cannot be typed"},
		"memory":           {func(_ *Booter, s *Spec) { s.Mem = 0 }, "0 bytes of memory"},
		"missing busybox":  {func(b *Booter, _ *Spec) { b.Busybox += "x" }, "no such file"},
		"missing scratch":  {func(b *Booter, _ *Spec) { b.Scratch += "x" }, "no such file"},
		"missing manifest": {func(b *Booter, _ *Spec) { b.Rootfs = fstest.MapFS{} }, "manifest"},
		"missing kernel":   {func(_ *Booter, s *Spec) { s.Kernel += "x" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			b, s := *b, Spec{Kernel: kernel, Modules: append([]Module{}, good...), Mem: 64 << 20}
			tc.edit(&b, &s)
			r, err := b.Boot(t.Context(), s)
			if r != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("result %v, error %v; want %q", r, err, tc.want)
			}
		})
	}
	if left, err := os.ReadDir(b.Scratch); err != nil || len(left) > 0 {
		t.Errorf("scratch holds %v, %v", left, err)
	}
}

func TestIdentityFollowsContents(t *testing.T) {
	dir := t.TempDir()
	busybox := filepath.Join(dir, "busybox")
	if err := os.WriteFile(busybox, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	note := func(name string, b Booter) {
		t.Helper()
		id, err := b.Identity()
		if err != nil {
			t.Fatal(err)
		}
		if before, twice := seen[id]; twice {
			t.Errorf("%s and %s have one identity", name, before)
		}
		seen[id] = name
	}
	edited := func(file, text string) fs.FS {
		r := testRootfs()
		r[file] = &fstest.MapFile{Data: []byte(text)}
		return r
	}
	note("base", Booter{Busybox: busybox, Rootfs: testRootfs()})
	note("init", Booter{Busybox: busybox, Rootfs: edited("init", "#!/bin/false\n")})
	note("manifest", Booter{Busybox: busybox, Rootfs: edited("manifest", "dir proc 0555\n")})
	base, _ := (&Booter{Busybox: busybox, Rootfs: testRootfs()}).Identity()
	other, _ := (&Booter{Busybox: busybox, Rootfs: edited("README", "not listed"), Scratch: dir, Sysroot: dir}).Identity()
	if base != other {
		t.Error("what does not reach the guest changes its identity")
	}
	if err := os.WriteFile(busybox, []byte("two"), 0o755); err != nil {
		t.Fatal(err)
	}
	note("busybox", Booter{Busybox: busybox, Rootfs: testRootfs()})
	if _, err := (&Booter{Busybox: busybox + "x", Rootfs: testRootfs()}).Identity(); err == nil {
		t.Error("a missing busybox has an identity")
	}
}
