package harness_test

import (
	"io/fs"
	"testing/fstest"
)

// replaced is a project with one file changed.
type replaced struct {
	fs.FS
	name string
	text []byte
}

func (r replaced) Open(name string) (fs.File, error) {
	if name == r.name {
		return fstest.MapFS{name: &fstest.MapFile{Data: r.text}}.Open(name)
	}
	return r.FS.Open(name)
}
