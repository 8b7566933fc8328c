package tree

import (
	"context"
	"io"
)

// Git runs one git command where it can do no harm: without network, seeing
// nothing of the machine but the mounts. It returns the command's exit status;
// the error is for a command that could not be run.
type Git func(ctx context.Context, c GitCommand) (status int, err error)

// GitCommand is one run of git.
type GitCommand struct {
	Args   []string // behind "git"
	Env    []string // more than the least there must be: NAME=value, with paths inside
	Dir    string   // working directory inside; "" for /
	Mounts []GitMount
	Stdin  io.Reader // nil: empty
	Stdout io.Writer // nil: dropped
	Stderr io.Writer // nil: dropped
}

// GitMount is a directory that git sees.
type GitMount struct {
	Host     string // on the machine
	At       string // inside
	Writable bool
}
