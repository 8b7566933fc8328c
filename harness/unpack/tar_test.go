package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tarOf(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range members {
		content := []byte("of " + h.Name)
		if h.Mode = 0o755; h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack returns what lies in the directory afterwards, and what lies beside it.
func unpack(t testing.TB, b []byte, seen Seen) (inside []string, outside int, err error) {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	err = Tar(context.Background(), io.NopCloser(bytes.NewReader(b)), in, nil, seen)
	_ = filepath.WalkDir(in, func(path string, d fs.DirEntry, err error) error {
		if rel, rerr := filepath.Rel(in, path); err == nil && rerr == nil && !d.IsDir() {
			inside = append(inside, rel)
		}
		return nil
	})
	beside, _ := os.ReadDir(dir)
	return inside, len(beside) - 1, err
}

func TestUnpack(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	link := func(kind byte, name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: kind}
	}
	for name, c := range map[string]struct {
		members []tar.Header
		want    []string
		err     string
	}{
		"files and links": {[]tar.Header{{Name: "llvm-1/", Typeflag: tar.TypeDir}, file("llvm-1/bin/clang-20"), link(tar.TypeSymlink, "llvm-1/bin/clang", "clang-20"), link(tar.TypeLink, "llvm-1/bin/lld", "llvm-1/bin/clang-20")},
			[]string{"bin/clang", "bin/clang-20", "bin/lld"}, ""},
		"leading dots":             {[]tar.Header{file("./llvm-1/bin/clang")}, []string{"bin/clang"}, ""},
		"climbs":                   {[]tar.Header{file("llvm-1/../../evil/x")}, nil, "leads out of the root"},
		"absolute":                 {[]tar.Header{file("/llvm-1/bin/x")}, []string{"bin/x"}, ""},
		"a fifo":                   {[]tar.Header{{Name: "llvm-1/bin/p", Typeflag: tar.TypeFifo}}, nil, "has no place"},
		"through a link":           {[]tar.Header{link(tar.TypeSymlink, "llvm-1/bin", "../.."), file("llvm-1/bin/evil")}, []string{"bin"}, "unpack bin"},
		"through an absolute link": {[]tar.Header{link(tar.TypeSymlink, "llvm-1/bin", "/tmp"), file("llvm-1/bin/evil")}, []string{"bin"}, "unpack bin"},
		"hard link to the outside": {[]tar.Header{link(tar.TypeLink, "llvm-1/bin/passwd", "llvm-1/../../../etc/passwd")}, nil, "unpack bin/passwd"},
		"a name twice":             {[]tar.Header{file("llvm-1/bin/x"), file("llvm-1/bin/x")}, []string{"bin/x"}, "exists"},
		"a device":                 {[]tar.Header{{Name: "llvm-1/bin/null", Typeflag: tar.TypeChar}}, nil, "has no place"},
	} {
		inside, outside, err := unpack(t, tarOf(t, c.members...), Seen{})
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if d := cmp.Diff(c.want, inside); d != "" || outside != 0 {
			t.Errorf("%s: -want +got\n%s, %d outside", name, d, outside)
		}
	}
}

// What is seen is what is there, and a hard link cannot be seen as a file.
func TestSeen(t *testing.T) {
	var seen []string
	all := Seen{
		File: func(name string, executable bool, sum []byte) { seen = append(seen, name) },
		Link: func(name, target string) { seen = append(seen, name+" -> "+target) },
	}
	b := tarOf(t, tar.Header{Name: "l/a", Typeflag: tar.TypeReg}, tar.Header{Name: "l/b", Linkname: "a", Typeflag: tar.TypeSymlink})
	if _, _, err := unpack(t, b, all); err != nil || !slices.Equal(seen, []string{"a", "b -> a"}) {
		t.Errorf("%v, %v", seen, err)
	}
	b = tarOf(t, tar.Header{Name: "l/a", Typeflag: tar.TypeReg}, tar.Header{Name: "l/b", Linkname: "l/a", Typeflag: tar.TypeLink})
	if _, _, err := unpack(t, b, all); err == nil {
		t.Error("a hard link passed as seen")
	}
}

func TestCutOff(t *testing.T) {
	b := tarOf(t, tar.Header{Name: "l/a", Typeflag: tar.TypeReg})
	if _, _, err := unpack(t, b[:515], Seen{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Add(tarOf(f, tar.Header{Name: "l/a", Typeflag: tar.TypeReg}, tar.Header{Name: "l/b", Linkname: "../..", Typeflag: tar.TypeSymlink}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, outside, err := unpack(t, b, Seen{})
		if err == nil && len(bytes.Trim(b, "\x00")) > 0 && len(b) < 512 {
			t.Errorf("%d bytes that are no archive were accepted", len(b))
		}
		if outside != 0 {
			t.Error("it wrote outside")
		}
	})
}
