package harness

import (
	"context"
	"fmt"
	"strings"

	"umlab/harness/history"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/store"
)

// FsckOptions are the flags of `mage fsck`.
type FsckOptions struct {
	DryRun bool // say what is wrong, and leave it
}

// mostFaults is how many faults of one kind are told.
const mostFaults = 20

// Fsck reads all that the store holds, says what is not what was stored, and throws that away. Where there was any, the error
// is an *EndError.
func (l *Lab) Fsck(ctx context.Context, o FsckOptions) error {
	task := l.sink.Start("read the store", progress.Bytes, 0)
	a, err := l.store.Fsck(ctx, o.DryRun, task.Add)
	var remembered *history.Checked
	if err == nil && history.Exists(l.store) {
		task.Status("history")
		remembered, err = history.Fsck(ctx, l.store, o.DryRun)
	}
	task.Done(err)
	if err != nil {
		return err
	}
	if remembered != nil {
		h := store.Audit{Kind: "history", Entries: remembered.Results, Bytes: remembered.Bytes, Wrong: len(remembered.Broken)}
		a.Kinds = append(a.Kinds, h)
		for _, what := range remembered.Broken {
			a.Faults = append(a.Faults, store.Fault{Kind: "history", What: what})
		}
	}
	fmt.Fprintf(l.stdout, "%-12s %8s %9s %6s\n", "kind", "entries", "read", "wrong")
	for _, k := range a.Kinds {
		fmt.Fprintf(l.stdout, "%-12s %8d %9s %6d\n", k.Kind, k.Entries, size(k.Bytes), k.Wrong)
	}
	told, left, wrong := map[string]int{}, 0, 0
	for _, f := range a.Faults {
		if f.Kind != kindLeftovers {
			wrong++
		}
		line := fmt.Sprintf("%s: %s", f.Kind, f.What)
		if f.Left != nil {
			left++
			line += fmt.Sprintf("; it could not be removed: %v", f.Left)
		}
		if told[f.Kind]++; told[f.Kind] <= mostFaults || f.Left != nil {
			fmt.Fprintln(l.stdout, line)
		}
	}
	for kind, n := range told {
		if n > mostFaults {
			fmt.Fprintf(l.stdout, "%s: and %d more\n", kind, n-mostFaults)
		}
	}
	if remembered != nil && remembered.Aside != "" {
		fmt.Fprintf(l.stdout, "history: the file as it was is kept as %s\n", remembered.Aside)
	}
	n := len(a.Faults)
	switch {
	case n == 0:
		fmt.Fprintf(l.stdout, "all of %s is what was stored\n", l.store.Root())
		return nil
	case left > 0:
		return ended(result.ExitInfra, "%d of %d could not be mended: see the lines above, and who may write to %s", left, n, l.store.Root())
	case o.DryRun:
		return ended(result.ExitDiffers, "%s: without -dry-run, they are thrown away", faults(wrong, n-wrong))
	}
	return ended(result.ExitDiffers, "%s: thrown away; what is asked for again is made again", faults(wrong, n-wrong))
}

// kindLeftovers is a store.Fault of what belongs to nothing.
const kindLeftovers = "leftovers"

// faults counts them.
func faults(wrong, leftovers int) string {
	var list []string
	if wrong > 0 {
		list = append(list, fmt.Sprintf("%d not what was stored", wrong))
	}
	if leftovers > 0 {
		list = append(list, fmt.Sprintf("%d left behind", leftovers))
	}
	return strings.Join(list, ", ")
}
