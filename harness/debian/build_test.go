package debian

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"umlab/harness/fetch"
)

// The time at which the tests' archives are made and read.
var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newKey makes a signing key that was made at a time and lives for a while (0:
// for ever).
func newKey(t testing.TB, made time.Time, life time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("umlab test archive", "", "archive@example.invalid", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }, KeyLifetimeSecs: uint32(life / time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// clearSign signs text at a time with all keys.
func clearSign(t testing.TB, text string, at time.Time, config packet.Config, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var private []*packet.PrivateKey
	for _, k := range keys {
		private = append(private, k.PrivateKey)
	}
	config.Time = func() time.Time { return at }
	var buf bytes.Buffer
	w, err := clearsign.EncodeMulti(&buf, private, &config)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(buf.Bytes(), '\n')
}

// compress packs data in the form of an extension.
func compress(t testing.TB, ext string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ext {
	case "":
		return data
	case ".gz":
		w = gzip.NewWriter(&buf)
	case ".xz":
		w, err = xz.NewWriter(&buf)
	case ".zst":
		w, err = zstd.NewWriter(&buf)
	default:
		t.Fatal("extension", ext)
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// buildTar makes a tar of entries; a regular file's body is its PAX record
// "UMLAB.body", which is taken out again.
func buildTar(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range entries {
		body := h.PAXRecords["UMLAB.body"]
		h.PAXRecords = nil
		h.Size = int64(len(body))
		if h.ModTime.IsZero() {
			h.ModTime = testNow
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func regular(name string, mode int64, body string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, PAXRecords: map[string]string{"UMLAB.body": body}}
}

func directory(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}
}

func symbolic(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hard(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}
}

// buildDeb makes a package of a data archive.
func buildDeb(t testing.TB, ext string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString("!<arch>\n")
	member := func(name string, body []byte) {
		fmt.Fprintf(&buf, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(body))
		buf.Write(body)
		if len(body)%2 == 1 {
			buf.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	member("control.tar.gz", compress(t, ".gz", buildTar(t, regular("./control", 0o644, "Package: x\n"))))
	member("data.tar"+ext, compress(t, ext, data))
	return buf.Bytes()
}

// writeDeb writes a package to a file.
func writeDeb(t testing.TB, name, ext string, entries ...tar.Header) File {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".deb")
	if err := os.WriteFile(file, buildDeb(t, ext, buildTar(t, entries...)), 0o644); err != nil {
		t.Fatal(err)
	}
	return File{Package: Package{Name: name, Filename: "pool/" + name + ".deb"}, Path: file}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// A testArchive is an archive on a local server.
type testArchive struct {
	*httptest.Server
	t   testing.TB
	key *openpgp.Entity

	mu    sync.Mutex
	files map[string][]byte                                 // by path
	asked []string                                          // paths, in order
	serve func(w http.ResponseWriter, r *http.Request) bool // handles a request itself
}

func newTestArchive(t testing.TB) *testArchive {
	a := &testArchive{t: t, key: newKey(t, testNow.AddDate(-1, 0, 0), 0), files: map[string][]byte{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked = append(a.asked, r.URL.Path)
		body, ok := a.files[r.URL.Path]
		serve := a.serve
		a.mu.Unlock()
		switch {
		case serve != nil && serve(w, r):
		case !ok:
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		}
	}))
	t.Cleanup(a.Close)
	return a
}

// published is how a suite is published.
type published struct {
	suite, codename string
	packages        string   // stanzas
	arch            string   // of the package list; "": amd64
	exts            []string // forms of the package list; nil: .gz
	fields          string   // more lines of the Release file
	date            time.Time
	keys            []*openpgp.Entity // nil: the archive's
	prefix          string            // of the archive root
}

// publish adds a suite and returns the paths of its InRelease and lists.
func (a *testArchive) publish(p published) (inRelease string, lists []string) {
	a.t.Helper()
	if p.date.IsZero() {
		p.date = testNow.Add(-time.Hour)
	}
	if p.exts == nil {
		p.exts = []string{".gz"}
	}
	dir := p.prefix + "/dists/" + p.suite
	var b strings.Builder
	fmt.Fprintf(&b, "Origin: Test\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: all amd64\nComponents: main\n"+
		"No-Support-for-Architecture-all: Packages\n%sSHA256:\n", p.suite, p.codename, p.date.Format(time.RFC1123), p.fields)
	for _, ext := range p.exts {
		data := compress(a.t, ext, []byte(p.packages))
		name := "main/binary-" + cmp.Or(p.arch, "amd64") + "/Packages" + ext
		fmt.Fprintf(&b, " %s %8d %s\n", sum(data), len(data), name)
		a.files[dir+"/"+name] = data
		lists = append(lists, dir+"/"+name)
		if strings.Contains(p.fields, "Acquire-By-Hash") {
			a.files[dir+"/main/binary-amd64/by-hash/SHA256/"+sum(data)] = data
		}
	}
	keys := p.keys
	if keys == nil {
		keys = []*openpgp.Entity{a.key}
	}
	a.files[dir+"/InRelease"] = clearSign(a.t, b.String(), p.date, packet.Config{}, keys...)
	return dir + "/InRelease", lists
}

// addDeb adds a package to the pool and returns its stanza.
func (a *testArchive) addDeb(name, version string, deb []byte) string {
	file := "pool/" + name + "_" + version + "_amd64.deb"
	a.files["/"+file] = deb
	return stanza(name, version, fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %s\n", file, len(deb), sum(deb)))
}

func (a *testArchive) client() *Client {
	return &Client{
		Keys: openpgp.EntityList{a.key}, Files: &testStore{dir: a.t.TempDir()}, clock: func() time.Time { return testNow },
		Mirror: a.URL, HTTP: &fetch.Client{Pauses: []time.Duration{0, 0}, Stall: time.Minute},
	}
}

func (a *testArchive) requests(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(a.asked), func(p string) bool { return p != path }))
}

// stanza makes a stanza of Packages; fields that more does not have are made up.
func stanza(name, version, more string) string {
	s := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nDescription: a test\n and more of it\n%s", name, version, more)
	if !strings.Contains(more, "SHA256:") {
		s += fmt.Sprintf("Filename: pool/%s_%s_amd64.deb\nSize: 1000\nSHA256: %s\n", name, version, sum([]byte(name+version)))
	}
	return s + "\n"
}

// testStore is a FileStore of a directory.
type testStore struct {
	dir  string
	sink string // write here instead
}

func (s *testStore) File(ctx context.Context, digest string, fetch func(context.Context, io.Writer) error) (string, error) {
	name := filepath.Join(s.dir, digest)
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	tmp := name + ".tmp"
	if s.sink != "" {
		tmp = s.sink
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return "", err
	}
	err = fetch(ctx, f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return name, os.Rename(tmp, name)
}
