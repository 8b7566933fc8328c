package kmake

import (
	"bytes"
	"io"
	"sync"

	"umlab/harness/buildlog"
	"umlab/harness/progress"
)

// Log receives the output of make: it keeps all of it in To, counts the
// steps and shows them.
type Log struct {
	To   io.Writer
	Task progress.Task

	mu    sync.Mutex
	line  []byte
	Steps int
}

// Write takes any part of the output.
func (m *Log) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = append(m.line, p...)
	for {
		line, rest, ok := bytes.Cut(m.line, []byte("\n"))
		if !ok {
			break
		}
		if by, target, ok := buildlog.Step(string(line)); ok {
			m.Steps++
			m.Task.Add(1)
			m.Task.Status(by + " " + target)
		}
		m.line = rest
	}
	if len(m.line) > 1<<16 { // no line of make, whatever it is
		m.line = nil
	}
	return m.To.Write(p)
}
