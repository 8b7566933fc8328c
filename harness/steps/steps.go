// Package steps makes of the steps of a cell what its guest is given and what is wanted of
// it. It may import uml, kbuild, scenario, outcome and shell. It is pure: it builds, boots
// and judges nothing.
package steps

import (
	"slices"
	"strings"
	"time"

	"umlab/harness/kbuild"
	"umlab/harness/outcome"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/uml"
)

// Given is what a guest is given for the steps of a cell.
type Given struct {
	Commands []string       // of each step, for the guest's shell; "" of one that is the boot alone
	Wanted   []outcome.Step // of each step
	Steps    []uml.Step     // those that have a command
	Finds    uml.Extra
	Loads    []uml.Module  // that steps load
	Within   time.Duration // to the guest's prompt; 0 where no step says
}

// Of is what the guest of c is given; p is what was built for it, and programs are the paths of
// the programs of its steps, by name of the step.
func Of(c scenario.Cell, p *kbuild.Product, programs map[string]string) (g Given) {
	if c.Guest != nil {
		g.Finds.Entries, g.Finds.Sources = c.Guest.Entries, c.Guest.Files
	}
	there := map[string]bool{} // modules that steps have loaded
	for _, step := range c.Steps {
		want := outcome.Step{Name: step.Name, Status: step.Status, Output: step.Output, Kernel: step.Kernel, Suite: step.Suite,
			Within: step.Within}
		command := step.Shell
		switch step.Kind {
		case scenario.StepC:
			inside := scenario.StepProgram(step.Name)
			g.Finds.Files = append(g.Finds.Files, uml.File{Path: inside, Mode: 0o755, Host: programs[step.Name]})
			command = "exec " + shell.Join(append([]string{inside}, step.Args...)...)
		case scenario.StepWrite:
			g.Finds.Files = append(g.Finds.Files, uml.File{Path: scenario.StepInput(step.Name), Mode: 0o644, Data: []byte(step.Input)})
		case scenario.StepMount:
			g.Finds.Dirs = append(g.Finds.Dirs, step.Target)
		case scenario.StepRmmod:
			command = shell.Join("rmmod", step.Module)
			delete(there, step.Module)
		case scenario.StepInsmod, scenario.StepKUnit:
			want.Module = step.Module
			command = g.insmod(c, p, step.Module, there)
		}
		if want.Boot = command == ""; want.Boot {
			g.Within = max(g.Within, step.Within)
		} else {
			file := scenario.StepFile(step.Name)
			g.Finds.Files = append(g.Finds.Files, uml.File{Path: file, Mode: 0o644, Data: []byte(command + "\n")})
			g.Steps = append(g.Steps, uml.Step{Name: step.Name, File: file, Within: step.Within, Log: step.Kernel != nil || step.Suite != ""})
		}
		g.Commands, g.Wanted = append(g.Commands, command), append(g.Wanted, want)
	}
	return g
}

// insmod is the command that inserts a module of c, "" for none, with what it needs of the others and no step before
// has inserted.
func (g *Given) insmod(c scenario.Cell, p *kbuild.Product, name string, there map[string]bool) string {
	i := slices.IndexFunc(c.Modules, func(m scenario.Module) bool { return m.Name == name })
	if i < 0 {
		return ""
	}
	var lines []string
	add := func(m scenario.Module) {
		loaded := uml.Module{Name: m.Name, Path: p.Modules[m.Path].Path, Params: m.Params}
		g.Loads = append(g.Loads, loaded)
		lines, there[m.Name] = append(lines, loaded.Insmod()+" || exit"), true
	}
	for _, m := range p.Needed(c.Modules, c.Modules[i]) {
		if !there[m.Name] {
			add(m)
		}
	}
	add(c.Modules[i])
	return strings.Join(append(lines, "cat /proc/modules"), "\n")
}
