package kbuild

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/outcome"
	"umlab/harness/pattern"
)

// Said is an error with the line of make's output that it stands in.
type Said struct {
	outcome.Diagnostic
	Line   string `json:"line"`
	Offset int    `json:"offset"` // of Line in the output, bytes
}

var (
	failedStep  = pattern.New(`(?m)^make(?:\[\d+\])?: \*\*\* \[(?:[^\]\n]*: )?([^\]\s]+)\] (?:Error \d+|.*)$`)
	rustSays    = pattern.New(`^(?:error|warning)(?:\[[A-Z]\d+\])?: (.*)$`)
	rustPlace   = pattern.New(`^ *--> (.*)$`)
	compiler    = pattern.New(`^(\S+?):(\d+(?::\d+)?): (?:fatal )?(?:[Ee]rror|[Ww]arning): (.*)$`)
	linkerSays  = pattern.New(`^(?:\S*/)?((?:[\w-]+-)?ld(?:\.\w+)?): (?:error: |warning: )?(.*)$`)
	modpostSays = pattern.New(`^(?:ERROR|FATAL|WARNING): (modpost): (.*)$`)
	makeSays    = pattern.New(`^(?:make(?:\[\d+\])?|(\S+:\d+)): \*\*\* (.*)$`)
	kconfigSays = pattern.New(`^(\S*Kconfig\S*:\d+): ?(?:error: |warning: )?(.*)$`)
	toolSays    = pattern.New(`^(?:\S*/)?([A-Za-z][\w.+-]*): (?:fatal )?(?:[Ee]rror|[Ww]arning): (.*)$`)
	objtoolSays = pattern.New(`^(\S+): (?:error|warning): (objtool): (.*)$`)
	bindgenSays = pattern.New(`^Unable to generate bindings: (?:clang diagnosed error: )?(.+)$`)
	panics      = pattern.New(`^thread '.*'(?: \(\d+\))? panicked at `)
	specSays    = pattern.New(`(?i)^error loading target specification: `)
	warns       = pattern.New(`^(?:warning(?:\[[A-Z]\d+\])?: |WARNING: |\S.*: [Ww]arning: )`)
	warnCount   = pattern.New(`^warning: (?:.* generated )?\d+ warnings? emitted|^warning: .* generated \d+ warning`)
)

// rustTarget is the file that rustc's --target= names on x86, see arch/x86/Makefile.um.
const rustTarget = "scripts/target.json"

// errorsOf are, of each step of make that failed, the first error that a tool named, and what make itself had to say.
func (b Base) errorsOf(log []byte) (all []Said) {
	type failedAt struct {
		target string
		at     int
	}
	var steps []failedAt
	for _, m := range failedStep.Regexp().FindAllSubmatchIndex(log, -1) {
		steps = append(steps, failedAt{string(log[m[2]:m[3]]), m[0]})
	}
	told := -1 // the step that the last error belongs to
	for _, m := range buildlog.Errors(log) {
		i := slices.IndexFunc(steps, func(s failedAt) bool { return s.at > m.Offset })
		if i >= 0 && i == told {
			continue
		}
		s := Said{Diagnostic: b.diagnostic(m.Lines[m.First:]), Line: m.Lines[m.First], Offset: m.Offset}
		if i >= 0 {
			told, s.Step = i, inside(steps[i].target)
		}
		all = append(all, s)
	}
	return all
}

// diagnostic is what the lines of one message say, the line that names the error or the warning first.
func (b Base) diagnostic(lines []string) outcome.Diagnostic {
	line := lines[0]
	d := outcome.Diagnostic{Message: strings.TrimSpace(line)}
	switch {
	case rustSays.MatchString(line):
		d.Tool, d.Message = "rustc", rustSays.FindStringSubmatch(line)[1]
		if specSays.MatchString(d.Message) {
			d.Place = rustTarget
		}
		for _, l := range lines[1:] {
			if m := rustPlace.FindStringSubmatch(l); m != nil {
				d.Place = m[1]
				break
			}
		}
	case compiler.MatchString(line):
		m := compiler.FindStringSubmatch(line)
		d.Tool, d.Place, d.Message = b.Compiler, m[1]+":"+m[2], m[3]
	case modpostSays.MatchString(line):
		m := modpostSays.FindStringSubmatch(line)
		d.Tool, d.Message = m[1], m[2]
	case kconfigSays.MatchString(line):
		m := kconfigSays.FindStringSubmatch(line)
		d.Tool, d.Place, d.Message = "kconfig", m[1], m[2]
	case objtoolSays.MatchString(line):
		m := objtoolSays.FindStringSubmatch(line)
		d.Tool, d.Place, d.Message = m[2], m[1], m[3]
	case makeSays.MatchString(line):
		m := makeSays.FindStringSubmatch(line)
		d.Tool, d.Place, d.Message = "make", m[1], m[2]
	case bindgenSays.MatchString(line):
		d = b.diagnostic(bindgenSays.FindStringSubmatch(line)[1:]) // what its libclang said
		d.Tool = "bindgen"
	case panics.MatchString(line) && len(lines) > 1:
		d.Message = strings.TrimSpace(lines[1])
	case linkerSays.MatchString(line):
		m := linkerSays.FindStringSubmatch(line)
		d.Tool, d.Message = m[1], m[2]
	case toolSays.MatchString(line):
		m := toolSays.FindStringSubmatch(line)
		d.Tool, d.Message = m[1], m[2]
	}
	d.Place = inside(d.Place)
	return d
}

// inside is a file of the tree, of the build directory or of a directory beside the scenario without where the sandbox shows them.
func inside(place string) string {
	for _, dir := range []string{srcDir, buildDir, externalDir} {
		if rest, ok := strings.CutPrefix(place, dir+"/"); ok {
			return rest
		}
	}
	if file, at, has := strings.Cut(place, ":"); strings.HasPrefix(place, ".") {
		if place = path.Clean(file); has {
			place += ":" + at
		}
		for strings.HasPrefix(place, "../") {
			place = place[len("../"):]
		}
	}
	return place
}

// mostWarnings bounds how many are kept.
const mostWarnings = 100

// warningsOf are the warnings in make's output, each once, with the step that stands before them: where make prints the output of
// each target in one piece, it is the one that they are of.
func (b Base) warningsOf(log []byte) (all []outcome.Diagnostic) {
	made := ""
	lines := strings.Split(string(bytes.ToValidUTF8(log, []byte("?"))), "\n")
	for i, line := range lines {
		if m := step.FindStringSubmatch(line); m != nil {
			made = m[2]
			continue
		}
		if !warns.MatchString(line) || warnCount.MatchString(line) {
			continue
		}
		d := b.diagnostic(lines[i:min(i+8, len(lines))])
		d.Step = made
		if !slices.Contains(all, d) && len(all) < mostWarnings {
			all = append(all, d)
		}
	}
	return all
}

// Diagnostics are those of the output of a make that somebody else ran: of each step that failed, the first error that a tool
// named.
func Diagnostics(log []byte) []Said { return Base{Compiler: "cc"}.errorsOf(log) }
