// Package propose makes of what a report says (a log, a mail, a .config, a patch) the text of a scenario. It may import
// sample, scenario, buildlog and what lies below them; it is pure: bytes in, values out. It never reads a file, never builds or
// boots, and it claims of a kernel only what a line of the report proves; all else is a comment.
package propose

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/buildlog"
	"umlab/harness/kconfig"
	"umlab/harness/mail"
	"umlab/harness/outcome"
	"umlab/harness/pattern"
	"umlab/harness/prefix"
	"umlab/harness/tree/patch"
)

// Found is something that a line of a report names.
type Found struct {
	Value string // "" where none does
	Line  string // as it stands there
	At    string // "log.txt:12"
	Prose bool   // no program printed it
}

// Facts are what reports say. The zero value is that of none.
type Facts struct {
	Files   []string                // names of the reports
	Modules []outcome.ModuleOutcome // what became of modules, as far as lines prove it; a name may be ""
	Unclear []string                // what was seen and proves nothing, a sentence each
	Build   *buildlog.Said          // the first error of a build that failed; nil without
	Suite   string                  // of KUnit, that has a test which failed; "" without
	Test    string                  // that test
	NotOK   string                  // the line that says so

	Kernel, Rustc, Clang, GCC, Mem Found
	Machine                        string // that a .config is of: "um", "x86"; "" where none says it
	Commands                       []Command
	Options                        []kconfig.Option // of a .config, and those that a mail quotes; Line is of the report
	Config                         bool             // one of the reports is a whole .config
	Patches                        []Patch
	Links                          []string // threads and commits that the reports name as their source
}

// Patch is a patch that was given.
type Patch struct {
	File  string // a name that is fit for a file, "fix.patch"
	Title string
	Text  []byte // the diff alone
	Paths []string
}

// Command is a command that a log shows at a shell's prompt.
type Command struct {
	Words  []string
	Text   string
	Report int // index into Facts.Files
	Line   int // from 1
}

var (
	optionLine = pattern.New(`^(?:CONFIG_\w+=\S.*|# CONFIG_\w+ is not set)$`)
	quotes     = pattern.New(`^(?:> ?)+`)
	stepFails  = pattern.New(`(?m)^make(?:\[\d+\])?: \*\*\* \[`)
	specFails  = pattern.New(`(?im)^error: error loading target specification: `)
	notOK      = pattern.New(`^(\s*)not ok \d+ (?:- )?(\S+)`)
	subtest    = pattern.New(`^\s*# Subtest: (\S+)$`)
	link       = pattern.New(`^(?:Link|Closes): (https://\S+)$`)
	unfit      = pattern.New(`[^a-z0-9]+`)
)

// Add adds what a report says. The error is that of a report which is none.
func (f *Facts) Add(name string, data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%s: it is empty", name)
	}
	f.Files = append(f.Files, name)
	f.addAttached(name, data)
	if patches, err := patch.Read(name, data); err == nil && len(patches) > 0 {
		f.addPatches(name, patches)
		for _, p := range patches {
			f.addText(name, []byte(p.Message+"\n"))
		}
		return nil
	}
	if isConfig(data) {
		f.addConfig(name, string(data))
		return nil
	}
	f.addText(name, data)
	return nil
}

func (f *Facts) addConfig(name, text string) {
	f.Config = true
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		f.option(name, i+1, line)
		f.versions(name, i+1, line)
	}
}

// addAttached takes a whole .config that is attached to a mail, of whatever type its sender's program says it is.
func (f *Facts) addAttached(name string, data []byte) {
	for _, m := range mail.Split(data) {
		body, err := m.Decode(func(kind, file string) bool {
			return strings.HasPrefix(kind, "multipart/") || strings.Contains(strings.ToLower(file), "config")
		})
		if text := body.String(); err == nil && isConfig([]byte(text)) {
			f.addConfig(name, text)
		}
	}
}

// isConfig reports whether most lines are those of a .config.
func isConfig(data []byte) bool {
	options, others := 0, 0
	for line := range strings.Lines(string(data)) {
		switch line = strings.TrimSpace(line); {
		case optionLine.MatchString(line):
			options++
		case line != "" && line[0] != '#':
			others++
		}
	}
	return options > 4*others
}

// option takes a line that sets an option.
func (f *Facts) option(name string, n int, line string) {
	if !optionLine.MatchString(line) {
		return
	}
	if one, err := kconfig.ParseFragment(name, []byte(line+"\n")); err == nil {
		for _, o := range one.Options {
			o.Line = n
			f.Options = append(slices.DeleteFunc(f.Options, func(p kconfig.Option) bool { return p.Name == o.Name }), o)
		}
	}
}

// unclear is what was seen of a module: the line, quoted, and a sentence of what that is.
func unclear(module, line, sentence string) string {
	if line = clean(line); line != "" {
		line = `"` + line + `": `
	}
	return module + ": " + line + sentence
}

