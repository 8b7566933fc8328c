package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"umlab/harness/result"
	"umlab/harness/scenario"
)

// version is what --version prints.
func (a *App) version() string {
	set := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
	}
	revision := cmp.Or(set["vcs.revision"], "of no known revision: `go tool mage install` in the checkout builds one that knows it")
	if set["vcs.modified"] == "true" {
		revision += ", with changes"
	}
	if at := set["vcs.time"]; at != "" {
		revision += ", " + at
	}
	return fmt.Sprintf("umlab %s\n%s %s/%s\nschemas: %s\n", revision, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(schemas, ", "))
}

// schemas are the formats that umlab reads and writes.
var schemas = []string{
	scenario.Schema, result.Schema, result.SweepSchema, result.VerificationSchema, result.BisectionSchema, result.HistorySchema,
	result.NightlySchema, result.ExplanationSchema, result.DeltaSchema, result.ClassificationSchema, result.MinimisationSchema,
}
