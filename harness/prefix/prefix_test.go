package prefix

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// known are prefixes of the kernel's console, of tools that keep logs, and of people who paste
// them. Those of times may be followed by those of hosts.
var (
	known = []string{
		"> ", ">> ", ">", "  ", "\t", "| ", "# ", "$ ", "/ # ", "~ # ", "root@uml:~# ", "[root@uml ~]# ", "user@box:/tmp$ ", "sh-5.2# ", "bash-5.1$ ", "(initramfs) ",
		"- ", "* ", "+ ", "1. ", "kernel: ", "guest-1  | ", "##[error]", "::error::", "[31m", "^[[0m", "\x1b[32m", "\ufeff", "\x00", "\x1b]0;title\x07", "\x1b[?2004l", "\r",
		"\"", "“", "&gt; ", "MESSAGE=", "    ", "%  ",
	}
	times = []string{
		"[    0.123456] ", "[12345.678901] ", "[    0.123456]", "[    1.234567,0] ", "[    0.123456] [   T12] ", "[    0.123456][    T1] ", "[    0.123456][ C3]", "[   T12] ",
		"[    C3] ", "<6>", "<0>", "<14>", "<6>[    0.123456] ", "<4>[    0.123456][    T1] ", "[   12.345678 <    0.000123>] ", "[  +0.000123] ", "[Nov22 23:10] ", "[<    0.000123>] ",
		"[Sat Nov 22 23:10:38 2025] ", "[Sat Nov 22 23:10:38 2025 <    0.000000>] ", "2025-11-22T23:10:38,123456+01:00 ", "kern  :err   : ", "kern  :warn  : [    0.123456] ",
		"daemon:info  : ", "2024-05-01T12:34:56.1234567Z ", "[2024-05-01T12:34:56.123Z] ", "[2025-11-22 23:10:38] ", "[2025-11-22 23:10:38.123] ", "2024-05-01 12:34:56.123456 ",
		"2024-05-01 12:34:56,123 ", "[23:10:38] ", "[23:10:38.123] ", "23:10:38.123456  ", "00:00:12 ", "Nov 22 23:10:38 ", "Nov  2 23:10:38.123456 ", "1763849438.123456 ",
		"2024-05-01T12:34:56.123456Z 00O ", "2024-05-01T12:34:56.123Z stdout F ", "6,1234,5678901,-;", "6.12.1,3,1234,5678901,-,caller=T1;", "[12.345678 0.000123] ", "Sat 2025-11-22 23:10:38 CET ",
		"05-01 12:34:56.789     0     0 E kernel  : ", "dmesg.txt:12:[    0.123456] ", "17:[    0.123456] ", "build\tRun tests\t2024-05-01T12:34:56.1234567Z ", "   12\t[    0.123456] ",
	}
	hosts = []string{
		"Nov 22 23:10:38 host kernel: ", "Nov  2 23:10:38 host kernel: [    0.123456] ", "2025-11-22T23:10:38.123456+00:00 host kernel: ", "2025-11-22T23:10:38Z host kernel: ",
		"2025-11-22T23:10:38+0100 host kernel: ", "Sat 2025-11-22 23:10:38 CET host kernel: ", "[   12.345678] host kernel: ", "1763849438.123456 host kernel: ", "Nov 22 23:10:38 kernel: ",
		"Nov 22 23:10:38 host kern.err kernel: ", "Nov 22 23:10:38 host console[812]: ", "2025-11-22T23:10:38.123456+0100 my-host.example.org kernel: ", "Nov 22 23:10:38 host unknown: ",
	}
	around = [][2]string{
		{"`", "`"}, {"```", "```"}, {`"`, `"`}, {"'", "'"}, {"“", "”"}, {"«", "»"}, {`"`, `",`}, {`{"dt": "2024-05-01T12:34:56.123456", "lvl": "target", "msg": "`, `"}`},
		{`- {"dt": "2024-05-01T12:34:56.123456", "lvl": "target", "msg": "`, `"}`}, {`{"log":"`, `\n","stream":"stdout"}`}, {`{dt: '2024-05-01', lvl: target, msg: '`, `'}`}, {"", " "}, {"", "\x1b[0m"}, {"", "\r"},
	}
	said = []string{
		"subarch: m: Unknown rela relocation: 9", "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "overflow in relocation type 11 val 80804010",
		"BUG: kernel NULL pointer dereference, address: 0000000000000000", "umlab[1]: begin insmod m", "umlab: ready", "module acme: Unknown relocation: 57", "RIP: 0010:m_init+0x5/0x1000 [m]",
		"Modules linked in: m(O+) n(E)", "x86/modules: Invalid relocation target, existing value is nonzero for type 1, loc 000, val 6", "kernel BUG at mm/slub.c:12!",
		"insmod: ERROR: could not insert module m.ko: Exec format error", "m 12288 0 - Live 0x0000000062804000 (O)", "[<60045d90>] ? um_set_signals+0x0/0x40",
		"m: version magic '6.1 SMP ' should be '6.12 '", "---[ end trace 0000000000000000 ]---", "acme: hello", "Linux version 6.12.107 (x) #1",
	}
)

