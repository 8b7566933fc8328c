package harness

import (
	"runtime/debug"
	"testing"
)

func TestRevision(t *testing.T) {
	setting := func(list ...string) (set []debug.BuildSetting) {
		for i := 0; i < len(list); i += 2 {
			set = append(set, debug.BuildSetting{Key: list[i], Value: list[i+1]})
		}
		return set
	}
	const unknown = "umlab (its build records no revision)"
	for _, tt := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, unknown},
		{&debug.BuildInfo{}, unknown},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, unknown},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "umlab v1.2.3"},
		{&debug.BuildInfo{Settings: setting("vcs.revision", "0123456789abcdef", "vcs.modified", "false")}, "umlab 0123456789ab"},
		{&debug.BuildInfo{Settings: setting("vcs.revision", "0123456789abcdef", "vcs.modified", "true")}, "umlab 0123456789ab (with local changes)"},
		{&debug.BuildInfo{Settings: setting("vcs.revision", "0123")}, "umlab 0123"},
	} {
		if got := revision(tt.info); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.info, got, tt.want)
		}
	}
}
