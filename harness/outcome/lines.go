package outcome

import (
	"bytes"
	"strings"

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
		lines = append(lines, newLine(raw, int64(start), raw, pasted))
		off = next
	}
	return lines
}

// newLine is a line that reads text, which stands as raw at off.
func newLine(raw string, off int64, text string, pasted bool) line {
	bare := prefix.Kernel(text)
	if pasted {
		bare = prefix.Any(text)
	}
	return line{raw: raw, off: off, text: bare.Text, kernel: bare.Stamped, uptime: bare.Uptime, prompt: bare.Prompt, joined: raw != text}
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
