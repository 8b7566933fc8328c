package tree

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"umlab/harness/fetch"
	"umlab/harness/progress"
)

func tarOf(t *testing.T) []byte {
	t.Helper()
	r, err := archive(t, "").Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unxz(_ context.Context, r io.Reader) (io.ReadCloser, error) {
	x, err := xz.NewReader(r)
	return io.NopCloser(x), err
}

func TestTarball(t *testing.T) {
	plain := tarOf(t)
	packed := map[string][]byte{"tar": plain}
	for name, make := range map[string]func(io.Writer) (io.WriteCloser, error){
		"tar.gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"tar.zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"tar.xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := make(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		packed[name] = b.Bytes()
	}
	packed["txt"] = []byte("this is no archive")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := packed[strings.TrimPrefix(r.URL.Path, "/linux.")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b) // the client says what it missed
	}))
	defer srv.Close()
	dir := t.TempDir()
	var digests []string
	for name, b := range packed {
		path := filepath.Join(dir, "linux."+name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(b))
		other := hex.EncodeToString(make([]byte, 32))
		for _, tc := range []struct {
			Tarball
			want string
		}{
			{Tarball{Path: path, Sum: sum}, ""}, {Tarball{URL: srv.URL + "/linux." + name, Sum: strings.ToUpper(sum)}, ""}, {Tarball{Path: path}, "no sha256 was given"},
			{Tarball{Path: path, Sum: other}, "not the tarball that was meant"}, {Tarball{URL: srv.URL + "/linux." + name, Sum: other}, "not the tarball that was meant"},
			{Tarball{URL: srv.URL + "/none", Sum: other}, "404"}, {Tarball{URL: srv.URL + "/linux." + name}, "add #sha256="}, {Tarball{Path: path, Sum: "12"}, "no sha256"},
			{Tarball{URL: "file:///etc/passwd", Sum: other}, "no URL that can be fetched"}, {Tarball{Path: path + "x", Sum: other}, "no such file"},
		} {
			st := open(t)
			tc.Name = "t"
			got, err := FromTarball(context.Background(), st, progress.Discard{}, tc.Tarball, unxz, nil)
			switch said := fmt.Sprint(err); {
			case name == "txt" && (tc.want == "" || tc.Path == path && tc.Sum == ""):
				if !strings.Contains(said, "no tar archive") {
					t.Errorf("%+v: %v", tc, err)
				}
			case err == nil && (tc.want == "" && len(got.Notes) == 0 || len(got.Notes) == 1 && strings.Contains(got.Notes[0], tc.want)):
				digests = append(digests, got.Digest)
			case err == nil || tc.want == "" || !strings.Contains(said, tc.want):
				t.Errorf("%+v: %v, %v", tc, got, err)
			}
			if err != nil {
				if left, _ := filepath.Glob(filepath.Join(st.Root(), "tmp", "*")); len(left) > 0 {
					t.Errorf("%+v: left %v", tc, left)
				}
			}
		}
	}
	if len(digests) != 12 {
		t.Errorf("%d of 12 were unpacked", len(digests))
	}
	for _, d := range digests {
		if d != digests[0] {
			t.Error("the same files in another archive have another digest")
		}
	}
}

func TestBrokenDecompressor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tar.xz")
	if err := os.WriteFile(path, []byte("\xfd7zXZ\x00..."), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := FromTarball(context.Background(), open(t), progress.Discard{}, Tarball{Name: "t", Path: path},
		func(context.Context, io.Reader) (io.ReadCloser, error) { return nil, errors.New("no xz here") }, nil)
	if err == nil || !strings.Contains(err.Error(), "no xz here") {
		t.Errorf("got %v", err)
	}
}

func TestParseSource(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	hashed, ball := filepath.Join(dir, "with#hash"), filepath.Join(dir, "linux.tar.xz")
	for _, d := range []string{hashed, filepath.Join(dir, "odd.tar"), filepath.Join(dir, "linux")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(ball, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	u := "https://localhost/linux.tar.gz"
	for value, want := range map[string]any{
		"debian-7.3":                  Source{Name: "debian-7.3"},
		"./linux":                     Source{Directory: "./linux"},
		".":                           Source{Directory: "."},
		"/x/linux":                    Source{Directory: "/x/linux"},
		hashed:                        Source{Directory: hashed},
		"./odd.tar":                   Source{Directory: "./odd.tar"},
		"/x/linux#v6.12":              Source{Git: &GitSource{Name: "/x/linux#v6.12", Path: "/x/linux", Ref: "v6.12"}},
		"linux#v6.12":                 Source{Git: &GitSource{Name: "linux#v6.12", Path: "linux", Ref: "v6.12"}},
		hashed + "#v1":                Source{Git: &GitSource{Name: hashed + "#v1", Path: hashed, Ref: "v1"}},
		"git+https://localhost/l#v1":  Source{Git: &GitSource{Name: "git+https://localhost/l#v1", URL: "https://localhost/l", Ref: "v1"}},
		"git+file:///x/linux#v1":      Source{Git: &GitSource{Name: "git+file:///x/linux#v1", Path: "/x/linux", Ref: "v1"}},
		"linux.tar.xz":                Source{Tarball: &Tarball{Name: "linux.tar.xz", Path: "linux.tar.xz"}},
		ball + "#sha256=00":           Source{Tarball: &Tarball{Name: ball, Path: ball, Sum: "00"}},
		u + "#sha256=00":              Source{Tarball: &Tarball{Name: u, URL: u, Sum: "00"}},
		"":                            "nothing is named",
		u:                             "add #sha256=DIGEST",
		"https://localhost/linux.git": "put git+ before the URL",
		"git+https://localhost/l":     "add #REF",
		"/x/linux#":                   "add #REF",
		"ssh://localhost/x":           "no way is known",
		"none#v1":                     "there is no repository none",
		"none.tar.gz":                 "no such file",
		ball + "#v1":                  "no #sha256=DIGEST",
	} {
		got, err := ParseSource(value)
		if says, bad := want.(string); bad {
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), SourceSyntax) {
				t.Errorf("%q: %v, %v; want an error with %q and the syntax", value, got, err, says)
			}
			continue
		}
		if d := cmp.Diff(want, any(got)); err != nil || d != "" {
			t.Errorf("%q: %v\n%s", value, err, d)
		}
	}
}

// A download that is cut or stalls in the middle goes on from there.
func TestTarballGoesOn(t *testing.T) {
	plain := tarOf(t)
	for _, hang := range []bool{false, true} {
		var ranges []string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ranges = append(ranges, r.Header.Get("Range"))
			if len(ranges) > 1 {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(plain))
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(plain)))
			_, _ = w.Write(plain[:1000])
			_ = http.NewResponseController(w).Flush()
			if hang {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}))
		client := &fetch.Client{Pauses: make([]time.Duration, 9), Stall: time.Second}
		from := Tarball{Name: "t", URL: srv.URL + "/linux.tar", Sum: fmt.Sprintf("%x", sha256.Sum256(plain))}
		_, err := FromTarball(t.Context(), open(t), progress.Discard{}, from, unxz, client)
		if err != nil || len(ranges) < 2 || ranges[1] != "bytes=1000-" {
			t.Errorf("stalls %t: %v, asked %q", hang, err, ranges)
		}
		srv.Close()
	}
}
