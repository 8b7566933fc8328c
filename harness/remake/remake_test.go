package remake

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/tree"
)

// recordOf is a build of two C objects, a crate, a host program with what it generates, and a kernel.
func recordOf(t *testing.T, also ...string) (*Record, string) {
	t.Helper()
	cmd := func(target, rest string) string { return "savedcmd_" + target + " := " + rest + "\n" }
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kernel/fork.o": "", "kernel/.fork.o.cmd": cmd("kernel/fork.o", "gcc -I/src/include -include /src/include/linux/kconfig.h -c -o kernel/fork.o /src/kernel/fork.c") +
			"source_kernel/fork.o := /src/kernel/fork.c\ndeps_kernel/fork.o := \\\n  $(wildcard include/config/MMU) \\\n  /src/include/linux/sched.h \\\n",
		"kernel/exit.o": "", "kernel/.exit.o.cmd": cmd("kernel/exit.o", "gcc -c -o kernel/exit.o /src/kernel/exit.c") +
			"deps_kernel/exit.o := \\\n  /src/include/linux/exit.h arch/um/include/generated/asm/bug.h \\\n",
		"kernel/built-in.a": "", "kernel/.built-in.a.cmd": cmd("kernel/built-in.a", "ar cDPrST kernel/built-in.a kernel/fork.o kernel/exit.o"),
		"rust/kernel.o": "", "rust/.kernel.o.cmd": cmd("rust/kernel.o", "rustc @./include/generated/rustc_cfg /src/rust/kernel/lib.rs") +
			"deps_rust/kernel.o := /src/rust/kernel/lib.rs /src/rust/kernel/sync/lock.rs\n",
		"lib/gen_table": "", "lib/.gen_table.cmd": cmd("lib/gen_table", "gcc -o lib/gen_table /src/lib/gen_table.c"),
		"lib/table.h": "", "lib/table.mod.c": "", "lib/table.ko": "", "lib/gen_table.mod.c": "", "lib/gen_table.mod.o": "",
		"scripts/kconfig/conf.o": "", "scripts/kconfig/.conf.o.cmd": cmd("scripts/kconfig/conf.o", "gcc -c /src/scripts/kconfig/conf.c") +
			"deps_scripts/kconfig/conf.o := /src/scripts/include/list.h\n",
		"vmlinux": "", ".vmlinux.cmd": cmd("vmlinux", "sh /src/scripts/link-vmlinux.sh \"ld\"; true"), "linux": "",
	} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := append([]string{
		"kernel/fork.c", "kernel/exit.c", "include/linux/kconfig.h", "include/linux/sched.h", "include/linux/exit.h", "rust/kernel/lib.rs",
		"rust/kernel/sync/lock.rs", "lib/gen_table.c", "scripts/link-vmlinux.sh", "scripts/mksysmap", "kernel/Makefile", "arch/um/Makefile", "Makefile",
		"init/Kconfig", "scripts/Makefile.build", "scripts/kconfig/conf.c", "scripts/include/list.h", "tools/objtool/Makefile",
	}, also...)
	slices.Sort(read)
	r := &Record{Read: read}
	if err := r.ReadSteps(t.Context(), dir, "/src", &Record{}, nil); err != nil {
		t.Fatal(err)
	}
	return r, dir
}

