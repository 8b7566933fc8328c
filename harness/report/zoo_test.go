package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"umlab/harness/conclude"
	"umlab/harness/report/checks"
	"umlab/harness/report/doc"
	"umlab/harness/result"
)

// zoo has an entry of each kind: of many cells, of a goal, of steps, of the steps of one cell, one that differs, one that was skipped for its
// tree, one for its toolchain, and two that prove nothing.
func zoo() *result.Zoo {
	entry := func(r *result.Results, source ...string) result.ZooEntry {
		return result.ZooEntry{Scenario: r.Scenario, Source: source,
			Column: result.SweepColumn{Tree: r.Tree.Name, Toolchain: r.Toolchain.Name, Results: r}}
	}
	named := func(name string) result.Scenario {
		return result.Scenario{Name: name, Title: "what " + name + " is about"}
	}
	differs := matrix()
	differs.Infra, differs.Exit = "", result.ExitDiffers
	differs.Cells[0].AsExpected, differs.Cells[0].Expected = false, "loads"
	void := goalRun()
	void.Infra, void.Exit = "control older-rustc-builds: stock gave build-failed where built is known: this run proves nothing", result.ExitInfra
	expected := goalRun()
	expected.Infra, expected.Exit = "", result.ExitExpected
	one := steps()
	one.Cells, one.Exit = one.Cells[1:2], result.ExitExpected
	one.Cells[0].Expected, one.Cells[0].AsExpected = "mixed", true
	foreign := &result.Refusal{Reasons: []string{"scenario sscanf is not for tree debian-7.3 (7.3.4): it is for kernels >=6.12, <6.15"}}
	old := &result.Refusal{Reasons: []string{"bindgen 0.1 is older than 0.65.1"}, Nearest: "sid"}
	const down = "fetch toolchain trixie: no route to host"
	z := &result.Zoo{Schema: result.ZooSchema, Command: "umlab zoo -tree=debian-6.12", Started: matrix().Started, Seconds: 42}
	z.Entries = []result.ZooEntry{
		entry(expected, "8851e27d2cb947ea8bbbe8e812068f7bf5cbd00b", "https://lore.kernel.org/r/1"), entry(steps()), entry(differs), entry(void),
		{Scenario: named("sscanf"), Column: result.SweepColumn{Tree: "debian-7.3", Toolchain: "trixie", Refused: foreign}},
		{Scenario: named("bindgen"), Column: result.SweepColumn{Tree: "debian-6.12", Toolchain: "trixie", Refused: old}},
		{Scenario: named("hostfs"), Column: result.SweepColumn{Tree: "debian-6.12", Toolchain: "trixie", Infra: down}}, entry(one),
	}
	z.Totals, z.Exit = conclude.Zoo(z.Entries)
	return z
}

// spoiledZoo has s wherever a text may stand.
func spoiledZoo(s string) *result.Zoo {
	z := zoo()
	z.Command = s
	for i := range z.Entries {
		e := &z.Entries[i]
		e.Scenario, e.Source = result.Scenario{Name: "x" + s, Title: s}, []string{s}
		e.Column.Tree, e.Column.Toolchain = "x"+s, "x"+s
		switch c := &e.Column; {
		case c.Refused != nil:
			c.Refused = &result.Refusal{Reasons: []string{s}, Nearest: s}
		case c.Results != nil:
			c.Results = spoiled(s)
		default:
			c.Infra = "x" + s
		}
	}
	z.Totals, z.Exit = conclude.Zoo(z.Entries)
	return z
}

