package doc

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A table that is too wide is folded, then replaced, then set as a list; what
// belongs to the one that fits comes with it.
func TestTableNarrows(t *testing.T) {
	cells := func(what string) Row {
		return Cells(Code("stock"), Say(what, ":").Break(1, " ").Say("nine GOTPCREL"), Say("rejected"))
	}
	columns := []Column{{Head: Say("variant"), Role: Key}, {Head: Say("low").Break(1, " ").Say("(64M)")}, {Head: Say("verdict"), Role: Sum}}
	wide := Table{Label: "all", Columns: columns, Rows: []Row{cells("unknown relocation")}, Legend: []Line{Say("= as left")}}
	narrow := wide
	narrow.Rows = []Row{cells("unknown")}
	narrow.Above, narrow.Legend = []Block{Para{Line: Say("shortened")}}, []Line{Say("~ shortened")}
	wide.Narrower = []Block{narrow}
	d := &Document{Blocks: []Block{wide, Evidence{{Outcome: "unknown 9", Line: "bad", Where: "stock:low"}}}}
	for _, tt := range []struct {
		name  string
		write func(*bytes.Buffer) error
		want  string
	}{
		{"as it is", func(b *bytes.Buffer) error { return Terminal(b, d, Options{Width: 80}) },
			"variant  low (64M)                          verdict\n" +
				"────────────────────────────────────────────────────\n" +
				"stock    unknown relocation: nine GOTPCREL  rejected\n" +
				"= as left\nunknown 9: bad  [stock:low]\n"},
		{"folded", func(b *bytes.Buffer) error { return Terminal(b, d, Options{Width: 41}) },
			"variant  low                  verdict\n         (64M)\n" +
				"──────────────────────────────────────\n" +
				"stock    unknown relocation:  rejected\n         nine GOTPCREL\n" +
				"= as left\nunknown 9: bad  [stock:low]\n"},
		{"the narrower one", func(b *bytes.Buffer) error { return Terminal(b, d, Options{Width: 36}) },
			"shortened\n\nvariant  low            verdict\n         (64M)\n" +
				"────────────────────────────────\n" +
				"stock    unknown:       rejected\n         nine GOTPCREL\n" +
				"~ shortened\nunknown 9: bad  [stock:low]\n"},
		{"a list", func(b *bytes.Buffer) error { return Terminal(b, d, Options{Width: 30}) },
			"stock: rejected\n  low (64M)  unknown: nine\n    GOTPCREL\nunknown 9: bad  [stock:low]\n"},
		{"in a mail of Markdown", func(b *bytes.Buffer) error { return MarkdownMail(b, d) },
			"```\nvariant  low (64M)                          verdict\n" +
				"────────────────────────────────────────────────────\n" +
				"stock    unknown relocation: nine GOTPCREL  rejected\n```\n\n- = as left\n\n" +
				"```\nunknown 9: bad  [stock:low]\n```\n"},
		{"Markdown", func(b *bytes.Buffer) error { return Markdown(b, d) },
			"| variant | low (64M) | verdict |\n| --- | --- | --- |\n| `stock` | unknown relocation: nine GOTPCREL | rejected |\n\n" +
				"- = as left\n\n- unknown 9 (`stock:low`): `bad`\n"},
	} {
		var b bytes.Buffer
		if err := tt.write(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
