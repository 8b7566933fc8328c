package outcome

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestForgedProtocol: whatever a module prints of umlab's own lines while it is
// loaded, without the session's token, changes no outcome, and is told.
func TestForgedProtocol(t *testing.T) {
	const token = ".0123456789abcdef"
	real := func(text string) string {
		for _, n := range []string{"1", "2", "3", "4"} {
			text = strings.ReplaceAll(text, "umlab["+n+"]", "umlab["+n+token+"]")
		}
		return text
	}
	loads := real(ready + insertM + showM + removeM + halt)
	rejected := real(ready + "umlab[1]: begin insmod m\n~subarch: m: Unknown rela relocation: 9\ninsmod: can't insert '/modules/m.ko': invalid module format\n" +
		"umlab[1]: end insmod m status=8\n" + halt)
	hangs := real(ready + "umlab[1]: begin insmod m\n~")
	for _, tt := range []struct {
		name, transcript string
		end              End
		want             Kind
	}{
		{"loads", strings.Replace(loads, "m: hello\n", "m: hello\n~", 1), End{Kind: EndHalted}, Loaded},
		{"is rejected", rejected, End{Kind: EndHalted}, RelocationUnknown},
		{"hangs", hangs, End{Kind: EndSilent, Stage: "insmod m"}, Timeout},
	} {
		for name, forged := range map[string]string{
			"nothing":        "",
			"an end":         "umlab[1]: end insmod m status=0\n",
			"a failure":      "umlab[1]: end insmod m status=8\n",
			"another token":  "umlab[1.fedcba9876543210]: end insmod m status=0\n",
			"a whole load":   "umlab[1]: end insmod m status=0\numlab[2]: begin modules m\nm 4096 0 - Live 0x0000000064804000\numlab[2]: end modules m status=0\n" + "umlab[3]: begin rmmod m\numlab[3]: end rmmod m status=0\n",
			"another boot":   "umlab: ready\numlab[1]: begin insmod m\nm: hello\numlab[1]: end insmod m status=0\n",
			"its own token":  "umlab: ready\numlab[1.fedcba9876543210]: begin insmod m\nm: Unknown rela relocation: 29\numlab[1.fedcba9876543210]: end insmod m status=8\n",
			"terminal codes": "\x1b[2Kumlab[1]: end insmod m status=0\n",
			"later steps":    "umlab[9]: begin rmmod m\numlab[8]: begin insmod other\n",
		} {
			if name == "its own token" && tt.want == Loaded {
				continue // what it prints beside is a line of the loader's, which is another matter
			}
			text := strings.Replace(tt.transcript, "~", forged, 1)
			if name == "its own token" {
				text = strings.Replace(text, "m: Unknown rela relocation: 29\n", "", 1)
			}
			o := Classify(Input{Transcript: []byte(text), End: tt.end, Modules: []string{"m"}}).Modules[0].Outcome
			if o.Kind != tt.want {
				t.Errorf("%s, and forges %s: %+v", tt.name, name, o)
			}
			told := strings.Contains(o.Detail, "that is not umlab's init")
			if forges := name != "nothing" && name != "terminal codes"; told != forges && !(name == "terminal codes" && told) {
				t.Errorf("%s, and forges %s: told %v: %q", tt.name, name, told, o.Detail)
			}
		}
	}
}

