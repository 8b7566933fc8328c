package outcome

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"umlab/harness/kmsg"
)

// lines of sessions, to be put together in the tests.
const (
	ready   = "Linux version 6.12.107 (umlab@umlab) #1\numlab: ready\n"
	insertM = "umlab[1]: begin insmod m\nm: hello\numlab[1]: end insmod m status=0\n"
	showM   = "umlab[2]: begin modules m\nm 12288 0 - Live 0x0000000062804000\numlab[2]: end modules m status=0\n"
	removeM = "umlab[3]: begin rmmod m\numlab[3]: end rmmod m status=0\n"
	halt    = "umlab[4]: begin halt\nreboot: Power down\n"
	noexec  = "insmod: can't insert '/modules/m.ko': invalid module format\numlab[1]: end insmod m status=8\n"
)

func TestClassify(t *testing.T) {
	begin := ready + "umlab[1]: begin insmod m\n"
	var own kmsg.Formats
	own.Add("", "%s: sealed by %s\n")
	tests := []struct {
		name       string
		transcript string
		end        End
		in         Input // Silent, Output and more Modules
		want       Kind
		relocation uint32
		errno      int
		stage      string
		evidence   string
		detail     string // part of it
	}{
		{name: "all steps", transcript: ready + insertM + showM + removeM + halt, want: Loaded, evidence: "m 12288 0 - Live 0x0000000062804000"},
		{name: "CR before LF, once and twice", transcript: strings.ReplaceAll(ready+insertM, "\n", "\r\n") + strings.ReplaceAll(showM+removeM+halt, "\n", "\r\r\n"),
			want: Loaded, evidence: "m 12288 0 - Live 0x0000000062804000"},
		{name: "no output of init", transcript: ready + strings.Replace(insertM, "m: hello\n", "", 1) + showM + removeM, want: InsmodFailed,
			evidence: "umlab[1]: end insmod m status=0", detail: "printed nothing"},
		{name: "another module's output", transcript: ready + strings.Replace(insertM, "m: hello", "mm: hello", 1) + showM + removeM, want: InsmodFailed, detail: "printed nothing"},
		{name: "output before insmod", transcript: ready + "m: hello\n" + strings.Replace(insertM, "m: hello\n", "", 1) + showM + removeM, want: InsmodFailed, detail: "printed nothing"},
		{name: "the loader's words are no output", transcript: ready + strings.Replace(insertM, "m: hello", "m: loading out-of-tree module taints kernel.", 1) + showM + removeM,
			want: InsmodFailed, detail: "printed nothing"},
		{name: "the loader's words match the expression", transcript: ready + strings.Replace(insertM, "m: hello", "m: loading out-of-tree module taints kernel.", 1) + showM + removeM,
			in: Input{Output: map[string]*regexp.Regexp{"m": regexp.MustCompile("^m: ")}}, want: InsmodFailed, detail: "printed nothing"},
		{name: "the words of the tree's own loader are no output", transcript: ready + strings.Replace(insertM, "hello", "sealed by acme", 1) + showM + removeM,
			in: Input{Loader: own}, want: InsmodFailed, detail: "printed nothing"},
		{name: "the tree's own loader refuses", transcript: begin + "m: loading out-of-tree module taints kernel.\nn: sealed by acme\nm: sealed by acme\n" + noexec,
			in: Input{Loader: own}, want: InsmodFailed, errno: 8, evidence: "m: sealed by acme", detail: "has that message"},
		{name: "init fails behind a line of the tree's own loader", transcript: begin + "m: sealed by acme\nm: hello\n" + noexec,
			in: Input{Loader: own}, want: InitFailed, errno: 8, detail: `printed "m: hello"`},
		{name: "an errno of init alone behind a line of the tree's own loader", transcript: begin + "m: sealed by acme\n" +
			"insmod: can't insert '/modules/m.ko': No such device\numlab[1]: end insmod m status=19\n",
			in: Input{Loader: own}, want: InitFailed, errno: 19, detail: "The module printed nothing"},
		{name: "silent module", transcript: ready + strings.Replace(insertM, "m: hello\n", "", 1) + showM + removeM, in: Input{Silent: map[string]bool{"m": true}}, want: Loaded},
		{name: "expected output", transcript: ready + strings.Replace(insertM, "m: hello", "[    0.100000] acme 7 up", 1) + showM + removeM,
			in: Input{Output: map[string]*regexp.Regexp{"m": regexp.MustCompile(`^acme \d up$`)}}, want: Loaded},
		{name: "output, but not what was expected", transcript: ready + insertM + showM + removeM,
			in: Input{Output: map[string]*regexp.Regexp{"m": regexp.MustCompile(`^acme`)}}, want: InsmodFailed, detail: "printed nothing that was expected"},
		{name: "not in /proc/modules", transcript: ready + insertM + "umlab[2]: begin modules m\numlab[2]: end modules m status=1\n" + removeM, want: InsmodFailed,
			evidence: "umlab[2]: end modules m status=1", detail: "does not stand"},
		{name: "not Live", transcript: ready + insertM + strings.Replace(showM, "Live", "Unloading", 1) + removeM, want: InsmodFailed, detail: "Unloading"},
		{name: "a longer name in /proc/modules", transcript: ready + insertM + strings.Replace(showM, "m 12288", "m2 12288", 1) + removeM, want: InsmodFailed, detail: "does not stand"},
		{name: "rmmod fails", transcript: ready + insertM + showM + "umlab[3]: begin rmmod m\nrmmod: can't unload module 'm': Device or resource busy\numlab[3]: end rmmod m status=1\n" + halt,
			want: InsmodFailed, errno: 16, evidence: "rmmod: can't unload module 'm': Device or resource busy", detail: "rmmod failed"},
		{name: "no rmmod at all", transcript: ready + insertM + showM + halt, end: End{Kind: EndHalted}, want: Unproved},
		{name: "rmmod hangs", transcript: ready + insertM + showM + "umlab[3]: begin rmmod m\n", end: End{Kind: EndTimeout, Stage: "rmmod"}, want: Timeout, stage: "rmmod", evidence: "umlab[3]: begin rmmod m"},
		{name: "an address that is hidden", transcript: ready + insertM + strings.Replace(showM, "62804000", "00000000", 1) + removeM, want: Loaded},

		{name: "unknown relocation", transcript: begin + "subarch: m: Unknown rela relocation: 9\nsubarch: m: Unknown rela relocation: 9\n" + noexec, want: RelocationUnknown, relocation: 9, errno: 8,
			evidence: "subarch: m: Unknown rela relocation: 9"},
		{name: "unknown relocation on a PC", transcript: begin + "module: m: Unknown rela relocation: 9\n" + noexec, want: RelocationUnknown, relocation: 9, errno: 8},
		{name: "unknown relocation of a 32-bit kernel", transcript: begin + "subarch: m: Unknown relocation: 43\n" + noexec, want: RelocationUnknown, relocation: 43, errno: 8},
		{name: "unknown relocation of another module", transcript: begin + "subarch: other: Unknown rela relocation: 9\n" + noexec, want: InsmodFailed, errno: 8},
		{name: "unknown relocation in another step", transcript: ready + "subarch: m: Unknown rela relocation: 9\n" + insertM + showM + removeM, want: Loaded},
		{name: "the module says so itself", transcript: begin + "m: Unknown rela relocation: 9\n" + noexec, want: InitFailed, errno: 8},
		{name: "a number that is none", transcript: begin + "subarch: m: Unknown rela relocation: 99999999999999\n" + noexec, want: InsmodFailed, errno: 8},
		{name: "rejected first, then accepted", transcript: begin + "subarch: overflow in relocation type 11 val 80804010\nsubarch: `m' likely not compiled with -mcmodel=kernel\nm: hello\numlab[1]: end insmod m status=0\n" + showM + removeM, want: Loaded},
		{name: "overflow", transcript: begin + "subarch: overflow in relocation type 11 val 80804010\nsubarch: `m' likely not compiled with -mcmodel=kernel\n" + noexec, want: RelocationOverflow, relocation: 11, errno: 8},
		{name: "overflow, negative", transcript: begin + "subarch: overflow in relocation type 10 val ffffffff80804010 sec 2 idx 18\nsubarch: `m' likely not compiled with -mcmodel=kernel\n" + noexec, want: RelocationOverflow, relocation: 10, errno: 8},
		{name: "overflow of another module", transcript: begin + "subarch: overflow in relocation type 11 val 80804010\nsubarch: `other' likely not compiled with -mcmodel=kernel\n" + noexec, want: InsmodFailed, errno: 8},
		{name: "overflow without a name", transcript: begin + "subarch: overflow in relocation type 11 val 80804010\n" + noexec, want: InsmodFailed, errno: 8},
		{name: "overflow, cut", transcript: begin + "subarch: overflow in relocation type 11 val 80804010\n", end: End{Kind: EndTimeout, Stage: "insmod"}, want: RelocationOverflow, relocation: 11, errno: 8, detail: "ends before"},
		{name: "a relocation decides over a warning", transcript: begin + "m: module uses symbol (x) from namespace Y, but does not import it.\nsubarch: m: Unknown rela relocation: 9\n" + noexec, want: RelocationUnknown, relocation: 9, errno: 8},
		{name: "invalid target", transcript: begin + "subarch: x86/modules: Invalid relocation target, existing value is nonzero for type 1, loc 000, val 6\n" + noexec, want: InsmodFailed, errno: 8},
		{name: "invalid target, plain", transcript: begin + "x86/modules: Skipping invalid relocation target, existing value is nonzero for type 1, loc 000, val 6\n" + noexec, want: InsmodFailed, errno: 8,
			evidence: "x86/modules: Skipping invalid relocation target, existing value is nonzero for type 1, loc 000, val 6"},
		{name: "version of a symbol", transcript: begin + "m: disagrees about version of symbol printk\nm: Unknown symbol printk (err -22)\ninsmod: can't insert '/modules/m.ko': Invalid argument\numlab[1]: end insmod m status=22\n",
			want: InsmodFailed, errno: 22, evidence: "m: disagrees about version of symbol printk"},
		{name: "errno that only the status tells", transcript: begin + "insmod: can't insert '/modules/m.ko': Schwerer Fehler\numlab[1]: end insmod m status=12\n", want: InsmodFailed, errno: 12},
		{name: "no reason at all", transcript: begin + "umlab[1]: end insmod m status=1\n", want: InsmodFailed, evidence: "umlab[1]: end insmod m status=1", detail: "status 1"},

		{name: "panic while a deadline passed", transcript: begin + "Kernel panic - not syncing: Kernel mode fault at addr 0x0, ip 0x602a28ce\n", end: End{Kind: EndTimeout, Stage: "insmod"}, want: Oops},
		{name: "panic after a relocation was rejected", transcript: begin + "subarch: m: Unknown rela relocation: 9\nKernel panic - not syncing: BUG!\n", end: End{Kind: EndPanicked}, want: Oops, evidence: "Kernel panic - not syncing: BUG!"},
		{name: "oops that the kernel survives", transcript: begin + "BUG: kernel NULL pointer dereference, address: 0000000000000000\nOops: Oops: 0002 [#1]\nRIP: 0010:m_init+0x5/0x1000 [m]\numlab[1]: end insmod m status=137\n", end: End{Kind: EndHalted},
			want: Oops, evidence: "BUG: kernel NULL pointer dereference, address: 0000000000000000", detail: "At m_init+0x5/0x1000 [m]."},
		{name: "oops in rmmod", transcript: ready + insertM + showM + "umlab[3]: begin rmmod m\n[    1.000000] Oops: general protection fault: 0000 [#1] PREEMPT\n", end: End{Kind: EndPanicked}, want: Oops, detail: "During rmmod."},
		{name: "panic behind rmmod", transcript: ready + insertM + showM + removeM + "Kernel panic - not syncing: Segfault with no mm\n", end: End{Kind: EndPanicked}, want: Oops, detail: "Outside"},
		{name: "panic at halt, the module is gone", transcript: ready + insertM + showM + removeM + halt + "Kernel panic - not syncing: BUG!\n", end: End{Kind: EndPanicked}, want: Loaded},
		{name: "the module prints the word", transcript: begin + "m: BUG: is what I print\nm: Oops: too\numlab[1]: end insmod m status=0\n" + showM + removeM, want: Loaded},
		{name: "a warning is none", transcript: begin + "WARNING: CPU: 0 PID: 21 at m.c:9\nModules linked in: m(+)\nm: hello\numlab[1]: end insmod m status=0\n" + showM + removeM, want: Loaded, detail: "WARNING: CPU: 0"},
		{name: "sleeping function is none", transcript: begin + "BUG: sleeping function called from invalid context at x.c:1\nm: hello\numlab[1]: end insmod m status=0\n" + showM + removeM, want: Loaded, detail: "sleeping"},
		{name: "the process dies without a word", transcript: begin, end: End{Kind: EndExited, Status: "signal 11"}, want: Oops, detail: "without a panic line"},
		{name: "the process dies, in Go's words", transcript: begin, end: End{Kind: EndExited, Status: "signal: segmentation fault (core dumped)"}, want: Oops},
		{name: "the host kills the process", transcript: begin, end: End{Kind: EndExited, Status: "signal 9"}, want: Infra},
		{name: "infra", transcript: begin, end: End{Kind: EndInfra, Status: "pty: input/output error"}, want: Infra, detail: "pty"},
		{name: "killed", transcript: begin, end: End{Kind: EndKilled}, want: Infra},
		{name: "silent", transcript: begin, end: End{Kind: EndSilent}, want: Timeout, stage: "insmod", evidence: "umlab[1]: begin insmod m"},
		{name: "flood", transcript: begin + strings.Repeat("m: again\n", 1000), end: End{Kind: EndFlood, Stage: "command"}, want: Timeout, stage: "command"},
		{name: "nobody knows", transcript: begin, want: Unproved},
		{name: "halted in the step", transcript: begin, end: End{Kind: EndHalted}, want: Unproved},

		{name: "boot hangs", transcript: "Linux version 7.3.4\n", end: End{Kind: EndTimeout, Stage: "boot"}, want: Timeout, stage: "boot"},
		{name: "boot hangs after a panic", transcript: "Linux version 7.3.4\nKernel panic - not syncing: VFS: Unable to mount root fs\n", end: End{Kind: EndTimeout}, want: BootFailed},
		{name: "boot ends", transcript: "Linux version 7.3.4\n", end: End{Kind: EndExited, Status: "exit status 1"}, want: BootFailed, evidence: "Linux version 7.3.4"},
		{name: "no room for memory", transcript: "Linux version 7.3.4\nBus error - the host /dev/shm or /tmp mount likely just ran out of space\nKernel panic - not syncing: Kernel mode signal 7\n", end: End{Kind: EndPanicked}, want: Infra},
		{name: "noexec", transcript: "Checking PROT_EXEC mmap in /tmp...Operation not permitted\n/tmp must be not mounted noexec\n", end: End{Kind: EndExited, Status: "exit status 1"}, want: Infra},
		{name: "nothing printed", end: End{Kind: EndExited, Status: "exit status 127"}, want: Infra},
		{name: "nothing printed, crashed", end: End{Kind: EndExited, Status: "signal 11"}, want: BootFailed},
		{name: "ready and a panic", transcript: ready + "Kernel panic - not syncing: BUG!\n", end: End{Kind: EndPanicked}, want: BootFailed},
		{name: "ready and silence", transcript: ready, end: End{Kind: EndSilent, Stage: "idle"}, want: Timeout, stage: "idle"},
		{name: "nothing known", want: Unproved},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			in.Transcript, in.End, in.Modules = []byte(tt.transcript), tt.end, []string{"m"}
			res := Classify(in)
			checkResult(t, in.Transcript, res.Modules)
			o := res.Modules[0].Outcome
			if o.Kind != tt.want || o.Errno != tt.errno || o.Stage != tt.stage {
				t.Errorf("got %+v, want %q errno %d stage %q", o, tt.want, tt.errno, tt.stage)
			}
			if o.Relocation != nil && o.Relocation.Type != tt.relocation || (o.Relocation == nil) != (tt.relocation == 0) {
				t.Errorf("relocation %+v, want type %d", o.Relocation, tt.relocation)
			}
			if tt.evidence != "" && o.Evidence != tt.evidence {
				t.Errorf("evidence %q, want %q", o.Evidence, tt.evidence)
			}
			if !strings.Contains(o.Detail, tt.detail) {
				t.Errorf("detail %q has no %q", o.Detail, tt.detail)
			}
		})
	}
}

