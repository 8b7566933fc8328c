package outcome

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"umlab/harness/prefix"
)

// pieces is the lines of all cases but those that only a mail program makes sense of.
func pieces(t testing.TB) (logs [][]string, expects []string) {
	t.Helper()
	for _, path := range casePaths(t) {
		expect, log := readCase(t, path)
		if !strings.Contains(path, "/m-") && !strings.Contains(path, "-mail") {
			logs, expects = append(logs, strings.Split(strings.TrimRight(string(log), "\n"), "\n")), append(expects, expect)
		}
	}
	return logs, expects
}

var (
	quotedRE = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	panicRE  = regexp.MustCompile(`Kernel panic(?: - not syncing)?: |Cannot open root device`)
	faultRE  = regexp.MustCompile(`BUG|Oops|Internal error|panic|\[#\d+\]|nable to handle|NX-protected|Code=|panicked|Kernel (?:mode|tried)|Unhandled fault`)
)

// unentailed says which part of an outcome no line of the log entails, or "". What it asks for
// is weaker than what the classifier does, and written without it.
func unentailed(log string, m ModuleOutcome) string {
	o, n := m.Outcome, m.Name
	said := o.Evidence + "\n" + prefix.Any(o.Evidence).Text
	for _, l := range strings.Split(log, "\n") {
		log += "\n" + prefix.Any(l).Text
	}
	for _, q := range quotedRE.FindAllString(o.Detail, -1) {
		text, err := strconv.Unquote(q)
		if err != nil {
			return "a quotation that is none: " + q
		}
		said += "\n" + text
		if !strings.Contains(o.Detail, "whole: "+q) && !slices.ContainsFunc(strings.Split(log, "\n"), func(l string) bool {
			return strings.Contains(l, strings.TrimSuffix(text, "…"))
		}) {
			return "quotes what is not there: " + q
		}
	}
	spelt := regexp.MustCompile(`\b` + strings.ReplaceAll(regexp.QuoteMeta(n), "_", "[-_]") + `(?:\b|$)`)
	named := func(text string) bool { return n == "" || spelt.MatchString(text) }
	if !named(log) {
		return "a module that the log does not name"
	}
	if o.Kind != Unproved && o.Evidence == "" {
		return "no evidence"
	}
	switch o.Kind {
	case RelocationUnknown:
		if !strings.Contains(said, fmt.Sprintf("relocation: %d", o.Relocation.Type)) || !named(said) {
			return "the relocation"
		}
	case RelocationOverflow:
		if !strings.Contains(said, fmt.Sprintf("overflow in relocation type %d val %s", o.Relocation.Type, strings.TrimPrefix(o.Value, "0x"))) {
			return "the overflow"
		}
	case Oops:
		if !faultRE.MatchString(said) {
			return "the oops"
		}
	case BootFailed:
		if !panicRE.MatchString(said) && !faultRE.MatchString(said) {
			return "the boot"
		}
	case InitFailed:
		if !strings.Contains(said, "initcall ") && !named(said) {
			return "the init"
		}
		if printed := regexp.MustCompile(`it printed "([^:]+): `).FindStringSubmatch(o.Detail); printed != nil && moduleName(printed[1]) != n {
			return "the init of another"
		}
	case Infra:
		if !named(said) {
			return "the missing file"
		}
	}
	return ""
}

// FuzzEntailed: of logs that are made of real lines in any order, nothing is claimed that no
// line entails.
func FuzzEntailed(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	logs, _ := pieces(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		var lines []string
		for range 1 + r.IntN(12) {
			part := logs[r.IntN(len(logs))]
			at := r.IntN(len(part))
			lines = append(lines, part[at:at+1+r.IntN(min(4, len(part)-at))]...)
		}
		log := strings.Join(lines, "\n") + "\n"
		modules, _ := ClassifyLog([]byte(log))
		checkResult(t, []byte(log), modules)
		for _, m := range modules {
			if what := unentailed(log, m); what != "" {
				t.Errorf("%s: %s: %+v\n%s", what, m.Name, m.Outcome, log)
			}
		}
	})
}

// unrelated are lines that say nothing of any module of the cases, behind the stamp of the
// record before them.
var unrelated = []string{
	"usb 1-1: new high-speed USB device number 2 using xhci_hcd", "random: crng init done", "e1000 0000:00:03.0 eth0: NIC Link is Up", "otherone: loading out-of-tree module taints kernel.",
	"otherone: hello", "audit: type=1400 audit(1.2:3): avc: denied", "systemd-journald[212]: Received client request to flush runtime journal.", "EXT4-fs (sda1): mounted filesystem",
	"ACPI: Added _OSI(Module Device)", "clocksource: Switched to clocksource tsc", "docker0: port 1(veth) entered blocking state",
}

// FuzzShuffled: lines of others in between change no claim: at most one is lost, where they
// part what belongs together.
func FuzzShuffled(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	logs, expects := pieces(f)
	stamp := regexp.MustCompile(`^\[ *\d+\.\d+\] `)
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		k := r.IntN(len(logs))
		var lines []string
		at := "[    0.100000] "
		for _, l := range logs[k] {
			if r.IntN(2) == 0 {
				lines = append(lines, at+unrelated[r.IntN(len(unrelated))])
			}
			if s := stamp.FindString(prefix.Any(l).Text); s == "" {
				if s = stamp.FindString(l); s != "" {
					at = s
				}
			}
			lines = append(lines, l)
		}
		log := strings.Join(lines, "\n") + "\n"
		modules, _ := ClassifyLog([]byte(log))
		got := claimsOf(modules)
		whole, _ := ClassifyLog([]byte(strings.Join(logs[k], "\n") + "\n"))
		was := claimsOf(whole)
		for _, c := range got {
			if !slices.ContainsFunc(was, func(w string) bool { return w == c || strings.HasPrefix(w, c+":") }) {
				t.Errorf("%q was none of %q (%s)\n%s", c, was, expects[k], log)
			}
		}
	})
}
