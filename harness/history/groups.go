package history

import (
	"cmp"
	"slices"

	"umlab/harness/result"
)

// historyOf sorts records into groups and follows their cells.
func historyOf(list []*record) *result.History {
	h := &result.History{Schema: result.HistorySchema, Results: len(list), Groups: []result.HistoryGroup{}}
	type key struct{ scenario, tree, patches, fragments string }
	groups := map[key][]*record{}
	var order []key
	for _, r := range list {
		if !slices.ContainsFunc(r.cells, func(c cellRecord) bool { return c.proved }) {
			h.Unproved++
		}
		first, last := r.at[0], r.at[len(r.at)-1]
		if h.First.IsZero() || first.Before(h.First) {
			h.First = first
		}
		if last.After(h.Last) {
			h.Last = last
		}
		k := key{r.scenario, r.tree, r.patchText, r.configText}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		h.Groups = append(h.Groups, groupOf(groups[k]))
	}
	slices.SortStableFunc(h.Groups, func(a, b result.HistoryGroup) int {
		return cmp.Or(cmp.Compare(a.Scenario, b.Scenario), CompareVersions(a.Versions[0], b.Versions[0]), CompareVersions(a.Tree, b.Tree),
			cmp.Compare(len(a.Patches), len(b.Patches)), slices.Compare(a.Patches, b.Patches), slices.Compare(a.Fragments, b.Fragments))
	})
	return h
}

func groupOf(list []*record) result.HistoryGroup {
	r := list[0]
	g := result.HistoryGroup{Scenario: r.scenario, Tree: r.tree, Patches: r.patches, Fragments: r.fragments,
		Rows: []result.HistoryRow{}, Changes: []result.HistoryChange{}}
	var all []sighting
	for _, r := range list {
		if !slices.Contains(g.Versions, r.treeVersion) {
			g.Versions = append(g.Versions, r.treeVersion)
		}
		if !slices.Contains(g.Columns, r.column) {
			g.Columns = append(g.Columns, r.column)
		}
		for _, at := range r.at {
			for _, c := range r.cells {
				all = append(all, sighting{r, c, at})
			}
		}
	}
	slices.SortFunc(g.Versions, CompareVersions)
	slices.SortFunc(g.Columns, compareColumns)
	slices.SortStableFunc(all, func(a, b sighting) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.record.id, b.record.id)) })
	var along []result.HistoryChange
	for _, id := range cellsOf(all) {
		row := result.HistoryRow{Cell: id}
		var axis state
		for _, col := range g.Columns {
			e, best := entryOf(all, id, col)
			if best != nil && best.cell.proved {
				var change result.HistoryChange
				if change, e.Differs = axis.add(*best); e.Differs {
					change.Axis = result.AlongToolchains
					g.Changes = append(g.Changes, change)
				}
			}
			row.Entries = append(row.Entries, e)
		}
		along = append(along, followTime(all, id, g.Columns, row)...)
		g.Rows = append(g.Rows, row)
	}
	// What two toolchains differ in is not told again as what became of one name.
	for _, c := range along {
		if !slices.ContainsFunc(g.Changes, func(t result.HistoryChange) bool {
			return t.Cell == c.Cell && t.From.Result == c.From.Result && t.To.Result == c.To.Result
		}) {
			g.Changes = append(g.Changes, c)
		}
	}
	sortChanges(g.Changes, g.Columns)
	return g
}

// cellsOf are the ids in the order of the newest result; those that it has not
// come behind.
func cellsOf(all []sighting) (ids []string) {
	for i := len(all) - 1; i >= 0; {
		r := all[i].record
		for _, c := range r.cells {
			if !slices.Contains(ids, c.id) {
				ids = append(ids, c.id)
			}
		}
		for i >= 0 && all[i].record == r {
			i--
		}
	}
	return ids
}

// entryOf is what is known of a cell with a toolchain: the newest result that
// proves something, but one that only leaves placements out does not hide the
// one that has them. Without any, the newest.
func entryOf(all []sighting, id string, col result.HistoryColumn) (*result.HistoryEntry, *sighting) {
	var best *sighting
	for i := range all {
		n := &all[i]
		if n.cell.id != id || n.record.column != col {
			continue
		}
		if best == nil || n.cell.proved && !(best.cell.proved && covers(*best, *n)) || !best.cell.proved {
			best = n
		}
	}
	if best == nil {
		return nil, nil
	}
	return &result.HistoryEntry{Point: best.point(), Reason: best.cell.reason, Seen: best.cell.seen, Sightings: len(best.record.at)}, best
}

// covers reports whether all that b says a says as well, and more.
func covers(a, b sighting) bool {
	if a.record.treeSum != b.record.treeSum || len(a.cell.seen) <= len(b.cell.seen) || unbuilt(b.cell.seen) {
		return false
	}
	for _, s := range b.cell.seen {
		if !slices.ContainsFunc(a.cell.seen, func(o result.Sight) bool { return spotOf(o) == spotOf(s) && same(o, s) }) {
			return false
		}
	}
	return true
}

// followTime lists when a cell changed with a toolchain of one name, and marks
// the entries of the columns where it did.
func followTime(all []sighting, id string, columns []result.HistoryColumn, row result.HistoryRow) (list []result.HistoryChange) {
	type line struct{ toolchain, compiler string }
	states := map[line]*state{}
	for _, n := range all {
		if n.cell.id != id || !n.cell.proved {
			continue
		}
		l := line{n.record.column.Toolchain, n.record.column.Compiler}
		if states[l] == nil {
			states[l] = &state{}
		}
		change, ok := states[l].add(n)
		if !ok {
			continue
		}
		change.Axis = result.AlongTime
		list = append(list, change)
		if e := row.Entries[slices.Index(columns, n.record.column)]; e != nil {
			e.Moved = true
		}
	}
	return list
}

// sortChanges puts those along toolchains first, in the order of the columns,
// then those along time, newest first. Cells keep their order.
func sortChanges(list []result.HistoryChange, columns []result.HistoryColumn) {
	at := func(p result.HistoryPoint) int { return slices.Index(columns, p.Toolchain) }
	slices.SortStableFunc(list, func(a, b result.HistoryChange) int {
		if a.Axis != b.Axis {
			return cmp.Compare(b.Axis, a.Axis) // "toolchain" before "time"
		}
		if a.Axis == result.AlongToolchains {
			return cmp.Or(cmp.Compare(at(a.From), at(b.From)), cmp.Compare(at(a.To), at(b.To)))
		}
		return cmp.Or(b.To.When.Compare(a.To.When), cmp.Compare(at(a.To), at(b.To)))
	})
}
