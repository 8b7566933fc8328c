// Package watch tells which files were saved, a burst of saves at a time. It imports nothing of umlab, and reads and
// writes no file.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Files are what is watched, as absolute paths.
type Files struct {
	Directories []string // with all below them, but .git
	Files       []string // also where another file takes the name, or none has it yet
	Writes      []string // what the caller writes itself, directories with all below them: it is no save
}

// Watcher watches files. It must not be used by several goroutines at a time.
type Watcher struct {
	files  Files
	events *fsnotify.Watcher
}

// LimitError says that the kernel watches no more for this user.
type LimitError struct {
	Directory string
	Setting   string // "fs.inotify.max_user_watches"
	Advised   int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("watch %s: the kernel's limit of watches is reached, and each directory takes one: sudo sysctl %s=%d",
		e.Directory, e.Setting, e.Advised)
}

// Open begins to watch. The error is a *LimitError where the kernel's limit is reached.
func Open(files Files) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, limit("files", err)
	}
	w := &Watcher{events: events}
	w.files.Writes = files.Writes
	for _, dir := range files.Directories {
		w.files.Directories = append(w.files.Directories, actual(dir))
	}
	for _, f := range files.Files {
		// A link is watched where it stands, and where it leads.
		for _, at := range []string{filepath.Join(actual(filepath.Dir(f)), filepath.Base(f)), actual(f)} {
			if !slices.Contains(w.files.Files, at) {
				w.files.Files = append(w.files.Files, at)
			}
		}
	}
	if err := w.addAll(); err != nil {
		return nil, errors.Join(err, events.Close())
	}
	return w, nil
}

// Close ends the watching.
func (w *Watcher) Close() error { return w.events.Close() }

// actual is where path leads to; it may not be there.
func actual(path string) string {
	if at, err := filepath.EvalSymlinks(path); err == nil {
		return at
	}
	return filepath.Clean(path)
}

// addAll watches all that is to be watched; what is watched already stays so.
func (w *Watcher) addAll() error {
	for _, dir := range w.files.Directories {
		// Its name, which it may lose and get again, is its parent's.
		if err := errors.Join(w.add(filepath.Dir(dir)), w.addTree(dir)); err != nil {
			return err
		}
	}
	for _, f := range w.files.Files {
		if err := w.add(filepath.Dir(f)); err != nil {
			return err
		}
	}
	return nil
}

// addTree watches dir with all directories below it. What vanishes meanwhile is not there to be watched.
func (w *Watcher) addTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case d.Name() == ".git" || own(path, w.files.Writes):
			return filepath.SkipDir
		}
		return w.add(path)
	})
}

func (w *Watcher) add(dir string) error {
	err := w.events.Add(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return limit(dir, err)
}

// limit is err of watching dir, with what to do where a limit is the reason.
func limit(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return &LimitError{dir, "fs.inotify.max_user_watches", 524288}
	case errors.Is(err, syscall.EMFILE):
		return &LimitError{dir, "fs.inotify.max_user_instances", 1024}
	}
	return fmt.Errorf("watch %s: %w", dir, err)
}

// Next waits until something is saved and nothing more comes, and returns what it was. Saves between two calls are not
// lost. The error is that of ctx, or says why watching cannot go on.
func (w *Watcher) Next(ctx context.Context) ([]string, error) {
	var b burst
	over := time.NewTimer(0)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-over.C:
			if len(b.files) == 0 {
				continue
			}
			rest := b.rest(time.Now(), w.busy())
			if rest > 0 {
				over.Reset(min(rest, quiet))
				continue
			}
			if files := slices.DeleteFunc(b.files, b.passing); len(files) > 0 {
				return files, nil
			}
			b = burst{}
		case e, ok := <-w.events.Events:
			if !ok {
				return nil, fs.ErrClosed
			}
			saved, err := w.saved(e)
			if err != nil {
				return nil, err
			}
			if saved {
				b.add(e.Name, e.Has(fsnotify.Create), time.Now())
				over.Reset(quiet)
			}
		case err, ok := <-w.events.Errors:
			if !ok {
				return nil, fs.ErrClosed
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return nil, fmt.Errorf("watch files: %w", err)
			}
			// More than the kernel could tell of: directories may have come that nobody watches.
			if err := w.addAll(); err != nil {
				return nil, err
			}
			b.add("many files", false, time.Now())
			over.Reset(quiet)
		}
	}
}

// saved reports whether an event is a save of what is watched. A directory that comes is watched from now on.
func (w *Watcher) saved(e fsnotify.Event) (bool, error) {
	if !counts(e.Name) || own(e.Name, w.files.Writes) {
		return false, nil
	}
	within := slices.ContainsFunc(w.files.Directories, func(dir string) bool {
		rel, err := filepath.Rel(dir, e.Name)
		return err == nil && filepath.IsLocal(rel)
	})
	if within && e.Has(fsnotify.Create) {
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			if err := w.addTree(e.Name); err != nil {
				return false, err
			}
		}
	}
	return within || slices.Contains(w.files.Files, e.Name), nil
}

// busy reports whether git is changing one of the directories.
func (w *Watcher) busy() bool {
	return slices.ContainsFunc(w.files.Directories, func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, ".git", "index.lock"))
		return err == nil
	})
}
