package report

import (
	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func verdictStyle(v result.Verdict) doc.Tone {
	switch v {
	case result.Loads, result.Passes:
		return doc.Good
	case result.Rejected, result.Fails:
		return doc.Reject
	case result.AddressDependent, result.Mixed:
		return doc.Warn
	case result.Broken, result.Flaky:
		return doc.Bad
	}
	return doc.Faint
}

func outcomeStyle(k outcome.Kind) doc.Tone {
	switch k {
	case outcome.Loaded, outcome.Passed:
		return doc.Good
	case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InsmodFailed, outcome.Failed:
		return doc.Reject
	case outcome.Infra, outcome.ConfigDropped, "":
		return doc.Faint
	}
	return doc.Bad
}

func totalStyle(r *result.Results) doc.Tone {
	switch {
	case !r.Proves() || r.Totals.Differing > 0 || r.Totals.Disagreeing > 0:
		return doc.Bad
	case r.Totals.Cells == 0:
		return doc.Plain
	}
	return doc.Strong
}