// What is known of an earlier build is taken for the .cmd files that are its own, and only while both read the same files.
func TestRecordOn(t *testing.T) {
	was, dir := recordOf(t)
	for name, c := range map[string]struct {
		read []string
		kept string // the .cmd file that is the earlier build's
		want bool   // its step is taken from was
	}{
		"kept":        {was.Read, ".fork.o.cmd", true},
		"made again":  {was.Read, ".exit.o.cmd", false},
		"read others": {append(slices.Clone(was.Read), "zzz"), ".fork.o.cmd", false},
	} {
		t.Run(name, func(t *testing.T) {
			known := &Record{Read: was.Read, Steps: []Step{{Target: "kernel/fork.o", Names: []int32{7}}}}
			r := &Record{Read: c.read}
			if err := r.ReadSteps(t.Context(), dir, "/src", known, func(cmd fs.FileInfo) bool { return cmd.Name() == c.kept }); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Target == "kernel/fork.o" })
			if got := slices.Equal(r.Steps[i].Names, []int32{7}); got != c.want {
				t.Errorf("%v: taken %v, want %v", r.Steps[i], got, c.want)
			}
			if len(r.Steps) != len(was.Steps) {
				t.Errorf("%d steps, want %d", len(r.Steps), len(was.Steps))
			}
		})
	}
}

func TestRecord(t *testing.T) {
	r, dir := recordOf(t)
	if err := r.Save(dir); err != nil {
		t.Fatal(err)
	}
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, s := range r.Steps {
		var names []string
		for _, i := range s.Names {
			names = append(names, r.Read[i])
		}
		got[s.Target] = names
	}
	want := map[string][]string{
		"kernel/fork.o":     {"include/linux/kconfig.h", "include/linux/sched.h", "kernel/fork.c"},
		"kernel/exit.o":     {"include/linux/exit.h", "kernel/exit.c"},
		"kernel/built-in.a": nil,
		"rust/kernel.o":     {"rust/kernel/lib.rs", "rust/kernel/sync/lock.rs"},
		"lib/gen_table":     {"lib/gen_table.c"},
		"vmlinux":           {"scripts/link-vmlinux.sh"},

		"scripts/kconfig/conf.o": {"scripts/include/list.h", "scripts/kconfig/conf.c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte("not a record"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a record that is none was read")
	}
}

