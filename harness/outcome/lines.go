package outcome

import (
	"bytes"
	"strings"

	"umlab/harness/mail"
	"umlab/harness/prefix"
)

// maxEvidence is how much of a line is looked at and quoted. A guest that
// prints without line ends must not end up in a report whole.
const maxEvidence = 4096

// line is a line of a transcript. Of a line that was wrapped, raw and off are
// those of the first part.
type line struct {
	raw    string  // verbatim, without its end
	off    int64   // of raw in the transcript
	text   string  // without the prefixes of the kernel, of syslog and of mail
	kernel bool    // a time stamp or syslog's prefix shows that a record begins here
	uptime float64 // seconds since the boot, where the kernel's stamp tells; else -1
	prompt bool    // a shell's prompt stood before it
	joined bool    // text is made of more than one line of the transcript, or was encoded there
}

// splitLines cuts a transcript at \n. With pasted, a mail is decoded, and what mail
// programs, syslog and a shell's prompt put before a line is taken off too.
func splitLines(transcript []byte, pasted bool) []line {
	all := string(transcript)
	if pasted {
		if lines := mailLines(transcript); lines != nil {
			return lines
		}
	}
	lines := make([]line, 0, bytes.Count(transcript, []byte{'\n'})+1)
	for off := 0; off < len(all); {
		raw, start := rawLine(all, off)
		lines = append(lines, newLine(raw, int64(start), raw, pasted))
		if end := strings.IndexByte(all[off:], '\n'); end >= 0 {
			off += end + 1
		} else {
			off = len(all)
		}
	}
	return lines
}

// rawLine is the line of all that begins at off, as far as it is looked at, and where. A pty
// in raw mode ends it by \n, a cooked one by \r\n, and a guest's tty behind it by \r\r\n.
func rawLine(all string, off int) (raw string, start int) {
	raw, _, _ = strings.Cut(all[off:], "\n")
	whole := strings.TrimRight(raw, "\r")
	raw = strings.TrimLeft(whole, "\r")
	return raw[:min(len(raw), maxEvidence)], off + len(whole) - len(raw)
}

// mailLines is what the mails say that data consists of, or nil where it is no mail. What
// cannot be decoded says nothing.
func mailLines(data []byte) []line {
	var lines []line
	all := string(data)
	for _, m := range mail.Split(data) {
		body, err := m.Decode(mail.Readable)
		if err != nil {
			continue
		}
		for at, text := range body.Lines() {
			raw, start := rawLine(all, at)
			lines = append(lines, newLine(raw, int64(start), text[:min(len(text), maxEvidence)], true))
		}
	}
	return lines
}

// newLine is a line that reads text, which stands as raw at off.
func newLine(raw string, off int64, text string, pasted bool) line {
	bare := prefix.Kernel(text)
	if pasted {
		bare = prefix.Any(text)
	}
	return line{raw: raw, off: off, text: bare.Text, kernel: bare.Stamped, uptime: bare.Uptime, prompt: bare.Prompt,
		joined: strings.Trim(text, "\r") != raw}
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