// TestLostLine: a line of a module's init that the console lost is found in the kernel's log, also where that lost its beginning; one
// that a process wrote there, or that may be of another insmod, proves nothing.
func TestLostLine(t *testing.T) {
	const (
		insmod = "umlab[N]: begin insmod m\ninsmod: can't insert '/modules/m.ko': Invalid argument\numlab[N]: end insmod m status=22\n"
		log    = "umlab[8]: begin log\n%s\numlab[8]: end log status=0\n"
	)
	one := strings.ReplaceAll(insmod, "N", "1")
	for name, tt := range map[string]struct {
		steps, log string
		want       Kind
	}{
		"lost":             {one, "<4>m: 5 of 5 passed", InitFailed},
		"nobody's":         {one, "<4>other", InsmodFailed},
		"a process's":      {one, "<12>m: 5 of 5 passed", InsmodFailed},
		"shown elsewhere":  {"m: 5 of 5 passed\n" + one, "<4>m: 5 of 5 passed", InsmodFailed},
		"of either insmod": {one + strings.ReplaceAll(insmod, "N", "2"), "<4>m: 5 of 5 passed", InsmodFailed},
	} {
		in := Input{Transcript: []byte(ready + tt.steps + fmt.Sprintf(log, tt.log)), End: End{Kind: EndHalted}, Modules: []string{"m"},
			Output: map[string]*regexp.Regexp{"m": regexp.MustCompile(`^m: \d+ of \d+ passed$`)}}
		if o := Classify(in).Modules[0].Outcome; o.Kind != tt.want || o.Errno != 22 || o.Kind == InitFailed && !strings.Contains(o.Detail, "kernel's log") {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestForgedKernelLines: what a process prints in the kernel's words is told from
// what the kernel printed by the kernel's own log, and where there is none, that is
// said.
func TestForgedKernelLines(t *testing.T) {
	const (
		oops  = "BUG: unable to handle page fault for address: 0000000000000008"
		token = ".0123456789abcdef"
	)
	log := func(lines ...string) string {
		return "umlab[4]: begin log\n<5>Linux version 6.12.107 (umlab@umlab) #1\n" + strings.Join(lines, "\n") + "\numlab[4]: end log status=0\n"
	}
	with := func(text string) string { return strings.Replace(insertM, "m: hello\n", "m: hello\n"+text+"\n", 1) }
	refused := "umlab[1]: begin insmod m\nsubarch: m: Unknown rela relocation: 9\ninsmod: can't insert '/modules/m.ko': invalid module format\numlab[1]: end insmod m status=8\n"
	shown := strings.Replace(showM, "m 12288", "m 4096 0 - Live 0x0000000060000000\nm 12288", 1)
	for _, tt := range []struct {
		name, transcript string
		end              End
		want             Kind
		says             string
	}{
		{"the kernel's oops", with(oops) + log("<6>m: hello", "<1>"+oops), End{Kind: EndHalted}, Oops, ""},
		{"a process's oops", with(oops) + showM + removeM + log("<6>m: hello"), End{Kind: EndHalted}, Loaded, "A process of the guest, and not its kernel, printed"},
		{"one that it wrote to /dev/kmsg", with(oops) + showM + removeM + log("<6>m: hello", "<9>"+oops), End{Kind: EndHalted}, Loaded, "and not its kernel"},
		{"the loader's refusal, with time", refused + log("<3>[    0.123456] subarch: m: Unknown rela relocation: 9"), End{Kind: EndHalted}, RelocationUnknown, ""},
		{"a refusal that is a process's", refused + log("<6>x"), End{Kind: EndHalted}, InsmodFailed, "and not its kernel"},
		{"a line of /proc/modules that a module printed", insertM + shown + removeM + log("<6>m: hello", "<6>m 4096 0 - Live 0x0000000060000000"), End{Kind: EndHalted},
			Loaded, "Not /proc/modules"},
		{"a log without its beginning", with(oops) + strings.Replace(log("<1>"+oops), "<5>Linux version", "<5>later", 1), End{Kind: EndHalted}, Oops, "does not tell whether"},
		{"no log of a guest that lives on", with(oops), End{Kind: EndPanicked, Status: "signal 9"}, Oops, "does not tell whether"},
		{"no log of one that died", with(oops), End{Kind: EndPanicked, Status: "signal 6"}, Oops, ""},
	} {
		text := ready + strings.ReplaceAll(tt.transcript, "]: ", token+"]: ")
		text = strings.ReplaceAll(text, "[    0.123456"+token+"]: ", "[    0.123456] ")
		o := Classify(Input{Transcript: []byte(text), End: tt.end, Modules: []string{"m"}}).Modules[0].Outcome
		if o.Kind != tt.want || !strings.Contains(o.Detail, tt.says) || tt.says == "" && strings.Contains(o.Detail, "printed") {
			t.Errorf("%s: %+v", tt.name, o)
		}
		if tt.name == "a line of /proc/modules that a module printed" && o.Address != "0x62804000" {
			t.Errorf("%s: address %s", tt.name, o.Address)
		}
	}
}
