package scale

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

func high() result.AddressSpace {
	return result.AddressSpace{
		Kernel:   result.AddressRange{First: "0x60000000", End: "0x60a3c000"},
		Physical: result.AddressRange{First: "0x60000000", End: "0xa0000000"}, Modules: "0xa0800000", Module: "0xa0809000",
		Reach: &result.Reach{Relocation: "R_X86_64_32S", To: "0xa080d070", Lowest: "-0x80000000", Highest: "0x7fffffff"},
	}
}

func module(name string, s result.AddressSpace) result.ExplainedModule {
	return result.ExplainedModule{Module: result.Module{Name: name}, Space: &s}
}

// addresses are the marks of a track, as addresses.
func addresses(s doc.Scale, track string) (list []string) {
	top := math.Inf(1)
	for _, t := range s.Ticks {
		if t.Label == "2^32" {
			top = unsigned32 / t.At
		}
	}
	for _, t := range s.Tracks {
		for _, m := range t.Marks {
			if t.Name == track {
				list = append(list, fmt.Sprintf("%s 0x%x 0x%x", m.Tip, int64(math.Round(m.From*top)), int64(math.Round(m.To*top))))
			}
		}
	}
	return list
}

func TestAddresses(t *testing.T) {
	loaded := high()
	loaded.Module, loaded.Seen, loaded.Reach = "0xa0804000", true, nil
	list := Addresses([]result.ExplainedModule{module("rust_minimal", high()), module("rust_print", loaded), {}})
	if len(list) != 1 {
		t.Fatalf("%d drawings of one boot", len(list))
	}
	s := list[0]
	for track, want := range map[string][]string{
		"kernel":                     {"kernel image 0x60000000 0x60a3c000"},
		"memory":                     {"physical memory 0x60000000 0xa0000000"},
		"rust_minimal":               {"modules begin 0xa0800000 0xa0800000", "rust_minimal 0xa0809000 0xa0809000"},
		"rust_print":                 {"modules begin 0xa0800000 0xa0800000", "rust_print 0xa0804000 0xa0804000"},
		"rust_minimal, R_X86_64_32S": {"what the field can hold 0x0 0x7fffffff", "what the code needs 0x0 0xa080d070"},
	} {
		if diff := cmp.Diff(want, addresses(s, track)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", track, diff)
		}
	}
	var ticks []string
	for _, tick := range s.Ticks {
		ticks = append(ticks, tick.Label)
	}
	if want := []string{"2^31", "kernel + 2 GiB", "2^32"}; !slices.Equal(ticks, want) {
		t.Errorf("ticks %q, want %q", ticks, want)
	}
	if said := s.Tracks[3].Note.String(); said != "holds -0x80000000 to 0x7fffffff, needs 0xa080d070" {
		t.Errorf("the reference is told as %q", said)
	}
	if said := s.Tracks[4].Note.String(); !strings.HasPrefix(said, "at 0xa0804000 (in /proc/modules)") {
		t.Errorf("the module is told as %q", said)
	}
}