func TestDecide(t *testing.T) {
	r, _ := recordOf(t)
	source := fstest.MapFS{"kernel/fork.c": {Data: []byte("#include <asm/bug.h>")}, "kernel/exit.c": {Data: []byte("#define TRACE_SYSTEM sched_exit\n")},
		"lib/gen_table.c": {Data: []byte("a debugger")}}
	for _, tc := range []struct {
		name    string
		changes []tree.Change
		gone    string // files of the build that go, but for .cmd files
		newer   string
		also    string // of Rules, Config, Shrink
		refused string
	}{
		{name: "nothing that is read", changes: []tree.Change{{Path: "Documentation/x.rst", Kind: tree.Modified}, {Path: "arch/arm/mm/a.c", Kind: tree.Modified}}},
		{name: "a source", changes: []tree.Change{{Path: "kernel/fork.c", Kind: tree.Modified}}, gone: "kernel/fork.o", newer: "kernel/fork.c"},
		{name: "a header", changes: []tree.Change{{Path: "include/linux/exit.h", Kind: tree.Modified}}, gone: "kernel/exit.o", newer: "include/linux/exit.h"},
		{name: "a header of the command line", changes: []tree.Change{{Path: "include/linux/kconfig.h", Kind: tree.Modified}}, gone: "kernel/fork.o", newer: "include/linux/kconfig.h"},
		{name: "a removed source", changes: []tree.Change{{Path: "kernel/exit.c", Kind: tree.Removed}}, gone: "kernel/exit.o", also: "S"},
		{name: "a renamed source", changes: []tree.Change{{Path: "kernel/exit.c", Kind: tree.Removed}, {Path: "kernel/leave.c", Kind: tree.Added}},
			gone: "kernel/exit.o", newer: "kernel/leave.c", also: "S"},
		{name: "a new header that shadows", changes: []tree.Change{{Path: "arch/um/include/asm/bug.h", Kind: tree.Added}},
			gone: "kernel/fork.o", newer: "arch/um/include/asm/bug.h", also: "S"},
		{name: "a new header that a macro names", changes: []tree.Change{{Path: "include/trace/events/sched_exit.h", Kind: tree.Added}},
			gone: "kernel/exit.o", newer: "include/trace/events/sched_exit.h", also: "S"},
		{name: "what a program of Kconfig reads", changes: []tree.Change{{Path: "scripts/include/list.h", Kind: tree.Modified}},
			gone: "scripts/kconfig/conf.o", newer: "scripts/include/list.h", also: "C"},
		{name: "a new Rust file", changes: []tree.Change{{Path: "rust/kernel/sync.rs", Kind: tree.Added}}, gone: "rust/kernel.o", newer: "rust/kernel/sync.rs", also: "S"},
		{name: "a Rust file", changes: []tree.Change{{Path: "rust/kernel/sync/lock.rs", Kind: tree.Modified}}, gone: "rust/kernel.o", newer: "rust/kernel/sync/lock.rs"},
		{name: "a makefile", changes: []tree.Change{{Path: "kernel/Makefile", Kind: tree.Modified}}, newer: "kernel/Makefile", also: "RS"},
		{name: "the makefile of what is generated", changes: []tree.Change{{Path: "lib/Makefile", Kind: tree.Removed}}, gone: "lib/table.h", also: "RS"},
		{name: "an architecture's makefile", changes: []tree.Change{{Path: "arch/um/Makefile", Kind: tree.Modified}}, gone: "linux vmlinux", newer: "arch/um/Makefile", also: "RS"},
		{name: "a new Kbuild file beside a makefile", changes: []tree.Change{{Path: "kernel/Kbuild", Kind: tree.Added}}, newer: "kernel/Kbuild", also: "RS"},
		{name: "Kconfig", changes: []tree.Change{{Path: "init/Kconfig", Kind: tree.Modified}}, newer: "init/Kconfig", also: "RCS"},
		{name: "a program of Kconfig", changes: []tree.Change{{Path: "scripts/kconfig/new.c", Kind: tree.Added}}, newer: "scripts/kconfig/new.c", also: "CS"},
		{name: "a host program", changes: []tree.Change{{Path: "lib/gen_table.c", Kind: tree.Modified}}, gone: "lib/gen_table", newer: "lib/gen_table.c"},
		{name: "a script that a command names", changes: []tree.Change{{Path: "scripts/link-vmlinux.sh", Kind: tree.Modified}}, gone: "vmlinux", newer: "scripts/link-vmlinux.sh"},
		{name: "a script that no command names", changes: []tree.Change{{Path: "scripts/mksysmap", Kind: tree.Modified}},
			newer: "scripts/mksysmap", refused: "scripts/mksysmap was modified: the build opens it, and no step records that"},
		{name: "rules", changes: []tree.Change{{Path: "scripts/Makefile.build", Kind: tree.Modified}}, newer: "scripts/Makefile.build", also: "RS", refused: "rules"},
		{name: "new rules", changes: []tree.Change{{Path: "scripts/Makefile.new", Kind: tree.Added}}, newer: "scripts/Makefile.new", also: "RS", refused: "rules"},
		{name: "the makefile of a tool", changes: []tree.Change{{Path: "tools/objtool/Makefile", Kind: tree.Modified}}, newer: "tools/objtool/Makefile", also: "RS", refused: "rules"},
		{name: "the makefile of a test that nobody builds", changes: []tree.Change{{Path: "tools/testing/Makefile", Kind: tree.Added}}, newer: "tools/testing/Makefile", also: "RS"},
		{name: "a link", changes: []tree.Change{{Path: "scripts/dtc/include-prefixes/arm", Kind: tree.Modified, Link: true}}, newer: "scripts/dtc/include-prefixes/arm", refused: "symbolic link"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			speak, err := r.Speak(t.Context(), source, NewNames(tc.changes))
			if err != nil {
				t.Fatal(err)
			}
			m := Decide(r, tc.changes, speak)
			var gone []string
			out := m.Outdated(r.Targets())
			for _, name := range []string{"kernel/fork.o", "kernel/exit.o", "kernel/built-in.a", "rust/kernel.o", "lib/gen_table", "lib/table.h", "lib/table.mod.c",
				"lib/table.ko", "lib/gen_table.mod.c", "lib/gen_table.mod.o", "linux", "scripts/kconfig/conf.o", "vmlinux"} {
				if out(name) {
					gone = append(gone, name)
					if dir, base := filepath.Split(name); !out(dir+"."+base+".cmd") && r.Targets()[name] {
						t.Errorf("%s goes, and its .cmd file stays", name)
					}
				}
			}
			if got := strings.Join(gone, " "); got != tc.gone {
				t.Errorf("gone: %q, want %q", got, tc.gone)
			}
			if got := strings.Join(m.Newer, " "); got != tc.newer {
				t.Errorf("newer: %q, want %q", got, tc.newer)
			}
			flags := map[string]bool{"R": m.Rules, "C": m.Config, "S": m.Shrink}
			maps.DeleteFunc(flags, func(_ string, on bool) bool { return !on })
			if got := strings.Join(slices.SortedFunc(maps.Keys(flags), func(a, b string) int { return strings.Index("RCS", a) - strings.Index("RCS", b) }), ""); got != tc.also {
				t.Errorf("also: %q, want %q", got, tc.also)
			}
			if (m.Refused == "") != (tc.refused == "") || !strings.Contains(m.Refused, tc.refused) {
				t.Errorf("refused: %q, want %q", m.Refused, tc.refused)
			}
			if want := tc.also == "" && tc.refused == "" && !strings.HasPrefix(tc.newer, "scripts/"); m.SourcesOnly() != want {
				t.Errorf("sources only: %v, want %v", m.SourcesOnly(), want)
			}
			if want := tc.gone == "" && tc.newer == "" && tc.also == "" && tc.refused == ""; m.Nothing() != want {
				t.Errorf("nothing: %v, want %v", m.Nothing(), want)
			}
		})
	}
	r.Lost = true
	if m := Decide(r, []tree.Change{{Path: "Documentation/x.rst", Kind: tree.Modified}}, nil); m.Refused == "" {
		t.Error("a record that lacks something is believed")
	}
}

