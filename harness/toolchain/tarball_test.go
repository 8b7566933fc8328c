package toolchain

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"umlab/harness/archive"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// kernelOrgDir is a directory of a server, the way kernel.org publishes archives.
type kernelOrgDir struct {
	t     *testing.T
	files map[string][]byte
	key   *openpgp.Entity
	url   string
}

func kernelOrg(t *testing.T) *kernelOrgDir {
	p := &kernelOrgDir{t: t, files: map[string][]byte{}}
	var err error
	p.key, err = openpgp.NewEntity("umlab test", "", "sums@example.invalid", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return noon.AddDate(-1, 0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := p.files[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b) // the client says what it missed
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL + "/pub/tools/llvm/rust/files/"
	return p
}

const llvmName = "llvm-20.1.3-rust-1.86.0-x86_64"

// llvmTar is an archive with these members, a name that begins with a space being
// no program; "a -> b" is a link.
func (p *kernelOrgDir) llvmTar(members ...string) (plain []byte) {
	p.t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: llvmName + "/" + m, Typeflag: tar.TypeReg, Mode: 0o755}
		content := "#!/bin/sh\n"
		if name, to, ok := strings.Cut(m, " -> "); ok {
			*h = tar.Header{Name: llvmName + "/" + name, Typeflag: tar.TypeSymlink, Linkname: to}
			content = ""
		} else if strings.HasSuffix(m, ".rs") {
			h.Mode, content = 0o644, `#[stable(feature = "x", since = "1.86.0")]`+"\n"+`#[deprecated(since = "1.99.0")]`+"\n"
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			p.t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

// serve compresses the archive, and serves it with its signature and the signed
// list that names it. It returns its digest.
func (p *kernelOrgDir) serve(plain []byte) string {
	p.t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(plain); err != nil {
		p.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.files[llvmName+".tar.gz"] = z.Bytes()
	sum := fmt.Sprintf("%x", sha256.Sum256(z.Bytes()))
	p.list(fmt.Sprintf("%064x  another.tar.gz\n%s  %s.tar.gz\n", 7, sum, llvmName))
	var sig bytes.Buffer
	if err := openpgp.DetachSign(&sig, []*openpgp.Entity{p.key}, bytes.NewReader(plain), p.config()); err != nil {
		p.t.Fatal(err)
	}
	p.files[llvmName+".tar.sign"] = sig.Bytes()
	return sum
}

func (p *kernelOrgDir) config() *packet.Config {
	return &packet.Config{Time: func() time.Time { return noon.Add(-time.Hour) }}
}

func (p *kernelOrgDir) list(text string) {
	p.t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, p.key.PrivateKey, p.config())
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.files["sha256sums.asc"] = append(b.Bytes(), '\n')
}

// keyFile writes the public key of e.
func keyFile(t *testing.T, e *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key.gpg")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func bareProvider(t *testing.T) *Provider {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &Provider{HTTP: once(), Store: st, Sink: progress.Discard{}, Archive: &archive.Archive{Now: func() time.Time { return noon }}, Getenv: func(string) string { return "" }}
}

func noXZ(context.Context, io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("no xz in this test")
}

var whatIsNeeded = []string{"bin/rustc", "bin/clang-20", "bin/clang -> clang-20", "lib/libclang.so", "lib/rustlib/src/rust/library/core/src/lib.rs"}

func TestLLVMArchive(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		members []string
		spoil   func(*kernelOrgDir, *settings.Toolchain)
		want    string // of the error; empty: it is taken
	}{
		"by its digest":       {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Sums, c.Signature, c.Key = "", "", "" }, ""},
		"by the list":         {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.SHA256, c.Signature = "", "" }, ""},
		"all of them":         {nil, func(p *kernelOrgDir, c *settings.Toolchain) {}, ""},
		"a wrong digest":      {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Sums, c.SHA256 = "", strings.Repeat("0", 64) }, "not the tarball that was meant"},
		"digest against list": {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.SHA256 = strings.Repeat("0", 64) }, "and configs/toolchains.toml 0000"},
		"not listed":          {nil, func(p *kernelOrgDir, c *settings.Toolchain) { p.list(strings.Repeat("1", 64) + "  other.tar.gz\n") }, "does not list " + llvmName},
		"listed twice": {nil, func(p *kernelOrgDir, c *settings.Toolchain) {
			p.list(strings.Repeat("1", 64) + "  " + llvmName + ".tar.gz\n" + strings.Repeat("2", 64) + "  " + llvmName + ".tar.gz\n")
		}, "two digests"},
		"another's list":    {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Key = keyFile(p.t, kernelOrg(p.t).key) }, "bad signature: a signature by an unknown key"},
		"another's archive": {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Key, c.Sums = keyFile(p.t, kernelOrg(p.t).key), "" }, ".tar.sign: bad signature"},
		"a changed list": {nil, func(p *kernelOrgDir, c *settings.Toolchain) {
			p.files["sha256sums.asc"] = bytes.Replace(p.files["sha256sums.asc"], []byte("0007"), []byte("0008"), 1)
		}, "bad signature"},
		"a signature of other": {nil, func(p *kernelOrgDir, c *settings.Toolchain) {
			sign := p.files[llvmName+".tar.sign"]
			c.SHA256, c.Sums = p.serve(p.llvmTar("bin/rustc", "bin/evil")), ""
			p.files[llvmName+".tar.sign"] = sign
		}, "bad signature"},
		"no key there":       {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Key += "x" }, "no such file"},
		"a key that is none": {nil, func(p *kernelOrgDir, c *settings.Toolchain) { c.Key = "/proc/self/comm" }, "no OpenPGP public key"},
		"cut off": {nil, func(p *kernelOrgDir, c *settings.Toolchain) {
			b := p.files[llvmName+".tar.gz"][:200]
			p.files[llvmName+".tar.gz"] = b
		}, "not the tarball that was meant"},
		"cut off when made": {nil, func(p *kernelOrgDir, c *settings.Toolchain) {
			b := p.files[llvmName+".tar.gz"]
			b = b[:len(b)/2]
			p.files[llvmName+".tar.gz"], c.Sums, c.Signature, c.SHA256 = b, "", "", fmt.Sprintf("%x", sha256.Sum256(b))
		}, "unexpected EOF"},
		"not there":          {nil, func(p *kernelOrgDir, c *settings.Toolchain) { delete(p.files, llvmName+".tar.gz") }, "404"},
		"without Rust":       {[]string{"bin/clang"}, func(p *kernelOrgDir, c *settings.Toolchain) {}, "no program bin/rustc"},
		"out through a link": {[]string{"bin -> /tmp", "bin/rustc"}, func(p *kernelOrgDir, c *settings.Toolchain) {}, "unpack bin"},
	} {
		p := kernelOrg(t)
		members := whatIsNeeded
		if c.members != nil {
			members = c.members
		}
		chain := settings.Toolchain{Tarball: p.url + llvmName + ".tar.gz", SHA256: p.serve(p.llvmTar(members...)),
			Sums: p.url + "sha256sums.asc", Signature: p.url + llvmName + ".tar.sign", Key: keyFile(t, p.key)}
		c.spoil(p, &chain)
		prov := bareProvider(t)
		a, err := prov.llvm(ctx, "korg", chain, noXZ)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(prov.Store.Root(), "dirs", kindLLVM, "*")); len(left) > 0 {
				t.Errorf("%s: it was kept all the same", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		to, err := os.Readlink(filepath.Join(a.dir, "rust", "rustc"))
		series, rerr := os.ReadFile(filepath.Join(a.dir, "library"))
		if err != nil || rerr != nil || to != "/llvm/bin/rustc" || string(series) != "1.86" || !a.has("bin/clang-20") || a.has("bin/bindgen") {
			t.Errorf("%s: rust leads to %q (%v), library is of %q (%v)", name, to, err, series, rerr)
		}
		// A second time, nothing is asked.
		p.files = map[string][]byte{}
		if _, err := prov.llvm(ctx, "korg", chain, noXZ); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}

// A list that cannot be had any more stands, and the report says so.
func TestListThatIsGone(t *testing.T) {
	p := kernelOrg(t)
	p.serve(p.llvmTar(whatIsNeeded...))
	chain := settings.Toolchain{Tarball: p.url + llvmName + ".tar.gz", Sums: p.url + "sha256sums.asc", Key: keyFile(t, p.key)}
	prov := bareProvider(t)
	if _, err := prov.llvm(context.Background(), "korg", chain, noXZ); err != nil {
		t.Fatal(err)
	}
	delete(p.files, "sha256sums.asc")
	prov.Archive.Now = func() time.Time { return noon.Add(48 * time.Hour) }
	a, err := prov.llvm(context.Background(), "korg", chain, noXZ)
	if err != nil || len(a.notes) != 1 || !strings.Contains(a.notes[0], "2026-03-01 stands") {
		t.Errorf("%v, %v", a.notes, err)
	}
}

func TestLibraryRelease(t *testing.T) {
	file := func(text string) fstest.MapFS {
		return fstest.MapFS{"a/b.rs": {Data: []byte(text)}, "x.md": {Data: []byte(`stable(feature = "f", since = "1.500.0")`)}}
	}
	for text, want := range map[string]string{
		`#[stable(feature = "a", since = "1.9.0")] #[stable(feature = "b", since = "1.86.0")]`:                 "1.86",
		`#[rustc_const_stable(feature = "a", since = "1.87.0")]`:                                               "1.87",
		`#[stable(feature = "a", since = "1.9.0")] #[deprecated(since = "1.99.0", note = "")]`:                 "1.9",
		`#[stable(feature = "a", since = "CURRENT_RUSTC_VERSION")] #[stable(feature = "b", since = "1.86.0")]`: inDevelopment,
		"": "",
	} {
		if got, err := libraryRelease(file(text)); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, c := range []struct{ series, rustc, want string }{
		{"1.86", "1.86.0", "1.86.0"}, {"1.86", "1.86.1", "1.86.1"}, {"1.8", "1.86.0", "1.8"}, {"1.85", "1.86.0", "1.85"},
		{inDevelopment, "1.97.0-nightly", "1.97.0-nightly"}, {inDevelopment, "1.97.0", inDevelopment}, {"", "1.86.0", ""},
	} {
		if got := librarySays(c.series, c.rustc); got != c.want {
			t.Errorf("%q with rustc %s: %q, want %q", c.series, c.rustc, got, c.want)
		}
	}
}

func FuzzListedSum(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 64) + "  x.tar.gz\n"))
	f.Fuzz(func(t *testing.T, list []byte) {
		if sum, err := listedSum(list, "x.tar.gz"); err == nil && len(sum) != 64 {
			t.Errorf("%q", sum)
		}
	})
}
