// Package prefix takes off a line of a log what was put before it, and around it, on its
// way: time stamps, levels, callers, hosts, prompts, quote marks, colours. It imports nothing
// of umlab, and it knows no message of the kernel.
package prefix

import (
	"encoding/json"
	"strconv"
	"strings"

	"umlab/harness/pattern"
)

// Line is a line without what stood before and around it.
type Line struct {
	Text    string
	Stamped bool    // a time, a level or a caller shows that a record begins here
	Uptime  float64 // seconds since the boot, where the kernel's stamp tells; else -1
	Prompt  bool    // a shell's prompt stood before it
}

// most is how many prefixes may stand before a line. No log stacks more, and hostile ones end.
const most = 16

// Kernel takes off what the kernel itself puts before a line of its console: level, time and caller.
func Kernel(raw string) Line {
	l := Line{Text: raw, Uptime: -1}
	for range most {
		if l.Text == "" || l.Text[0] != '<' && l.Text[0] != '[' {
			break
		}
		n := kernels(l.Text)
		if n == 0 {
			break
		}
		l.since(l.Text[:n])
		l.Text, l.Stamped = l.Text[n:], true
	}
	return l
}

// Any takes off every prefix that is known, in any order, and what encloses the rest: quote
// marks, backticks, a record of JSON. Escape sequences and bytes that print nothing are left
// out wherever they stand.
func Any(raw string) Line {
	l := Line{Text: strings.TrimSpace(visible(raw)), Uptime: -1}
	timed := false // a time stood last: a host and a program may follow
	for range most {
		text := l.Text
		if text == "" {
			break
		}
		n, stamp := 0, false
		is := func(length int) bool { n = length; return n > 0 }
		switch {
		case is(kernels(text)):
			stamp, timed = true, true
			l.since(text[:n])
		case is(clock(text)):
			stamp, timed = true, true
		case timed && is(match(afterTimeRE, text)):
		case timed && !strings.HasPrefix(text, "umlab[") && is(match(programRE, text)): // umlab's are no program's lines
			if tool := toolRE.FindStringSubmatch(text[:n]); tool != nil {
				l.Text = tool[1] + ": " + strings.TrimPrefix(text[n:], tool[1]+": ")
				l.Stamped = true
				return l
			}
		default:
			timed = false
			n, stamp = other(text)
			if n > 0 {
				l.Prompt = l.Prompt || !stamp && match(promptRE, text) > 0
				break
			}
			inner, record := enclosed(text)
			if inner == text {
				return l
			}
			l.Text, l.Stamped = strings.TrimSpace(inner), l.Stamped || record
			continue
		}
		l.Text, l.Stamped = strings.TrimSpace(text[n:]), l.Stamped || stamp
	}
	return l
}

// since takes the time since the boot from the kernel's stamp.
func (l *Line) since(stamp string) {
	if m := uptimeRE.FindStringSubmatch(stamp); m != nil {
		l.Uptime, _ = strconv.ParseFloat(m[1], 64) // the expression admits nothing else
	}
}

// visible is a line without what a terminal obeys instead of showing.
func visible(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r > '~' }) < 0 {
		return s
	}
	if strings.Contains(s, "\x1b") {
		s = escapeRE.ReplaceAllString(s, "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0':
			return ' '
		case r == '\t', r >= ' ' && r != 0x7f && r != '\ufeff' && r != '\u200b' && r != '\ufffd':
			return r
		}
		return -1
	}, s)
}

func match(re *pattern.Lazy, text string) int {
	if at := re.Regexp().FindStringIndex(text); at != nil {
		return at[1]
	}
	return 0
}

var (
	escapeRE = pattern.New(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHMNOZ])`)

	// "<6>", "[    0.123456]", "[    T12]", "[ C0]", and of dmesg -d "[    0.123456 <    0.000100>]".
	levelRE  = pattern.New(`^<\d{1,3}>(?:\d )?`)
	stampRE  = pattern.New(`^\[ *\d+\.\d{3,9}(?:,\d)?(?: *[@/<] *-?\d+(?:\.\d+)?>?)?\] ?`)
	uptimeRE = pattern.New(`^\[ *(\d{1,9}\.\d{3,9})`)
	callerRE = pattern.New(`^\[ *[TC]\d+\] ?`)
)

// kernels is the length of what the kernel, or dmesg, puts before a line, or 0.
func kernels(text string) int {
	switch text[0] {
	case '<':
		return match(levelRE, text)
	case '[':
		if n := match(stampRE, text); n > 0 {
			return n
		}
		return match(callerRE, text)
	}
	return 0
}

const (
	hms   = `\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?`
	date  = `\d{4}[-/]\d\d[-/]\d\d`
	zone  = `(?: ?(?:Z|UTC|GMT|[A-Z]{3,5}|[+-]\d\d:?\d\d))?`
	month = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`
	day   = `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)`
)

