package tree

import (
	"context"

	"umlab/harness/sandbox"
)

// Git runs one git command where it can do no harm: without network unless the
// command is lent it, seeing nothing of the machine but the mounts. Args are those behind "git". It returns
// the command's exit status; the error is for a command that could not be run.
type Git func(ctx context.Context, c sandbox.Command) (status int, err error)
