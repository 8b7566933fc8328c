package harness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"umlab/harness/history"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// CleanOptions are the flags of `mage clean`.
type CleanOptions struct {
	Unused time.Duration // what was used within it stays
	Keep   string        // how much may stay, "20GB"; "" for any
	DryRun bool          // say what would go
}

// Forever is as CleanOptions.Unused that lets all stay.
const Forever = store.Forever

// Clean says what the store holds, and removes from it what was not used for so long, and then what was used least
// recently.
func (l *Lab) Clean(ctx context.Context, o CleanOptions) error {
	rule := store.Rule{Unused: o.Unused}
	var err error
	if o.Keep != "" {
		if rule.Keep, err = bytesOf("-keep", o.Keep); err != nil {
			return err
		}
	}
	c, err := l.store.Clean(ctx, rule, o.DryRun)
	if err != nil {
		return err
	}
	removes, frees, freed := "removed", "freed", "freed"
	if o.DryRun {
		removes, frees, freed = "removes", "frees", "would be freed"
	}
	fmt.Fprintf(l.stdout, "%-12s %8s %9s %8s %9s\n", "kind", "entries", "size", removes, frees)
	for _, u := range c.Kinds {
		fmt.Fprintf(l.stdout, "%-12s %8d %9s %8d %9s\n", u.Kind, u.Entries, size(u.Bytes), u.Removed, size(u.Freed))
	}
	fmt.Fprintf(l.stdout, "%s of %s %s in %s\n", size(c.Freed), size(c.Bytes), freed, l.store.Root())
	if path := history.Path(l.store); history.Exists(l.store) {
		fmt.Fprintf(l.stdout, "kept the history, %s: nothing can find it out again. To forget it, remove that file.\n", path)
	}
	return nil
}

// limit is how much may stay in the store after a run, in bytes; 0 for all.
func (l *Lab) limit() (int64, error) {
	if keep := l.getenv("UMLAB_KEEP"); keep != "" {
		return bytesOf("UMLAB_KEEP", keep)
	}
	return l.settings.Limits.Store.KeepGB * 1e9, nil
}

// bytesOf reads a size as people write it.
func bytesOf(flag, text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || int64(n) <= 0 {
		return 0, usage.Errorf("%s=%s: give a size above 0, such as 20GB", flag, text)
	}
	return int64(n), nil
}

// keepBelow removes what was used least recently, and not by this run, until the store takes no more than keep bytes; 0 is
// no limit. While another umlab runs, it does nothing.
func (l *Lab) keepBelow(ctx context.Context, keep int64) {
	if keep == 0 {
		return
	}
	c, err := l.store.Clean(ctx, store.Rule{Unused: store.Forever, Keep: keep}, false)
	switch {
	case store.InUse(err):
		return
	case err != nil:
		l.sink.Note(fmt.Sprintf("store: it could not be kept below %s: %s", size(keep), err)) // which says nothing of what was found
		return
	}
	var what []string
	for _, u := range c.Kinds {
		if u.Removed > 0 {
			what = append(what, fmt.Sprintf("%d %s", u.Removed, u.Kind))
		}
	}
	left := c.Bytes - c.Freed
	if len(what) > 0 {
		l.sink.Note(fmt.Sprintf("store: %s freed (%s), %s are left", size(c.Freed), strings.Join(what, ", "), size(left)))
	}
	if left > keep {
		l.sink.Note(fmt.Sprintf("store: %s are above the limit of %s: this run uses them", size(left), size(keep)))
	}
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }
