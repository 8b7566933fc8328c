package kmake

import (
	"context"
	"fmt"
	"time"

	"umlab/harness/store"
)

// measureEvery is how often the space that a build takes is looked at. No quota
// is to be had without root, so a build is measured while it runs; what it can
// write in between is bounded by the speed of the disk.
const measureEvery = time.Second

// limit ends ctx with a *limitError when j has used up its time or its space.
func (r Runner) limit(ctx context.Context, j Job) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if r.Limits.Time > 0 {
		timer := time.AfterFunc(r.Limits.Time, func() {
			cancel(&limitError{what: j.What, limit: fmt.Sprintf("time (%s)", r.Limits.Time)})
		})
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	var dirs []string
	for _, m := range j.Mounts {
		if !m.ReadOnly {
			dirs = append(dirs, m.Source)
		}
	}
	for _, o := range j.Overlays {
		if o.Upper != "" {
			dirs = append(dirs, o.Upper)
		}
	}
	if r.Limits.Disk > 0 && len(dirs) > 0 {
		go func() {
			tick := time.NewTicker(measureEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				var used int64
				for _, d := range dirs {
					used += store.Allocated(d)
				}
				if used > r.Limits.Disk {
					cancel(&limitError{what: j.What, limit: fmt.Sprintf("disk (%d MB)", r.Limits.Disk>>20)})
				}
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}
