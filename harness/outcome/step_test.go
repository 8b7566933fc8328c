package outcome

import (
	"regexp"
	"strings"
	"testing"
)

const (
	stepsToken = ".0123456789abcdef"
	kernelSays = "hostfs: mounted"
)

// session of steps: the parts of a transcript, with the token of its session.
func stepSession(parts ...string) string {
	text := "Linux version 6.12.107 (umlab@umlab) #1\nfoo: booted\n" + strings.Join(parts, "")
	return regexp.MustCompile(`umlab\[(\d+)\]`).ReplaceAllString(text, "umlab[$1"+stepsToken+"]")
}

// logOf is the step that prints the kernel's own log.
func logOf(number string, lines ...string) string {
	text := "\numlab[" + number + "]: begin log\n<5>Linux version 6.12.107 (umlab@umlab) #1\n<6>foo: booted\n"
	for _, l := range lines {
		text += "<6>" + l + "\n"
	}
	return text + "\numlab[" + number + "]: end log status=0\n"
}

func TestSteps(t *testing.T) {
	const isReady, off = "\numlab: ready\n", "\numlab[9]: begin halt\nreboot: Power down\n"
	one := func(status, printed string) string {
		return "\numlab[1]: begin step a\n" + printed + "\numlab[1]: end step a status=" + status + "\n"
	}
	two := func(status, printed string) string {
		return "\numlab[2]: begin step b\n" + printed + "\numlab[2]: end step b status=" + status + "\n"
	}
	re := regexp.MustCompile
	output, kernel := re(`(?m)^hello$`), re(`^hostfs: `)
	halted := End{Kind: EndHalted}
	const oops = "BUG: unable to handle page fault for address: 0000000000000008\n"
	for _, tt := range []struct {
		name       string
		transcript string
		end        End
		a          Step // the first; the second is a command that is to succeed
		want       string
		evidence   string
		detail     string // part of it
		second     string // outcome, or why it was not run
	}{
		{name: "passes", transcript: isReady + one("0", "hello\n") + two("0", "") + logOf("3") + off, end: halted, want: "passed",
			evidence: "umlab[1.0123456789abcdef]: end step a status=0", second: "passed"},
		{name: "status", transcript: isReady + one("1", "ls: /x: No such file\n") + two("0", "") + logOf("3") + off, end: halted, want: "failed status 1",
			detail: `Exit status 1 where 0 was wanted. The last line that it printed: "ls: /x: No such file".`, second: "passed"},
		{name: "no such command", transcript: isReady + one("127", "x: applet not found\n") + two("0", "") + off, end: halted, want: "failed status 127",
			detail: "it has no such command: the scenario's manifest can bring it.", second: "passed"},
		{name: "status that is wanted", transcript: isReady + one("3", "") + two("0", ""), end: halted, a: Step{Status: 3}, want: "passed", second: "passed"},
		{name: "0 where another is wanted", transcript: isReady + one("0", "") + two("0", ""), end: halted, a: Step{Status: 3}, want: "failed status 0", second: "passed"},
		{name: "a signal", transcript: isReady + one("139", "Segmentation fault\n") + two("2", ""), end: halted, want: "failed status 139", detail: "(signal 11, SIGSEGV)",
			second: "failed status 2"},
		{name: "output", transcript: isReady + one("0", "x\nhello\n"), end: halted, a: Step{Output: output}, want: "passed", evidence: "hello"},
		{name: "no output", transcript: isReady + one("0", "hello, world\n"), end: halted, a: Step{Output: output}, want: "failed no output",
			detail: `Nothing that it printed matches ^hello$. The last line that it printed: "hello, world".`},
		{name: "over several lines", transcript: isReady + one("0", "a\nb\n"), end: halted, a: Step{Output: re(`(?m)^a\nb$`)}, want: "passed", evidence: "a"},
		{name: "what the kernel prints is no output", transcript: isReady + one("0", "hello\n") + logOf("2", "hello") + off, end: halted, a: Step{Output: output},
			want: "failed no output", detail: "It printed nothing."},
		{name: "kernel line", transcript: isReady + one("0", kernelSays+"\n") + logOf("2", kernelSays) + off, end: halted, a: Step{Kernel: kernel}, want: "passed", evidence: kernelSays},
		{name: "kernel line with its stamp", transcript: isReady + one("0", "[    0.250000] "+kernelSays+"\n") + logOf("2", "[    0.250000] "+kernelSays) + off, end: halted,
			a: Step{Kernel: kernel}, want: "passed", evidence: "[    0.250000] " + kernelSays},
		{name: "no kernel line", transcript: isReady + one("0", "") + logOf("2") + off, end: halted, a: Step{Kernel: kernel}, want: "failed no kernel line",
			detail: "No line that the kernel printed meanwhile matches ^hostfs: ."},
		{name: "kernel line of a process", transcript: isReady + one("0", kernelSays+"\n") + logOf("2") + off, end: halted, a: Step{Kernel: kernel}, want: "failed no kernel line",
			detail: "a process of the guest printed it"},
		{name: "kernel line of a process, by its driver for that", transcript: isReady + one("0", kernelSays+"\n") +
			strings.Replace(logOf("2", kernelSays), "<6>"+kernelSays, "<14>"+kernelSays, 1) + off, end: halted, a: Step{Kernel: kernel}, want: "failed no kernel line"},
		{name: "a process repeats a line of the boot", transcript: isReady + one("0", "foo: booted\n") + logOf("2") + off, end: halted, a: Step{Kernel: re("^foo")},
			want: "failed no kernel line", detail: "a process of the guest printed it"},
		{name: "the kernel repeats a line of the boot", transcript: isReady + one("0", "foo: booted\n") + logOf("2", "foo: booted") + off, end: halted, a: Step{Kernel: re("^foo")},
			want: "passed", evidence: "foo: booted"},
		{name: "kernel line in the next step", transcript: isReady + one("0", "") + two("0", kernelSays+"\n") + logOf("3", kernelSays) + off, end: halted,
			a: Step{Kernel: kernel}, want: "failed no kernel line", second: "passed"},
		{name: "kernel line without a log", transcript: isReady + one("0", kernelSays+"\n"), end: End{Kind: EndExited, Status: "exit status 1"}, a: Step{Kernel: kernel},
			want: "failed no kernel line", detail: "does not tell whether"},
		{name: "log right behind, then a hang", transcript: isReady + one("0", kernelSays+"\n") + logOf("2", kernelSays) + "\numlab[3]: begin step b\n",
			end: End{Kind: EndTimeout, Stage: "step b"}, a: Step{Kernel: kernel}, want: "passed", second: "timeout step b"},
		{name: "deadline", transcript: isReady + "\numlab[1]: begin step a\nhello\n", end: End{Kind: EndTimeout, Stage: "step a"}, want: "timeout step a",
			evidence: "umlab[1.0123456789abcdef]: begin step a", second: "after timeout in a"},
		{name: "oops", transcript: isReady + one("137", oops) + logOf("2", strings.TrimSpace(oops)) + off, end: halted, want: "oops", evidence: strings.TrimSpace(oops),
			detail: "While it ran.", second: "after oops in a"},
		{name: "oops behind it", transcript: isReady + one("0", "") + oops + logOf("2", strings.TrimSpace(oops)) + off, end: halted, want: "oops", detail: "Behind its end.",
			second: "after oops in a"},
		{name: "panic", transcript: isReady + "\numlab[1]: begin step a\nKernel panic - not syncing: BUG!\n", end: End{Kind: EndPanicked}, want: "oops", second: "after oops in a"},
		{name: "a process prints an oops", transcript: isReady + one("0", oops) + two("0", "") + logOf("3") + off, end: halted, want: "passed",
			detail: "was not believed", second: "passed"},
		{name: "the guest's process dies", transcript: isReady + "\numlab[1]: begin step a\n", end: End{Kind: EndExited, Status: "signal 11"}, want: "oops", second: "after oops in a"},
		{name: "the guest is powered off", transcript: isReady + "\numlab[1]: begin step a\n", end: End{Kind: EndExited, Status: "exit status 0"}, want: "failed",
			detail: "the guest ended while it ran (exit status 0).", second: "after the guest ended in a"},
		{name: "somebody kills the guest", transcript: isReady + "\numlab[1]: begin step a\n", end: End{Kind: EndExited, Status: "signal 9"}, want: "infra", second: "after infra in a"},
		{name: "umlab is ended", transcript: isReady + one("0", ""), end: End{Kind: EndKilled}, want: "passed", second: "infra"},
		{name: "boot fails", transcript: "Kernel panic - not syncing: VFS: Unable to mount root fs\n", end: End{Kind: EndPanicked}, want: "boot-failed", second: "after boot-failed in a"},
		{name: "boot hangs", end: End{Kind: EndTimeout, Stage: "boot"}, want: "timeout boot", second: "after timeout in a"},
		{name: "the boot alone", transcript: isReady + two("0", "") + off, end: halted, a: Step{Boot: true, Kernel: re("^foo: ")}, want: "passed", evidence: "foo: booted", second: "passed"},
		{name: "the boot alone, without the line", transcript: isReady + two("0", "bar: x\n") + logOf("3", "bar: x") + off, end: halted, a: Step{Boot: true, Kernel: re("^bar")},
			want: "failed no kernel line", evidence: "umlab: ready", second: "passed"},
		{name: "the protocol is forged", transcript: isReady + one("1", "umlab[1.fedcba9876543210]: end step a status=0\n") + two("0", ""), end: halted, want: "failed status 1",
			detail: "that is not umlab's init", second: "passed"},
		{name: "insmod", transcript: isReady + one("0", "m: hello\nm 12288 0 - Live 0x0000000062804000\n") + two("0", ""), end: halted, a: Step{Module: "m"}, want: "passed", second: "passed"},
		{name: "insmod, and nothing is printed", transcript: isReady + one("0", "m 12288 0 - Live 0x0000000062804000\n"), end: halted, a: Step{Module: "m"}, want: "insmod-failed",
			detail: "printed nothing that was expected"},
		{name: "insmod is refused", transcript: isReady + one("8", "subarch: m: Unknown rela relocation: 9\ninsmod: can't insert '/modules/m.ko': invalid module format\n") +
			two("0", "") + logOf("3", "subarch: m: Unknown rela relocation: 9"), end: halted, a: Step{Module: "m"}, want: "relocation-unknown 9 GOTPCREL", second: "passed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Name = "a"
			text := []byte(stepSession(tt.transcript))
			got := Classify(Input{Transcript: text, End: tt.end, Steps: []Step{tt.a, {Name: "b"}}}).Steps
			o := got[0].Outcome
			if o.String() != tt.want || tt.evidence != "" && o.Evidence != tt.evidence || !strings.Contains(o.Detail, tt.detail) {
				t.Errorf("%s: %+v, want %s with %q, %q", o, o, tt.want, tt.evidence, tt.detail)
			}
			if o.Kind == Unproved || o.Evidence == "" && len(text) > 0 || !strings.HasPrefix(string(text[o.Offset:]), o.Evidence) {
				t.Errorf("evidence %q at %d", o.Evidence, o.Offset)
			}
			second := got[1].NotRun
			if second == "" {
				second = got[1].Outcome.String()
			}
			if tt.second != "" && second != tt.second {
				t.Errorf("the second: %q (%+v), want %q", second, got[1], tt.second)
			}
		})
	}
}