func TestAny(t *testing.T) {
	for _, text := range said {
		for _, p := range append(append(append([]string{""}, known...), times...), hosts...) {
			if got := Any(p + text).Text; got != text {
				t.Errorf("prefix %q: got %q, want %q", p, got, text)
			}
		}
		for _, a := range around {
			if strings.Contains(text, "'") && strings.Contains(a[0]+a[1], "'") {
				continue
			}
			if got := Any(a[0] + text + a[1]).Text; got != text {
				t.Errorf("within %q: got %q, want %q", a, got, text)
			}
		}
	}
	companion := "subarch: `m' likely not compiled with -mcmodel=kernel"
	if got := Any("> [    0.1234] " + companion).Text; got != companion {
		t.Errorf("got %q", got)
	}
}

func TestStamped(t *testing.T) {
	for _, p := range append(times, hosts...) {
		if !Any(p + "m: x").Stamped {
			t.Errorf("%q begins no record", p)
		}
	}
	for _, p := range []string{"> ", "# ", "  ", "- "} {
		if Any(p + "m: x").Stamped {
			t.Errorf("%q begins a record", p)
		}
	}
	if got := Any("# insmod m.ko"); !got.Prompt {
		t.Errorf("%+v", got)
	}
	if got := Any("> [   12.5000][    T1] m: x").Uptime; got != 12.5 {
		t.Errorf("uptime %v", got)
	}
}

// stack is a line behind a random pile of prefixes, as far as such piles occur: what tools
// added in the middle, what people and terminals added outside.
func stack(r *rand.Rand, text string) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	s := text
	switch r.IntN(4) {
	case 0:
		s = pick(hosts) + s
	case 1:
		s = pick(times) + s
	case 2:
		s = pick(times) + pick(hosts) + s
	}
	if r.IntN(4) == 0 && !strings.ContainsAny(s, "\x1b\x00\\\"'`\t“”«»\ufeff\r") {
		a := around[r.IntN(len(around))]
		s = a[0] + s + a[1]
	}
	for range r.IntN(4) {
		if p := pick(known); !strings.ContainsAny(p, "\"“") {
			s = p + s
		}
	}
	return s
}

// FuzzAny: any pile of known prefixes leaves the line as it is.
func FuzzAny(f *testing.F) {
	for seed := range uint64(1000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := said[r.IntN(len(said))]
		if raw := stack(r, text); Any(raw).Text != text {
			t.Errorf("%q: got %q, want %q", raw, Any(raw).Text, text)
		}
	})
}

// FuzzLine: nothing that is read grows, or fails, and what the kernel's own prefixes leave is a
// part of the line.
func FuzzLine(f *testing.F) {
	for _, p := range append(append(known, times...), hosts...) {
		f.Add(p + "m: x")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if got := Kernel(raw).Text; !strings.HasSuffix(raw, got) {
			t.Errorf("%q: %q", raw, got)
		}
		if got := Any(raw).Text; len(got) > 2*len(raw)+40 {
			t.Errorf("%q: %q", raw, got)
		}
	})
}
