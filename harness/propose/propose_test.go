package propose

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umlab/harness/kconfig"
	"umlab/harness/sample"
	"umlab/harness/scenario"
)

// inTree is what a tree of the tests can make.
func inTree() map[string]sample.Module {
	modules := map[string]sample.Module{}
	for _, m := range []sample.Module{
		{Name: "test_ida", Target: "lib/test_ida.ko", Options: []kconfig.Option{{Name: "CONFIG_TEST_IDA", Value: "m"}}},
		{Name: "test_xarray", Target: "lib/test_xarray.ko", Options: []kconfig.Option{{Name: "CONFIG_TEST_XARRAY", Value: "m"}}},
		{Name: "percpu_test", Target: "lib/percpu_test.ko", Options: []kconfig.Option{{Name: "CONFIG_PERCPU_TEST", Value: "m"}}},
		{Name: "rust_minimal", Target: "samples/rust/rust_minimal.ko", Options: []kconfig.Option{{Name: "CONFIG_SAMPLES_RUST", Value: "y"}}},
	} {
		modules[m.Name] = m
	}
	return modules
}

func known(name string) Known {
	return Known{Name: name, Tree: "debian-6.12", Toolchain: "trixie", UsualChain: "trixie", Looked: true, Modules: inTree()}
}

// load reads a scenario as umlab reads it.
func load(t testing.TB, name string, s *Scenario) *scenario.Scenario {
	t.Helper()
	dir := t.TempDir()
	for file, text := range s.Beside {
		write(t, filepath.Join(dir, file), text)
	}
	file := filepath.Join(dir, name+".toml")
	write(t, file, s.Text)
	got, err := scenario.Library{Project: os.DirFS("../..")}.Load(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Text)
	}
	return got
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func facts(t testing.TB, reports ...string) *Facts {
	t.Helper()
	f := &Facts{}
	for i := 0; i < len(reports); i += 2 {
		if err := f.Add(reports[i], []byte(reports[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

const (
	idaLog = `[    0.000000] Linux version 7.3.1 (a@b) (gcc (Debian 14.2.0-19) 14.2.0, GNU ld 2.44) #1
[    0.000000] Kernel command line: mem=128M root=/dev/root
# modprobe test_ida x=1
modprobe: ERROR: could not insert 'test_ida': Invalid argument
`
	specMail = `with rustc 1.96.1 I cannot build 6.12:

> error: error loading target specification: target-pointer-width: invalid type: string "64", expected u16 at line 8 column 32
>   |
> make[2]: *** [rust/Makefile:430: rust/core.o] Error 1
> make[1]: *** [/home/me/linux/Makefile:1221: prepare] Error 2
`
	modpostLog = `ERROR: modpost: "printk_x" [/home/me/linux/samples/rust/rust_print.ko] undefined!
make[2]: *** [scripts/Makefile.modpost:147: Module.symvers] Error 1
`
	kunitLog = `Linux version 6.12.107 (a@b) #1
    # Subtest: list-kunit-test
    ok 1 list_test_list_init
    not ok 2 list_test_list_add
not ok 1 list-kunit-test
`
	mountLog = `# mount -t hostfs -o /tmp none /mnt
# cat /mnt/x
BUG: kernel NULL pointer dereference, address: 0000000000000000
Oops: 0002 [#1] PREEMPT SMP
CPU: 0 PID: 31 Comm: cat Not tainted 6.12.107 #1
RIP: 0033:hostfs_read+0x15/0x1000
`
	config = `# Linux/um 6.12.107 Kernel Configuration
CONFIG_RUSTC_VERSION_TEXT="rustc 1.85.1 (4eb161250 2025-03-15)"
CONFIG_RUST=y
CONFIG_UBSAN=y
CONFIG_X86_KERNEL_IBT=y
CONFIG_DEFAULT_HOSTNAME="a"
# CONFIG_DEBUG_KERNEL is not set
`
	fix = `diff --git a/lib/test_ida.c b/lib/test_ida.c
--- a/lib/test_ida.c
+++ b/lib/test_ida.c
@@ -1,3 +1,3 @@
 a
-b
+c
 d
`
)

// TestPropose holds what is proposed of reports of each kind.
func TestPropose(t *testing.T) {
	mail, err := os.ReadFile("testdata/mail.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		reports []string
		culprit bool
		has     []string // lines
		lacks   []string
	}{
		{name: "own-rust-module", reports: []string{"mail.txt", string(mail)}, has: []string{
			`title = "rust_acme: unknown 9 GOTPCREL"`, `relocation-model = ["pie", "static"]`, `placement = ["low", "high"]`,
			`name = "rust_minimal"`, `cell = "static-large"`, `relocation = 9 # R_X86_64_GOTPCREL`,
			`fragments = ["uml.config", "rust.config", "samples-rust.config"]`, `description = "subarch: rust_acme: Unknown rela relocation: 9"`,
		}, lacks: []string{`name = "rust_acme"`, "# [[module]]"}},
		{name: "module-of-the-tree", reports: []string{"ida.txt", idaLog}, has: []string{
			`path = "lib/test_ida.ko"`, `params = ["x=1"]`, `CONFIG_TEST_IDA = "m"`, `mem = "128M"`, `placement = "report"`,
			`outcome = ["insmod-failed", "init-failed"]`, `errno = 22`, `module = "test_xarray"`, `module = "percpu_test"`,
			`output = "*" # that the built module has`}},
		{name: "own-c-module", reports: []string{"x.txt", "# insmod acme.ko\ninsmod: can't insert 'acme.ko': invalid module format\n"},
			has: []string{`# name = "acme"`, `# outcome = "insmod-failed"`, `# errno = 8`, `module = "test_xarray"`}, lacks: []string{"[[expect]]"}},
		{name: "build", reports: []string{"spec.txt", specMail}, has: []string{`goal = "rust/core.o"`, `tool = "rustc"`,
			`place = "scripts/target.json"`, `outcome = "build-failed"`,
			`message = "^error loading target specification: target-pointer-width: invalid type: string \""`},
			lacks: []string{"[[module]]", "[[step]]"}},
		{name: "modpost", reports: []string{"m.txt", modpostLog}, has: []string{`goal = "all"`, `tool = "modpost"`,
			`message = "^\"printk_x\" \\[\\S*rust_print\\.ko\\] undefined!"`}},
		{name: "kunit", reports: []string{"k.txt", kunitLog}, has: []string{`kunit = "list-kunit-test"`,
			`step = "list-kunit-test/list_test_list_add"`, `outcome = "failed"`, `CONFIG_KUNIT = "y"`}},
		{name: "steps", reports: []string{"m.txt", mountLog}, has: []string{
			`mount = { type = "hostfs", target = "/mnt", source = "none", options = "/tmp" }`, `run = "cat /mnt/x"`, `step = "cat-2"`,
			`outcome = "oops"`}},
		{name: "panic", reports: []string{"p.txt", "Kernel panic - not syncing: No init found.  Try passing init= option to kernel.\n"},
			has: []string{`boot = true`, `outcome = "boot-failed"`}},
		{name: "config", reports: []string{".config", config}, has: []string{`boot = true`, `CONFIG_UBSAN = "y"`}, lacks: []string{
			"CONFIG_X86_KERNEL_IBT", "CONFIG_DEFAULT_HOSTNAME", "CONFIG_RUSTC_VERSION_TEXT =", "[[expect]]"}},
		{name: "log-and-fix", reports: []string{"ida.txt", idaLog, "fix.patch", fix}, has: []string{
			`# patches = ["log-and-fix/fix.patch"]`, `name = "test_ida"`}, lacks: []string{`patches = ["log-and-fix/fix.patch"]`}},
		{name: "culprit", reports: []string{"spec.txt", specMail, "fix.patch", fix}, culprit: true, has: []string{
			`patches = ["culprit/fix.patch"]`, `patched = false`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := facts(t, tt.reports...)
			if !f.Starts() {
				t.Fatalf("nothing to start with: %+v", f)
			}
			k := known(tt.name)
			k.Culprit, k.Options = tt.culprit, f.Matter(func(string) string { return kconfig.Unset })
			s := Propose(f, k)
			load(t, tt.name, s)
			lines := strings.Split(string(s.Text), "\n")
			for _, line := range tt.has {
				if !slices.Contains(lines, line) {
					t.Errorf("lacks %s", line)
				}
			}
			for _, line := range tt.lacks {
				if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, line) }) {
					t.Errorf("has %s", line)
				}
			}
			if t.Failed() {
				t.Logf("%s", s.Text)
			}
		})
	}
}

// A mail's text is read wherever in its parts it stands, and a whole .config that is attached is one, of whatever type it says it is.
func TestPartsOfAMail(t *testing.T) {
	const log = "Linux version 6.12.117 (me@host) (rustc 1.85.1, clang version 19.1.7)\n" +
		"subarch: rust_minimal: Unknown rela relocation: 9\n"
	const config = "#\n# Linux/x86 6.12.117 Kernel Configuration\n#\nCONFIG_UML=y\nCONFIG_PREEMPT=y\nCONFIG_HZ=250\n# CONFIG_PRINTK_TIME is not set\n"
	const begin = "From: a@example.org\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=A\n\n" +
		"--A\nContent-Type: multipart/alternative; boundary=B\n\n--B\nContent-Type: text/plain\n\n" + log +
		"--B\nContent-Type: text/html\n\n<p>x</p>\n--B--\n--A\nContent-Disposition: attachment; filename=.config\n"
	for kind, part := range map[string]string{
		"text/plain": "\n" + config,
		"application/octet-stream": "Content-Transfer-Encoding: base64\n\n" +
			base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(config, "\n", "\r\n"))) + "\n",
	} {
		var f Facts
		if err := f.Add("mail.eml", []byte(begin+"Content-Type: "+kind+"\n"+part+"--A--\n")); err != nil {
			t.Fatal(err)
		}
		matter := f.Matter(func(string) string { return "" })
		if !f.Config || len(f.Options) != 4 || len(matter) == 4 || f.Machine != "x86" || f.Rustc.Value != "1.85.1" || len(f.Modules) != 1 {
			t.Errorf("%s: %+v, of which %v matter", kind, f, matter)
		}
	}
}