func TestNamed(t *testing.T) {
	for word, want := range map[string]string{
		"/src/kernel/fork.c": "kernel/fork.c", "@/src/a/b": "a/b", "-include=/src/x.h": "x.h", "/src/scripts/l.sh;": "scripts/l.sh", "/src/a/../b.h": "b.h",
		"kernel/fork.c": "", "-I./include": "", "-fmacro-prefix-map=/src/=": "=",
	} {
		if got := named(word, "/src"); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestForModules(t *testing.T) {
	for name, want := range map[string]bool{
		"kernel/fork.o": false, "kernel/.fork.o.cmd": false, "kernel/built-in.a": false, "linux": false, "vmlinux": false, "vmlinux.o": false,
		".vmlinux.export.c": false, ".tmp_vmlinux1.syms": false, "System.map": false, "built-in.a": false, ".umlab.answers": false,
		"samples/rust/m.ko": false, "samples/rust/.m.ko.cmd": false, "samples/rust/m.mod.c": false, "samples/rust/m.mod": false,
		"scripts/mod/modpost.o": true, "scripts/module.lds": true, "rust/kernel.o": true, "rust/.kernel.o.cmd": true, "rust/libmacros.so": true,
		"include/config/auto.conf": true, "include/generated/bounds.h": true, "arch/um/include/generated/asm/x.h": true, ".config": true,
		"Module.symvers": true, "modules.order": true, ".module-common.o": true, "..module-common.o.cmd": true, "tools/x.o": true,
		"kernel/bounds.s": true, "arch/um/kernel/vmlinux.lds": true, "source": true, "lib/crc32table.h": true,
	} {
		if got := ForModules(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
