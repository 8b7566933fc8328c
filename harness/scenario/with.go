package scenario

import (
	"strings"

	"github.com/pelletier/go-toml/v2"

	"umlab/harness/outcome"
)

// With is the cell with other settings in the place of its own.
func (c Cell) With(settings []Setting) Cell {
	c.Variant = newVariant(settings...)
	if !c.Variant.scoped() {
		c.Scope = ""
	}
	return c
}

// File is a scenario that is written: one cell, and what one of its modules shows at one placement.
type File struct {
	Name, Title, Description string
	Tree, Toolchain          string
	Fragments                []string
	Cell                     Cell // with its one placement; modules of the user's directories are left out
	Module                   string
	Shows                    outcome.Outcome // of Module
}

// TOML is the text of the file, as Load reads it.
func (f File) TOML() string {
	var b strings.Builder
	line := func(key string, value any) {
		text, _ := toml.Marshal(map[string]any{key: value}) // strings, lists of them, numbers and truths: each has a form
		b.Write(text)
	}
	text := func(key, value string) {
		if value != "" {
			line(key, value)
		}
	}
	for _, s := range [][2]string{
		{"schema", Schema}, {"name", f.Name}, {"title", f.Title}, {"description", f.Description}, {"tree", f.Tree}, {"toolchain", f.Toolchain},
	} {
		text(s[0], s[1])
	}
	line("fragments", f.Fragments)
	place := f.Cell.Placements[0]
	if place.Name == place.MemText { // of -mem=, and no name in a file
		place.Name = "at-" + strings.ToLower(place.MemText)
	}
	b.WriteString("\n[axes]\n")
	text("scope", f.Cell.Scope)
	text("placement", place.Name)
	if len(f.Cell.Variant.Settings) > 0 {
		b.WriteString("\n[[variant]]\n")
		for _, s := range f.Cell.Variant.Settings {
			line(s.Axis.String(), s.Value)
		}
	}
	if own, builtin := Builtin(place.Name); !builtin || !own.same(place) {
		b.WriteString("\n[[placement]]\n")
		text("name", place.Name)
		text("mem", place.MemText)
		line("aslr", place.ASLR)
	}
	theirs := false
	for _, m := range f.Cell.Modules {
		if m.External != nil {
			theirs = theirs || m.Name == f.Module
			continue
		}
		b.WriteString("\n[[module]]\n")
		text("name", m.Name)
		text("path", m.Path)
		if m.Output != nil {
			text("output", m.Output.String())
		}
		if len(m.Params) > 0 {
			line("params", m.Params)
		}
	}
	// of what the scenario does not have, what no run is to end in, or what differs, nothing is expected
	if theirs || f.Shows.Kind == "" || f.Shows.Kind == outcome.Timeout {
		return b.String()
	}
	b.WriteString("\n[[expect]]\n")
	text("cell", f.Cell.ID())
	text("module", f.Module)
	text("outcome", string(f.Shows.Kind))
	if r := f.Shows.Relocation; r != nil {
		line("relocation", r.Type)
	}
	if n := f.Shows.Errno; n != 0 && (f.Shows.Kind == outcome.InitFailed || f.Shows.Kind == outcome.InsmodFailed) {
		line("errno", n)
	}
	return b.String()
}
