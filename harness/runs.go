package harness

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/history"
	"umlab/harness/report"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/store"
	"umlab/harness/usage"
)

// kindRun is the store's kind of kept runs, each a directory with these files.
const (
	kindRun      = "run"
	runAbout     = "about.json"
	runResult    = "result.json.gz"
	runIDLetters = 16
)

// finish ends a flow that did its work: its result is kept, and published as publish does.
func finish[T any](l *Lab, k kind[T], v *T, files []format[T]) error {
	if wrong := l.store.Wrong(); wrong != nil {
		return wrong
	}
	v = keep(l, k, v)
	return publish(l, v, func(w io.Writer) error { return k.print(w, v, l.table) }, files)
}

// keep keeps a result as a run of the store, and returns it as it will be read back, so that what is published now is what
// Report will make of it. What goes wrong is told, and takes nothing away from the result.
func keep[T any](l *Lab, k kind[T], v *T) *T {
	text, err := json.Marshal(v)
	read := new(T)
	if err == nil {
		err = json.Unmarshal(text, read)
	}
	if err == nil && !l.forget {
		err = l.keepRun(k.flow, k.about(v), text)
	}
	if err != nil {
		l.sink.Note("runs: this one was not kept: " + err.Error())
		return v
	}
	return read
}

// keepRun writes a run to the store, and takes from it the oldest that are too many.
func (l *Lab) keepRun(flow string, about result.Kept, text []byte) error {
	ctx := context.Background() // the work is done
	about.Flow, about.At = flow, l.now().UTC()
	about.ID = store.Key("run", about.At.String(), about.Command, string(text))[:runIDLetters]
	head, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err = l.store.Dir(ctx, kindRun, about.ID, func(_ context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, runAbout), append(head, '\n'), 0o644); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, runResult), packed.Bytes(), 0o644)
	})
	if err != nil {
		return err
	}
	most := l.settings.Limits.Store.Runs
	if most == 0 {
		return nil
	}
	all, err := l.runs()
	for i := most; err == nil && i < len(all); i++ {
		err = l.store.Drop(kindRun, all[i].ID)
	}
	return err
}

// runs are all that are kept, newest first. One that cannot be read is none: nothing else stands on it.
func (l *Lab) runs() ([]result.Kept, error) {
	ids, err := l.store.Keys(kindRun)
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var list []result.Kept
	for _, id := range ids {
		dir, _ := l.store.Peek(kindRun, id)
		if !l.store.Intact(context.Background(), kindRun, id, runAbout) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, runAbout))
		k := result.Kept{}
		if err == nil && json.Unmarshal(text, &k) == nil && k.ID == id {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b result.Kept) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// RunsOptions are the flags of `runs`. In each list a name is exact or a pattern of path.Match; an empty one asks for all. Flow
// is that of result.Kept, or "matrix", which is that of sweeps, too.
type RunsOptions struct {
	Flow, Scenario, Tree, Toolchain []string
	Exit                            []int
	Most                            int // how many are listed; 0: all
}

// check says what cannot be meant.
func (o RunsOptions) check() error {
	var errs []error
	for _, f := range []struct {
		flag     string
		patterns []string
	}{{"target", o.Flow}, {"scenario", o.Scenario}, {"tree", o.Tree}, {"toolchain", o.Toolchain}} {
		for _, p := range f.patterns {
			if err := history.CheckPattern(f.flag, p); err != nil {
				errs = append(errs, &usage.Error{Err: err})
			}
		}
	}
	return usage.Join(errs...)
}

// asks reports whether a run is asked for.
func (o RunsOptions) asks(k result.Kept) bool {
	has := func(patterns []string, names ...string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(names, func(name string) bool { return history.Matches(patterns, name) })
	}
	target := k.Flow
	if target == ofSweep().flow {
		target = ofMatrix().flow
	}
	return has(o.Flow, k.Flow, target) && has(o.Scenario, k.Scenario) && has(o.Tree, k.Trees...) && has(o.Toolchain, k.Toolchains...) &&
		(len(o.Exit) == 0 || slices.Contains(o.Exit, k.Exit))
}

// Runs lists runs that were kept, newest first.
func (l *Lab) Runs(o RunsOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	all, err := l.runs()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(l.stdout, "no run is kept yet: each that ends with a report will be")
		return err
	}
	list := slices.DeleteFunc(slices.Clone(all), func(k result.Kept) bool { return !o.asks(k) })
	if len(list) == 0 {
		return usage.Errorf("none of the %d runs that are kept is asked for: leave a filter out", len(all))
	}
	more := 0
	if o.Most > 0 && len(list) > o.Most {
		list, more = list[:o.Most], len(list)-o.Most
	}
	return doc.Terminal(l.stdout, report.Runs(list, all, more), l.table)
}

// RunIDs are the IDs of the runs that are kept, newest first, each with what it is of, for completion. It makes no store.
func RunIDs(getenv func(string) string) (ids [][2]string) {
	dir, err := store.DefaultDir(getenv)
	if err != nil || !store.Exists(dir) {
		return nil
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil
	}
	defer st.Close()
	all, err := (&Lab{store: st}).runs()
	if err != nil {
		return nil
	}
	for _, k := range all {
		ids = append(ids, [2]string{report.ShortID(k.ID, all), k.Flow + ": " + k.Verdict})
	}
	return ids
}

// LastRun is what names the newest run.
const LastRun = "last"

// find is the run that name means: its ID, a beginning of it that no other has, or LastRun.
func (l *Lab) find(name string) (result.Kept, error) {
	all, err := l.runs()
	if err != nil {
		return result.Kept{}, err
	}
	if len(all) == 0 {
		return result.Kept{}, usage.Errorf("run %s: none is kept yet", name)
	}
	if name == LastRun {
		return all[0], nil
	}
	var found []result.Kept
	var ids []string
	for _, k := range all {
		if name != "" && strings.HasPrefix(k.ID, name) {
			found = append(found, k)
			ids = append(ids, report.ShortID(k.ID, all))
		}
	}
	switch len(found) {
	case 0:
		return result.Kept{}, usage.Errorf("run %q is unknown: `runs` lists those that are kept; %s is the newest", name, LastRun)
	case 1:
		return found[0], nil
	}
	return result.Kept{}, usage.Errorf("run %s is %d runs: %s", name, len(found), strings.Join(ids, ", "))
}
