package history

import (
	"cmp"
	"maps"
	"slices"

	"umlab/harness/result"
)

// historyOf sorts records into groups and follows their cells.
func historyOf(list []*record) *result.History {
	h := &result.History{Schema: result.HistorySchema, Results: len(list), Groups: []result.HistoryGroup{}}
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
	}
	groups := questions(list)
	for _, k := range slices.SortedFunc(maps.Keys(groups), func(a, b asked) int { return cmp.Compare(groups[a][0].id, groups[b][0].id) }) {
		h.Groups = append(h.Groups, groupOf(groups[k]))
	}
	slices.SortStableFunc(h.Groups, func(a, b result.HistoryGroup) int {
		return cmp.Or(cmp.Compare(a.Scenario, b.Scenario), CompareVersions(a.Versions[0], b.Versions[0]), CompareVersions(a.Tree, b.Tree),
			cmp.Compare(len(a.Patches), len(b.Patches)), slices.Compare(a.Patches, b.Patches),
			cmp.Compare(len(a.Own), len(b.Own)), slices.Compare(a.Own, b.Own), cmp.Compare(a.Compiler, b.Compiler),
			slices.Compare(a.Fragments, b.Fragments))
	})
	return h
}

func groupOf(list []*record) result.HistoryGroup {
	a := list[len(list)-1].asked // the newest says what is its own in the words of today
	g := result.HistoryGroup{Scenario: a.scenario, Tree: list[0].tree, Patches: parsed(a.patches), Fragments: parsed(a.fragments),
		Question: a.question, Own: parsed(a.own), Compiler: a.compiler, Rows: []result.HistoryRow{}, Changes: []result.HistoryChange{}}
	var all []sighting
	for _, r := range list {
		if !slices.Contains(g.Versions, r.point.TreeVersion) {
			g.Versions = append(g.Versions, r.point.TreeVersion)
		}
		if !slices.Contains(g.Columns, r.point.Toolchain) {
			g.Columns = append(g.Columns, r.point.Toolchain)
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
// proves something. Without any, the newest.
func entryOf(all []sighting, id string, col result.HistoryColumn) (*result.HistoryEntry, *sighting) {
	var best *sighting
	for i := range all {
		n := &all[i]
		if n.cell.id == id && n.record.point.Toolchain == col && (best == nil || n.cell.proved || !best.cell.proved) {
			best = n
		}
	}
	if best == nil {
		return nil, nil
	}
	return &result.HistoryEntry{Point: best.point(), Reason: best.cell.reason, Seen: best.cell.seen, Sightings: len(best.record.at)}, best
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
		l := line{n.record.point.Toolchain.Toolchain, n.record.point.Toolchain.Compiler}
		if states[l] == nil {
			states[l] = &state{}
		}
		change, ok := states[l].add(n)
		if !ok {
			continue
		}
		change.Axis = result.AlongTime
		list = append(list, change)
		if e := row.Entries[slices.Index(columns, n.record.point.Toolchain)]; e != nil {
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