// TestClassifySeveral holds what one module's end means for the others.
func TestClassifySeveral(t *testing.T) {
	rename := func(s, n, shift string) string {
		s = strings.NewReplacer("insmod m", "insmod "+n, "modules m", "modules "+n, "rmmod m", "rmmod "+n, "\nm: ", "\n"+n+": ", "\nm 1", "\n"+n+" 1").Replace(s)
		return regexp.MustCompile(`umlab\[(\d)\]`).ReplaceAllString(s, "umlab["+shift+"$1]")
	}
	all := insertM + showM + removeM
	tests := []struct {
		name       string
		transcript string
		end        End
		modules    []string
		want       []Kind
		reached    []bool
	}{
		{"both", ready + all + rename(all, "n", "1") + "umlab[99]: begin halt\n", End{Kind: EndHalted}, []string{"m", "n"}, []Kind{Loaded, Loaded}, []bool{true, true}},
		{"the first panics", ready + "umlab[1]: begin insmod m\nKernel panic - not syncing: BUG!\n", End{Kind: EndPanicked}, []string{"m", "n"}, []Kind{Oops, Unproved}, []bool{true, false}},
		{"the second panics", ready + insertM + rename("umlab[2]: begin insmod m\nKernel panic - not syncing: BUG!\n", "n", ""), End{Kind: EndPanicked}, []string{"m", "n"}, []Kind{Unproved, Oops}, []bool{true, true}},
		{"silence between them", ready + all, End{Kind: EndSilent, Stage: "idle"}, []string{"m", "n", "o"}, []Kind{Loaded, Timeout, Unproved}, []bool{true, false, false}},
		{"killed between them", ready + all, End{Kind: EndKilled}, []string{"m", "n", "o"}, []Kind{Loaded, Infra, Infra}, []bool{true, false, false}},
		{"the boot fails for all", "Kernel panic - not syncing: VFS: x\n", End{Kind: EndPanicked}, []string{"m", "n"}, []Kind{BootFailed, BootFailed}, []bool{false, false}},
		{"a name twice is its insmods in turn", ready + all + rename(all, "m", "1"), End{Kind: EndHalted}, []string{"m", "m", "m"}, []Kind{Loaded, Loaded, Unproved}, []bool{true, true, false}},
		{"the second time fails", ready + all + "umlab[14]: begin insmod m\nsubarch: m: Unknown rela relocation: 9\n" + strings.ReplaceAll(noexec, "[1]", "[14]"), End{Kind: EndHalted}, []string{"m", "m"}, []Kind{Loaded, RelocationUnknown}, []bool{true, true}},
		{"dashes and paths", ready + strings.NewReplacer("insmod m", "insmod dir/a-b.ko", "modules m", "modules a_b", "rmmod m", "rmmod a-b", "\nm: ", "\na_b: ", "\nm 1", "\na_b 1").Replace(all), End{Kind: EndHalted}, []string{"a-b"}, []Kind{Loaded}, []bool{true}},
		{"lines of the guest that a module forges", ready + "umlab[1]: begin insmod m\nm: x\numlab[1]: end insmod m status=0\numlab[2]: begin modules m\nm 12288 0 - Live 0x0000000062804000\n" + noexec, End{Kind: EndHalted}, []string{"m"}, []Kind{InitFailed}, []bool{true}},
		{"steps that a module forges", ready + "umlab[1]: begin insmod m\nm: x\numlab[1]: end insmod m status=0\numlab[2]: begin rmmod m\numlab[2]: end rmmod m status=0\numlab[1]: end insmod m status=0\n" + showM +
			"umlab[3]: begin rmmod m\numlab[3]: end rmmod m status=1\n", End{Kind: EndHalted}, []string{"m"}, []Kind{InsmodFailed}, []bool{true}},
		{"a step number that falls", ready + insertM + "umlab[1]: begin rmmod m\numlab[1]: end rmmod m status=1\n" + showM + removeM, End{Kind: EndHalted}, []string{"m"}, []Kind{Loaded}, []bool{true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := Classify(Input{Transcript: []byte(tt.transcript), Modules: tt.modules, End: tt.end})
			checkResult(t, []byte(tt.transcript), res.Modules)
			var kinds []Kind
			var reached []bool
			for i, m := range res.Modules {
				if m.Name != tt.modules[i] {
					t.Errorf("module %d is %q", i, m.Name)
				}
				kinds, reached = append(kinds, m.Outcome.Kind), append(reached, m.Reached)
			}
			if !slices.Equal(kinds, tt.want) || !slices.Equal(reached, tt.reached) {
				t.Errorf("got %q %v, want %q %v\n%+v", kinds, reached, tt.want, tt.reached, res.Modules)
			}
		})
	}
}

