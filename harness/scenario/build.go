package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/outcome"
)

// AllGoal is the goal of make that builds the kernel and all configured modules.
const AllGoal = "all"

var (
	goalForm   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_+][A-Za-z0-9_.+-]*)*/?$`)
	commitForm = regexp.MustCompile(`^[0-9a-f]{12,40}$`)
	toolForm   = regexp.MustCompile(`^[a-z][a-z0-9.+-]*$`)
	placeForm  = regexp.MustCompile(`^[^\s:]+(:\d+)?$`)
)

// ValidGoal reports whether a scenario can have s for its goal.
func ValidGoal(s string) bool { return goalForm.MatchString(s) }

// ValidTool reports whether a scenario can name a tool s that says something.
func ValidTool(s string) bool { return toolForm.MatchString(s) }

// BuildOnly reports whether s is about a build alone: nothing is booted.
func (s *Scenario) BuildOnly() bool { return s.Goal != "" }

// TreeError says that a scenario is not for a tree.
type TreeError struct {
	Scenario, Tree, Version string
	Range                   string // that the scenario is for; "" where Err says why
	Err                     error  // why one of its patches does not apply, a *patch.ApplyError
}

func (e *TreeError) Error() string {
	text := fmt.Sprintf("scenario %s is not for tree %s (%s): ", e.Scenario, e.Tree, e.Version)
	if e.Err != nil {
		return text + "one of its patches does not fit\n" + e.Err.Error()
	}
	return text + "it is for kernels " + e.Range
}

// Brief is the error on one line: without the lines that a hunk wants.
func (e *TreeError) Brief() string {
	lines := strings.SplitN(e.Error(), "\n", 4)
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines[:min(3, len(lines))], ": ")
}

// Unwrap returns why a patch does not apply.
func (e *TreeError) Unwrap() error { return e.Err }

// CheckTree returns a *TreeError where the scenario is not for a tree of that name, by what `make kernelversion` prints there.
func (s *Scenario) CheckTree(name, kernel string) error {
	if s.trees.contain(kernel) {
		return nil
	}
	return &TreeError{Scenario: s.Name, Tree: name, Version: kernel, Range: s.trees.String()}
}

// String is the set as parseVersions reads it.
func (vs versions) String() string {
	return strings.Join(each(vs, func(b bound) string { return b.op + b.version }), ", ")
}

// KnownFrom is where the bug is known from, in words: "commit 8851e27d2cb9"; "" where the scenario does not say.
func (s *Scenario) KnownFrom() string {
	return strings.Join(each(s.Source, func(from string) string {
		if commitForm.MatchString(from) {
			return "commit " + from[:12]
		}
		return from
	}), ", ")
}

// build reads what a scenario about the build alone makes. It has nothing to boot.
func (v *validator) build() {
	t := v.file.table("build")
	if !v.file.has("build") {
		return
	}
	goal, kernel := v.require(t, "goal"), t.text("kernel")
	t.finish()
	if own := outOfTree.FindStringSubmatch(goal.value); own != nil {
		v.s.OutOfTree, v.goal = &OutOfTree{Name: own[1], Kernel: kernel.value}, goal.pos
	} else if !v.possible("goal", goal, ValidGoal(goal.value),
		`write a target of make, as in "prepare", "rust/core.o" or "all", or "M=DIRECTORY"`) {
		return
	} else if kernel.set {
		v.add(kernel.pos, "kernel is that of modules of a directory: it goes with goal = \"M=DIRECTORY\"")
	}
	v.s.Goal = goal.value
	for _, key := range []string{"module", "placement", "step"} {
		if v.file.has(key) {
			v.add(goal.pos, "a scenario with [build] boots nothing: leave out [[%s]]", key)
		}
	}
	if v.file.table("axes").has("placement") {
		v.add(goal.pos, "a scenario with [build] boots nothing: leave placement out of [axes]")
	}
	v.s.placements = nil
}

// said is what a tool of the build must have said, or must not.
type said struct {
	text    *regexp.Regexp // of an error, or of a warning
	warning bool
	absent  bool   // a warning that must not be there
	place   string // "rust/kernel/lib.rs:12", a glob; "" for any
	tool    string // "" for any
}

// fits reports whether d is what is wanted.
func (s said) fits(d outcome.Diagnostic) bool {
	return (s.text == nil || s.text.MatchString(d.Message)) && (s.tool == "" || s.tool == d.Tool) && (s.place == "" ||
		atPlace(s.place, d.Place))
}

// holds reports whether o shows what is wanted.
func (s said) holds(o outcome.Outcome) bool {
	if !s.warning {
		return o.Diagnostic != nil && s.fits(*o.Diagnostic)
	}
	return slices.ContainsFunc(o.Warnings, s.fits) != s.absent
}

func (s said) String() string {
	text := ""
	switch {
	case s.absent:
		text = " without warning"
	case s.warning:
		text = " with warning"
	}
	if s.text != nil {
		text += fmt.Sprintf(" %q", s.text)
	}
	if s.tool != "" {
		text += " of " + s.tool
	}
	if s.place != "" {
		text += " at " + s.place
	}
	return text
}

// atPlace matches a place of a diagnostic to a pattern: a glob of as many of its last directories as the pattern has, and the line
// where the pattern names one.
func atPlace(pattern, place string) bool {
	want, wantLine, _ := strings.Cut(pattern, ":")
	file, position, _ := strings.Cut(place, ":")
	line, _, _ := strings.Cut(position, ":")
	parts, n := strings.Split(file, "/"), strings.Count(want, "/")+1
	return len(parts) >= n && glob(want, path.Join(parts[len(parts)-n:]...)) && (wantLine == "" || wantLine == line)
}

// saidOf reads what tools must have said for an outcome of a build.
func (v *validator) saidOf(t *table) (failed, built []said) {
	message, place, tool := t.text("message"), t.text("place"), t.text("tool")
	warning, without := t.text("warning"), t.text("no-warning")
	v.possible("place", place, placeForm.MatchString(place.value),
		`write a file of the tree, perhaps with a line, as in "rust/kernel/lib.rs:12"`)
	v.possible("tool", tool, ValidTool(tool.value), `write it as in "rustc"`)
	if message.set || !warning.set && (place.set || tool.set) {
		failed = append(failed, said{text: v.expression("message", message), place: place.value, tool: tool.value})
	}
	if warning.set {
		built = append(built, said{text: v.expression("warning", warning), warning: true, place: place.value, tool: tool.value})
	}
	if without.set {
		built = append(built, said{text: v.expression("no-warning", without), warning: true, absent: true})
	}
	return failed, built
}

// Known is what o of a cell is in the words of the scenario, where that describes what tools say, whichever kernel and rustc it
// expects it of; "" where o is none of that. described reports whether it describes anything of o's kind.
func (s *Scenario) Known(c Cell, o outcome.Outcome) (known string, described bool) {
	for _, e := range s.expectations {
		for _, w := range e.wants {
			if !e.cell(c) || w.kind != o.Kind || len(w.said)+len(w.differs) == 0 {
				continue
			}
			if described = true; w.matches(o) {
				return w.String(), true
			}
		}
	}
	return "", described
}

// verdicts are those that can be expected: flaky and unknown prove nothing, so that
// nobody can want them.
func (s *Scenario) verdicts() []string {
	if s.BuildOnly() {
		return []string{"builds", "broken"}
	}
	return []string{"loads", "rejected", "address-dependent", "mixed", "broken", "passes", "fails"}
}

// outcomes are the kinds that can be expected.
func (s *Scenario) outcomes() (allowed []string) {
	for _, k := range outcome.Kinds() {
		of := k == outcome.Built || k == outcome.BuildFailed || k == outcome.ConfigDropped
		if k != outcome.Infra && (of || !s.BuildOnly()) && (k != outcome.Built || s.BuildOnly()) {
			allowed = append(allowed, string(k))
		}
	}
	return allowed
}

// Stock is the variant with no flag override.
func (s *Scenario) Stock() Variant { return s.variants[0] }

// wants are all outcomes that s knows or expects.
func (s *Scenario) wants() (all []Want) {
	for _, e := range s.expectations {
		all = append(all, e.wants...)
	}
	for _, c := range s.controls {
		all = append(all, c.Wants...)
	}
	return all
}

// Compared are the files of a build that are held against those of the stock cell.
func (s *Scenario) Compared() (files []string) {
	for _, w := range s.wants() {
		files = append(files, w.differs...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// Warnings reports whether s knows something of warnings.
func (s *Scenario) Warnings() bool {
	return slices.ContainsFunc(s.wants(), func(w Want) bool { return slices.ContainsFunc(w.said, func(s said) bool { return s.warning }) })
}

// At says where a control is seen: "stock:low:rust_minimal", "stock, by trixie, without the patches".
func (c Control) At() string {
	at := c.Cell
	if c.Placement != "" {
		at += ":" + c.Placement + ":" + c.Of()
	}
	if c.Toolchain != "" {
		at += ", by " + c.Toolchain
	}
	if c.Unpatched {
		at += ", without the patches"
	}
	return at
}

var outOfTree = regexp.MustCompile(`^M=([a-z0-9][a-z0-9_]*)$`)

// OutOfTree are the modules that a scenario about the build makes of a directory beside it, by M=.
type OutOfTree struct {
	Name   string            // of the directory
	Dir    string            // "scenarios/NAME/DIRECTORY"
	Files  map[string][]byte // by their paths below it
	Digest string            // of all of them
	Kernel string            // the toolchain that made the kernel that they are built for, a name as Toolchain's; "" for the run's own
}

// External is the directory where it was written to dir; "" for where it is not.
func (o *OutOfTree) External(dir string) *External {
	return &External{Given: o.Dir, Dir: dir, Digest: o.Digest, Mount: "ext/" + o.Name}
}

// readOutOfTree reads the directory of s.OutOfTree, of a goal that stands at p.
func (s *Scenario) readOutOfTree(at place, p pos, m *mistakes) {
	if s.OutOfTree == nil {
		return
	}
	dir := path.Join(s.Name, s.OutOfTree.Name)
	h := sha256.New()
	s.OutOfTree.Dir = path.Join(at.name, dir)
	s.OutOfTree.Files = map[string][]byte{}
	err := fs.WalkDir(at, dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(at, file)
		rel := strings.TrimPrefix(file, dir+"/")
		s.OutOfTree.Files[rel] = data
		fmt.Fprintf(h, "%q %x\n", rel, sha256.Sum256(data))
		return err
	})
	if err != nil {
		m.add(p, "goal %q: the directory %s: %v", s.Goal, s.OutOfTree.Dir, err)
	}
	s.OutOfTree.Digest = hex.EncodeToString(h.Sum(nil))
}
