package uml

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// tree lists what lies below dir: "path mode contents".
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			out = append(out, rel+" -> "+to)
			return err
		case d.IsDir():
			out = append(out, rel+" "+info.Mode().String())
			return nil
		}
		b, err := os.ReadFile(p)
		out = append(out, rel+" "+info.Mode().String()+" "+string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBuildRootfs(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	src, dir := t.TempDir(), filepath.Join(t.TempDir(), "root")
	busybox := write(t, filepath.Join(src, "bb"), "busy")
	ko := write(t, filepath.Join(src, "any.ko"), "module")
	if err := buildRootfs(dir, busybox, testRootfs(), map[string]string{"rust_print": ko, "a-b": ko}, Extra{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"bin drwx------", // made for what lies in it, so the umask decides
		"bin/busybox -rwxr-xr-x busy",
		"bin/sh -> busybox",
		"init -rwxr-xr-x #!/bin/sh\n",
		"modules drwx------",
		"modules/a-b.ko -rw-r--r-- module",
		"modules/rust_print.ko -rw-r--r-- module",
		"proc dr-xr-xr-x",
	}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Error(d)
	}
	if err := buildRootfs(dir, busybox, testRootfs(), nil, Extra{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a directory in use: %v", err)
	}
}

// TestRootfsIsComplete builds from the real rootfs/.
func TestRootfsIsComplete(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	busybox := write(t, filepath.Join(t.TempDir(), "bb"), "busy")
	if err := buildRootfs(dir, busybox, os.DirFS("../../rootfs"), nil, Extra{}); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(dir, "init"))
	if err != nil {
		t.Fatal(err)
	}
	// Nothing but what the manifest links is there to be run.
	for _, name := range []string{"sh", "stty", "mount", "insmod", "rmmod", "cat", "poweroff", "setsid", "cttyhack"} {
		if b, err := os.ReadFile(filepath.Join(dir, "bin", name)); err != nil || string(b) != "busy" {
			t.Errorf("bin/%s: %v", name, err)
		}
	}
	for _, line := range []string{`umlab: ready\n`, `umlab[%s]: begin %s\n`, `umlab[%s]: end %s status=%s\n`} {
		if !bytes.Contains(script, []byte(line)) {
			t.Errorf("init does not print %s", line)
		}
	}
}

func TestNothingIsWrittenOutside(t *testing.T) {
	outside := t.TempDir()
	src := t.TempDir()
	busybox := write(t, filepath.Join(src, "bb"), "busy")
	for name, manifest := range map[string]string{
		"dots":            "file ../x 0644 init\n",
		"absolute":        "file /x 0644 init\n",
		"through a link":  "link out " + outside + "\nfile out/x 0644 init\n",
		"link to a file":  "link out " + outside + "/x\nfile out 0644 init\n",
		"relative link":   "link out ../../..\nbusybox out/x 0755\n",
		"modules is link": "link modules " + outside + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := testRootfs()
			r["manifest"] = &fstest.MapFile{Data: []byte(manifest)}
			dir := filepath.Join(t.TempDir(), "a", "b", "root")
			if err := buildRootfs(dir, busybox, r, map[string]string{"m": busybox}, Extra{}); err == nil {
				t.Error("no error")
			}
			if left := tree(t, outside); len(left) > 0 {
				t.Errorf("written: %q", left)
			}
		})
	}
}
