package cli

import (
	"io/fs"
	"strings"

	"umlab/configs"
	"umlab/rootfs"
	"umlab/scenarios"
)

// project is umlab's own files, as they lie in its checkout.
var project = mounted{"configs": configs.Files, "scenarios": scenarios.Files, "rootfs": rootfs.Files}

// mounted is a file system of others, each below its directory.
type mounted map[string]fs.FS

// Open opens a file of one of them.
func (m mounted) Open(name string) (fs.File, error) {
	dir, rest, below := strings.Cut(name, "/")
	if !below {
		rest = "."
	}
	if below, ok := m[dir]; ok && fs.ValidPath(name) {
		return below.Open(rest)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
