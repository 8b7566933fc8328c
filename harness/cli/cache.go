package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/usage"
)

func (a *App) cache() *target {
	var o harness.PruneOptions
	t := a.newTarget("cache", "list|verify|prune", "lists, reads, or empties the cache that UMLAB_CACHE names",
		"list says what is there, of whom; verify reads every byte; prune removes what was made more than 30 days ago.",
		func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(cacheDoes, args[0]) {
				return usage.Errorf("cache does one of %s: say which", strings.Join(cacheDoes, ", "))
			}
			return nil
		})
	b := t.bounds(&o.Keep, "prune: what was made more than so many days ago goes; default 30",
		"prune: what was made first goes, until no more is left than 20GB, say", "prune: everything goes")
	t.toggle(&o.Others, flag{name: "others", means: "prune: what is not taken from there goes, too: signed by others, or broken"})
	t.toggle(&o.DryRun, flag{name: "dry-run", means: "prune: only say what would go"})
	t.ValidArgs = cacheDoes
	t.RunE = func(c *cobra.Command, args []string) (err error) {
		if args[0] != "prune" && (b.given() || o.Others || o.DryRun) {
			return usage.Errorf("-days=, -keep=, -all, -others and -dry-run are of cache prune")
		}
		if o.Younger, err = b.age(); err != nil {
			return err
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			switch args[0] {
			case "list":
				return l.CacheList(ctx)
			case "verify":
				return l.CacheVerify(ctx)
			}
			return l.CachePrune(ctx, o)
		})
	}
	return t
}

// cacheDoes is what the target cache does.
var cacheDoes = []string{"list", "verify", "prune"}
