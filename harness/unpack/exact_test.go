package unpack

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
	"time"
)

// exactly unpacks members beside a canary, into a directory that has one already, and returns what lies there.
func exactly(t *testing.T, b Bounds, members ...tar.Header) (dir string, err error) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "in")
	for name, text := range map[string]string{"canary": "alive", "in/base": "of the base"} {
		at := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	err = Exact(t.Context(), io.NopCloser(bytes.NewReader(tarOf(t, members...))), dir, b)
	list, rerr := os.ReadDir(top)
	canary, cerr := os.ReadFile(filepath.Join(top, "canary"))
	if rerr != nil || cerr != nil || len(list) != 2 || string(canary) != "alive" {
		t.Errorf("something outside was touched: %v %q", list, canary)
	}
	return dir, err
}

func TestExactRefuses(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to} }
	sandbox := []string{"/src"}
	for name, test := range map[string]struct {
		links   []string
		members []tar.Header
		want    string
	}{
		"a name that leads out":            {nil, []tar.Header{file("../canary")}, "leads out"},
		"a link that leads out":            {nil, []tar.Header{link("a", "../canary")}, "lies outside"},
		"an absolute link":                 {nil, []tar.Header{link("a", "/etc/passwd")}, "lies outside"},
		"a link beside an allowed one":     {sandbox, []tar.Header{link("a", "/srcs")}, "lies outside"},
		"a link out of an allowed one":     {sandbox, []tar.Header{link("a", "/src/../etc")}, "lies outside"},
		"a link that goes down and up":     {nil, []tar.Header{link("q/w/l", "../.."), link("x", "q/w/l/../canary")}, "lies outside"},
		"a file below a link":              {nil, []tar.Header{{Name: "d/", Typeflag: tar.TypeDir}, link("l", "d"), file("l/x")}, "below a link"},
		"a file below a link to anywhere":  {[]string{"/"}, []tar.Header{link("l", "/etc"), file("l/x")}, "below a link"},
		"a hard link out":                  {nil, []tar.Header{hard("a", "../canary")}, "leads out"},
		"a hard link to what is not of it": {nil, []tar.Header{hard("a", "base")}, "did not come before it"},
		"a hard link to nothing":           {nil, []tar.Header{hard("a", "b")}, "did not come before it"},
		"a device":                         {nil, []tar.Header{{Name: "null", Typeflag: tar.TypeChar}}, "no place"},
		"a pipe":                           {nil, []tar.Header{{Name: "p", Typeflag: tar.TypeFifo}}, "no place"},
		"a name twice":                     {nil, []tar.Header{file("a"), file("a")}, "comes twice"},
	} {
		t.Run(name, func(t *testing.T) {
			b := Bounds{Members: 100, Bytes: 1000, Links: test.links}
			if _, err := exactly(t, b, test.members...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

func TestExactBounds(t *testing.T) {
	two := []tar.Header{{Name: "a", Typeflag: tar.TypeReg}, {Name: "b", Typeflag: tar.TypeReg}} // "of a", "of b"
	for b, right := range map[*Bounds]bool{
		{Members: 2, Bytes: 8}: true, {Members: 1, Bytes: 8}: false, {Members: 3, Bytes: 8}: false, {Members: 2, Bytes: 7}: false, {Members: 2, Bytes: 9}: false,
	} {
		_, err := exactly(t, *b, two...)
		_, wrong := errors.AsType[*FormatError](err)
		if (err == nil) != right || wrong == right {
			t.Errorf("%+v: %v", *b, err)
		}
	}
}

// TestExactKeeps: modes, times, links, and what is there already.
func TestExactKeeps(t *testing.T) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 678901234, time.UTC)
	future := time.Now().Add(time.Hour)
	dir, err := exactly(t, Bounds{Members: 6, Bytes: 7 + 4 + 9, Links: []string{"/src"}},
		tar.Header{Name: "d/", Typeflag: tar.TypeDir},
		tar.Header{Name: "base", Typeflag: tar.TypeReg, ModTime: at, Format: tar.FormatPAX},
		tar.Header{Name: "f", Typeflag: tar.TypeReg, ModTime: future},
		tar.Header{Name: "d/l", Typeflag: tar.TypeSymlink, Linkname: "../f"},
		tar.Header{Name: "source", Typeflag: tar.TypeSymlink, Linkname: "/src"},
		tar.Header{Name: "g/hard", Typeflag: tar.TypeReg})
	if err != nil {
		t.Fatal(err)
	}
	stat := func(name string) fs.FileInfo {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if got := stat("base"); !got.ModTime().Equal(at) || got.Size() != 7 || got.Mode() != 0o755 {
		t.Errorf("base is %v, %d bytes, %v", got.ModTime(), got.Size(), got.Mode())
	}
	if got := stat("f").ModTime(); got.After(time.Now()) {
		t.Errorf("a file is of the future: %v", got)
	}
	if to, err := os.Readlink(filepath.Join(dir, "source")); err != nil || to != "/src" {
		t.Errorf("%q: %v", to, err)
	}
}

// FuzzExact: whatever the archive is, nothing outside is touched.
func FuzzExact(f *testing.F) {
	f.Add(tarOf(f, tar.Header{Name: "a", Typeflag: tar.TypeReg}, tar.Header{Name: "b", Typeflag: tar.TypeSymlink, Linkname: "../x"},
		tar.Header{Name: "c", Typeflag: tar.TypeLink, Linkname: "a"}, tar.Header{Name: "../e", Typeflag: tar.TypeReg}))
	f.Fuzz(func(t *testing.T, b []byte) {
		top := t.TempDir()
		in := filepath.Join(top, "in")
		if err := os.Mkdir(in, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = Exact(t.Context(), io.NopCloser(bytes.NewReader(b)), in, Bounds{Members: 50, Bytes: 1 << 16})
		if list, err := os.ReadDir(top); err != nil || len(list) != 1 {
			t.Errorf("%v lies outside: %v", list, err)
		}
	})
}
