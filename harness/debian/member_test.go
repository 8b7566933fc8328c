package debian

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/unpack"
)

func TestUnpackMalformed(t *testing.T) {
	whole := buildDeb(t, ".xz", buildTar(t, regular("./a", 0o644, strings.Repeat("x", 5000))))
	data := bytes.LastIndex(whole, []byte("data.tar.xz"))
	flipped := bytes.Clone(whole)
	flipped[data+60+40] ^= 0xff
	for name, b := range map[string][]byte{
		"empty":            nil,
		"not ar":           []byte("hello, I am no archive"),
		"cut in the magic": whole[:4],
		"cut in a header":  whole[:data+30],
		"cut in the data":  whole[:len(whole)-20],
		"no data":          whole[:data],
		"bad size":         bytes.Replace(whole, []byte("4         `\n"), []byte("four      `\n"), 1),
		"bad header":       bytes.Replace(whole, []byte("4         `\n"), []byte("4         x\n"), 1),
		"flipped bits":     flipped,
		"tar cut":          buildDeb(t, "", buildTar(t, regular("./a", 0o644, strings.Repeat("x", 5000)))[:3000]),
	} {
		err := Unpack(t.Context(), openRoot(t, t.TempDir()), []File{{Path: writeRaw(t, b)}}, UnpackOptions{})
		var bad *formatError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), "unpack raw.deb: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExtract(t *testing.T) {
	body := strings.Repeat("tree", 1000)
	f := writeDeb(t, "linux-source", ".xz", directory("./usr/src/", 0o755), regular("./usr/src/linux-source-6.12.tar.xz", 0o644, body), regular("./lib/a", 0o644, "x"), symbolic("./usr/src/link", "x"))
	for _, name := range []string{"./usr/src/linux-source-6.12.tar.xz", "usr/src/linux-source-6.12.tar.xz", "/usr/src/linux-source-6.12.tar.xz"} {
		var b bytes.Buffer
		if err := Extract(t.Context(), f.Path, name, &b, nil); err != nil || b.String() != body {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
	var b bytes.Buffer
	if err := Extract(t.Context(), f.Path, "usr/lib/a", &b, nil); err != nil || b.String() != "x" {
		t.Errorf("merged: %v, %q", err, b.String())
	}
	for _, name := range []string{"usr/src/linux-source-7.3.tar.xz", "usr/src", "usr/src/link"} {
		if err := Extract(t.Context(), f.Path, name, io.Discard, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full: ", err)
	}
	defer full.Close()
	var disk *diskFullError
	if err := Extract(t.Context(), f.Path, "lib/a", full, nil); !errors.As(err, &disk) {
		t.Errorf("%v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	for _, ext := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(buildDeb(f, ext, buildTar(f, directory("./usr/", 0o755), regular("./usr/a", 0o644, "x"), hard("./usr/b", "./usr/a"), symbolic("./c", ".."))))
	}
	f.Add(buildDeb(f, "", buildTar(f, symbolic("./a", "../.."), regular("./a/b", 0o644, "x"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		if err := os.Mkdir(filepath.Join(parent, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
		u := &unpacker{owner: map[string]int{}, again: map[int]map[string][]string{}}
		w := unpack.NewWriter(openRoot(t, filepath.Join(parent, "root")), true)
		defer w.Close()
		total := 0
		_ = walkReader(t.Context(), "fuzz.deb", bytes.NewReader(data), nil, func(name string, h *tar.Header, r io.Reader) error {
			if total += int(h.Size); h.Size > 1<<20 || total > 4<<20 {
				return unpack.ErrStop
			}
			return u.member(w, 0, name, h, r)
		})
		if outside, err := os.ReadDir(parent); err != nil || len(outside) != 1 {
			t.Errorf("written outside the root: %v, %v", outside, err)
		}
	})
}
