package scenario

import (
	"strings"
	"testing"
)

func TestSearch(t *testing.T) {
	s := shipped(t)
	offers := map[string]string{"plt": "-Z", "direct-access-external-data": "-Z", "own": "-C"}
	search, err := s.Search(nil, offers)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := search.String(), "-Crelocation-model=static,pic,pie -Ccode-model=small,kernel,medium,large -Zdirect-access-external-data=yes,no -Zplt=yes,no"; got != want {
		t.Errorf("over %s\nwant %s", got, want)
	}
	ids := func(sets []Variant) string { return strings.Join(names(sets), " ") }
	if got := ids(search.Sets(0, nil)); got != Stock {
		t.Errorf("the set of none: %s", got)
	}
	if got := len(search.Sets(1, nil)); got != 3+4+2+2 {
		t.Errorf("%d sets of one", got)
	}
	if got := len(search.Sets(2, nil)); got != 3*4+3*2+3*2+4*2+4*2+2*2 {
		t.Errorf("%d sets of two", got)
	}
	for _, v := range search.Sets(2, []Variant{variant(t, "-Zdirect-access-external-data=yes"), variant(t, "relocation-model=static", "code-model=large")}) {
		if strings.Contains(v.ID, "daed=yes") || v.ID == "static-large" {
			t.Errorf("%s has a set in it that was found", v.ID)
		}
	}
	// The user's axes are in the place of what rustc offers besides the scenario's.
	search, err = s.Search([]string{"own=a,b", "param:seccomp=on"}, offers)
	if err != nil || !strings.HasSuffix(search.String(), "large -Cown=a,b param:seccomp=on") {
		t.Errorf("%s, %v", search, err)
	}
	if got := ids(search.Sets(1, nil)); got != "static pic pie small kernel medium large own=a own=b seccomp=on" {
		t.Error(got)
	}
	none := *s
	none.axes = nil
	if _, err := none.Search(nil, offers); err == nil || !strings.Contains(err.Error(), "-axis=NAME=VALUE") {
		t.Errorf("of a scenario without axes: %v", err)
	}
}

// What a search tries is what the plan's own cells do, steps and controls included.
func TestSearchedPlan(t *testing.T) {
	stepped := mustParse(t, head+"[axes]\ncode-model = [\"small\", \"large\"]\n[[step]]\nname = \"a\"\nrun = \"x\"\n")
	built := mustParse(t, head+"[axes]\ncode-model = [\"small\", \"large\"]\n[build]\ngoal = \"all\"\n"+
		"[[control]]\nname = \"c\"\ncell = \"small\"\noutcome = \"built\"\n")
	for _, s := range []*Scenario{stepped, built} {
		p, err := s.Select(Selection{})
		if err != nil {
			t.Fatal(err)
		}
		out := s.Of(p, Selection{}, s.variants)
		for _, c := range out.Cells {
			if len(c.Steps) != len(s.Steps) {
				t.Errorf("%s has %d steps, want %d", c.ID(), len(c.Steps), len(s.Steps))
			}
		}
		for _, c := range out.Controls {
			if !c.Selected {
				t.Errorf("control %s is not in the plan's cells", c.Name)
			}
		}
	}
}
