package report

import "slices"

// A span is the columns From up to, but without To.
type span struct{ From, To int }

// spans are the ranges of columns that the cell stayed the same over. What was
// never run between two that are the same does not end one.
func (r course) spans() (list []span) {
	for from := 0; from < len(r.Entries); {
		to := from + 1
		for i := to; i < len(r.Entries) && (r.Entries[i].None || r.Entries[i].continues(r.Entries[from])); i++ {
			if r.Entries[i].continues(r.Entries[from]) {
				to = i + 1
			}
		}
		list = append(list, span{from, to})
		from = to
	}
	return list
}

// run is how many of the span were run; of what was never run, none.
func (r course) run(s span) (n int) {
	for _, m := range r.Entries[s.From:s.To] {
		if !m.None {
			n++
		}
	}
	return n
}

// continues reports whether m is what the range that o began is.
func (m mark) continues(o mark) bool {
	return !m.Changed && m.None == o.None && m.Text == o.Text
}

// folded is e with the columns as one between which no cell changes.
func (e *era) folded() *era {
	begins := map[int]bool{0: true}
	for _, r := range e.Rows {
		for _, s := range r.spans() {
			begins[s.From] = true
		}
	}
	var list []span
	for i := range e.Columns {
		if begins[i] {
			list = append(list, span{i, i + 1})
		} else {
			list[len(list)-1].To = i + 1
		}
	}
	f := *e
	f.Columns, f.Rows = nil, nil
	for _, s := range list {
		f.Columns = append(f.Columns, headOf(e.Columns[s.From:s.To]))
	}
	for _, r := range e.Rows {
		row := course{Cell: r.Cell}
		for _, s := range list {
			m := r.Entries[s.From]
			if at := slices.IndexFunc(r.Entries[s.From:s.To], func(m mark) bool { return !m.None }); at >= 0 {
				m = r.Entries[s.From+at]
			}
			m.Text += msgRun(r.run(s), s.To-s.From)
			row.Entries = append(row.Entries, m)
		}
		f.Rows = append(f.Rows, row)
	}
	return &f
}

// headOf is the head of columns that stand as one.
func headOf(columns []rung) rung {
	if len(columns) == 1 {
		return columns[0]
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.brief())
	}
	return rung{Group: msgGroup(names)}
}
