package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"umlab/harness/result"
)

// JSON writes r indented, with keys in the order of the Go types and maps
// sorted. Lists and maps that are not optional are never null. It returns the
// error of w, or that of a number which JSON cannot hold.
func JSON(w io.Writer, r *result.Results) error {
	return writeJSON(w, result.Schema, complete(r))
}

// writeJSON writes all of v or, where JSON cannot hold it, nothing.
func writeJSON(w io.Writer, schema string, v any) error {
	var b bytes.Buffer
	if err := indented(&b, v); err != nil {
		return fmt.Errorf("write %s: %w", schema, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// complete is a copy of r without nil where the schema wants a list or an
// object, and with the schema's name.
func complete(r *result.Results) *result.Results {
	c := *r
	c.Schema = result.Schema
	c.Tree.Patches = list(c.Tree.Patches)
	c.Toolchain.Identity = object(c.Toolchain.Identity)
	c.Config.Fragments = list(c.Config.Fragments)
	c.Controls = list(c.Controls)
	c.Totals.Verdicts = object(c.Totals.Verdicts)
	c.Cells = slices.Clone(list(c.Cells))
	for i := range c.Cells {
		b := &c.Cells[i].Build
		b.Flags, b.Effective, b.Signature = list(b.Flags), object(b.Effective), object(b.Signature)
		if slices.ContainsFunc(mapValues(b.Effective), func(v []string) bool { return v == nil }) {
			effective := map[string][]string{}
			for k, v := range b.Effective {
				effective[k] = list(v)
			}
			b.Effective = effective
		}
		if slices.ContainsFunc(mapValues(b.Relocations), func(v map[string]int) bool { return v == nil }) {
			relocations := map[string]map[string]int{}
			for k, v := range b.Relocations {
				relocations[k] = object(v)
			}
			b.Relocations = relocations
		}
		c.Cells[i].Placements = completePlacements(c.Cells[i].Placements)
		ts := slices.Clone(c.Cells[i].Thresholds)
		c.Cells[i].Thresholds = ts
		for j := range ts {
			ts[j].Modules, ts[j].Probes = list(ts[j].Modules), completePlacements(ts[j].Probes)
		}
	}
	return &c
}

func completePlacements(from []result.Placement) []result.Placement {
	ps := slices.Clone(list(from))
	for j := range ps {
		ps[j].Runs = slices.Clone(list(ps[j].Runs))
		for k := range ps[j].Runs {
			run := &ps[j].Runs[k]
			run.Modules, run.Boots = list(run.Modules), slices.Clone(run.Boots)
			for l := range run.Boots {
				run.Boots[l].Modules = list(run.Boots[l].Modules)
			}
		}
	}
	return ps
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func object[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func mapValues[K comparable, V any](m map[K]V) []V {
	var vs []V
	for _, v := range m {
		vs = append(vs, v)
	}
	return vs
}
