package uml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"umlab/harness/console"
	"umlab/harness/manifest"
)

// Step is one thing that the guest is given to do: a file of its shell's, run with an empty input.
type Step struct {
	Name string
	File string // path in the guest of what its shell runs

	Within time.Duration // to the end of the step; 0: Booter.Limits decides
	Log    bool          // the kernel's log is asked for right behind it
	Talks  bool          // it is known to print lines that look like a fault and are none
}

// File is a file that the guest finds beside those of its manifest.
type File struct {
	Path string // in the guest, absolute
	Mode fs.FileMode
	Data []byte // where Host is ""
	Host string // path on the host of what it is a copy of
}

// Extra is what a guest finds beside its modules and what every guest has.
type Extra struct {
	Entries []manifest.Entry
	Sources map[string][]byte // by Entry.Source
	Files   []File
	Dirs    []string // absolute paths in the guest, made where they are not there
}

// takeAll has the guest take the steps until all are done or the kernel has faulted. The error is the session's.
func takeAll(ctx context.Context, s *console.Session, steps []Step) error {
	for _, step := range steps {
		// In a process of its own: what ends the shell must not end the guest's init.
		reply, err := s.DoWithin(ctx, step.Within, "step", step.Name, "sh "+step.File+" </dev/null")
		if err != nil || reply.Oops != "" && !step.Talks {
			return err
		}
		if step.Log {
			if _, err := s.Do(ctx, "log", "", logShell); err != nil {
				return err
			}
		}
	}
	return nil
}

// lay lays out what a guest has beside modules below root, but for the modes of directories.
func (e Extra) lay(root *os.Root, busybox string) error {
	if err := layAll(root, e.Entries, busybox, sources(e.Sources)); err != nil {
		return err
	}
	for _, dir := range e.Dirs {
		if err := root.MkdirAll(strings.TrimPrefix(path.Clean(dir), "/"), 0o755); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	for _, f := range e.Files {
		name := strings.TrimPrefix(f.Path, "/")
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		open := func() (fs.File, error) { return os.Open(f.Host) }
		if f.Host == "" {
			open = func() (fs.File, error) { return sources{name: f.Data}.Open(name) }
		}
		if err := copyFile(root, name, f.Mode, open); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

// sources are files in memory, by name.
type sources map[string][]byte

// Open implements fs.FS.
func (s sources) Open(name string) (fs.File, error) {
	data, ok := s[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &source{Reader: *strings.NewReader(string(data))}, nil
}

// source is one of them, to be read only.
type source struct{ strings.Reader }

func (*source) Close() error               { return nil }
func (*source) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
