package harness

import (
	"context"
	"fmt"
	"strings"

	"umlab/harness/result"
	"umlab/harness/sandbox"
	"umlab/harness/shell"
)

// Trace is ctx, with which each command that is run in the sandbox is told, where
// Options.Verbose wants that.
func (l *Lab) Trace(ctx context.Context) context.Context {
	if !l.options.Verbose {
		return ctx
	}
	return sandbox.Traced(ctx, func(c sandbox.Command) {
		line := strings.Join(strings.Fields(shell.Join(c.Args...)), " ")
		if c.Dir != "" && c.Dir != "/" {
			line += "  (in " + c.Dir + ")"
		}
		l.sink.Note("run " + line)
	})
}

// whereLogs tells where all output of builds and boots lies, where Options.Verbose
// wants that.
func (l *Lab) whereLogs(r *result.Results) {
	if !l.options.Verbose {
		return
	}
	for _, c := range r.Cells {
		if c.Build.Log != "" {
			l.sink.Note(fmt.Sprintf("%s: make's output: %s", c.ID, c.Build.Log))
		}
		for _, p := range c.Placements {
			for n, run := range p.Runs {
				at := c.ID + ":" + p.Name
				if len(p.Runs) > 1 {
					at += fmt.Sprintf(", boot %d", n+1)
				}
				l.sink.Note(fmt.Sprintf("%s: console: %s", at, run.Transcript))
			}
		}
	}
}
