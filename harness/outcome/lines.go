package outcome

import (
	"bytes"
	"regexp"
	"strings"
)

// maxEvidence is how much of a line is looked at and quoted. A guest that
// prints without line ends must not end up in a report whole.
const maxEvidence = 4096

// line is a line of a transcript. Of a line that was wrapped, raw and off are
// those of the first part.
type line struct {
	raw    string // verbatim, without its end
	off    int64  // of raw in the transcript
	text   string // without the prefixes of the kernel, of syslog and of mail
	kernel bool   // a time stamp or syslog's prefix shows that a record begins here
	joined bool   // text is made of more than one line of the transcript
}

// splitLines cuts a transcript at \n. A pty in raw mode yields \n, a cooked one
// \r\n, and a guest's tty behind it \r\r\n. With pasted, what mail programs,
// syslog and a shell's prompt put before a line is taken off too.
func splitLines(transcript []byte, pasted bool) []line {
	all := string(transcript)
	lines := make([]line, 0, bytes.Count(transcript, []byte{'\n'})+1)
	for off := 0; off < len(all); {
		end := strings.IndexByte(all[off:], '\n')
		next := off + end + 1
		if end < 0 {
			end, next = len(all)-off, len(all)
		}
		raw := strings.TrimRight(all[off:off+end], "\r")
		start := off
		for len(raw) > 0 && raw[0] == '\r' {
			raw, start = raw[1:], start+1
		}
		raw = raw[:min(len(raw), maxEvidence)]
		l := line{raw: raw, off: int64(start)}
		l.text, l.kernel = stripKernel(raw)
		if pasted {
			l.text, l.kernel = stripPasted(raw)
		}
		lines = append(lines, l)
		off = next
	}
	return lines
}

var (
	// "<6>", "[    0.123456]", "[    0.123456][   T12]", "[    0.12] [ C0]"
	stampRE = regexp.MustCompile(`^(?:<\d{1,3}>)?\[ *\d+\.\d{3,9}\](?: ?\[ *[TC]\d+\])? ?`)
	// dmesg -T: "[Sat Nov 22 23:10:38 2025] "
	humanStampRE = regexp.MustCompile(`^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d \d{4}\] ?`)
	// "Nov 22 23:10:38 host kernel: ", and the same with an ISO 8601 time
	syslogRE = regexp.MustCompile(`^(?:[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d` +
		`(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?) \S+ (?:kernel|unknown|[\w./-]+\[\d+\]): ?`)
	quoteRE = regexp.MustCompile(`^[ \t]*(?:[>|][ \t]?)+`)
	// "/ # ", "root@host:~# ", "[root@host ~]# ", "$ "
	promptRE = regexp.MustCompile(`^(?:\[\S+ \S+\]|[\w@.:()-]*[~/][\w./~-]*|\S+@\S+)? ?[#$] +`)
)

// stripKernel takes the kernel's own time stamp off.
func stripKernel(raw string) (text string, stamped bool) {
	if len(raw) > 0 && (raw[0] == '[' || raw[0] == '<') {
		if at := stampRE.FindStringIndex(raw); at != nil {
			return raw[at[1]:], true
		}
	}
	return raw, false
}

// stripPasted takes everything off that is put before a line of the kernel on
// its way into a mail.
func stripPasted(raw string) (text string, stamped bool) {
	text = raw
	if strings.ContainsAny(text[:min(len(text), 40)], ">|") {
		if at := quoteRE.FindStringIndex(text); at != nil {
			text = text[at[1]:]
		}
	}
	text = strings.TrimSpace(text)
	for range 4 { // syslog, a prompt and a time stamp may stand together
		before := text
		for _, re := range [...]*regexp.Regexp{syslogRE, humanStampRE, stampRE, promptRE} {
			if !mayHave(re, text) {
				continue
			}
			if at := re.FindStringIndex(text); at != nil && at[1] > 0 {
				text = strings.TrimSpace(text[at[1]:])
				stamped = stamped || re != promptRE
			}
		}
		if text == before {
			break
		}
	}
	return text, stamped
}

// moduleName is the name that the kernel gives to what a step or a command
// calls "dir/foo-bar.ko".
func moduleName(arg string) string {
	arg = strings.Trim(arg, `'"`)
	arg = arg[strings.LastIndexByte(arg, '/')+1:]
	for _, ext := range []string{".gz", ".xz", ".zst"} {
		arg = strings.TrimSuffix(arg, ext)
	}
	return strings.ReplaceAll(strings.TrimSuffix(arg, ".ko"), "-", "_")
}

// mayHave spares most lines the expression re.
func mayHave(re *regexp.Regexp, text string) bool {
	if text == "" {
		return false
	}
	switch re {
	case syslogRE:
		return text[0] >= 'A' && text[0] <= 'S' || text[0] >= '0' && text[0] <= '9'
	case promptRE:
		return strings.ContainsAny(text[:min(len(text), 80)], "#$")
	}
	return text[0] == '[' || text[0] == '<'
}
