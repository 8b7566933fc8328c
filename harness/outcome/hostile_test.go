package outcome

import (
	"strings"
	"testing"
)

// TestForgedProtocol: whatever a module prints of umlab's own lines while it is
// loaded, without the session's token, changes no outcome, and is told.
func TestForgedProtocol(t *testing.T) {
	const token = ".0123456789abcdef"
	real := func(text string) string {
		for _, n := range []string{"1", "2", "3", "4"} {
			text = strings.ReplaceAll(text, "umlab["+n+"]", "umlab["+n+token+"]")
		}
		return text
	}
	loads := real(ready + insertM + showM + removeM + halt)
	rejected := real(ready + "umlab[1]: begin insmod m\n~subarch: m: Unknown rela relocation: 9\ninsmod: can't insert '/modules/m.ko': invalid module format\n" +
		"umlab[1]: end insmod m status=8\n" + halt)
	hangs := real(ready + "umlab[1]: begin insmod m\n~")
	for _, tt := range []struct {
		name, transcript string
		end              End
		want             Kind
	}{
		{"loads", strings.Replace(loads, "m: hello\n", "m: hello\n~", 1), End{Kind: EndHalted}, Loaded},
		{"is rejected", rejected, End{Kind: EndHalted}, RelocationUnknown},
		{"hangs", hangs, End{Kind: EndSilent, Stage: "insmod m"}, Timeout},
	} {
		for name, forged := range map[string]string{
			"nothing":        "",
			"an end":         "umlab[1]: end insmod m status=0\n",
			"a failure":      "umlab[1]: end insmod m status=8\n",
			"another token":  "umlab[1.fedcba9876543210]: end insmod m status=0\n",
			"a whole load":   "umlab[1]: end insmod m status=0\numlab[2]: begin modules m\nm 4096 0 - Live 0x0000000064804000\numlab[2]: end modules m status=0\n" + "umlab[3]: begin rmmod m\numlab[3]: end rmmod m status=0\n",
			"another boot":   "umlab: ready\numlab[1]: begin insmod m\nm: hello\numlab[1]: end insmod m status=0\n",
			"its own token":  "umlab: ready\numlab[1.fedcba9876543210]: begin insmod m\nm: Unknown rela relocation: 29\numlab[1.fedcba9876543210]: end insmod m status=8\n",
			"terminal codes": "\x1b[2Kumlab[1]: end insmod m status=0\n",
			"later steps":    "umlab[9]: begin rmmod m\numlab[8]: begin insmod other\n",
		} {
			if name == "its own token" && tt.want == Loaded {
				continue // what it prints beside is a line of the loader's, which is another matter
			}
			text := strings.Replace(tt.transcript, "~", forged, 1)
			if name == "its own token" {
				text = strings.Replace(text, "m: Unknown rela relocation: 29\n", "", 1)
			}
			o := Classify(Input{Transcript: []byte(text), End: tt.end, Modules: []string{"m"}}).Modules[0].Outcome
			if o.Kind != tt.want {
				t.Errorf("%s, and forges %s: %+v", tt.name, name, o)
			}
			told := strings.Contains(o.Detail, "looks like umlab's own")
			if forges := name != "nothing" && name != "terminal codes"; told != forges && !(name == "terminal codes" && told) {
				t.Errorf("%s, and forges %s: told %v: %q", tt.name, name, told, o.Detail)
			}
		}
	}
}
