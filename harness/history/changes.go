package history

import (
	"context"
	"slices"
	"time"

	"umlab/harness/result"
)

// Changes reads what f asks for and says when its cells changed.
func (h *DB) Changes(ctx context.Context, f Filter) (*result.History, error) {
	list, err := h.load(ctx, f)
	if err != nil {
		return nil, err
	}
	return historyOf(list), nil
}

// Compare lists the cells of after that are not what they were in before, in
// after's order. Cells that only one of the two has, or that prove nothing, do
// not count; neither does anything where a whole result proves nothing, or where
// the two were not asked the same.
func Compare(before, after *result.Results) []result.HistoryChange {
	a, b := recordOf(before), recordOf(after)
	list := []result.HistoryChange{}
	if !sameQuestion(a.asked, b.asked) {
		return list
	}
	for _, c := range b.cells {
		var s state
		for _, o := range a.cells {
			if o.id == c.id && o.proved {
				s.add(sighting{a, o, a.at[0]})
			}
		}
		if !c.proved {
			continue
		}
		if change, ok := s.add(sighting{b, c, b.at[0]}); ok {
			change.Axis = result.AlongTime
			if change.From.Toolchain != change.To.Toolchain {
				change.Axis = result.AlongToolchains
			}
			list = append(list, change)
		}
	}
	return list
}

// recordOf is r as load would read it back.
func recordOf(r *result.Results) *record {
	digest, err := contentDigest(r)
	if err != nil {
		digest = "" // of what no JSON can hold; it compares all the same
	}
	rec := &record{digest: digest, asked: askedOf(r), tree: nameOf(r.Tree), proved: r.Proves(), at: []time.Time{r.Started},
		point: result.HistoryPoint{Result: digest, Toolchain: column(r.Toolchain), ToolchainDigest: r.Toolchain.Digest,
			Tools:       r.Toolchain.Identity,
			TreeVersion: r.Tree.Version, TreeDigest: r.Tree.Digest, ConfigDigest: r.Config.Digest}}
	for _, c := range r.Cells {
		rec.cells = append(rec.cells, cellRecord{c.ID, c.Verdict, c.Reason, sightsOf(c), proved(r, c)})
	}
	return rec
}

// sighting is a cell of a record, as seen at a time.
type sighting struct {
	record *record
	cell   cellRecord
	at     time.Time
}

func (s sighting) point() result.HistoryPoint {
	p := s.record.point
	p.When, p.Verdict = s.at, s.cell.verdict
	return p
}

// state is what is known of a cell on the way along an axis: of each spot, what
// was seen there last. A run that leaves placements out says nothing of them.
type state struct {
	spots map[spot]known
	built *sighting // the last; nil before
	build *sighting // the last, where it could not be built
}

type known struct {
	sight result.Sight
	by    sighting
}

// add goes one step on, and says whether something is not what it was. A
// verdict alone never changes: it follows from what was seen, where the same
// was tried.
func (s *state) add(n sighting) (c result.HistoryChange, changed bool) {
	c = result.HistoryChange{Cell: n.cell.id, To: n.point()}
	differ := func(by sighting, d result.Difference) {
		if !changed || by.at.After(c.From.When) {
			c.From = by.point()
		}
		c.Differences, changed = append(c.Differences, d), true
	}
	if unbuilt(n.cell.seen) {
		to := n.cell.seen[0].Outcomes
		switch {
		case s.build != nil:
			if !same(s.build.cell.seen[0], n.cell.seen[0]) {
				differ(*s.build, result.Difference{From: s.build.cell.seen[0].Outcomes, To: to})
			}
		case s.built != nil:
			differ(*s.built, result.Difference{From: summary(s.built.cell.seen), To: to})
		}
		*s = state{build: &n}
		return c, changed
	}
	if s.build != nil {
		differ(*s.build, result.Difference{From: s.build.cell.seen[0].Outcomes, To: summary(n.cell.seen)})
		s.build = nil
	}
	for _, sight := range n.cell.seen {
		was, ok := s.spots[spotOf(sight)]
		if ok && !same(was.sight, sight) {
			differ(was.by, result.Difference{Placement: sight.Placement, Module: sight.Module, From: was.sight.Outcomes, To: sight.Outcomes})
		}
		if s.spots == nil {
			s.spots = map[spot]known{}
		}
		s.spots[spotOf(sight)] = known{sight, n}
	}
	s.built = &n
	return c, changed
}

// summary is the distinct outcomes of all sights.
func summary(sights []result.Sight) (list []result.SeenOutcome) {
	for _, s := range sights {
		for _, o := range s.Outcomes {
			if !slices.ContainsFunc(list, func(x result.SeenOutcome) bool { return x.Text == o.Text }) {
				list = append(list, o)
			}
		}
	}
	return list
}