// A page is whole and its own, whatever is said on it.
func TestZooPage(t *testing.T) {
	for _, s := range []string{"", "<script>alert(1)</script>", "a\nb\x1b[31m", strings.Repeat("wide", 60)} {
		var b bytes.Buffer
		if err := doc.HTML(&b, Zoo(spoiledZoo(s))); err != nil {
			t.Fatal(err)
		}
		checkPage(t, b.Bytes())
		var text bytes.Buffer
		for _, width := range []int{40, 80, 100} {
			if err := doc.Terminal(&text, Zoo(spoiledZoo(s)), doc.Options{Width: width}); err != nil {
				t.Fatal(err)
			}
		}
		if strings.ContainsRune(text.String(), '\x1b') {
			t.Errorf("%q reaches the terminal", s)
		}
	}
}

func TestZooGolden(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer, *result.Zoo) error{
		"80.txt":  func(b *bytes.Buffer, z *result.Zoo) error { return doc.Terminal(b, Zoo(z), doc.Options{Width: 80}) },
		"100.txt": func(b *bytes.Buffer, z *result.Zoo) error { return doc.Terminal(b, Zoo(z), doc.Options{Width: 100}) },
		"160.txt": func(b *bytes.Buffer, z *result.Zoo) error { return doc.Terminal(b, Zoo(z), doc.Options{Width: 160}) },
		"md":      func(b *bytes.Buffer, z *result.Zoo) error { return Form(Zoo, doc.MarkdownMail)(b, z) },
		"html":    func(b *bytes.Buffer, z *result.Zoo) error { return Form(Zoo, doc.HTML)(b, z) },
		"ktap":    func(b *bytes.Buffer, z *result.Zoo) error { return Form(ZooChecks, checks.KTAP)(b, z) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b, zoo()); err != nil {
				t.Fatal(err)
			}
			golden(t, "zoo."+name, b.Bytes())
		})
	}
}

// What is written as JSON is what is published, and reads back as it was.
func TestZooSchema(t *testing.T) {
	valid, err := Validator(result.ZooSchema)
	if err != nil {
		t.Fatal(err)
	}
	for name, z := range map[string]*result.Zoo{"all": zoo(), "none": {Schema: result.ZooSchema, Entries: []result.ZooEntry{}}} {
		z.Totals, z.Exit = conclude.Zoo(z.Entries)
		var b, again bytes.Buffer
		if err := JSON(&b, z); err != nil {
			t.Fatal(err)
		}
		if err := valid(b.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		read := &result.Zoo{}
		if err := json.Unmarshal(b.Bytes(), read); err != nil {
			t.Fatal(err)
		}
		if err := JSON(&again, read); err != nil || again.String() != b.String() {
			t.Errorf("%s: not read as it was written: %v", name, err)
		}
	}
	broken := zoo()
	broken.Entries[0].Column.Infra = "as well"
	var b bytes.Buffer
	if err := JSON(&b, broken); err != nil {
		t.Fatal(err)
	}
	if err := valid(b.Bytes()); err == nil {
		t.Error("an entry with results and without is valid")
	}
}

// Whatever the entries are, the verdict names what does not hold.
func TestZooVerdict(t *testing.T) {
	all := zoo()
	for _, c := range []struct {
		keep []int // entries
		want string
		exit int
	}{
		{[]int{0}, "all as expected", 0},
		{[]int{0, 4}, "1 as expected, 1 skipped", 0},
		{[]int{0, 2, 4}, "1 of 2 differ from what the scenario expects, 1 skipped", 1},
		{[]int{4, 5}, "2 skipped", 2},
		{[]int{0, 2, 3}, "1 of 2 differ from what the scenario expects, 1 proves nothing (infrastructure)", 3},
		{nil, "nothing was run", 2},
	} {
		z := &result.Zoo{}
		for _, i := range c.keep {
			z.Entries = append(z.Entries, all.Entries[i])
		}
		z.Totals, z.Exit = conclude.Zoo(z.Entries)
		if got := ZooVerdict(z); !strings.HasPrefix(got, c.want) || z.Exit != c.exit {
			t.Errorf("entries %v: %q, exit %d; want %q, %d", c.keep, got, z.Exit, c.want, c.exit)
		}
	}
}
