package propose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/pattern"
	"umlab/harness/sample"
	"umlab/harness/scenario"
)

// steps writes what the guest is given to do beyond loading modules.
func (w *writer) steps() {
	switch {
	case w.Facts.Suite != "":
		w.line("")
		if w.Known.Runs == nil && w.Facts.Suite != doctests {
			w.note("Which option has this suite was not found: add it to [kconfig], built in.")
		}
		w.line("[[step]]\nname = \"suite\"\nkunit = %s", quote(w.Facts.Suite))
		w.out.Claims = append(w.out.Claims,
			Claim{Step: w.Facts.Suite + "/" + w.Test, Line: w.NotOK, Outcome: outcome.Outcome{Kind: outcome.Failed}})
	case w.stepped():
		w.commands()
	case slices.ContainsFunc(w.out.Claims, func(c Claim) bool { return c.Step == "boots" }) || len(w.mods) == 0:
		w.line("")
		if len(w.out.Claims) == 0 {
			w.note("The report does not show what was done: this is the boot alone.")
		}
		w.line("[[step]]\nname = \"boots\"\nboot = true")
	}
	// A fault of no module, and no command that it could come from, is the boot's.
	for i, c := range w.out.Claims {
		if c.Module == "" && c.Step == "" {
			w.out.Claims[i].Step = "boots"
			w.line("\n[[step]]\nname = \"boots\"\nboot = true")
			break
		}
	}
}

// commands writes the commands of the log as steps, in their order.
func (w *writer) commands() {
	w.line("")
	w.note("The commands that the log shows, in their order. That all of them matter is a guess.")
	last := ""
	loaded := map[string]bool{}
	for i, c := range w.Commands {
		step := fmt.Sprintf("%s-%d", c.Words[0], i+1)
		module, verb := c.module()
		switch {
		case verb == "insmod" && !loaded[module] && w.has(module):
			loaded[module] = true
			w.line("\n[[step]]\nname = %s\ninsmod = %s", quote(step), quote(module))
			for j, claim := range w.out.Claims {
				if claim.Module == module {
					w.out.Claims[j].Step, w.out.Claims[j].Module = step, ""
				}
			}
		case verb == "rmmod" && loaded[module]:
			delete(loaded, module)
			w.line("\n[[step]]\nname = %s\nrmmod = %s", quote(step), quote(module))
		case verb != "":
			w.note(c.Text + ": no module of this scenario")
			continue
		default:
			w.line("\n[[step]]\nname = %s\n%s", quote(step), c.action())
		}
		last = step
	}
	for i, claim := range w.out.Claims {
		if claim.Module == "" && claim.Step == "" {
			w.out.Claims[i].Step = last
		}
	}
}

func (w *writer) has(module string) bool {
	return slices.ContainsFunc(w.mods, func(m sample.Module) bool { return m.Name == module })
}

// controls writes what is known beforehand.
func (w *writer) controls() {
	control := func(name string, lines ...string) {
		w.line("\n[[control]]\nname = %q\n%s", name, strings.Join(lines, "\n"))
	}
	switch {
	case w.Build != nil:
		if w.UsualChain != "" && w.UsualChain != w.Toolchain {
			w.line("")
			w.note("A guess: the toolchain that umlab takes for this tree builds it.")
			control("usual-toolchain-builds", "toolchain = "+quote(w.UsualChain), `outcome = "built"`)
		}
		if w.Culprit && len(w.Patches) > 0 {
			control("builds-without-the-patch", "patched = false", `outcome = "built"`)
		}
		if (w.UsualChain == "" || w.UsualChain == w.Toolchain) && !(w.Culprit && len(w.Patches) > 0) {
			w.line("")
			w.note("Nothing is known to build and nothing to fail: where you know a toolchain that builds it,", "[[control]]", `name = "builds"`,
				`toolchain = "NAME"`, `outcome = "built"`)
		}
	case w.relocations():
		w.line("")
		w.note("What is known: these flags come after the tree's own and win over them, whatever the tree has.")
		control("known-reject", `cell = "pie-small"`, `placement = "low"`, `module = "rust_minimal"`, `outcome = "relocation-unknown"`)
		control("known-load", `cell = "static-large"`, `placement = "low"`, `module = "rust_minimal"`, `outcome = "loaded"`)
	default:
		stock := func(module string, more ...string) []string {
			return append([]string{`cell = "stock"`, `placement = "low"`, "module = " + quote(module)}, more...)
		}
		if w.has(loads) && !w.claimed(loads) {
			control("known-load", stock(loads, `outcome = "loaded"`)...)
		}
		if w.has(fails) && !w.claimed(fails) {
			control("known-fail", stock(fails, `outcome = "init-failed"`, "errno = 11 # EAGAIN, always")...)
		}
		if !w.has(loads) && !w.has(fails) {
			w.line("")
			w.note("Nothing here is known beforehand. A module that loads, or a step that passes, wherever the machine is sound " +
				"makes a [[control]].")
		}
	}
}

