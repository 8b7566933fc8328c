package harness

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/result"
	"umlab/harness/usage"
)

// Report renders a run that was kept again: on standard output, or where formats are asked for, in these. Nothing is run.
func (l *Lab) Report(run string, files Outputs) error {
	k, err := l.find(run)
	if err != nil {
		return err
	}
	for _, render := range []func(*Lab, result.Kept, Outputs) (bool, error){
		renders(ofMatrix()), renders(ofSweep()), renders(ofVerification()), renders(ofBisection()), renders(ofNight()), renders(ofExplanation()),
		renders(ofMinimisation()), renders(ofZoo()),
	} {
		if mine, err := render(l, k, files); mine {
			return err
		}
	}
	return fmt.Errorf("run %s is of %q, which this umlab does not know: use the one that made it", k.ID, k.Flow)
}

// renders is what renders a run, if it is of that kind.
func renders[T any](kind kind[T]) func(*Lab, result.Kept, Outputs) (bool, error) {
	return func(l *Lab, k result.Kept, files Outputs) (bool, error) {
		if kind.flow != k.Flow {
			return false, nil
		}
		return true, render(l, kind, k, files)
	}
}

func render[T any](l *Lab, kind kind[T], k result.Kept, files Outputs) error {
	asked := files.paths()
	maps.DeleteFunc(asked, func(_, path string) bool { return path == "" })
	formats := kind.files(asked)
	var errs []error
	for _, flag := range slices.Sorted(maps.Keys(asked)) {
		if !slices.ContainsFunc(kind.forms, func(f format[T]) bool { return f.flag == flag }) {
			var has []string
			for _, f := range kind.forms {
				has = append(has, "-"+f.flag+"=")
			}
			errs = append(errs, usage.Errorf("-%s=: run %s is of %s, which has %s", flag, k.ID, k.Flow, strings.Join(has, ", ")))
		}
	}
	if err := usage.Join(append(errs, checkOutputs(formats))...); err != nil {
		return err
	}
	text, err := l.runText(k.ID)
	if err != nil {
		return err
	}
	v := new(T)
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("run %s cannot be read: %w", k.ID, err)
	}
	if gone := missing(text); gone != "" {
		l.sink.Note(gone)
	}
	print := func(w io.Writer) error { return kind.print(w, v, l.table) }
	if len(formats) > 0 {
		print = func(io.Writer) error { return nil }
	}
	return publish(l, v, print, formats)
}

// runText is the result of a run, as JSON.
func (l *Lab) runText(id string) ([]byte, error) {
	dir, ok := l.store.Lookup(kindRun, id)
	if !ok {
		return nil, usage.Errorf("run %s was removed just now", id)
	}
	if !l.store.Intact(context.Background(), kindRun, id, runResult) {
		return nil, fmt.Errorf("run %s is no longer what was kept: something else than umlab changed it, and nothing makes it again", id)
	}
	packed, err := os.ReadFile(filepath.Join(dir, runResult))
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", id, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		packed, err = io.ReadAll(r) // it has a checksum
	}
	if err != nil {
		return nil, fmt.Errorf("run %s is damaged: %w; remove %s", id, err, dir)
	}
	return packed, nil
}

// missing says which files that a result names are no longer there: its report still names them.
func missing(text []byte) string {
	named := map[string]string{"transcript": "transcripts", "log": "logs", "resolved": ".config files", "path": "modules"}
	gone := map[string]map[string]bool{}
	var look func(key string, v any)
	look = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				look(k, x)
			}
		case []any:
			for _, x := range v {
				look(key, x)
			}
		case string:
			what := named[key]
			if what == "" || !filepath.IsAbs(v) {
				return
			}
			if _, err := os.Stat(v); err != nil {
				if gone[what] == nil {
					gone[what] = map[string]bool{}
				}
				gone[what][v] = true
			}
		}
	}
	var all any
	if json.Unmarshal(text, &all) != nil {
		return ""
	}
	look("", all)
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(gone)) {
		parts = append(parts, fmt.Sprintf("%d %s", len(gone[what]), what))
	}
	if len(parts) == 0 {
		return ""
	}
	return "files that this report names are no longer in the store, since `clean` or the limit removed them: " + strings.Join(parts, ", ") +
		"; what the report says of them was read when it ran"
}
