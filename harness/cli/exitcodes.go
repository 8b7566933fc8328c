package cli

import (
	"fmt"
	"strings"

	"umlab/harness/result"
)

// ExitCodes says what each exit code of umlab means. No other code is ever returned.
var ExitCodes = []struct {
	Code  int
	Means string
}{
	{result.ExitExpected, "all as was hoped for: as the scenario expects; verify: fixed; bisect: found; minimise: minimal; " +
		"nightly: unchanged; classify: proved; new: shown"},
	{result.ExitDiffers, "a result that is not: something differs; verify: anything but fixed; bisect: a range, or a candidate that changed " +
		"its mind; minimise: more might go; nightly: changed; classify: no line proves anything; new: not shown"},
	{result.ExitUsage, "a mistake of the caller, found before anything was built; bisect: no change between the ends"},
	{result.ExitInfra, "nothing is proved, or it could not be written: the machine, the network or umlab itself is at fault"},
	{result.ExitInterrupted, "interrupted; the same command goes on from there"},
}

// exitHelp is the table of exit codes.
func exitHelp(width int) string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, c := range ExitCodes {
		b.WriteString(fold(pad(fmt.Sprintf("  %d", c.Code), 6), c.Means, width))
	}
	return b.String()
}
