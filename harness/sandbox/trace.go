package sandbox

import "context"

type traceKey struct{}

// Traced is a context of which each command that is started is told first. told
// may be called from several goroutines at once.
func Traced(ctx context.Context, told func(Command)) context.Context {
	return context.WithValue(ctx, traceKey{}, told)
}
