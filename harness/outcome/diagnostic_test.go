package outcome

import "testing"

func TestSameFailure(t *testing.T) {
	failed := func(tool, place, message string) Outcome {
		return Outcome{Kind: BuildFailed, Evidence: "error: " + message, Diagnostic: &Diagnostic{Tool: tool, Place: place, Message: message}}
	}
	one := failed("rustc", "scripts/target.json", `invalid type: string "64" at line 8 column 32`)
	known := func(o Outcome, name string) Outcome { o.Known = name; return o }
	for name, tt := range map[string]struct {
		a, b Outcome
		want bool
	}{
		"another column":  {one, failed("rustc", "scripts/target.json", `invalid type: string "64" at line 8 column 36`), true},
		"another line":    {failed("cc", "a.c:3:1", "x"), failed("cc", "a.c:9:1", "x"), true},
		"another file":    {failed("cc", "a.c:3:1", "x"), failed("cc", "b.c:3:1", "x"), false},
		"another tool":    {one, failed("clang", "scripts/target.json", `invalid type: string "64" at line 8 column 32`), false},
		"another message": {one, failed("rustc", "scripts/target.json", `invalid type: string "32" at line 8 column 32`), false},
		"known":           {known(one, "it"), known(failed("rustc", "", "worded otherwise"), "it"), true},
		"one is known":    {known(one, "it"), one, false},
		"old documents":   {Outcome{Kind: BuildFailed, Evidence: "a.c:3:1: error: x"}, Outcome{Kind: BuildFailed, Evidence: "a.c:9:1: error: x"}, true},
		"old and other":   {Outcome{Kind: BuildFailed, Evidence: "a.c:3:1: error: x"}, Outcome{Kind: BuildFailed, Evidence: "a.c:3:1: error: y"}, false},
	} {
		if tt.a.Same(tt.b) != tt.want || tt.b.Same(tt.a) != tt.want {
			t.Errorf("%s: want %v", name, tt.want)
		}
	}
}
