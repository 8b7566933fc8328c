package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"umlab/harness/fleet"
	"umlab/harness/report/doc"
)

// Emptied says how many tasks were taken out of a queue.
func Emptied(n int) string {
	return plural(n, "task was", "tasks were") + " taken out of the queue; answers stay, and what is being done is finished"
}

// Queue is what a queue holds, with who works on it and which tasks were answered in two ways.
func Queue(s fleet.Status, workers []fleet.Worker, news []fleet.News) *doc.Document {
	d := &doc.Document{Wide: true}
	if len(workers) > 0 {
		t := doc.Table{Label: "Workers", Columns: []doc.Column{
			{Head: doc.Say("worker"), Role: doc.Key}, {Head: doc.Say("cores"), Role: doc.Key}, {Head: doc.Say("memory"), Role: doc.Key},
			{Head: doc.Say("done"), Role: doc.Key}, {Head: doc.Say("what it does")},
		}}
		for _, w := range workers {
			row := doc.Cells(doc.Say(w.ID), doc.Say(fmt.Sprint(w.Cores)), doc.Say(humanize.IBytes(uint64(max(w.Memory, 0)))),
				doc.Say(fmt.Sprint(w.Done)))
			cell := doc.Cell{}
			for _, at := range w.Doing {
				cell.Lines = append(cell.Lines, folding(doc.Plain, Doing(at)))
			}
			if len(w.Doing) == 0 {
				cell.Lines = []doc.Line{folding(doc.Faint, "waits")}
			}
			row.Cells = append(row.Cells, cell)
			t.Rows = append(t.Rows, row)
		}
		d.Add(t)
	}
	for _, n := range news {
		d.Add(doc.Para{Line: doc.Toned(doc.Bad, fmt.Sprintf("flaky: %s was answered in two ways, by %s and by %s; the first answer stands",
			n.Name, n.First.Worker, n.Late.Worker))})
	}
	parts := []string{fmt.Sprintf("%s: %s, %d being done", s.Where, plural(s.Waiting, "task waits", "tasks wait"), s.Running),
		plural(len(workers), "worker", "workers"), plural(s.Answers, "answer", "answers"), humanize.IBytes(uint64(max(s.Bytes, 0)))}
	if s.Replicas > 1 {
		parts = append(parts, fmt.Sprintf("on %d servers", s.Replicas))
	}
	d.Add(doc.Totals{Parts: parts, Tone: doc.Strong})
	for _, lack := range lacks(s, workers) {
		d.Add(doc.Para{Line: doc.Toned(doc.Bad, lack)})
	}
	return d
}

// Doing is what a worker is at, in one line.
func Doing(d fleet.Doing) string {
	if d.Now == "" {
		return d.Name
	}
	return d.Name + ": " + d.Now
}

// lacks says which tasks no worker takes.
func lacks(s fleet.Status, workers []fleet.Worker) (list []string) {
	waiting := map[[2]string]int{}
	var order [][2]string
	for _, l := range s.Lanes {
		kind := [2]string{l.Capability, l.Version}
		takes := func(w fleet.Worker) bool {
			return w.Version == l.Version && slices.Contains(w.Capabilities, l.Capability)
		}
		if l.Waiting == 0 || slices.ContainsFunc(workers, takes) {
			continue
		}
		if waiting[kind] == 0 {
			order = append(order, kind)
		}
		waiting[kind] += l.Waiting
	}
	for _, kind := range order {
		list = append(list, fmt.Sprintf("%s for a worker that is not there: with %s, of %s", plural(waiting[kind], "task waits", "tasks wait"),
			strings.ReplaceAll(kind[0], "_", " "), kind[1]))
	}
	return list
}