// addText takes a log, or a mail that has one.
func (f *Facts) addText(name string, data []byte) {
	modules, boot := outcome.ClassifyLog(data)
	for _, m := range modules {
		switch {
		case m.Outcome.Kind == outcome.Unproved || m.Outcome.Kind == outcome.Infra || m.Outcome.Kind == outcome.Loaded:
			f.Unclear = append(f.Unclear, unclear(cmp.Or(m.Name, "no module"), m.Outcome.Evidence, m.Outcome.Detail))
		case m.Outcome.VersionMagic():
			f.Unclear = append(f.Unclear, unclear(m.Name, m.Outcome.Evidence, "It was built for another kernel than the one that "+
				"refused it; umlab builds each module with its kernel."))
		default:
			f.Modules = append(f.Modules, m)
		}
	}
	lines := textOf(data)
	var plain []string
	var suites []string // open ones, by depth
	for i, raw := range lines {
		line := prefix.Any(raw)
		f.versions(name, i+1, line.Text)
		f.option(name, i+1, line.Text)
		if line.Prompt {
			f.command(len(f.Files)-1, i+1, line.Text)
		}
		bare := quotes.ReplaceAllString(raw, "")
		plain = append(plain, bare)
		if m := link.FindStringSubmatch(line.Text); m != nil && !slices.Contains(f.Links, m[1]) {
			f.Links = append(f.Links, m[1])
		}
		if m := subtest.FindStringSubmatch(prefix.Kernel(bare).Text); m != nil {
			suites = append(suites, m[1])
		} else if m := notOK.FindStringSubmatch(prefix.Kernel(bare).Text); m != nil && len(suites) > 0 && f.Suite == "" &&
			!slices.Contains(suites, m[2]) {
			f.Suite, f.Test, f.NotOK = suites[len(suites)-1], m[2], clean(bare)
		}
	}
	if boot.Kernel != "" && (f.Kernel.Value == "" || f.Kernel.Prose) {
		f.Kernel = Found{Value: boot.Kernel, Line: "Linux version " + boot.Kernel, At: name}
	}
	f.build([]byte(strings.Join(plain, "\n") + "\n"))
}

// textOf are the lines of a report, decoded where it is a mail.
func textOf(data []byte) (lines []string) {
	messages := mail.Split(data)
	for _, m := range messages {
		body, err := m.Decode(mail.Readable)
		if err != nil {
			continue
		}
		for _, line := range body.Lines() {
			lines = append(lines, line)
		}
	}
	if len(messages) == 0 {
		for line := range strings.Lines(string(data)) {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	return lines
}

// build takes the output of a make that failed.
func (f *Facts) build(log []byte) {
	if f.Build != nil || !stepFails.Regexp().Match(log) && !specFails.Regexp().Match(log) {
		return
	}
	for _, said := range buildlog.Failed(log, "cc") {
		if said.Tool != "" && said.Tool != "make" && said.Message != "" {
			f.Build = &said
			return
		}
	}
}

// addPatches takes patches, which go beside the scenario.
func (f *Facts) addPatches(name string, patches []patch.Patch) {
	for i, p := range patches {
		for line := range strings.Lines(string(p.Mail)) {
			if strings.TrimSpace(line) == "" {
				break
			}
			if subject, ok := strings.CutPrefix(line, "Subject: "); ok { // [PATCH 6.12 1/9]
				f.versions(name, p.Line, subject)
			}
		}
		stem := unfit.ReplaceAllString(strings.ToLower(strings.TrimSuffix(path.Base(name), path.Ext(name))), "-")
		stem = cmp.Or(strings.Trim(stem, "-"), "report")
		if len(patches) > 1 {
			stem = fmt.Sprintf("%s-%d", stem, i+1)
		}
		for slices.ContainsFunc(f.Patches, func(q Patch) bool { return q.File == stem+".patch" }) {
			stem += "-x"
		}
		f.Patches = append(f.Patches, Patch{File: stem + ".patch", Title: p.Title(), Text: p.Data, Paths: patch.Touched([]patch.Patch{p})})
		if p.Commit != "" && !slices.Contains(f.Links, p.Commit) {
			f.Links = append(f.Links, p.Commit)
		}
	}
}

// Proves reports whether a line proves that something goes wrong.
func (f *Facts) Proves() bool { return len(f.Modules) > 0 || f.Build != nil || f.Suite != "" }

// Starts reports whether there is something to begin a scenario with, though it may not say what goes wrong.
func (f *Facts) Starts() bool { return f.Proves() || f.Config || len(f.Patches) > 0 }

// clean is a text that fits a line, and that a terminal does not obey.
func clean(s string) string { return strings.TrimSpace(patch.OneLine(strings.ToValidUTF8(s, "?"))) }
