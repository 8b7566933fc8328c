package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

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
