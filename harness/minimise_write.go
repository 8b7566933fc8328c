package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"umlab/harness/kconfig"
	"umlab/harness/scenario"
	"umlab/harness/usage"
)

// The files of -out=.
const (
	outFragment = "minimised.config"
	outScenario = "minimised"
)

// checkNewDirectory says before the work whether the directory of a flag can be made after it, or is there and empty.
func checkNewDirectory(flag, path string) error {
	if path == "" {
		return nil
	}
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
		return usage.Errorf("-%s=%s: it is not empty: name a new directory", flag, path)
	} else if err == nil {
		return nil
	}
	return checkOutput(flag, path)
}

// write writes what is left to a directory: all requested options, the user's modules, and a scenario of the cell.
func (m *minimising) write(dir string) error {
	if dir == "" {
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("write -out=%s: %w", dir, err) }
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, outFragment), []byte(kconfig.Text(m.left.options)), 0o644); err != nil {
		return fail(err)
	}
	p := m.plan(m.left, nil)
	var again []string
	written := map[string]bool{}
	for _, mod := range p.Modules() {
		e := mod.External
		if e == nil || e.Dir == "" || written[e.Mount] {
			continue
		}
		written[e.Mount] = true
		name := filepath.Base(e.Mount)
		if err := m.left.copyTo(filepath.Join(dir, name), e); err != nil {
			return fail(err)
		}
		again = append(again, "./"+name)
	}
	if s := m.was.plan.Scenario; len(s.Steps)+len(s.Patches) > 0 || s.Goal != "" {
		return nil // what a scenario is beside options and modules stays in the one that there is
	}
	about := fmt.Sprintf("What minimise left of %s, which shows %s.", m.result.Target, m.result.Seen)
	if again != nil {
		about += " Run it with -modules=" + strings.Join(again, ",") + "."
	}
	f := scenario.File{Name: outScenario, Title: m.result.Target + ": " + m.result.Seen, Description: about, Tree: m.was.plan.Flags.Tree,
		Toolchain: m.was.plan.Flags.Toolchain, Fragments: []string{outFragment}, Cell: p.Cells[0], Module: m.target.Module, Shows: m.shows}
	if err := os.WriteFile(filepath.Join(dir, outScenario+".toml"), []byte(f.TOML()), 0o644); err != nil {
		return fail(err)
	}
	return nil
}
