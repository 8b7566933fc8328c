package watch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBurst goes through saves by a clock of its own: when it is over, and what belongs to it.
func TestBurst(t *testing.T) {
	ms := func(n int) time.Time { return time.UnixMilli(int64(n)) }
	for _, tc := range []struct {
		about string
		saves map[int]string // by milliseconds
		busy  [2]int         // from, to
		over  int
		files string
	}{
		{"one", map[int]string{0: "a"}, [2]int{}, 250, "a"},
		{"an editor: write, rename, mode", map[int]string{0: "a", 3: "a", 200: "a"}, [2]int{}, 450, "a"},
		{"two after each other", map[int]string{0: "a", 249: "b"}, [2]int{}, 499, "a b"},
		{"a checkout that pauses", map[int]string{0: "a", 900: "b"}, [2]int{0, 1000}, 1150, "a b"},
		{"a lock that is taken away", map[int]string{0: "a"}, [2]int{0, 700}, 700, "a"},
		{"a lock that stays", map[int]string{0: "a"}, [2]int{0, 60_000}, 10_000, "a"},
	} {
		var b burst
		var over int
		for now := 0; ; now++ {
			if path, ok := tc.saves[now]; ok {
				b.add(path, false, ms(now))
			}
			if b.rest(ms(now), tc.busy[0] <= now && now < tc.busy[1]) == 0 {
				over = now
				break
			}
		}
		if got := strings.Join(b.files, " "); over != tc.over || got != tc.files {
			t.Errorf("%s: over after %d ms with %s, want %d with %s", tc.about, over, got, tc.over, tc.files)
		}
	}
	var many burst
	for i := range 20_000 {
		many.add(fmt.Sprint(i), false, ms(i))
	}
	if len(many.files) != 20_000 || !slices.Contains(many.files, "19999") {
		t.Errorf("of 20000 files %d are known", len(many.files))
	}
}

func TestCounts(t *testing.T) {
	for path, want := range map[string]bool{
		"/t/a.c": true, "/t/Makefile": true, "/t/.config": true, "/t/.gitignore": true, "/t/x.swap": true, "/t/.sw": true,
		"/t/.git/index": false, "/t/.git": false, "/t/sub/.git/HEAD": false,
		"/t/.a.c.swp": false, "/t/.a.c.swx": false, "/t/a.c~": false, "/t/#a.c#": false, "/t/.#a.c": false, "/t/4913": false,
		"/t/.goutputstream-ABC": false,
	} {
		if counts(path) != want {
			t.Errorf("%s counts: %t", path, !want)
		}
	}
}

func TestOwn(t *testing.T) {
	writes := []string{"/t/r.json", "/t/store"}
	for path, want := range map[string]bool{
		"/t/r.json": true, "/t/.r.json1234": true, "/t/store": true, "/t/store/v1/x": true, "/t/storey": false, "/t/s.json": false,
		"/u/.r.json1234": false,
	} {
		if own(path, writes) != want {
			t.Errorf("%s is written by the caller: %t", path, !want)
		}
	}
}

func TestLimit(t *testing.T) {
	for errno, setting := range map[syscall.Errno]string{
		syscall.ENOSPC: "sudo sysctl fs.inotify.max_user_watches=", syscall.EMFILE: "sudo sysctl fs.inotify.max_user_instances=",
	} {
		var is *LimitError
		if err := limit("/t", errno); !errors.As(err, &is) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := limit("/t", syscall.EIO); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "/t") {
		t.Error(err)
	}
}
