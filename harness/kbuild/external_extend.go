package kbuild

import (
	"context"
	"io/fs"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/store"
)

// Extend returns the baseline of from's tree under other options: make goes on
// in a copy of from's build directory, so that only what the difference of the
// configurations reaches is built: for one more module, that module and a new
// link, because a UML kernel holds the text of its .config. Its key holds both,
// so that it is never taken for one that was built from nothing. Errors are those
// of Baseline.
func (b *Builder) Extend(ctx context.Context, from *Baseline, options []kconfig.Option) (bl *Baseline, hit bool, err error) {
	base := from.Base
	base.Options = options
	if kconfig.Text(options) == kconfig.Text(from.Base.Options) {
		return from, true, nil
	}
	// The new .config is newer than all that is copied, and syncconfig then touches
	// just the options that differ.
	keep := func(info fs.FileInfo) time.Time { return info.ModTime() }
	return b.continued(ctx, from, base, store.Key("extended", version, from.Key, kconfig.Text(options)), func() (timeOf, error) { return keep, nil })
}
