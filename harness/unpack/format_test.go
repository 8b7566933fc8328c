package unpack

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIsTarball(t *testing.T) {
	for _, name := range []string{"linux.tar", "linux-6.12.tar.xz", "a.TAR.GZ", "a.tar.zst", "a.tar.bz2", "a.txz", "a.tgz", "a.tzst", "a.tbz", "a.tbz2",
		"https://h/linux.tar.gz"} {
		if !IsTarball(name) {
			t.Errorf("%s is none", name)
		}
	}
	for _, name := range []string{"", "linux", "linux-6.12", "tar", "a.xz", "a.zip", "a.tar.xz.sign", "linux.tar/"} {
		if IsTarball(name) {
			t.Errorf("%s is one", name)
		}
	}
}

// What is packed is told by its first bytes, whatever its name is; of bzip2, the
// standard library only reads, so here is an empty one.
func TestOpenBzip2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || len(b) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestReaderUnknown(t *testing.T) {
	if _, err := Reader(t.Context(), strings.NewReader(""), ".lzo", nil); err == nil || !strings.Contains(err.Error(), ".lzo is not known") {
		t.Error(err)
	}
}
