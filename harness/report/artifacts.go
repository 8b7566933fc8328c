package report

import (
	"cmp"
	"time"

	"github.com/dustin/go-humanize"

	"umlab/harness/cache"
	"umlab/harness/report/doc"
	"umlab/harness/store"
)

// Artifacts is a list of what a cache has, and what that comes to.
func Artifacts(list []cache.Artifact, totals ...string) *doc.Document {
	t := doc.Table{Label: "Artifacts", Columns: []doc.Column{
		{Head: doc.Say("kind"), Role: doc.Key}, {Head: doc.Say("key"), Role: doc.Key}, {Head: doc.Say("size"), Role: doc.Key},
		{Head: doc.Say("made"), Role: doc.Key}, {Head: doc.Say("signed by"), Role: doc.Key}, {Head: doc.Say("what")},
	}}
	for _, a := range list {
		made, what := "", folding(doc.Plain, "")
		if a.About != nil {
			made, what = a.About.Made.UTC().Format(time.DateOnly), folding(doc.Plain, a.About.Of)
		}
		if a.Wrong != nil {
			what = folding(doc.Bad, "not taken: "+a.Wrong.Error())
		}
		row := doc.Cells(doc.Say(a.Kind), doc.Code(store.Short(a.Key)), doc.Say(humanize.Bytes(uint64(max(a.Size, 0)))), doc.Say(made),
			doc.Say(cmp.Or(a.Who, "?")))
		row.Cells = append(row.Cells, doc.Cell{Lines: []doc.Line{what}})
		t.Rows = append(t.Rows, row)
	}
	d := &doc.Document{Wide: true}
	if len(list) > 0 {
		d.Add(t)
	}
	d.Add(doc.Totals{Parts: totals, Tone: doc.Strong})
	return d
}
