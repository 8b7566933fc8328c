package objtree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestInside: whatever a make left in its directory, nothing outside of it is read, written or removed, and nothing is waited for.
func TestInside(t *testing.T) {
	const text = "the user's"
	for _, c := range []struct {
		name  string
		leave func(dir, outside string) error // "a/file" in dir; outside is a directory with a "file"
		says  string                          // of reading it; "" where it can be read
		is    string                          // what is read
	}{
		{"a file", func(dir, _ string) error { return os.WriteFile(dir+"/a/file", []byte("own"), 0o644) }, "", "own"},
		{"a link to it", func(dir, _ string) error {
			return errors.Join(os.WriteFile(dir+"/a/other", []byte("own"), 0o644), os.Symlink("other", dir+"/a/file"))
		}, "", "own"},
		{"nothing", func(string, string) error { return nil }, "no such file", ""},
		{"a link out", func(dir, outside string) error { return os.Symlink(outside+"/file", dir+"/a/file") }, "leads out", ""},
		{"a link out, upwards", func(dir, outside string) error {
			return os.Symlink("../../"+filepath.Base(outside)+"/file", dir+"/a/file")
		}, "leads out", ""},
		{"its directory a link out", func(dir, outside string) error {
			return errors.Join(os.Remove(dir+"/a"), os.Symlink(outside, dir+"/a"))
		}, "leads out", ""},
		{"a link to a link out", func(dir, outside string) error {
			return errors.Join(os.Symlink(outside, dir+"/out"), os.Symlink("../out/file", dir+"/a/file"))
		}, "leads out", ""},
		{"a pipe", func(dir, _ string) error { return syscall.Mkfifo(dir+"/a/file", 0o644) }, "no regular file", ""},
		{"a directory", func(dir, _ string) error { return os.MkdirAll(dir+"/a/file/b", 0o755) }, "no regular file", ""},
		{"huge", func(dir, _ string) error {
			return errors.Join(os.WriteFile(dir+"/a/file", nil, 0o644), os.Truncate(dir+"/a/file", mostText+1))
		}, "has 268435457 bytes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for what, do := range map[string]func(dir string) error{
				"read":   func(string) error { return nil },
				"write":  func(dir string) error { return Write(dir, "a/file", []byte("new")) },
				"remove": func(dir string) error { return Remove(dir, "a/file") },
			} {
				above := t.TempDir()
				dir, outside := filepath.Join(above, "build"), filepath.Join(above, "outside")
				err := errors.Join(os.MkdirAll(dir+"/a", 0o755), os.Mkdir(outside, 0o755), os.WriteFile(outside+"/file", []byte(text), 0o644),
					c.leave(dir, outside))
				if err != nil {
					t.Fatal(err)
				}
				err = do(dir)
				got, rerr := Read(dir, "a/file")
				out := strings.HasPrefix(c.name, "its directory")
				switch {
				case what == "read" && c.says == "":
					if string(got) != c.is || rerr != nil || Regular(dir, "a/file") != nil && c.name == "a file" {
						t.Errorf("read: %q, %v", got, rerr)
					}
				case what == "read" || what == "write" && out:
					if rerr == nil || !strings.Contains(rerr.Error(), c.says) || what == "write" && err == nil {
						t.Errorf("%s: %v; read: %q, %v, want %s", what, err, got, rerr, c.says)
					}
					if layer, ok := (Dir{Upper: dir, Lower: outside}).where("a/file"); ok && c.name != "huge" && c.name != "nothing" {
						t.Errorf("it is found in %s", layer)
					}
				case what == "write":
					if string(got) != "new" || rerr != nil || err != nil {
						t.Errorf("write: %v; read: %q, %v", err, got, rerr)
					}
				default:
					gone := errors.Is(rerr, fs.ErrNotExist) && err == nil
					if kept := out || c.name == "a directory"; gone == kept {
						t.Errorf("remove: %v; read: %q, %v", err, got, rerr)
					}
				}
				if is, err := os.ReadFile(outside + "/file"); err != nil || string(is) != text {
					t.Errorf("%s: the file outside is %q, %v", what, is, err)
				}
			}
		})
	}
}
