package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lockFiles are the files of locks in the store.
func lockFiles(t *testing.T, s *Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.root, tops.locks))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != users {
			names = append(names, e.Name())
		}
	}
	return names
}

// inTurns takes a few locks, again and again until done ends, and holds that nobody else has the same one: of those who have a
// lock, one alone can make a directory of its name.
func inTurns(ctx context.Context, s *Store, done <-chan struct{}) (times int, err error) {
	for ; ; times++ {
		select {
		case <-done:
			return times, nil
		default:
		}
		name := fmt.Sprint("turn-", times%3)
		unlock, err := s.Lock(ctx, name)
		if err != nil {
			return times, err
		}
		inside := filepath.Join(s.root, name)
		err = os.Mkdir(inside, 0o755)
		if err == nil {
			err = os.Remove(inside)
		}
		unlock()
		unlock() // nor does a second time take what is another's then
		if err != nil {
			return times, fmt.Errorf("two have the lock %s: %w", name, err)
		}
	}
}

// The file of a lock goes with the lock, and nobody ever shares one, also not who waited for a file that is gone: goroutines of
// several processes take locks in turns while one of them sweeps.
func TestLocksGo(t *testing.T) {
	s := open(t)
	type other struct {
		cmd *exec.Cmd
		end io.Closer
		out strings.Builder
	}
	others := make([]other, 3)
	for i := range others {
		o := &others[i]
		o.cmd = exec.Command(os.Args[0], "-test.run=^TestLocksGoElsewhere$", "-test.v")
		o.cmd.Env = append(os.Environ(), "UMLAB_TEST_LOCKS="+filepath.Dir(s.root))
		o.cmd.Stdout, o.cmd.Stderr = &o.out, &o.out
		var err error
		if o.end, err = o.cmd.StdinPipe(); err == nil {
			err = o.cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		for range 300 {
			s.sweepLocks(0)
			time.Sleep(5 * time.Millisecond)
		}
		close(done)
	}()
	turns := takeTurns(t, s, done)
	for i := range others {
		o := &others[i]
		o.end.Close()
		if err := o.cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, o.out.String())
		}
		turns += strings.Count(o.out.String(), "turn\n")
	}
	t.Logf("%d turns", turns)
	if left := lockFiles(t, s); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// takeTurns is inTurns of several goroutines.
func takeTurns(t *testing.T, s *Store, done <-chan struct{}) (turns int) {
	var all atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			n, err := inTurns(t.Context(), s, done)
			if all.Add(int64(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if all.Load() == 0 {
		t.Error("nobody had a turn")
	}
	return int(all.Load())
}

// TestLocksGoElsewhere is not a test: it is another process of TestLocksGo.
func TestLocksGoElsewhere(t *testing.T) {
	root := os.Getenv("UMLAB_TEST_LOCKS")
	if root == "" {
		t.Skip("runs as a child of TestLocksGo")
	}
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	fmt.Print(strings.Repeat("turn\n", takeTurns(t, s, done)))
}

// What a process that died had locked is free, and its file goes with the next lock or, an hour later, with the next start.
func TestLocksOfTheDead(t *testing.T) {
	s := open(t)
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"taken", "swept", "young", "held"} {
		path := filepath.Join(s.root, tops.locks, name)
		if err := os.WriteFile(path, []byte("1 21:03:12 umlab matrix\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "swept" {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	unlock, err := s.Lock(t.Context(), "taken")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if unlock, err = s.Lock(t.Context(), "held"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(s.root, tops.locks, "held"), old, old); err != nil {
		t.Fatal(err)
	}
	s = again(t, s)
	if left := lockFiles(t, s); !slices.Equal(left, []string{"held", "young"}) {
		t.Errorf("left: %v", left)
	}
	unlock()
	s.sweepLocks(0)
	if left := lockFiles(t, s); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Who waits for another process's lock is told whose it is, and when it is free; for one of this process nobody waits aloud.
func TestLockSaysWhoHasIt(t *testing.T) {
	st, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	notes := make(chan string, 4)
	st.Note = func(line string) { notes <- line }
	name := "baseline-" + strings.Repeat("0a", 32)
	other, err := locked(filepath.Join(st.root, "locks", name), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString("1 21:03:12 umlab matrix -tree=/k\n"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		unlock, err := st.Lock(t.Context(), name)
		if err == nil {
			unlock()
		}
		done <- err
	}()
	if got, want := <-notes, "baseline: waiting for another umlab that is at it, process 1, since 21:03:12: umlab matrix -tree=/k"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	other.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := <-notes; !strings.HasPrefix(got, "baseline: free after ") {
		t.Errorf("%q", got)
	}
	unlock, err := st.Lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if who := holder(other.Name()); who != "" {
		t.Errorf("this process waits for %s", who)
	}
}
