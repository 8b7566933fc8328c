package report

import (
	"io"

	"umlab/harness/result"
)

// HistoryJSON writes h indented. It returns the error of w.
func HistoryJSON(w io.Writer, h *result.History) error {
	return writeJSON(w, result.HistorySchema, h)
}
