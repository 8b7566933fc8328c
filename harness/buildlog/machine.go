package buildlog

import (
	"strings"

	"umlab/harness/pattern"
)

// What the kernel of the machine, and tools for it, say when the machine is at fault.
var machine = pattern.New(`No space left on device|Disk quota exceeded|Read-only file system|Input/output error` +
	`|Cannot allocate memory|(?i:out of memory)|memory allocation of \d+ bytes failed|virtual memory exhausted` +
	`|Resource temporarily unavailable|Too many open files` +
	`|(?:^|[ :])(?:Killed|Terminated)(?: |$)|terminated with signal (?:9|15) |\(signal: (?:9|15), |\bsignal (?:9|15)$|Bus error` +
	`|^make(?:\[\d+\])?: \*\*\* \[.*\] Error (?:137|143)$`)

var (
	fatal    = pattern.New(`(?i)fatal error: `)
	rustSpan = pattern.New(`^ *(?:-->|:::) `)
)

// Machine is the line that says that the machine, not the source, made the build fail: a full disk, too little memory, a
// compiler that was killed; "" where none says so. What a message quotes of a source, or tells of a place in one, is none.
func Machine(log []byte) string {
	lines := split(log)
	for i, l := range lines {
		if !machine.MatchString(l.text) || quoted.MatchString(l.text) || located.MatchString(l.text) && !fatal.MatchString(l.text) ||
			rustHead.MatchString(l.text) && i+1 < len(lines) && rustSpan.MatchString(lines[i+1].text) {
			continue
		}
		return strings.TrimSpace(l.text)
	}
	return ""
}