// A distance leads from its field, and where it is cut the code gets elsewhere.
func TestAddressesOfADistance(t *testing.T) {
	far := high()
	far.Physical.End, far.Modules, far.Module = "0x160000000", "0x160800000", "0x160804000"
	far.Gap = &result.AddressRange{First: "0x160000000", End: "0x160600000"}
	far.Reach = &result.Reach{Relocation: "R_X86_64_PC32", From: "0x160804010", To: "0x60042000", Lowest: "0xe0804010", Highest: "0x1e080400f",
		Reached: "0x160042000"}
	s := Addresses([]result.ExplainedModule{module("m", far)})[0]
	want := []string{"what the field can hold 0xe0804010 0x1e080400f", "what the code needs 0x160804010 0x60042000",
		"where the code gets to 0x160042000 0x160042000"}
	if diff := cmp.Diff(want, addresses(s, "m, R_X86_64_PC32")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := addresses(s, "memory"); len(got) != 2 || got[1] != "added for the gap before brk 0x160000000 0x160600000" {
		t.Errorf("memory: %q", got)
	}
	inside(t, s)
}

// What is not known is not drawn.
func TestAddressesUnknown(t *testing.T) {
	nothing := high()
	nothing.Kernel = result.AddressRange{}
	if list := Addresses([]result.ExplainedModule{{}, module("m", nothing)}); list != nil {
		t.Errorf("drawn: %+v", list)
	}
	less := high()
	less.Modules, less.Module, less.Reach = "", "", nil
	other := high()
	other.Physical.End = "0xb0000000" // of another boot
	list := Addresses([]result.ExplainedModule{module("m", less), module("other", other)})
	if len(list) != 2 || len(list[0].Tracks) != 2 {
		t.Errorf("%d drawings, %+v", len(list), list)
	}
}

func inside(t *testing.T, s doc.Scale) {
	t.Helper()
	for _, track := range s.Tracks {
		for _, m := range track.Marks {
			if m.From < 0 || m.From > 1 || m.To < 0 || m.To > 1 {
				t.Errorf("%s: %+v is not on the line", track.Name, m)
			}
		}
	}
}

func at(mem string, kinds ...outcome.Kind) result.Placement {
	p := result.Placement{Name: mem, Mem: mem, Runs: []result.Run{{}}}
	for i, k := range kinds {
		p.Runs[0].Modules = append(p.Runs[0].Modules, result.Module{Name: fmt.Sprint("m", i), Outcome: outcome.Outcome{Kind: k}})
	}
	return p
}

func tone(k outcome.Kind) doc.Tone {
	if k == outcome.Loaded {
		return doc.Good
	}
	return doc.Reject
}

func TestMemory(t *testing.T) {
	const ok, no = outcome.Loaded, outcome.Oops
	threshold := result.Threshold{Modules: []string{"m0"}, Mem: "512M", Holds: true, Probes: []result.Placement{at("511M", ok), at("512M", no)}}
	refuted := threshold
	refuted.Holds = false
	s, drawn := Memory(&result.Results{Cells: []result.Cell{
		{ID: "a", Placements: []result.Placement{at("64M", ok), at("4G", no), at("1g", ok, no)}, Thresholds: []result.Threshold{threshold}},
		{ID: "b", Placements: []result.Placement{at("64M", ok), at("1G"), {Mem: "4G"}}, Thresholds: []result.Threshold{refuted}},
		{ID: "not built"},
	}}, tone)
	if !drawn || len(s.Tracks) != 2 {
		t.Fatalf("%v %+v", drawn, s)
	}
	inside(t, s)
	var tips []string
	for _, m := range s.Tracks[0].Marks {
		tips = append(tips, fmt.Sprintf("%.2f %s", m.From, m.Tip))
	}
	// 512M is halfway from 64M to 4G.
	want := []string{"0.04 m0: computed to load", "0.50 m0: not from mem=512M on",
		"0.04 mem=64M: loaded", "0.50 mem=511M: loaded", "0.50 mem=512M: oops", "0.65 mem=1g: loaded, oops", "0.96 mem=4G: oops"}
	if diff := cmp.Diff(want, tips); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bar := s.Tracks[0].Marks[0]; bar.To != s.Tracks[0].Marks[1].From {
		t.Error("what loads does not end where the threshold is")
	}
	if m := s.Tracks[0].Marks[5]; m.Tone != doc.Warn {
		t.Errorf("some loaded and some did not: %v", m.Tone)
	}
	if said := s.Tracks[0].Note.String(); said != "64M, 511M loaded; 512M oops; 1g loaded, oops; 4G oops" {
		t.Errorf("told as %q", said)
	}
	if got := len(s.Tracks[1].Marks); got != 3 {
		t.Errorf("%d marks of what was booted, with a threshold that was not borne out", got)
	}
	if _, drawn := Memory(&result.Results{Cells: []result.Cell{{ID: "a", Placements: []result.Placement{at("64M", ok)}}}}, tone); drawn {
		t.Error("one size of memory is drawn")
	}
}

// FuzzScale: whatever numbers a result holds, what is drawn lies on the line.
func FuzzScale(f *testing.F) {
	f.Add("0x60000000", "0xa0000000", "-0x80000000", "64M")
	f.Add("0xffffffffffffffff", "0", "", "99999999999G")
	f.Fuzz(func(t *testing.T, a, b, c, mem string) {
		s := result.AddressSpace{Kernel: result.AddressRange{First: a, End: b}, Physical: result.AddressRange{First: b, End: a}, Modules: b, Module: a,
			Reach: &result.Reach{From: a, To: b, Lowest: c, Highest: a, Reached: c}}
		for _, s := range Addresses([]result.ExplainedModule{module("m", s)}) {
			inside(t, s)
		}
		if s, ok := Memory(&result.Results{Cells: []result.Cell{{ID: "a", Placements: []result.Placement{at(mem, outcome.Loaded), at("64M", outcome.Loaded)}}}}, tone); ok {
			inside(t, s)
		}
	})
}
