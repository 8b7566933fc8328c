package kbuild

import (
	"bytes"
	"io"
	"sync"

	"umlab/harness/buildlog"
	"umlab/harness/progress"
)

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
	return m.Log.Write(p)
}
