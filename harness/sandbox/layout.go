package sandbox

import (
	"path"
	"strings"
)

// mountPoint is a place inside the sandbox where something will be mounted.
type mountPoint struct {
	path string // clean and absolute
	dir  bool   // else a file
}

// missing lists what a read-only sysroot lacks for the given mount points, by the existing directory of the sysroot
// below which it is to be made: paths relative to that directory. The top level is left out, because there the root of
// the sandbox is a tmpfs of its own; so is a mount point that turns out to lie below another, which is that one's
// business.
//
// look says where a path of the sysroot really lies, symbolic links resolved, and false where nothing is.
func missing(points []mountPoint, look func(string) (string, bool)) map[string][]mountPoint {
	need := map[string][]mountPoint{}
	for _, p := range points {
		if below(p, points) {
			continue
		}
		have, rest := "/", strings.TrimPrefix(p.path, "/")
		for rest != "" {
			name, more, _ := strings.Cut(rest, "/")
			real, ok := look(path.Join(have, name))
			if !ok {
				break
			}
			have, rest = real, more
		}
		if rest != "" && have != "/" && !below(mountPoint{path: path.Join(have, "x")}, points) {
			need[have] = append(need[have], mountPoint{rest, p.dir})
		}
	}
	return need
}

// below reports whether another of points is a directory above p.
func below(p mountPoint, points []mountPoint) bool {
	for _, q := range points {
		if q.path != p.path && within(q.path, p.path) {
			return true
		}
	}
	return false
}
