package display

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"umlab/harness/progress"
)

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestProgressLines(t *testing.T) {
	const mib = 1 << 20
	var b bytes.Buffer
	c := &clock{at: time.Unix(0, 0)}
	p := New(&b, false, true, c.now)
	c.pass(12300 * time.Millisecond)
	fetch := p.Start("fetch toolchain trixie", progress.Bytes, 290*mib)
	for range 29 { // 10 MiB each half second: one line at 10 s
		c.pass(500 * time.Millisecond)
		fetch.Status("rustc_1.85.1.deb")
		fetch.Add(10 * mib)
	}
	fetch.Done(nil)
	fetch.Done(errors.New("told twice"))
	build := p.Start("build baseline", progress.Objects, 0)
	build.Add(1)
	c.pass(11 * time.Second)
	build.Status("CC kernel/fork.o")
	build.Total(1890)
	c.pass(9 * time.Second)
	build.Add(311)
	c.pass(2 * time.Second)
	build.Add(1)
	p.Note("cached:\tnothing \x1b[2J")
	build.Done(fmt.Errorf("make: exit status 2\ncc1: out of memory"))
	left := p.Start("build stock", progress.Objects, 100)
	c.pass(8 * time.Second)
	left.Add(10)
	c.pass(12 * time.Second)
	left.Add(15)
	left.Done(fmt.Errorf("build stock: %w", context.Canceled))
	quick := p.Start("boot stock:low", progress.None, 0)
	c.pass(410 * time.Millisecond)
	quick.Done(nil)
	p.Close()
	p.Note("after the end")
	want := `[  12.3s] fetch toolchain trixie: started (290 MiB)
[  22.3s] fetch toolchain trixie: 190 MiB/290 MiB, 19 MiB/s, rustc_1.85.1.deb
[  26.8s] fetch toolchain trixie: done in 14.5 s, 290 MiB
[  26.8s] build baseline: started
[  37.8s] build baseline: 1 objects, CC kernel/fork.o
[  48.8s] build baseline: 313/1890 objects, about 1 min 51 s left, CC kernel/fork.o
[  48.8s] cached: nothing \x1b[2J
[  48.8s] build baseline: FAILED after 22.0 s: make: exit status 2 …
[  48.8s] build stock: started (100 objects)
[  68.8s] build stock: 25/100 objects, about 1 min 00 s left
[  68.8s] build stock: stopped after 20.0 s
[  68.8s] boot stock:low: started
[  69.2s] boot stock:low: done in 0.41 s
[  69.2s] after the end
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// On a terminal, what is left on the screen after Close is one line per
// finished task and note, in order, and nothing of the bars.
func TestProgressBars(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer master.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	seen := &watched{}
	seen.grown.L = &seen.mu
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(seen, master) // ends with EIO when the slave is closed
	}()
	c := &clock{at: time.Unix(0, 0)}
	p := New(slave, true, false, c.now)
	fetch := p.Start("fetch toolchain trixie", progress.Bytes, 290<<20)
	build := p.Start("a task with a name that is much longer than the terminal is wide, so that it would wrap", progress.Objects, 0)
	fetch.Add(145 << 20)
	fetch.Status("rustc_1.85.1.deb")
	seen.wait("145 MiB/290 MiB  0.00 s  rustc_1.85")
	c.pass(4100 * time.Millisecond)
	seen.wait("35 MiB/s  4.1 s")
	seen.wait("4.1 s elapsed")
	p.Note("note: the mirror of sid is frozen")
	fetch.Add(145 << 20)
	fetch.Done(nil)
	build.Add(7)
	build.Done(errors.New("make: exit status 2"))
	left := p.Start("left running", progress.None, 0)
	p.Close()
	left.Add(1)
	left.Done(nil)
	p.Close()
	slave.Close()
	<-read
	want := []string{
		"note: the mirror of sid is frozen",
		"✓ fetch toolchain trixie  290 MiB  4.1 s",
		"✗ a task with a name that is much longer than the terminal is wide, so that it w",
		"ould wrap: FAILED after 4.1 s: make: exit status 2",
		"✓ left running  0.00 s",
	}
	if diff := cmp.Diff(want, screen(t, seen.String(), 80)); diff != "" {
		t.Errorf("screen (-want +got):\n%s\nbytes: %q", diff, seen.String())
	}
}

// watched is a buffer that can be waited on.
type watched struct {
	mu    sync.Mutex
	grown sync.Cond
	buf   strings.Builder
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.grown.Broadcast()
	return w.buf.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// wait returns when s was written.
func (w *watched) wait(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !strings.Contains(w.buf.String(), s) {
		w.grown.Wait()
	}
}

// screen is what a terminal of that many columns shows after s: enough of one
// for what mpb writes.
func screen(t *testing.T, s string, columns int) []string {
	t.Helper()
	rows, y, x := [][]rune{nil}, 0, 0
	for len(s) > 0 {
		if rest, ok := strings.CutPrefix(s, "\x1b["); ok {
			n := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' })
			var count int
			_, _ = fmt.Sscan(rest[:n], &count)
			switch rest[n] {
			case 'A':
				y = max(y-max(count, 1), 0)
			case 'J':
				rows = rows[:y+1]
				rows[y] = rows[y][:min(x, len(rows[y]))]
			default:
				t.Fatalf("unexpected escape %q", rest[:n+1])
			}
			s = rest[n+1:]
			continue
		}
		r := []rune(s)[0]
		s = s[len(string(r)):]
		switch r {
		case '\r':
			x = 0
			continue
		case '\n':
			y++
			if y == len(rows) {
				rows = append(rows, nil)
			}
			continue
		}
		if x == columns {
			x, y = 0, y+1
			if y == len(rows) {
				rows = append(rows, nil)
			}
		}
		for len(rows[y]) <= x {
			rows[y] = append(rows[y], ' ')
		}
		rows[y][x] = r
		x++
	}
	var list []string
	for _, r := range rows {
		list = append(list, strings.TrimRight(string(r), " "))
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// The line of a running task says how far it is.
func TestLiveLine(t *testing.T) {
	c := &clock{at: time.Unix(0, 0)}
	p := New(&bytes.Buffer{}, false, false, c.now)
	for _, tt := range []struct {
		unit         progress.Unit
		count, total int64
		want         string
	}{
		{progress.Bytes, 58 << 20, 290 << 20, "  fetch                           [====                ]  58 MiB/290 MiB, 29 MiB/s  2.0 s  now this"},
		{progress.Bytes, 4 << 10, 0, "  fetch                           4.0 KiB, 2.0 KiB/s  2.0 s  now this"},
		{progress.Packages, 131, 131, "  fetch                           [====================]  131/131 packages  2.0 s  now this"},
		{progress.Objects, 9, 8, "  fetch                           [====================]  9/8 objects  2.0 s  now this"},
		{progress.Objects, 312, 0, "  fetch                           312 objects  2.0 s  now this"},
		{progress.None, 0, 0, "  fetch                           2.0 s  now this"},
	} {
		task := p.Start("fetch", tt.unit, tt.total).(*task)
		task.Add(tt.count)
		task.Status("now this")
		c.pass(2 * time.Second)
		if got := task.live(120); got != tt.want {
			t.Errorf("live = %q\nwant   %q", got, tt.want)
		}
	}
	long := p.Start(strings.Repeat("long ", 20), progress.Bytes, 100).(*task)
	for width, want := range map[int]string{
		40: "  long long long long…  0 B/100 B  0.00 s",
		0:  "  …  0 B/100 B  0.00 s",
	} {
		if got := long.live(width); got != want {
			t.Errorf("live at %d = %q, want %q", width, got, want)
		}
	}
	if got := p.footer(); got != "  12.0 s elapsed" {
		t.Errorf("footer = %q", got)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Many tasks at once, on a writer that is no terminal and on one that fails,
// with Close in the midst; nothing of mpb runs on after Close.
func TestProgressConcurrent(t *testing.T) {
	for _, tty := range []bool{false, true} {
		for _, w := range []interface {
			Write([]byte) (int, error)
		}{&bytes.Buffer{}, fullDisk{}} {
			p := New(w, tty, true, time.Now)
			var wg sync.WaitGroup
			for i := range 40 {
				wg.Go(func() {
					task := p.Start(fmt.Sprint("task ", i), progress.Bytes, 100)
					for range 10 {
						task.Add(10)
						task.Status("working")
					}
					p.Note("half")
					if i%4 == 0 {
						p.Close()
					}
					task.Total(200)
					task.Done(nil)
				})
			}
			wg.Wait()
			p.Close()
		}
	}
	for {
		stack := make([]byte, 1<<20)
		stack = stack[:runtime.Stack(stack, true)]
		if !bytes.Contains(stack, []byte("vbauerster/mpb")) {
			return
		}
		if d, ok := t.Deadline(); ok && time.Until(d) < time.Minute {
			t.Fatalf("mpb runs on after Close:\n%s", stack)
		}
		runtime.Gosched()
	}
}

func TestTerminal(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(k string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == k {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		name       string
		f          *os.File
		env        func(string) string
		tty, color bool
		width      int
	}{
		{"terminal", slave, env("TERM", "xterm"), true, true, 132},
		{"terminal, COLUMNS is old", slave, env("TERM", "xterm", "COLUMNS", "80"), true, true, 132},
		{"NO_COLOR", slave, env("TERM", "xterm", "NO_COLOR", "1"), true, false, 132},
		{"dumb", slave, env("TERM", "dumb"), false, false, 132},
		{"no TERM", slave, env(), false, false, 132},
		{"file", file, env("TERM", "xterm"), false, false, 100},
		{"file, COLUMNS", file, env("COLUMNS", "80"), false, false, 80},
		{"file, COLUMNS is nonsense", file, env("COLUMNS", "-3"), false, false, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tty, color, width := Terminal(tt.f, tt.env); tty != tt.tty || color != tt.color || width != tt.width {
				t.Errorf("Terminal = %v, %v, %d; want %v, %v, %d", tty, color, width, tt.tty, tt.color, tt.width)
			}
		})
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 4300: "4.2 KiB", 10 << 10: "10 KiB",
		1<<20 - 1: "1.0 MiB", 290 << 20: "290 MiB", 2040109466: "1.9 GiB", 5 << 50: "5120 TiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