func (w *writer) claimed(module string) bool {
	return slices.ContainsFunc(w.out.Claims, func(c Claim) bool { return c.Module == module })
}

// goal is what make is asked for.
func (w *writer) goal() string {
	goal := w.Build.Step
	if i := strings.Index(goal, "/build/"); i >= 0 { // an absolute path below somebody's build directory is not the target
		goal = goal[i+len("/build/"):]
	}
	if scenario.ValidGoal(goal) && !strings.HasSuffix(goal, "/") && (strings.Contains(goal, "/") || slices.Contains(goals, goal)) {
		return goal
	}
	return scenario.AllGoal
}

// goals are those that the top Makefile takes, and that are no file below it.
var goals = []string{"prepare", "vmlinux", "linux", "modules", "rustavailable"}

// expect writes what the report proves.
func (w *writer) expect() {
	if w.Build != nil {
		w.expectBuild()
		return
	}
	for i, c := range w.out.Claims {
		w.line("")
		if c.Line != "" {
			w.note("The report's line: " + c.Line)
		}
		w.line("[[expect]]\ncell = \"stock\"")
		switch {
		case c.Step != "":
			w.line("step = %s", quote(c.Step))
		default:
			w.line("module = %s", quote(c.Module))
		}
		if placement := w.at(c); placement != "" {
			w.out.Claims[i].Placement = placement
			w.line("placement = %s", quote(placement))
		}
		o := c.Outcome
		if o.Kind == outcome.BootFailed {
			w.note("A guest that dies before its prompt takes no step.")
		}
		if len(c.Kinds) > 0 {
			w.note("These are the tool's words alone: they do not tell whether the loader refused the module, or its own init.")
			w.line("outcome = [\"insmod-failed\", \"init-failed\"]")
		} else {
			w.line("outcome = %s", quote(string(o.Kind)))
		}
		switch o.Kind {
		case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.LoadedCorrupt:
			if o.Relocation != nil && o.Relocation.Type > 0 && o.Relocation.Type < 256 {
				w.line("relocation = %d # %s", o.Relocation.Type, clean(o.Relocation.Name))
			}
		case outcome.InitFailed, outcome.InsmodFailed:
			if o.Errno > 0 && o.Errno < 4096 {
				w.line("errno = %d", o.Errno)
			}
		}
	}
	if len(w.out.Claims) > 0 {
		return
	}
	w.line("")
	if len(w.out.Own) > 0 {
		w.note("What the report proves, to be turned on with the module:")
		for _, m := range w.Facts.Modules {
			w.note("[[expect]]", "cell = \"stock\"", "module = "+quote(m.Name), "outcome = "+quote(string(m.Outcome.Kind)))
			if m.Outcome.Errno > 0 {
				w.note(fmt.Sprintf("errno = %d", m.Outcome.Errno))
			}
		}
		return
	}
	w.note("The report does not say what goes wrong, so that nothing is expected. When you know:", "[[expect]]", `cell = "stock"`,
		`step = "boots"`, `outcome = "passed"`)
}

// at is the placement at which a claim holds.
func (w *writer) at(c Claim) string {
	switch {
	case w.placed():
		return "report"
	case c.Outcome.Kind == outcome.RelocationOverflow:
		return "high" // below 2 GiB nothing overflows
	}
	return ""
}

// mostMessage is how much of a message is matched: what follows names files and types that differ.
const mostMessage = 80

// wherever matches a message wherever it is printed: without the directories of who reported it.
func wherever(message string) string {
	message = clean(message)
	if cut := []rune(message); len(cut) > mostMessage {
		message = string(cut[:mostMessage])
	}
	return somewhere.ReplaceAllString(regexp.QuoteMeta(message), `\S*`)
}

// somewhere is a directory, in a pattern.
var somewhere = pattern.New(`(?:/[\w.\\+-]+)+/`)

func (w *writer) expectBuild() {
	d := w.Build.Diagnostic
	message := "^" + wherever(d.Message)
	w.out.Claims = append(w.out.Claims, Claim{Outcome: outcome.Outcome{Kind: outcome.BuildFailed}, Line: clean(w.Build.Line),
		Said: regexp.MustCompile(message)})
	w.line("")
	w.note("The report's line: " + clean(w.Build.Line))
	w.line("[[expect]]\noutcome = \"build-failed\"\nmessage = %s", strconv.Quote(message))
	if tool := d.Tool; scenario.ValidTool(tool) && tool != "cc" {
		w.line("tool = %s", quote(tool))
	}
	if place, _, _ := strings.Cut(d.Place, ":"); place != "" && placeForm.MatchString(place) {
		w.note("Without the line, which differs from tree to tree.")
		parts := strings.Split(place, "/")
		w.line("place = %s", quote(strings.Join(parts[max(0, len(parts)-3):], "/")))
	}
	if d.Step == "" {
		w.note("In which step of make it failed the report does not show: the whole kernel is made.")
	}
}

// placeForm is a file whose name, as a pattern, matches itself.
var placeForm = pattern.New(`^[^\s:*?\[\]\\]+$`)
