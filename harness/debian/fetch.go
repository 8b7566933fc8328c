package debian

import (
	"context"
	"fmt"
	"path"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"umlab/harness/progress"
)

// File is a fetched and verified package.
type File struct {
	Package Package `json:"package"`
	Path    string  `json:"path"` // of the .deb, as the FileStore keeps it
}

// Fetch gets the packages through the store, several at once, and returns their
// files in the same order. Each is verified by size and sha256. The first error
// ends it: see diskFullError and those of fetch.Client.
func (c *Client) Fetch(ctx context.Context, pkgs []Package) (files []File, err error) {
	var total int64
	for _, p := range pkgs {
		total += p.Size
	}
	task := c.progress().Start("fetch packages", progress.Bytes, total)
	defer func() { task.Done(err) }()
	files = make([]File, len(pkgs))
	var ready atomic.Int64
	g, group := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, p := range pkgs {
		if group.Err() != nil {
			break
		}
		g.Go(func() error {
			f := file(p.Base + "/" + p.Filename)
			f.Size, f.SHA256, f.Task = p.Size, p.SHA256, task
			name, err := c.HTTP.Into(group, c.Files, f)
			if err != nil {
				return doing("fetch "+path.Base(p.Filename), err)
			}
			files[i] = File{p, name}
			task.Status(fmt.Sprintf("%d of %d packages, %s", ready.Add(1), len(pkgs), p.Name))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("fetch packages: %w", context.Cause(ctx))
	}
	return files, nil
}
