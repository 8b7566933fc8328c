package harness

import (
	"context"
	"fmt"

	"umlab/harness/report"
	"umlab/harness/report/doc"
)

// Queue prints what is in the queue that the lab joins, and who works; or it takes all tasks out of it.
func (l *Lab) Queue(ctx context.Context, empty bool) error {
	q, err := l.queue(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	if empty {
		n, err := q.Empty(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(l.stdout, report.Emptied(n))
		return err
	}
	status, err := q.Status(ctx)
	if err != nil {
		return err
	}
	workers, err := q.Workers(ctx)
	if err != nil {
		return err
	}
	news, err := q.News(ctx)
	if err != nil {
		return err
	}
	l.sink.Close()
	return doc.Terminal(l.stdout, report.Queue(status, workers, news), l.table)
}
