package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"umlab/harness/manifest"
	"umlab/harness/shell"
)

// StepKind is what a step does: the key of [[step]] that says it.
type StepKind string

// The kinds.
const (
	StepRun    StepKind = "run"    // a command of the guest's shell
	StepC      StepKind = "c"      // a C program, built statically with the cell's compiler
	StepRead   StepKind = "read"   // a file of the guest is read
	StepWrite  StepKind = "write"  // a text is written to one
	StepMount  StepKind = "mount"  // a file system is mounted
	StepInsmod StepKind = "insmod" // a module of the scenario is loaded, with what it needs
	StepRmmod  StepKind = "rmmod"  // one is removed
	StepKUnit  StepKind = "kunit"  // suites of KUnit, of the kernel or of a module
	StepBoot   StepKind = "boot"   // nothing but the boot
)

func stepKinds() []string {
	return []string{"run", "c", "read", "write", "mount", "insmod", "rmmod", "kunit", "boot"}
}

// Step is one thing that the guest is given to do, and what is wanted of it.
type Step struct {
	Name   string
	Kind   StepKind
	Shell  string `json:",omitempty"` // what the guest's shell runs; "" of c, insmod, rmmod, kunit and boot
	Input  string `json:",omitempty"` // of write: the text, which is StepInput(Name) in the guest
	Source string `json:",omitempty"` // of c: the program's text
	File   string `json:",omitempty"` // of c: where that stands, in the project
	Args   []string
	Module string `json:",omitempty"` // of insmod, rmmod, and of kunit where the suites are a module's
	Suite  string `json:",omitempty"` // of kunit: pattern of suites
	Target string `json:",omitempty"` // of mount: the directory
	Shown  string // the action in one line: "run ls /sys"

	Status int            // of the command
	Output *regexp.Regexp // what it prints, each line with its \n, has a match; nil: anything
	Kernel *regexp.Regexp // a line of the kernel has one; nil: anything
	Within time.Duration  // 0: as long as any step
}

// stepDir is where the guest finds what its steps need.
const stepDir = "/steps/"

// StepFile is the path of a step's command in the guest.
func StepFile(step string) string { return stepDir + step }

// StepInput is the path of what a step writes.
func StepInput(step string) string { return stepDir + step + ".in" }

// StepProgram is the path of a step's program.
func StepProgram(step string) string { return stepDir + step + ".bin" }

// Guest is what a scenario brings into the guest beside what every guest has.
type Guest struct {
	Entries []manifest.Entry
	Files   map[string][]byte `json:"-"` // by their names in Entries
	Digest  string            // of the contents of all files
}

