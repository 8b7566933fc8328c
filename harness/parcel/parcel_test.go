package parcel

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What was read here is read there, under the same names and with the same errors; nothing else is.
func TestParcel(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"a/x.toml": "x", "a/sub/p.c": "p", "b.config": "b", "unread": "u"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	reads := []string{"a/x.toml", filepath.Join(dir, "b.config"), "./b.config", "a/../b.config"}
	r := &Record{}
	var record Files = r.Files
	for _, name := range reads {
		if _, err := record.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	sub, err := fs.Sub(record("a"), "sub")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(sub, "p.c"); err != nil {
		t.Fatal(err)
	}
	packed, err := r.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := r.Pack(); !bytes.Equal(again, packed) {
		t.Error("the same files make another parcel")
	}
	there, err := Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, name := range reads {
		text, err := there.Read(name)
		if want := map[bool]string{true: "x", false: "b"}[name == "a/x.toml"]; string(text) != want || err != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if sub, _ = fs.Sub(there("a"), "sub"); sub == nil {
		t.Fatal("no sub")
	}
	if text, err := fs.ReadFile(sub, "p.c"); string(text) != "p" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if !there.IsDirectory("a") || there.IsDirectory("unread") || there.IsDirectory("a/x.toml") {
		t.Error("directories are none")
	}
	for _, name := range []string{"unread", "/etc/passwd", "a/y", "..", "/"} {
		if _, err := there.Read(name); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := there.Read("unread"); !errors.Is(err, fs.ErrNotExist) || err.Error() != "open unread: file does not exist" {
		t.Errorf("%v", err)
	}
	if none, err := Open(nil); err != nil || none.IsDirectory("a") {
		t.Errorf("an empty parcel: %v", err)
	}
	if _, err := Open([]byte("PK")); err == nil {
		t.Error("half a parcel was opened")
	}
}

// The files of this machine are what package os says they are.
func TestMachine(t *testing.T) {
	var f Files = Machine
	dir := t.TempDir()
	name := filepath.Join(dir, "x")
	_, err := f.Read(name)
	if _, want := os.ReadFile(name); err == nil || err.Error() != want.Error() {
		t.Errorf("%v, want %v", err, want)
	}
	if !f.IsDirectory(dir+"/") || !f.IsDirectory("/") || !f.IsDirectory("..") || f.IsDirectory(name) {
		t.Error("directories are none")
	}
}