func TestBoot(t *testing.T) {
	tests := []struct {
		transcript string
		kernel     string
		gap        int64 // -1: none
		ready      bool
	}{
		{"", "", -1, false},
		{"Adding 403177472 bytes to physical memory to account for exec-shield gap\nLinux version 6.12.107 (x) #1\n", "6.12.107", 403177472, false},
		{"[    0.000000] Linux version 7.3.4\r\n[    1.000000] x\r\numlab: ready\r\n", "7.3.4", -1, true},
		{"umlab: ready or not\n", "", -1, false},
		{"Adding 999999999999999999999 bytes to physical memory to account for exec-shield gap\n", "", -1, false},
	}
	for _, tt := range tests {
		b := Classify(Input{Transcript: []byte(tt.transcript)}).Boot
		gap := int64(-1)
		if b.Gap != nil {
			gap = *b.Gap
		}
		if b.Kernel != tt.kernel || gap != tt.gap || b.Ready != tt.ready {
			t.Errorf("%q: got %q %d %v, want %q %d %v", tt.transcript, b.Kernel, gap, b.Ready, tt.kernel, tt.gap, tt.ready)
		}
	}
}

// TestEventsOnce: busybox's insmod tries two system calls.
func TestEventsOnce(t *testing.T) {
	twice := ready + "umlab[1]: begin insmod m\nsubarch: m: Unknown rela relocation: 9\nsubarch: m: Unknown rela relocation: 9\n" + noexec +
		"umlab[2]: begin insmod m\nsubarch: m: Unknown rela relocation: 9\nsubarch: m: Unknown rela relocation: 9\numlab[2]: end insmod m status=8\n"
	var kinds []eventKind
	for _, e := range newSession(splitLines([]byte(twice), false), false).events {
		kinds = append(kinds, e.kind)
	}
	if want := []eventKind{eventRefused, eventTool, eventRefused}; !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}