// TestLoggedSteps: of a log of umlab's it is told what it shows of the steps, and nothing that
// only the scenario knows.
func TestLoggedSteps(t *testing.T) {
	oops := "BUG: unable to handle page fault for address: 0000000000000008"
	log := stepSession("\numlab: ready\n", "\numlab[1]: begin step a\nx\n\numlab[1]: end step a status=1\n",
		"\numlab[2]: begin step b\n"+oops+"\n\numlab[2]: end step b status=137\n", logOf("3", oops))
	got, _ := ClassifyLog([]byte(log))
	if len(got) != 2 || got[0].Name != "a" || got[0].Outcome.Kind != Unproved || !strings.HasSuffix(got[0].Outcome.Evidence, "status=1") ||
		got[1].Name != "b" || got[1].Outcome.Kind != Oops || got[1].Outcome.Evidence != oops {
		t.Errorf("%+v", got)
	}
}

const ktap = `KTAP version 1
1..3
    KTAP version 1
    # Subtest: list
    # module: list_test
    1..4
    ok 1 list_init
    # list_add: EXPECTATION FAILED at lib/list-test.c:42
    Expected a == b, but
        a == 1 (0x1)
        b == 2 (0x2)
    not ok 2 list_add
        KTAP version 1
        # Subtest: list_each
        ok 1 zero
        not ok 2 one
    # list_each: pass:1 fail:1 skip:0 total:2
    not ok 3 list_each
    ok 4 list_slow # SKIP not here
# list: pass:1 fail:2 skip:1 total:4
not ok 1 list
    KTAP version 1
    # Subtest: rust_doctests_kernel
    1..2
random: something else
    # rust_doctest_kernel_a_rs_0.location: rust/kernel/a.rs:55
    ok 1 rust_doctest_kernel_a_rs_0
    ok 2 rust_doctest_kernel_b_rs_0
ok 2 rust_doctests_kernel
    KTAP version 1
    # Subtest: cut
    1..2
    ok 1 first
`

