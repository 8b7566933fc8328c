package cli

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"umlab/harness"
	"umlab/harness/result"
	"umlab/harness/scenario"
)

// version is what --version prints: the formats that umlab reads and writes, the usual ones first.
func (a *App) version() string {
	schemas := []string{scenario.Schema, result.Schema}
	for _, name := range slices.Sorted(maps.Keys(result.Documents())) {
		if !slices.Contains(schemas, name) {
			schemas = append(schemas, name)
		}
	}
	return fmt.Sprintf("%s\n%s %s/%s\nschemas: %s\n", harness.Revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(schemas, ", "))
}
