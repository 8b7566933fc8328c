package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/plan"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/usage"
)

// mostSettings bounds the sets that a search asks: of three, there are hundreds.
const mostSettings = 2

// smallest looks for the smallest sets of settings that give the verdict of the plan's flags.
// Sets grow by one setting at a time; one that has a set in it which gives the verdict is
// not asked. The result has stock, and the cells that were found.
func (l *Lab) smallest(ctx context.Context, src *sources.Sources, p *plan.Plan) (*result.Results, error) {
	started, wanted := l.now(), result.Verdict(p.Flags.Find)
	if err := l.checkFind(p); err != nil {
		return nil, err
	}
	if err := l.sandboxed(ctx); err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, src)
	if err != nil {
		return nil, err
	}
	offers, err := tc.RustOffers(ctx, l.store, l.builder.Limits.Sandbox)
	if err != nil {
		return nil, err
	}
	search, err := p.Scenario.Search(p.Flags.Select.Axes, offers)
	if err != nil {
		return nil, err
	}
	s := &result.Search{Verdict: wanted, Axes: search.String(), Sets: []string{}, Others: map[result.Verdict]int{}}
	var all *result.Results
	var cells []result.Cell
	var found []scenario.Variant
	for ; s.Most <= min(mostSettings, search.Axes()); s.Most++ {
		sets := search.Sets(s.Most, found)
		if len(sets) == 0 {
			break
		}
		l.sink.Note(fmt.Sprintf("looking for %s in sets of %d: %d to ask", wanted, s.Most, len(sets)))
		r, err := l.runOn(ctx, p.Of(sets), t, tc)
		if err != nil {
			return nil, err
		}
		l.remember(r.Results)
		if all == nil {
			all = r.Results
		}
		for i, c := range r.Cells {
			s.Asked++
			switch {
			case c.Verdict == wanted:
				found, s.Sets, cells = append(found, r.plan.Cells[i].Variant), append(s.Sets, c.ID), append(cells, c)
			default:
				s.Others[c.Verdict]++
				if c.ID == scenario.Stock {
					cells = append(cells, c)
				}
			}
		}
		for _, n := range r.Notes {
			if !slices.Contains(all.Notes, n) {
				all.Notes = append(all.Notes, n)
			}
		}
		if all.Infra = r.Infra; all.Infra != "" || len(found) > 0 && len(found[0].Settings) == 0 {
			break
		}
	}
	s.Most = min(s.Most, mostSettings, search.Axes())
	all.Search, all.Cells = s, cells
	all.Totals, all.Schema = conclude.Totals(cells), all.Version()
	switch {
	case all.Infra != "":
		all.Exit = result.ExitInfra
	case len(s.Sets) == 0 || all.Totals.Differing+all.Totals.Disagreeing > 0:
		all.Exit = result.ExitDiffers
	}
	all.Started, all.Seconds = started.UTC(), l.now().Sub(started).Seconds()
	return all, nil
}

// Findable are the verdicts that can be looked for: those that prove something.
func Findable() (words []string) {
	for _, v := range result.Verdicts() {
		if v != result.Flaky && v != result.Unknown {
			words = append(words, string(v))
		}
	}
	return words
}

// findable are those of them that a cell of the plan can have.
func findable(p *plan.Plan) []string {
	of := []result.Verdict{result.Loads, result.Rejected, result.AddressDependent, result.Mixed, result.Broken}
	switch {
	case p.Scenario.BuildOnly():
		of = []result.Verdict{result.Builds, result.Broken}
	case len(p.Modules()) == 0:
		of = []result.Verdict{result.Passes, result.Fails, result.Rejected, result.Mixed, result.Broken}
	}
	return slices.DeleteFunc(Findable(), func(w string) bool { return !slices.Contains(of, result.Verdict(w)) })
}

// checkFind says what of the flags a search cannot have.
func (l *Lab) checkFind(p *plan.Plan) error {
	switch words := findable(p); {
	case !slices.Contains(Findable(), p.Flags.Find):
		return usage.Errorf("-find=%s is no verdict that can be looked for: allowed are %s%s", p.Flags.Find, strings.Join(words, ", "),
			usage.Meant(p.Flags.Find, words))
	case !slices.Contains(words, p.Flags.Find):
		return usage.Errorf("-find=%s: no cell of scenario %s can be that, whatever the settings: allowed are %s", p.Flags.Find, p.Scenario.Name,
			strings.Join(words, ", "))
	case len(p.Flags.Select.Cells) > 0:
		return usage.Errorf("-find= chooses the cells itself: leave out -cells=, and give axes with -axis=")
	}
	return nil
}