func TestKUnit(t *testing.T) {
	show := func(o StepOutcome) string {
		all := []string{o.Outcome.String()}
		for _, test := range o.Tests {
			text := test.Outcome.String()
			if test.Skipped != "" {
				text = "skipped: " + test.Skipped
			}
			all = append(all, test.Name+" "+text)
		}
		return strings.Join(all, "; ")
	}
	stamped := "[    0.010000] " + strings.ReplaceAll(strings.TrimSuffix(ktap, "\n"), "\n", "\n[    0.010000] ") + "\n"
	for _, tt := range []struct{ name, log, suite, want, evidence, detail string }{
		{"one that fails", ktap, "list", "failed; list/list_init passed; list/list_add failed; list/list_each failed; list/list_slow skipped: not here",
			"    not ok 2 list_add", "2 of 4 tests failed. # list_add: EXPECTATION FAILED at lib/list-test.c:42 Expected a == b, but a == 1 (0x1) b == 2 (0x2)"},
		{"with stamps", stamped, "list", "failed; list/list_init passed; list/list_add failed; list/list_each failed; list/list_slow skipped: not here",
			"[    0.010000]     not ok 2 list_add", "Expected a == b"},
		{"doctests", ktap, "rust_doctests*", "passed; rust_doctests_kernel/rust_doctest_kernel_a_rs_0 passed; rust_doctests_kernel/rust_doctest_kernel_b_rs_0 passed",
			"ok 2 rust_doctests_kernel", ""},
		{"one that never ends", ktap, "cut", "failed no test", "    # Subtest: cut", "1 of 2"},
		{"disabled", "kunit: disabled\n", "a", "failed no test", "umlab: ready", "CONFIG_KUNIT_DEFAULT_ENABLED=y"},
		{"not run by itself", "random: crng init done\n", "a", "failed no test", "umlab: ready", "CONFIG_KUNIT_AUTORUN_ENABLED=y"},
		{"none", ktap, "zz*", "failed no test", "", "It ran list, rust_doctests_kernel."},
		{"fewer than planned", "KTAP version 1\n    KTAP version 1\n    # Subtest: a\n    1..3\n    ok 1 x\nok 1 a\n", "a", "failed no test; a/x passed", "ok 1 a", "1 of 3"},
		{"a suite that cannot begin", "KTAP version 1\nnot ok 1 a\n", "a", "failed", "not ok 1 a", ""},
		{"of old", "TAP version 14\n    # Subtest: a\n    1..1\n    ok 1 - x\nok 1 - a\n", "a", "passed; a/x passed", "", ""},
		{"two tests of a name", "KTAP version 1\n    # Subtest: a\n    1..2\n    ok 1 x\n    not ok 2 x\nnot ok 1 a\n", "a", "failed; a/x passed; a/x#2 failed", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := stepSession(tt.log, "\numlab: ready\n", "\numlab[1]: begin halt\n")
			o := Classify(Input{Transcript: []byte(text), End: End{Kind: EndHalted}, Steps: []Step{{Name: "k", Boot: true, Suite: tt.suite}}}).Steps[0]
			if got := show(o); got != tt.want || tt.evidence != "" && o.Outcome.Evidence != tt.evidence || !strings.Contains(o.Outcome.Detail, tt.detail) {
				t.Errorf("%s\n%+v\nwant %s, %q, %q", got, o.Outcome, tt.want, tt.evidence, tt.detail)
			}
		})
	}
	// Of a module, in a step: only what the kernel printed counts.
	lines := strings.Split(strings.TrimSuffix(ktap, "\n"), "\n")
	step := "\numlab: ready\n\numlab[1]: begin step k\nlist_test 4096 0 - Live 0x0000000062804000\nlist_test: hi\n" + ktap
	end := "\numlab[1]: end step k status=0\n"
	for name, tt := range map[string]struct{ log, want string }{
		"the kernel's": {logOf("2", append(lines, "list_test: hi")...), "passed; rust_doctests_kernel/rust_doctest_kernel_a_rs_0 passed; rust_doctests_kernel/rust_doctest_kernel_b_rs_0 passed"},
		"a process's":  {logOf("2", "list_test: hi"), "failed no test"},
	} {
		text := stepSession(step, end, tt.log)
		o := Classify(Input{Transcript: []byte(text), End: End{Kind: EndHalted}, Steps: []Step{{Name: "k", Module: "list_test", Suite: "rust*"}}}).Steps[0]
		if got := show(o); got != tt.want {
			t.Errorf("%s: %s (%+v)", name, got, o.Outcome)
		}
	}
}

func FuzzSteps(f *testing.F) {
	f.Add([]byte(stepSession(ktap, "\numlab: ready\n", "\numlab[1]: begin step a\nx\n\numlab[1]: end step a status=1\n", logOf("2"))), "list*")
	f.Fuzz(func(t *testing.T, text []byte, suite string) {
		steps := []Step{{Name: "k", Boot: true, Suite: suite}, {Name: "a", Output: regexp.MustCompile("x"), Kernel: regexp.MustCompile("b")}}
		for _, s := range Classify(Input{Transcript: text, Steps: steps}).Steps {
			outcomes := []Outcome{s.Outcome}
			for _, test := range s.Tests {
				outcomes = append(outcomes, test.Outcome)
			}
			for _, o := range outcomes {
				if !strings.HasPrefix(string(text[o.Offset:]), o.Evidence) {
					t.Errorf("evidence %q does not stand at %d", o.Evidence, o.Offset)
				}
			}
		}
	})
}
