package buildlog

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"umlab/harness/outcome"
	"umlab/harness/pattern"
)

// The paths inside umlab's sandbox. They are part of what is built (they stand in .cmd files), so they are the same for every tree
// and every user.
const (
	Source = "/src"   // the tree, read-only
	Build  = "/build" // O=, the only place that make can write to but /tmp
	Beside = "/ext"   // directories of modules lie below it, see scenario.External
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
	ccSays      = pattern.New(`^(\S+?):(\d+(?::\d+)?): (?:fatal )?(?:[Ee]rror|[Ww]arning): (.*)$`)
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

// RustTarget is the file that rustc's --target= names on x86, see arch/x86/Makefile.um.
const RustTarget = "scripts/target.json"

// Failed are, of each step of make that failed, the first error that a tool named, and what make itself had to say.
// compiler is C's: "clang".
func Failed(log []byte, compiler string) (all []Said) {
	type failedAt struct {
		target string
		at     int
	}
	var steps []failedAt
	for _, m := range failedStep.Regexp().FindAllSubmatchIndex(log, -1) {
		steps = append(steps, failedAt{string(log[m[2]:m[3]]), m[0]})
	}
	told := -1 // the step that the last error belongs to
	for _, m := range Errors(log) {
		i := slices.IndexFunc(steps, func(s failedAt) bool { return s.at > m.Offset })
		if i >= 0 && i == told {
			continue
		}
		s := Said{Diagnostic: diagnostic(m.Lines[m.First:], compiler), Line: m.Lines[m.First], Offset: m.Offset}
		if i >= 0 {
			told, s.Step = i, inside(steps[i].target)
		}
		all = append(all, s)
	}
	return all
}

// diagnostic is what the lines of one message say, the line that names the error or the warning first.
func diagnostic(lines []string, compiler string) outcome.Diagnostic {
	line := lines[0]
	d := outcome.Diagnostic{Message: strings.TrimSpace(line)}
	switch {
	case rustSays.MatchString(line):
		d.Tool, d.Message = "rustc", rustSays.FindStringSubmatch(line)[1]
		if specSays.MatchString(d.Message) {
			d.Place = RustTarget
		}
		for _, l := range lines[1:] {
			if m := rustPlace.FindStringSubmatch(l); m != nil {
				d.Place = m[1]
				break
			}
		}
	case ccSays.MatchString(line):
		m := ccSays.FindStringSubmatch(line)
		d.Tool, d.Place, d.Message = compiler, m[1]+":"+m[2], m[3]
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
		d = diagnostic(bindgenSays.FindStringSubmatch(line)[1:], compiler) // what its libclang said
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

// inside is a file of one of those directories as seen from there.
func inside(place string) string {
	for _, dir := range []string{Source, Build, Beside} {
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

// Warnings are those in make's output, each once, with the step that stands before them: where make prints the output of
// each target in one piece, it is the one that they are of.
func Warnings(log []byte, compiler string) (all []outcome.Diagnostic) {
	made := ""
	lines := strings.Split(string(bytes.ToValidUTF8(log, []byte("?"))), "\n")
	for i, line := range lines {
		if _, target, ok := Step(line); ok {
			made = target
			continue
		}
		if !warns.MatchString(line) || warnCount.MatchString(line) {
			continue
		}
		d := diagnostic(lines[i:min(i+8, len(lines))], compiler)
		d.Step = made
		if !slices.Contains(all, d) && len(all) < mostWarnings {
			all = append(all, d)
		}
	}
	return all
}