// TestNothing holds that what proves nothing begins nothing.
func TestNothing(t *testing.T) {
	for _, text := range []string{
		"it does not work", "# modprobe acme_i2c\nmodprobe: FATAL: Module acme_i2c not found in directory /lib/modules/6.12.1-umlab\n",
		"# insmod acme.ko\nacme: hello\n# cat /proc/modules\nacme 16384 0 - Live 0xffffffffc0844000 (O)\n",
		"# insmod a.ko\na: version magic '6.12.0 SMP ' should be '6.12.107 '\ninsmod: can't insert 'a.ko': invalid module format\n",
		"make: *** No targets specified and no makefile found.  Stop.\n", "ok 1 x\n    # Subtest: y\n    ok 1 z\n",
	} {
		if f := facts(t, "x", text); f.Starts() {
			t.Errorf("%q begins a scenario: %+v", text, f)
		}
	}
}

func TestNearest(t *testing.T) {
	trees := map[string]string{"debian-6.12": "linux-source-6.12", "debian-7.2": "linux-source-7.2", "debian-7.3": "linux-source-7.3",
		"odd": "no version"}
	for _, tt := range []struct {
		version, tree string
		same          bool
	}{
		{"6.12.3-rc1", "debian-6.12", true}, {"7.3", "debian-7.3", true}, {"2.6.31.8", "debian-6.12", false}, {"6.19.1", "debian-6.12", false},
		{"7.9", "debian-7.3", false}, {"", "debian-6.12", false}, {"next", "debian-6.12", false},
	} {
		if tree, same := Nearest(trees, "debian-6.12", tt.version); tree != tt.tree || same != tt.same {
			t.Errorf("%s: %s, %v", tt.version, tree, same)
		}
	}
}

