package watch

import (
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
	files []string // as they came, each once
	last  time.Time
}

func (b *burst) add(path string, now time.Time) {
	b.last = now
	if !slices.Contains(b.files[max(0, len(b.files)-remembered):], path) {
		b.files = append(b.files, path)
	}
}

// remembered is how many of the latest files are compared with a new one: a checkout has thousands, each once.
const remembered = 100

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
