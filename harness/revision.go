package harness

import (
	"runtime/debug"
	"strings"
)

// Revision is this umlab as a mail names it: "umlab 1a2b3c4d5e6f", with what is to be
// known of the revision. The go command records it where it builds umlab in a checkout
// (umlab itself, not what Mage compiles) or from a module's version.
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return revision(nil)
	}
	return revision(info)
}

// BuiltOf is Revision, and whether all umlabs that are called so are the same one.
func BuiltOf() (rev string, same bool) {
	rev = Revision()
	return rev, strings.HasPrefix(rev, "umlab ") && !strings.Contains(rev, "(")
}

func revision(info *debug.BuildInfo) string {
	set := map[string]string{}
	if info != nil {
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
	}
	const most = 12
	rev := set["vcs.revision"]
	switch {
	case rev != "" && set["vcs.modified"] == "true":
		return "umlab " + rev[:min(most, len(rev))] + " (with local changes)"
	case rev != "":
		return "umlab " + rev[:min(most, len(rev))]
	case info != nil && info.Main.Version != "" && info.Main.Version != "(devel)":
		return "umlab " + info.Main.Version
	}
	return "umlab (its build records no revision)"
}
