package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long nothing must be saved before a burst is over: an editor writes, renames and sets modes within moments, git
// checkout writes thousands of files within seconds and says by a lock that it is not done. A lock that stays is of a git
// that was killed.
const (
	quiet  = 250 * time.Millisecond
	locked = 10 * time.Second
)

// burst is the saves that belong together.
type burst struct {
	files []string        // as they came, each once
	came  map[string]bool // of each: it was not there before
	last  time.Time
}

func (b *burst) add(path string, came bool, now time.Time) {
	b.last = now
	if _, told := b.came[path]; told {
		return
	}
	if b.came == nil {
		b.came = map[string]bool{}
	}
	b.files, b.came[path] = append(b.files, path), came
}

// passing reports whether a file of the burst came and went within it, as what a tool writes and then gives the name of another.
func (b *burst) passing(path string) bool {
	if !b.came[path] {
		return false
	}
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// rest is how long the burst goes on if nothing more is saved; 0 where it is over. busy says that git is at work.
func (b *burst) rest(now time.Time, busy bool) time.Duration {
	until := b.last.Add(quiet)
	if busy {
		until = b.last.Add(locked)
	}
	return max(0, until.Sub(now))
}

// counts reports whether the save of a file matters: what editors keep beside a file, and all of .git, does not.
func counts(path string) bool {
	if slices.Contains(strings.Split(filepath.ToSlash(path), "/"), ".git") {
		return false
	}
	name := filepath.Base(path)
	switch {
	case strings.HasSuffix(name, "~"), strings.HasPrefix(name, ".#"), strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"),
		strings.HasPrefix(name, ".goutputstream-"), name == "4913": // Emacs, GLib, Vim
		return false
	}
	ext := filepath.Ext(name)
	return !(strings.HasPrefix(name, ".") && len(ext) == 4 && strings.HasPrefix(ext, ".sw")) // .NAME.swp, .swo, .swx of Vim
}

// own reports whether path is, or lies below, one of those that the caller writes, or is the temporary file that becomes
// one.
func own(path string, writes []string) bool {
	return slices.ContainsFunc(writes, func(w string) bool {
		return path == w || strings.HasPrefix(path, w+"/") ||
			filepath.Dir(path) == filepath.Dir(w) && strings.HasPrefix(filepath.Base(path), "."+filepath.Base(w))
	})
}
