package debian

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"umlab/harness/progress"
	"umlab/harness/unpack"
)

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// tree lists what is in a directory, a line each, but for the merged /usr and
// plain directories.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if name == "." || slices.Contains(mergedDirs(), name) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if info.Mode().Perm() != 0o755 || info.Mode()&fs.ModeSticky != 0 {
				lines = append(lines, fmt.Sprintf("%s %s", name, info.Mode()))
			}
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			lines = append(lines, name+" -> "+to)
		default:
			b, _ := os.ReadFile(path)
			lines = append(lines, fmt.Sprintf("%s %s %d %s", name, info.Mode(), info.Sys().(*syscall.Stat_t).Nlink, b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestUnpack(t *testing.T) {
	device := tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null", Devmajor: 1, Devminor: 3, Mode: 0o666}
	for _, tt := range []struct {
		name     string
		entries  []tar.Header
		leaveOut []string
		want     []string
		err      string
	}{
		{"modes and times", []tar.Header{directory("./", 0o755), directory("./usr/", 0o755), regular("./usr/a", 0o4755, "x"), regular("./usr/b", 0o640, ""), regular("./usr/c", 0o2711, "y"),
			directory("./tmp/", 0o1777), directory("./ro/", 0o555), regular("./ro/f", 0o444, "z")},
			nil, []string{"ro/f -r--r--r-- 1 z", "tmp dtrwxrwxrwx", "usr/a -rwxr-xr-x 1 x", "usr/b -rw-r----- 1 ", "usr/c -rwx--x--x 1 y"}, ""},
		{"links", []tar.Header{regular("./a", 0o644, "x"), hard("./d/b", "./a"), symbolic("./c", "/etc/passwd"), symbolic("./e", "../../up"), symbolic("./f", "a")},
			nil, []string{"a -rw-r--r-- 2 x", "c -> /etc/passwd", "d/b -rw-r--r-- 2 x", "e -> ../../up", "f -> a"}, ""},
		{"no devices", []tar.Header{device, {Typeflag: tar.TypeFifo, Name: "./p", Mode: 0o644}, regular("./a", 0o644, "")}, nil, []string{"a -rw-r--r-- 1 "}, ""},
		{"merged usr", []tar.Header{directory("./lib/", 0o755), regular("./lib/x/a", 0o644, "1"), regular("./bin/sh", 0o755, "2"), regular("/sbin/init", 0o755, "3"), symbolic("./lib64/ld.so", "/lib/x/a"),
			symbolic("./bin", "usr/bin"), hard("./usr/bin/bash", "./bin/sh"), regular("./library", 0o644, "4")},
			nil, []string{"library -rw-r--r-- 1 4", "usr/bin/bash -rwxr-xr-x 2 2", "usr/bin/sh -rwxr-xr-x 2 2", "usr/lib/x/a -rw-r--r-- 1 1", "usr/lib64/ld.so -> /lib/x/a", "usr/sbin/init -rwxr-xr-x 1 3"}, ""},
		{"left out", []tar.Header{directory("./usr/share/doc/", 0o755), regular("./usr/share/doc/a/copyright", 0o644, ""), regular("./usr/share/doctor", 0o644, "x"), regular("./usr/share/bison/m4", 0o644, "y"),
			regular("./usr/src/rustc-1.85.1/src/big", 0o644, ""), regular("./usr/src/rustc-1.85.1/library/core", 0o644, "z"), symbolic("./usr/share/man", "x")},
			append(DefaultLeaveOut(), "usr/src/rustc-*/src"), []string{"usr/share/bison/m4 -rw-r--r-- 1 y", "usr/share/doctor -rw-r--r-- 1 x", "usr/src/rustc-1.85.1/library/core -rw-r--r-- 1 z"}, ""},
		{"a link to what is left out", []tar.Header{regular("./usr/share/doc/a", 0o600, "x"), hard("./usr/b", "./usr/share/doc/a"), hard("./usr/c", "./usr/share/doc/a")},
			DefaultLeaveOut(), []string{"usr/b -rw------- 2 x", "usr/c -rw------- 2 x"}, ""},
		{"through a link within the root", []tar.Header{directory("./usr/", 0o755), symbolic("./var", "usr"), regular("./var/a", 0o644, "x")}, nil, []string{"usr/a -rw-r--r-- 1 x", "var -> usr"}, ""},
		{"a file in place of a link", []tar.Header{regular("./a", 0o644, "x"), symbolic("./b", "a"), regular("./b", 0o644, "y")}, nil, []string{"a -rw-r--r-- 1 x", "b -rw-r--r-- 1 y"}, ""},
		{"a link in place of a directory", []tar.Header{directory("./d/", 0o755), regular("./d/a", 0o644, "x"), symbolic("./d", "e")}, nil, []string{"d/a -rw-r--r-- 1 x"}, ""},
		{"a long name", []tar.Header{regular("./"+strings.Repeat("d/", 100)+"f", 0o644, "x")}, nil, []string{strings.Repeat("d/", 100) + "f -rw-r--r-- 1 x"}, ""},

		{"..", []tar.Header{regular("./../outside", 0o644, "x")}, nil, nil, "leads out of the root"},
		{".. further in", []tar.Header{regular("./a/../../outside", 0o644, "x")}, nil, nil, "leads out of the root"},
		{"hard link out", []tar.Header{hard("./a", "../outside")}, nil, nil, "leads out of the root"},
		{"hard link to nothing", []tar.Header{hard("./a", "./b")}, nil, nil, "hard links to what it does not hold: b"},
		{"through a link out", []tar.Header{symbolic("./a", ".."), regular("./a/outside", 0o644, "x")}, nil, nil, "escapes"},
		{"through an absolute link", []tar.Header{symbolic("./a", "/tmp"), regular("./a/outside", 0o644, "x")}, nil, nil, "escapes"},
		{"a directory through a link out", []tar.Header{symbolic("./a", ".."), directory("./a/outside/", 0o777)}, nil, nil, "escapes"},
		{"a hard link through a link out", []tar.Header{symbolic("./a", ".."), regular("./b", 0o644, "x"), hard("./a/outside", "./b")}, nil, nil, "escapes"},
		{"a file in place of a directory", []tar.Header{directory("./d/", 0o755), regular("./d", 0o644, "x")}, nil, nil, "d: it is a directory already"},
		{"a bad pattern", nil, []string{"["}, nil, "pattern"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "root")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			f := writeDeb(t, "p", ".xz", tt.entries...)
			err := Unpack(t.Context(), openRoot(t, dir), []File{f}, UnpackOptions{LeaveOut: tt.leaveOut})
			outside, _ := os.ReadDir(parent)
			if len(outside) != 1 {
				t.Errorf("written outside the root: %v", outside)
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "unpack") {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir); !slices.Equal(got, tt.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if got, _ := os.Readlink(filepath.Join(dir, "bin")); got != "usr/bin" {
				t.Errorf("bin -> %s", got)
			}
		})
	}
}

func TestUnpackKeepsTimes(t *testing.T) {
	dir := t.TempDir()
	h := regular("./a", 0o644, "x")
	h.ModTime = time.Unix(1_000_000_000, 0)
	if err := Unpack(t.Context(), openRoot(t, dir), []File{writeDeb(t, "p", "", h)}, UnpackOptions{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil || !info.ModTime().Equal(h.ModTime) {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}

func TestUnpackForms(t *testing.T) {
	for _, ext := range []string{"", ".gz", ".xz", ".zst"} {
		dir := t.TempDir()
		if err := Unpack(t.Context(), openRoot(t, dir), []File{writeDeb(t, "p", ext, regular("./a", 0o644, "x"))}, UnpackOptions{}); err != nil {
			t.Errorf("%s: %v", ext, err)
		}
		if got := tree(t, dir); !slices.Equal(got, []string{"a -rw-r--r-- 1 x"}) {
			t.Errorf("%s: %q", ext, got)
		}
	}
	err := Unpack(t.Context(), openRoot(t, t.TempDir()), []File{{Path: writeRaw(t, bytes.Replace(buildDeb(t, "", nil), []byte("data.tar    "), []byte("data.tar.lzo"), 1))}}, UnpackOptions{})
	if err == nil || !strings.Contains(err.Error(), ".lzo is not known") {
		t.Errorf("%v", err)
	}
}

func writeRaw(t *testing.T, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "raw.deb")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// notes keeps the notes of a sink.
type notes struct {
	progress.Discard
	lines []string
}

func (n *notes) Note(line string) { n.lines = append(n.lines, line) }

// What several packages hold is the last one's, in whatever order they are
// unpacked.
func TestUnpackSeveral(t *testing.T) {
	files := []File{
		writeDeb(t, "a", ".gz", regular("./usr/x", 0o644, "a"), regular("./lib/only-a", 0o644, "1"), directory("./usr/d/", 0o700), symbolic("./usr/s", "a")),
		writeDeb(t, "b", ".gz", regular("./usr/x", 0o644, "b"), regular("./usr/lib/only-b", 0o644, "2"), directory("./usr/d/", 0o755), symbolic("./usr/s", "b")),
		writeDeb(t, "c", ".gz", regular("./usr/x", 0o755, "c"), regular("./usr/lib64/only-c", 0o644, "3")),
	}
	want := []string{"usr/d drwx------", "usr/lib/only-a -rw-r--r-- 1 1", "usr/lib/only-b -rw-r--r-- 1 2", "usr/lib64/only-c -rw-r--r-- 1 3", "usr/s -> b", "usr/x -rwxr-xr-x 1 c"}
	for _, sizes := range [][3]int64{{3, 2, 1}, {1, 2, 3}, {2, 1, 3}, {0, 0, 0}} {
		for _, parallel := range []int{1, 3} {
			for i := range files {
				files[i].Package.InstalledSize = sizes[i]
			}
			dir := t.TempDir()
			sink := &notes{}
			if err := Unpack(t.Context(), openRoot(t, dir), files, UnpackOptions{parallel: parallel, Progress: sink}); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir); !slices.Equal(got, want) {
				t.Errorf("sizes %v, %d at once:\n%s", sizes, parallel, strings.Join(got, "\n"))
			}
			slices.Sort(sink.lines)
			if !slices.Equal(sink.lines, []string{"unpack: usr/s is in several packages; it is that of b.deb", "unpack: usr/x is in several packages; it is that of c.deb"}) {
				t.Errorf("notes %q", sink.lines)
			}
		}
	}
}

// Unpacking over an older tree replaces its files, and never writes through
// them.
func TestUnpackOver(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	if err := Unpack(t.Context(), root, []File{writeDeb(t, "old", "", regular("./usr/a", 0o444, "old"), hard("./usr/kept", "./usr/a"))}, UnpackOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), root, []File{writeDeb(t, "new", "", regular("./usr/a", 0o644, "new"))}, UnpackOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"usr/a -rw-r--r-- 1 new", "usr/kept -r--r--r-- 1 old"}) {
		t.Errorf("%q", got)
	}
}

func TestUnpackNotMerged(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := Unpack(t.Context(), openRoot(t, dir), nil, UnpackOptions{})
	if err == nil || !strings.Contains(err.Error(), "/lib is no link") {
		t.Errorf("%v", err)
	}
}

// hookCloser counts closes and can fail at the end.
type hookCloser struct {
	io.Reader
	closed *int
	err    error
}

func (h hookCloser) Close() error { *h.closed++; return h.err }

func TestUnpackHook(t *testing.T) {
	closed := 0
	hook := func(fail error) unpack.Decompress {
		return func(ctx context.Context, r io.Reader) (io.ReadCloser, error) {
			z, err := xz.NewReader(r)
			return hookCloser{z, &closed, fail}, err
		}
	}
	f := writeDeb(t, "p", ".xz", regular("./a", 0o644, "x"), regular("./b", 0o644, "y"))
	dir := t.TempDir()
	if err := Unpack(t.Context(), openRoot(t, dir), []File{f}, UnpackOptions{Decompress: hook(nil)}); err != nil || closed != 1 || len(tree(t, dir)) != 2 {
		t.Errorf("%v, closed %d times, %q", err, closed, tree(t, dir))
	}
	killed := errors.New("xz was killed")
	if err := Unpack(t.Context(), openRoot(t, t.TempDir()), []File{f}, UnpackOptions{Decompress: hook(killed)}); !errors.Is(err, killed) || closed != 2 {
		t.Errorf("%v, closed %d times", err, closed)
	}
	var b bytes.Buffer
	if err := Extract(t.Context(), f.Path, "a", &b, hook(killed)); err != nil || b.String() != "x" || closed != 3 {
		t.Errorf("left early: %v, closed %d times, %q", err, closed, b.String())
	}
	unable := func(context.Context, io.Reader) (io.ReadCloser, error) { return nil, killed }
	var bad *formatError
	if err := Unpack(t.Context(), openRoot(t, t.TempDir()), []File{f}, UnpackOptions{Decompress: unable}); !errors.Is(err, killed) || errors.As(err, &bad) {
		t.Errorf("a hook that does not start: %v", err)
	}
}

func TestUnpackCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := writeDeb(t, "p", ".xz", regular("./a", 0o644, "x"))
	var bad *formatError
	if err := Unpack(ctx, openRoot(t, t.TempDir()), []File{f, f, f}, UnpackOptions{}); !errors.Is(err, context.Canceled) || errors.As(err, &bad) {
		t.Errorf("%v", err)
	}
}

// fullDir names, to the test's own child, a directory to mount a small file
// system on.
const fullDir = "UMLAB_TEST_FULL_DIR"

func TestUnpackDiskFull(t *testing.T) {
	if dir := os.Getenv(fullDir); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
			fmt.Println("cannot mount:", err)
			return
		}
		err := Unpack(t.Context(), openRoot(t, dir), []File{writeDeb(t, "p", ".gz", regular("./a", 0o644, strings.Repeat("x", 1<<20)))}, UnpackOptions{})
		var full *diskFullError
		fmt.Printf("full: %v: %v\n", errors.As(err, &full), err)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUnpackDiskFull$")
	cmd.Env = append(os.Environ(), fullDir+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 || strings.Contains(string(out), "cannot mount") {
		t.Skipf("no user and mount namespaces here: %v %s", err, out)
	}
	if !strings.Contains(string(out), "full: true: unpack p.deb: disk full: ") {
		t.Errorf("%v\n%s", err, out)
	}
}