var stepName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$`)

func (v *validator) step(t *table) {
	name, ok := v.name("step", t, stepName, "write a word of letters, digits, _ and -, 61 at most", names(v.s.Steps))
	s := Step{Name: name}
	// what a suite of KUnit is in is loaded by its step
	kinds := slices.DeleteFunc(stepKinds(), func(k string) bool { return !t.has(k) || k == string(StepInsmod) && t.has(string(StepKUnit)) })
	switch len(kinds) {
	case 1:
		s.Kind = StepKind(kinds[0])
	case 0:
		v.add(t.pos, "[[step]] does nothing: write one of %s", list(stepKinds()))
	default:
		v.add(t.pos, "[[step]] has %s: a step does one thing, so make them steps of their own", list(kinds))
	}
	t.known = append(t.known, stepKinds()...) // what is not read is known all the same
	v.action(t, &s)
	v.wanted(t, &s)
	if ok {
		v.s.Steps = append(v.s.Steps, s)
	}
}

// action reads what the step does.
func (v *validator) action(t *table, s *Step) {
	key := string(s.Kind)
	var value text
	if s.Kind != "" && s.Kind != StepWrite && s.Kind != StepMount && s.Kind != StepBoot {
		if value = v.require(t, key); !value.set {
			return
		}
	}
	s.Shown = key + " " + value.value
	args := t.texts("args")
	if len(args) > 0 && s.Kind != StepC {
		v.add(t.pos, "args are those of a program: they go with c only")
	}
	switch s.Kind {
	case StepRun:
		s.Shell = value.value
	case StepC:
		s.File = value.value
		v.possible("c", value, fs.ValidPath(s.File) && path.Ext(s.File) == ".c",
			fmt.Sprintf("write the name of a *.c file in the directory %s beside the scenario", v.s.Name))
		for _, a := range args {
			s.Args = append(s.Args, a.value)
			s.Shown += " " + shell.Join(a.value)
		}
		v.programs = append(v.programs, value)
	case StepRead:
		v.guestPath("read", value)
		s.Shell = "cat " + shell.Join(value.value)
	case StepWrite:
		w := t.table(key)
		file, content := v.require(w, "path"), w.text("text")
		w.finish()
		if !content.given {
			v.lacks(w.pos, w.name, "text")
		}
		v.guestPath("path", file)
		s.Input, s.Shown = content.value, fmt.Sprintf("write %q to %s", content.value, file.value)
		s.Shell = "cat " + shell.Join(StepInput(s.Name)) + " >" + shell.Join(file.value)
	case StepMount:
		m := t.table(key)
		kind, target, source, options := v.require(m, "type"), v.require(m, "target"), m.text("source"), m.text("options")
		m.finish()
		v.guestPath("target", target)
		words := []string{"mount", "-t", kind.value}
		if options.set {
			words = append(words, "-o", options.value)
		}
		if !source.set {
			source.value = "none"
		}
		s.Target, s.Shell = target.value, shell.Join(append(words, source.value, target.value)...)
		s.Shown = s.Shell
	case StepInsmod, StepRmmod:
		s.Module = value.value
		v.oneOf("module", value, names(v.s.Modules))
	case StepKUnit:
		s.Suite = value.value
		if _, err := path.Match(s.Suite, ""); err != nil {
			v.add(value.pos, "kunit %q is no pattern: write a suite's name, or one with *", s.Suite)
		}
		if module := t.text(string(StepInsmod)); module.set {
			s.Module = module.value
			s.Shown += ", insmod " + s.Module
			v.oneOf("module", module, names(v.s.Modules))
		}
	case StepBoot:
		if b := t.get(key, kindBool, "true"); b != nil && !b.truth {
			v.add(b.pos, "boot = false does nothing: leave the step out")
		}
		s.Shown = key
	}
}

// guestPath wants an absolute path of the guest.
func (v *validator) guestPath(key string, t text) {
	v.possible(key, t, path.IsAbs(t.value) && !strings.ContainsRune(t.value, 0), "write an absolute path in the guest")
}

// wanted reads what must be seen.
func (v *validator) wanted(t *table, s *Step) {
	commands := s.Kind != StepInsmod && s.Kind != StepKUnit && s.Kind != StepBoot
	if n := t.get("status", kindInteger, "an integer"); n != nil {
		s.Status = int(n.number)
		switch {
		case n.number < 0 || n.number > 255:
			v.add(n.pos, "status %d is not possible: allowed are 0 to 255", n.number)
		case !commands:
			v.add(n.pos, "status is a command's: %s has none; name the outcome that you expect in an [[expect]]", s.Kind)
		}
	}
	output := t.text("output")
	if output.set && !commands {
		v.add(output.pos, "output is what a command prints: %s has no command", s.Kind)
	}
	if s.Output = v.expression("output", output); s.Output != nil {
		s.Output = regexp.MustCompile("(?m)" + s.Output.String())
	}
	s.Kernel = v.expression("kernel", t.text("kernel"))
	if d := t.text("within"); d.set {
		var err error
		s.Within, err = time.ParseDuration(d.value)
		v.possible("within", d, err == nil && s.Within > 0 && s.Within <= time.Hour, `write a time up to "1h", as in "5s" or "500ms"`)
	}
}

// readSteps reads the files of the scenario's own directory that its steps name, and its manifest.
func (s *Scenario) readSteps(at place, project fs.FS, programs []text, m *mistakes) {
	dir := path.Join(at.name, s.Name)
	own, err := fs.Sub(at, s.Name)
	if err != nil {
		return // the name is none, as was said
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.File == "" {
			continue
		}
		source, err := fs.ReadFile(own, step.File)
		if err != nil {
			m.add(placeOf(programs, step.File), "c %q is not in the directory %s: %v", step.File, dir, errors.Unwrap(err))
		}
		step.File, step.Source = path.Join(dir, step.File), string(source)
	}
	entries, err := manifest.Read(own, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		m.more = append(m.more, err)
		return
	}
	if len(s.Steps) == 0 {
		m.more = append(m.more, fmt.Errorf("%s/%s: %s has no [[step]] that could use it: write one, or remove the file",
			dir, manifest.Name, s.Name))
	}
	s.Guest = &Guest{Files: map[string][]byte{}}
	var base []manifest.Entry
	rootfs, err := fs.Sub(project, "rootfs")
	if err == nil {
		base, err = manifest.Read(rootfs, "rootfs")
	}
	if err != nil {
		m.more = append(m.more, err)
	}
	h := sha256.New()
	for _, e := range entries {
		wrong := func(format string, args ...any) {
			m.more = append(m.more, fmt.Errorf("%s/%s:%d: %w", dir, manifest.Name, e.Line, fmt.Errorf(format, args...)))
		}
		if strings.HasPrefix(e.Path, "modules/") || strings.HasPrefix("/"+e.Path+"/", stepDir) {
			wrong("path %q is umlab's own: choose another", e.Path)
			continue
		}
		if top, below, _ := strings.Cut(e.Path, "/"); below != "" && slices.Contains([]string{"proc", "sys", "dev"}, top) {
			wrong("path %q is hidden by what is mounted on /%s in every guest: choose another", e.Path, top)
			continue
		}
		if i := slices.IndexFunc(base, func(b manifest.Entry) bool { return b.Path == e.Path }); i >= 0 {
			if e.Line = base[i].Line; e != base[i] {
				wrong("path %q stands in rootfs/%s already, and otherwise: choose another", e.Path, manifest.Name)
			}
			continue // every guest has it
		}
		if e.Kind == "file" && s.Guest.Files[e.Source] == nil {
			data, err := fs.ReadFile(own, e.Source)
			if err != nil {
				wrong("source %q: %w", e.Source, errors.Unwrap(err))
				continue
			}
			s.Guest.Files[e.Source] = data
			fmt.Fprintf(h, "%q %x\n", e.Source, sha256.Sum256(data))
		}
		s.Guest.Entries = append(s.Guest.Entries, e)
	}
	s.Guest.Digest = hex.EncodeToString(h.Sum(nil))
}

// Takes reports whether a step is called name, or a test of KUnit may be.
func (s *Scenario) Takes(name string) bool {
	_, ok := named(s.Steps, name)
	return ok || strings.Contains(name, "/") && s.kunit()
}

func (s *Scenario) kunit() bool {
	return slices.ContainsFunc(s.Steps, func(s Step) bool { return s.Kind == StepKUnit })
}

// stepped are the modules that steps load or remove.
func (s *Scenario) stepped() (modules []Module) {
	return slices.DeleteFunc(slices.Clone(s.Modules), func(m Module) bool { return !m.stepped(s.Steps) })
}

func (m Module) stepped(by []Step) bool {
	return slices.ContainsFunc(by, func(s Step) bool { return s.Module == m.Name })
}

// Alone is c with the modules alone that are tried by themselves.
func (c Cell) Alone() Cell {
	c.Modules = c.Tried()
	return c
}

// Tried are the cell's modules that are tried by themselves: those that no step loads.
func (c Cell) Tried() []Module {
	return slices.DeleteFunc(slices.Clone(c.Modules), func(m Module) bool { return m.stepped(c.Steps) })
}
