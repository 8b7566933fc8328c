package tree

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
)

// MinTools returns the oldest versions of rustc, bindgen, llvm, gcc and binutils
// that the kernel source allows for ARCH=um, by the tool's name. What the
// source sets no minimum for is not in it; the map is empty where it has no
// scripts/min-tool-version.sh.
func MinTools(source fs.FS) (map[string]string, error) {
	text, err := fs.ReadFile(source, "scripts/min-tool-version.sh")
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseMinTools(text), nil
}

var (
	minArm  = regexp.MustCompile(`^([a-z][a-z0-9_-]*)\)\s*(.*)$`)
	minEcho = regexp.MustCompile(`^echo\s+"?([0-9]+(?:\.[0-9]+)*)"?\s*(;;)?$`)
	minTest = regexp.MustCompile(`^(?:el)?if\s+\[\s+"?\$\{?([A-Z]+)\}?"?\s+(=|!=)\s+"?([A-Za-z0-9_]+)"?\s+\]\s*(;\s*then)?$`)
)

// parseMinTools reads scripts/min-tool-version.sh as the shell would run it for
// each tool with ARCH=um: arms of one case, with if, elif and else over ARCH and
// SRCARCH around an echo. A tool whose arm holds anything else is left out: a
// minimum is never guessed.
func parseMinTools(text []byte) map[string]string {
	all := map[string]string{}
	env := map[string]string{"ARCH": "um", "SRCARCH": "um"}
	tool := ""          // whose arm this is
	var ifs []minBranch // around this line, the outermost first
	drop := func() { delete(all, tool); tool = "" }
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		line = strings.TrimSpace(line)
		if tool == "" {
			if m := minArm.FindStringSubmatch(line); m != nil {
				tool, ifs, line = m[1], nil, m[2]
			} else {
				continue
			}
		}
		live := true
		for _, b := range ifs {
			live = live && b.now
		}
		switch test, echo := minTest.FindStringSubmatch(line), minEcho.FindStringSubmatch(line); {
		case line == "" || line == "then":
		case line == ";;":
			if len(ifs) > 0 {
				drop()
			}
			tool = ""
		case test != nil:
			value, known := env[test[1]]
			holds := (value == test[3]) == (test[2] == "=")
			switch {
			case !known:
				drop()
			case !strings.HasPrefix(line, "el"):
				ifs = append(ifs, minBranch{now: holds, had: holds})
			case len(ifs) == 0:
				drop()
			default:
				ifs[len(ifs)-1].next(holds)
			}
		case line == "else" && len(ifs) > 0:
			ifs[len(ifs)-1].next(true)
		case line == "fi" && len(ifs) > 0:
			ifs = ifs[:len(ifs)-1]
		case echo != nil:
			if _, twice := all[tool]; live && twice {
				drop()
				continue
			}
			if live {
				all[tool] = echo[1]
			}
			if echo[2] != "" {
				tool = ""
			}
		default:
			drop()
		}
	}
	if tool != "" { // the arm has no end
		drop()
	}
	return all
}

// minBranch is an if that is being read.
type minBranch struct {
	now bool // the lines that follow are run
	had bool // one of its branches was
}

func (b *minBranch) next(holds bool) { b.now, b.had = holds && !b.had, b.had || holds }