func TestVersions(t *testing.T) {
	f := facts(t, "a", "on 6.1 with rustc 1.85.0-nightly\n[ 0.1] Linux version 6.12.107 (a@b) (Debian clang version 19.1.7 (3)) #1\n"+
		"I have kernel 5.4\n", ".config", config)
	if f.Kernel.Value != "6.12.107" || f.Kernel.At != "a:2" || f.Rustc.Value != "1.85.0" || f.Clang.Value != "19.1.7" || f.Machine != "um" {
		t.Errorf("%+v", f)
	}
}

// FuzzPropose holds that whatever a report says, the scenario is one that umlab reads.
func FuzzPropose(f *testing.F) {
	mail, _ := os.ReadFile("testdata/mail.txt")
	for _, seed := range []string{string(mail), idaLog, specMail, modpostLog, kunitLog, mountLog, config, fix,
		"# insmod 'a\"b.ko x=\\\ninsmod: can't insert '\x01.ko': invalid module format\n", "subarch: \xff\x00: Unknown rela relocation: 900\n"} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, looked bool) {
		facts := &Facts{}
		if facts.Add("report", data) != nil || !facts.Starts() {
			return
		}
		k := known(facts.Name())
		k.Looked, k.Culprit, k.Options = looked, looked, facts.Matter(func(string) string { return "" })
		if !looked {
			k.Modules = nil
		}
		load(t, k.Name, Propose(facts, k))
	})
}

// TestAutorun holds that KUnit is told to run its suites at boot where the tree asks for that, and nowhere else: Kconfig would drop it.
func TestAutorun(t *testing.T) {
	for _, autorun := range []bool{true, false} {
		k := known("k")
		k.Autorun = autorun
		text := string(Propose(facts(t, "k.txt", kunitLog), k).Text)
		if strings.Contains(text, "CONFIG_KUNIT_AUTORUN_ENABLED = \"y\"") != autorun {
			t.Errorf("%v:\n%s", autorun, text)
		}
	}
}
