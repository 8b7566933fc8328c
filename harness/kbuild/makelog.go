package kbuild

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"

	"umlab/harness/progress"
)

// step matches a line of Kbuild that makes something: "  CC      init/main.o",
// "  RUSTC [M] samples/rust/rust_minimal.o".
var step = regexp.MustCompile(`^  ([A-Z]{2,}(?: [A-Z])?(?: \[M\])?) +([^\s|].*)$`)

// makeLog receives the output of make: it keeps all of it in Log, counts the
// steps and shows them.
type makeLog struct {
	Log  io.Writer
	Task progress.Task

	mu    sync.Mutex
	line  []byte
	Steps int
}

// Write takes any part of the output.
func (m *makeLog) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = append(m.line, p...)
	for {
		line, rest, ok := bytes.Cut(m.line, []byte("\n"))
		if !ok {
			break
		}
		if s := step.FindSubmatch(line); s != nil {
			m.Steps++
			m.Task.Add(1)
			m.Task.Status(string(s[1]) + " " + string(s[2]))
		}
		m.line = rest
	}
	if len(m.line) > 1<<16 { // no line of make, whatever it is
		m.line = nil
	}
	return m.Log.Write(p)
}

var (
	errorLine = regexp.MustCompile(`(?m)^.*(?:^error(?:\[E[0-9]+\])?:|: error:|: fatal error:|ERROR: |undefined reference` +
		`|: undefined symbol|^ld\.lld: error|No rule to make target|\*\*\* ).*$`)
	makeError = regexp.MustCompile(`^make(?:\[[0-9]+\])?: \*\*\* \[`)
	hostFault = regexp.MustCompile(`(?m)^.*(?:No space left on device|Cannot allocate memory|Out of memory|Disk quota exceeded` +
		`|Resource temporarily unavailable|Input/output error|Read-only file system| Killed$|signal 9|Terminated$).*$`)
)

// firstError is the line of make's output that says what went wrong first: the
// first error of a tool, else the first of make itself.
func firstError(log []byte) (line string, offset int) {
	fallback, at := "", -1
	for _, loc := range errorLine.FindAllIndex(log, -1) {
		l := strings.TrimRight(string(log[loc[0]:loc[1]]), "\r")
		if makeError.MatchString(l) {
			if at < 0 {
				fallback, at = l, loc[0]
			}
			continue
		}
		return l, loc[0]
	}
	return fallback, max(at, 0)
}

// hostError is the line that says that the machine, not the source, made the
// build fail; empty where no line says so.
func hostError(log []byte) string {
	return strings.TrimSpace(string(hostFault.Find(log)))
}
