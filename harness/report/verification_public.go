package report

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/shell"
)

// VerificationPublic is Verification of what Public leaves.
func VerificationPublic(v *result.Verification) *doc.Document { return Verification(Public(v)) }

// Public is v as it can be sent to people who do not know the sender's machine: a tree
// or a file of the sender's goes by its name, without the directory that it lies in. A
// diff is as it was.
func Public(v *result.Verification) *result.Verification {
	var own []string // trees of the user's, as they were named
	for _, p := range sides(v) {
		for _, h := range halves(p) {
			if dir, _, _ := strings.Cut(h.Tree.Name, "#"); strings.Contains(dir, "/") && !strings.Contains(dir, "://") {
				own = appendNew(own, strings.TrimSuffix(dir, "/"))
			}
		}
	}
	out := result.Rewritten(v, func(s string) string {
		for _, dir := range own {
			s = strings.ReplaceAll(strings.ReplaceAll(s, dir+"/", ""), dir, filepath.Base(dir))
		}
		return absolute.ReplaceAllStringFunc(s, func(path string) string {
			if system.MatchString(path) {
				return path
			}
			m := absolute.FindStringSubmatch(path)
			return m[1] + m[2]
		})
	})
	out.Command = publicCommand(v.Command)
	for i := range out.Patches {
		out.Patches[i].Diff = v.Patches[i].Diff
	}
	return out
}

// absolute is a path with at least one directory, and what stands before it; system are
// those that every machine has, and those inside of umlab's sandbox.
var (
	absolute = regexp.MustCompile(`(^|[\s"'(=<>\[,])/(?:[\w.+@~-]+/)+([\w.+@~-]*)`)
	system   = regexp.MustCompile(`^[\s"'(=<>\[,]?/(?:bin|dev|etc|lib|lib64|proc|sbin|src|sys|umlab|usr)/`)
)

// publicCommand is a command with the names of its files alone. Where a module's
// directory is of the tree, it stays.
func publicCommand(command string) string {
	words := shell.Split(command)
	for i, w := range words {
		name, value, isFlag := strings.Cut(w, "=")
		switch isFlag = isFlag && strings.HasPrefix(name, "-"); {
		case !isFlag:
			words[i] = fileName(w)
		case slices.Contains([]string{"tree", "trees", "scenario", "fragment", "fragments", "modules"}, strings.TrimLeft(name, "-")):
			values := strings.Split(value, ",")
			for k, v := range values {
				if !strings.HasSuffix(name, "modules") || strings.HasPrefix(v, ".") || strings.HasPrefix(v, "/") || strings.HasPrefix(v, "~") {
					values[k] = fileName(v)
				}
			}
			words[i] = name + "=" + strings.Join(values, ",")
		}
	}
	return shell.Join(words...)
}

// fileName is a path without its directories; what a tree's ref says stays behind it.
func fileName(path string) string {
	file, ref, hash := strings.Cut(path, "#")
	if !strings.Contains(file, "/") || strings.Contains(path, "://") {
		return path
	}
	if hash {
		ref = "#" + ref
	}
	return filepath.Base(file) + ref
}