// clocks are times as programs write them: syslog, journalctl, dmesg -T and -H, CI systems, ts,
// terminal programs.
var clocks = []*pattern.Lazy{
	pattern.New(`^\[?(?:` + day + ` )?` + date + `[T_ ]` + hms + zone + `(?: <[ \d.+-]+>)?(?:\]:?|[ \t]|$) ?`),
	pattern.New(`^\[?(?:` + day + ` )?` + month + ` [ \d]?\d(?: \d{4})? ` + hms + zone +
		`(?: \d{4})?(?: <[ \d.+-]+>)?(?:\]|[ \t]|$) ?`),
	pattern.New(`^\[` + month + `[ \d]\d \d\d:\d\d(?::\d\d)?\] ?`),   // dmesg -H: "[Nov22 23:10] "
	pattern.New(`^\[ *\+ *\d+(?:\.\d+)?\] ?`),                        //          "[  +0.000123] "
	pattern.New(`^\[ *< *-?\d+\.\d+>\] ?`),                           // dmesg --time-format=delta
	pattern.New(`^\[` + hms + `\]:? ?`),                              // kunit.py, tio
	pattern.New(`^` + hms + `(?:[ \t]+|$)`),                          // KernelCI, ts -s
	pattern.New(`^\[?\d{9,10}\.\d{1,9}\]?[ \t]`),                     // journalctl -o short-unix, ts %.s
	pattern.New(`^\[? *\d{1,6}\.\d{3,9} +\d{1,6}\.\d{3,9}\]? `),      // grabserial
	pattern.New(`^\d\d-\d\d ` + hms + ` +\d+ +\d+ [VDIWEF] [^:]*: `), // logcat
}

func clock(text string) int {
	if c := text[0]; c != '[' && (c < '0' || c > '9') && (c < 'A' || c > 'W') {
		return 0
	}
	for _, re := range clocks {
		if n := match(re, text); n > 0 {
			return n
		}
	}
	return 0
}

var (
	// What syslog and its kin put behind the time: "host kernel: ", "kernel: ", "host kern.err kernel: ",
	// "host modprobe[123]: ". Without a number only the kernel and the tools are believed.
	programRE = pattern.New(`^(?:[^\s:]+ )?(?:[a-z0-9]+\.[a-z]+ )?(?:kernel|klogd|unknown|-|` + tools + `|[\w./()@-]+\[\d+\]): ?(?:` +
		tools + `: )?`)
	// Their names say what a line is about, and stay.
	toolRE = pattern.New(`(?:^|[ /:])(` + tools + `)(?:\[\d+\])?: (?:` + tools + `: )?$`)
	// "| ", of GitLab "00O ", of Kubernetes "stdout F ", of GitHub "##[error]", of LAVA "| target | ".
	afterTimeRE = pattern.New(`^(?:\d\d[OE][ +]|std(?:out|err) [FP] |##\[\w+\]|\|? ?(?:target|input|debug|info|feedback) \| |\| |- )`)

	quoteRE = pattern.New(`^(?:[>|]|&gt;)[ \t]*`)
	// "/ # ", "root@host:~# ", "[root@host ~]# ", "$ ", "sh-5.2# ", "(initramfs) ", "➜  ~ "
	promptRE = pattern.New(`^(?:(?:\[\S+ \S+\]|[\w@.:()-]*[~/][\w./~-]*|\S+@\S+|\w+-[\d.]+|` +
		`[\w.-]+:~?)? ?[#$%] +|\(initramfs\) |➜ +\S+ )`)
	bulletRE = pattern.New(`^(?:[-*+•]|\d{1,2}[.)]) `)
	// dmesg -x
	facilityRE = pattern.New(`^(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|res\d|local\d) *: *` +
		`(?:emerg|alert|crit|err|warn|notice|info|debug) *: ?`)
	// /dev/kmsg and extended netconsole: "3,1234,12345678,-;", before which a release may stand
	kmsgRE = pattern.New(`^(?:\d[\w.+~-]*,)?\d{1,3},\d+,\d+,[-cf+](?:,[\w.-]+=[^,;]*)*;`)
	// "build\tRun tests\t" of gh run view, "dmesg.txt:12:" of grep -n, "12:" and "12\t" before a stamp
	jobRE    = pattern.New(`^[^\t\[<]{1,80}\t[^\t\[<]{1,80}\t`)
	numberRE = pattern.New(`^(?:[\w./-]+\.(?:log|txt|out)[:-])?\d{1,7}[:\t-][ \t]*`)
	fileRE   = pattern.New(`^[\w./-]+\.(?:log|txt|out): ?`)
	// a container or a guest, "guest-1  | "; a colour whose escape was lost, "[31m"
	containerRE = pattern.New(`^[\w.-]+ +\| `)
	colourRE    = pattern.New(`^(?:\^\[)?\[\d{0,2}(?:;\d{1,3}){0,4}m`)
	kernelRE    = pattern.New(`^(?:kernel: |MESSAGE=|::(?:error|warning|notice|debug)(?: [^:]*)?::)`)
	markRE      = pattern.New(`^##\[\w+\]`)
	caller2RE   = pattern.New(`^(?:\[ *[TC]\d+\] ?|\(\d+\)\[\d+:[^\]]+\] ?)`)
)

