package outcome

import (
	"strings"
	"testing"
)

// What is decided about an outcome later is a value of it and no part of a
// sentence: whether the module is still there, and how far the loader came.
func TestStays(t *testing.T) {
	failed := "umlab[3]: begin rmmod m\nrmmod: can't unload module 'm': Device or resource busy\numlab[3]: end rmmod m status=1\n"
	for name, tt := range map[string]struct {
		transcript string
		kind       Kind
		stays      bool
	}{
		"removed":                     {ready + insertM + showM + removeM, Loaded, false},
		"rmmod fails":                 {ready + insertM + showM + failed, InsmodFailed, true},
		"no exit function":            {ready + insertM + strings.Replace(showM, " - Live", " [permanent], Live", 1) + failed, Loaded, true},
		"the second rmmod removes it": {ready + insertM + showM + failed + strings.ReplaceAll(removeM, "umlab[3]", "umlab[4]"), Loaded, false},
		"silent, and rmmod fails":     {ready + strings.Replace(insertM, "m: hello\n", "", 1) + showM + failed, InsmodFailed, true},
		"refused":                     {ready + "umlab[1]: begin insmod m\n" + "m: version magic '9.8 ' should be '9.9 '\numlab[1]: end insmod m status=8\n", InsmodFailed, false},
	} {
		o := Classify(Input{Transcript: []byte(tt.transcript + halt), End: End{Kind: EndHalted}, Modules: []string{"m"}}).Modules[0].Outcome
		if o.Kind != tt.kind || o.Stays != tt.stays || o.VersionMagic() != (name == "refused") {
			t.Errorf("%s: stays %v, version magic %v: %+v", name, o.Stays, o.VersionMagic(), o)
		}
	}
}

func TestWhileHandled(t *testing.T) {
	for stage, want := range map[string]bool{
		"insmod m": true, "modules m": true, "rmmod m": true, "insmod": true, "boot": false, "idle": false, "halt": false, "": false,
	} {
		if got := (Outcome{Kind: Timeout, Stage: stage}).WhileHandled(); got != want {
			t.Errorf("%q: %v", stage, got)
		}
	}
}

func TestBrief(t *testing.T) {
	section, index := 5, 3
	for want, o := range map[string]Outcome{
		"loaded":                {Kind: Loaded},
		"unknown 9 GOTPCREL":    {Kind: RelocationUnknown, Relocation: NewRelocation(9)},
		"overflow 10 32":        {Kind: RelocationOverflow, Relocation: NewRelocation(10), Section: &section, Index: &index},
		"loaded-corrupt 2 PC32": {Kind: LoadedCorrupt, Relocation: NewRelocation(2)},
		"unknown 200 <200>":     {Kind: RelocationUnknown, Relocation: NewRelocation(200)},
		"init-failed 22 EINVAL": {Kind: InitFailed, Errno: 22},
		"timeout boot":          {Kind: Timeout, Stage: "boot"},
	} {
		if got := o.Brief(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestUnsure: output that umlab itself read from the module is no condition where
// it is not seen, but it is said; what a person says is one.
func TestUnsure(t *testing.T) {
	silent := ready + strings.Replace(insertM, "m: hello\n", "", 1) + showM + removeM
	for _, tt := range []struct {
		name, transcript string
		unsure           bool
		kind             Kind
		says             string
	}{
		{"seen", ready + insertM + showM + removeM, true, Loaded, ""},
		{"not seen", silent, true, Loaded, "rests on Live"},
		{"not seen, but asked for", silent, false, InsmodFailed, "printed nothing that was expected"},
		{"no exit", ready + insertM + strings.Replace(showM, " - Live", " [permanent], Live", 1) + strings.ReplaceAll(removeM, "status=0", "status=1"),
			true, Loaded, "cannot be removed"},
	} {
		o := Classify(Input{Transcript: []byte(tt.transcript + halt), End: End{Kind: EndHalted}, Modules: []string{"m"}, Unsure: map[string]bool{"m": tt.unsure}}).Modules[0].Outcome
		if o.Kind != tt.kind || !strings.Contains(o.Detail, tt.says) || tt.says == "" && o.Detail != "" {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
}
