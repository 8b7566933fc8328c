package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiting process asks for a lock again. flock has no
// call that waits and can be cancelled.
const lockPoll = 50 * time.Millisecond

// tellAfter is how long a process waits for another's lock before it says so.
const tellAfter = time.Second

// Lock takes the lock of that name, waiting for other processes and goroutines
// until ctx ends; Note is told whom it waits for. The kernel drops the lock when the process dies, however. Its file goes
// with it; that of a process that died stays for the next one that takes the lock, or for a sweep.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if len(name) > 100 { // file names end at 255
		name = fmt.Sprintf("%s%x", name[:40], sha256.Sum256([]byte(name)))
	}
	path := filepath.Join(s.root, tops.locks, strings.ReplaceAll(name, "/", "_"))
	began, told := time.Now(), false
	for {
		f, err := own(path)
		switch {
		case err == nil:
			sign(f)
			if told {
				s.note("%s: free after %s", what(name), time.Since(began).Round(time.Second))
			}
			return sync.OnceFunc(func() { disown(f) }), nil // a second time, it is another's
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return nil, err
		}
		if !told && time.Since(began) > tellAfter {
			if who := holder(path); who != "" {
				s.note("%s: waiting for another umlab that is at it, %s", what(name), who)
				told = true
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s, which another umlab holds: %w", name, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// own locks the file at path, making it where it is missing; the error is EWOULDBLOCK where another has it. Who has the lock of
// a file may remove it, so that the lock counts only where the file still has its name then.
func own(path string) (*os.File, error) {
	for {
		f, err := locked(path, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			return nil, err
		}
		is, err := f.Stat()
		named, nerr := os.Stat(path)
		if err == nil && nerr == nil && os.SameFile(is, named) {
			return f, nil
		}
		f.Close()
		if err != nil || nerr != nil && !errors.Is(nerr, fs.ErrNotExist) {
			return nil, errors.Join(err, nerr)
		}
	}
}

// disown removes the file of a lock that own took, and drops the lock.
func disown(f *os.File) {
	_ = os.Remove(f.Name()) // else it is the next one's
	f.Close()
}

// sign writes into the file of a lock who holds it: the process, since when, and its command. It is for people alone.
func sign(f *os.File) {
	line := fmt.Sprintf("%d %s %s\n", os.Getpid(), time.Now().Format(time.TimeOnly), strings.Join(os.Args, " "))
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(line), 0)
	}
}

// holder is who signed, "process 4242, since 21:03:12: umlab matrix"; "" where that is this process itself, or is not known.
func holder(path string) string {
	text, err := os.ReadFile(path)
	words := strings.SplitN(strings.TrimSpace(string(text)), " ", 3)
	if err != nil || len(words) < 3 || words[0] == strconv.Itoa(os.Getpid()) {
		return ""
	}
	return fmt.Sprintf("process %s, since %s: %s", words[0], words[1], words[2])
}

var keyed = regexp.MustCompile(`-[0-9a-f]{12,}$`)

// what is a lock's name without its key: "baseline".
func what(name string) string { return keyed.ReplaceAllString(name, "") }

// locked opens the file at path, making it where it is missing, and locks it as
// flock(2) does with how; closing it drops the lock.
func locked(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		if errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
			err = fmt.Errorf("%w (the store lies on a file system without flock: set UMLAB_HOME to a directory on another)", err)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// Once calls fill unless has reports that what it makes is there, in one process at
// a time: those that waited for the lock of that name look again.
func (s *Store) Once(ctx context.Context, lock string, has func() bool, fill func() error) error {
	if has() {
		return nil
	}
	unlock, err := s.Lock(ctx, lock)
	if err != nil {
		return err
	}
	defer unlock()
	if has() {
		return nil
	}
	return fill()
}

// scratchLock is held while scratch directories are made and while those of dead
// processes are looked for, so that the latter never meets a half-made one.
const scratchLock = "scratch"

// Scratch makes a directory in the store for half-done work. remove removes it;
// after a kill -9 the next Open does.
func (s *Store) Scratch(what string) (dir string, remove func(), err error) {
	unlock, err := s.Lock(context.Background(), scratchLock)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	dir, err = os.MkdirTemp(filepath.Join(s.root, "tmp"), what+"-")
	if err != nil {
		return "", nil, fmt.Errorf("scratch space in the store: %w", err)
	}
	// The lock on the file beside it says that its owner lives.
	lock, err := locked(dir+alive, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("scratch space in the store: %w", err), os.Remove(dir))
	}
	return dir, func() {
		_ = RemoveAll(dir) // what resists is the next sweep's
		os.Remove(lock.Name())
		lock.Close()
	}, nil
}

// alive is the suffix of the file that the owner of a scratch directory holds a
// lock on for as long as it lives.
const alive = ".lock"

// sweep removes the scratch directories and temporary files of processes that
// are gone, and their locks. What it cannot remove now, another Open will.
func (s *Store) sweep() {
	s.sweepLocks(time.Hour)
	unlock, err := s.Lock(context.Background(), scratchLock)
	if err != nil {
		return
	}
	entries, _ := os.ReadDir(filepath.Join(s.root, "tmp")) // what cannot be read is not swept
	var dead []*os.File
	for _, e := range entries {
		p := filepath.Join(s.root, "tmp", strings.TrimSuffix(e.Name(), alive)+alive)
		if !e.IsDir() && !strings.HasSuffix(e.Name(), alive) {
			// A record on its way to its name: written within moments, or never.
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > time.Hour {
				os.Remove(filepath.Join(s.root, "tmp", e.Name()))
			}
			continue
		}
		if lock, err := locked(p, unix.LOCK_EX|unix.LOCK_NB); err == nil {
			dead = append(dead, lock)
		}
	}
	unlock()
	for _, lock := range dead {
		if err := RemoveAll(strings.TrimSuffix(lock.Name(), alive)); err == nil {
			os.Remove(lock.Name())
		}
		lock.Close()
	}
}

// users is the lock that all who have the store open share; it stays.
const users = "users"

// sweepLocks removes the files of locks that nobody holds and nobody has taken for so long: they cost time alone.
func (s *Store) sweepLocks(since time.Duration) {
	entries, _ := os.ReadDir(filepath.Join(s.root, tops.locks)) // what cannot be read is not swept
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == users || time.Since(info.ModTime()) < since {
			continue
		}
		if f, err := own(filepath.Join(s.root, tops.locks, e.Name())); err == nil {
			disown(f)
		}
	}
}