const tools = `(?:insmod|modprobe|rmmod|kmod|systemd-modules-load)`

// other is the length of another prefix, and whether it shows that a record begins.
func other(text string) (n int, stamp bool) {
	if n = match(quoteRE, text); n > 0 {
		return n, false
	}
	head := text[:min(len(text), 80)] // a flood has hundreds of thousands of lines: expressions come last
	if strings.Count(head, ":") > 1 || strings.ContainsAny(head, ";[") {
		for _, re := range [...]*pattern.Lazy{facilityRE, kmsgRE, caller2RE} {
			if n = match(re, text); n > 0 {
				return n, true
			}
		}
	}
	if c := text[0]; c < 'A' || c > 'z' || c > 'Z' && c < 'a' || strings.ContainsAny(head, "#$%|") {
		for _, re := range [...]*pattern.Lazy{promptRE, bulletRE, containerRE, colourRE, markRE} {
			if n = match(re, text); n > 0 {
				return n, false
			}
		}
	}
	for _, re := range [...]*pattern.Lazy{jobRE, numberRE, fileRE} {
		if re == jobRE && !strings.Contains(head, "\t") || re == numberRE && !strings.ContainsAny(head, "0123456789") ||
			re == fileRE && !strings.Contains(head, ".") {
			continue
		}
		if n = match(re, text); n > 0 && n < len(text) && (kernels(text[n:]) > 0 || clock(text[n:]) > 0) {
			return n, false
		}
	}
	if c := text[0]; c == 'k' || c == 'M' || c == ':' {
		n = match(kernelRE, text)
	}
	return n, n > 0
}

var (
	messageRE = pattern.New(`"(?:msg|log|message|MESSAGE)"\s*:\s*("(?:[^"\\]|\\.)*")`)
	lavaRE    = pattern.New(`^\{.*[{ ]"?msg"?: '(.*)'\}?$`)
)

// enclosed is what a record of JSON holds as its message, and what stands in quote marks or
// backticks; otherwise text.
func enclosed(text string) (inner string, record bool) {
	if text[0] == '{' {
		if m := messageRE.FindStringSubmatch(text); m != nil && json.Unmarshal([]byte(m[1]), &inner) == nil {
			return strings.TrimRight(visible(inner), " \n"), true
		}
		if m := lavaRE.FindStringSubmatch(text); m != nil {
			return strings.ReplaceAll(m[1], "''", "'"), true
		}
		return text, false
	}
	for _, pair := range [...][2]string{{"```", "```"}, {"`", "`"}, {`"`, `"`}, {"'", "'"},
		{"“", "”"}, {"‘", "’"}, {"«", "»"}, {"„", "“"}} {
		body, ok := strings.CutPrefix(text, pair[0])
		if !ok {
			continue
		}
		end := strings.TrimRight(body, ".,;")
		if inner, ok := strings.CutSuffix(end, pair[1]); ok && !strings.Contains(inner, pair[1]) {
			return inner, false
		}
		// the first line of several, or one that was cut
		if pair[0] != "`" && pair[0] != "'" && !strings.Contains(body, pair[1]) {
			return body, false
		}
	}
	// the last line of several
	for _, mark := range [...]string{`"`, "”", "»", "```"} {
		if body, ok := strings.CutSuffix(text, mark); ok && strings.Count(text, mark) == 1 && body != "" {
			return body, false
		}
	}
	return text, false
}
