package toolchain

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	xzfile "github.com/ulikunitz/xz"

	"umlab/harness/archive"
	"umlab/harness/fetch"
	"umlab/harness/progress"
	"umlab/harness/store"
)

// A component is one archive of a dist server, in the layout of Rust's own
// installer.
type component struct {
	pkg    string   // of the manifest: "rust-std"
	name   string   // of the archive's directory: "rust-std-x86_64-unknown-linux-gnu"
	target string   // of the manifest: the host, or "*"
	roots  []string // what of its files to take; nil: all
	files  fs.FS
}

// publish writes what a dist server has of a channel on a day: archives, the
// manifest and its digest, below dir/dist, and adds it to dir/manifests.txt.
// pack is "xz" or "gz".
func publish(t testing.TB, dir, channel, day, version, pack string, components ...component) {
	t.Helper()
	at := filepath.Join(dir, "dist", day)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	var m strings.Builder
	fmt.Fprintf(&m, "manifest-version = \"2\"\ndate = %q\n", day)
	for _, c := range components {
		file := c.name + "-" + channel + ".tar." + pack
		sum := writeComponent(t, filepath.Join(at, file), version, pack, c)
		prefix := map[string]string{"xz": "xz_", "gz": ""}[pack]
		fmt.Fprintf(&m, "\n[pkg.%s]\nversion = %q\n\n[pkg.%s.target.%q]\navailable = true\n", c.pkg, version, c.pkg, c.target)
		// The address is upstream's, as in every mirror: the client replaces the server.
		address := upstreamServer(t) + "/dist/" + day + "/" + file
		fmt.Fprintf(&m, "%surl = %q\n%shash = %q\n", prefix, address, prefix, sum)
		if prefix != "" {
			fmt.Fprintf(&m, "url = %q\nhash = %q\n", address, sum)
		}
	}
	// As upstream has it, the package rust lists what can be installed.
	fmt.Fprintf(&m, "\n[pkg.rust]\nversion = %q\n\n[pkg.rust.target.%s]\navailable = true\nurl = \"https://dist.invalid/none\"\nhash = \"%064d\"\n", version, rustHost, 0)
	for _, c := range components {
		list := "components"
		if c.pkg == "rust-src" {
			list = "extensions"
		}
		fmt.Fprintf(&m, "\n[[pkg.rust.target.%s.%s]]\npkg = %q\ntarget = %q\n", rustHost, list, c.pkg, c.target)
	}
	m.WriteString("\n[profiles]\nminimal = [\"rustc\", \"cargo\", \"rust-std\", \"rust-mingw\"]\n")
	name := "channel-rust-" + channel + ".toml"
	for _, where := range []string{at, filepath.Join(dir, "dist")} {
		writeFile(t, filepath.Join(where, name), m.String())
		writeFile(t, filepath.Join(where, name+".sha256"), fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(m.String())), name))
	}
	f, err := os.OpenFile(filepath.Join(dir, "manifests.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "dist.invalid/dist/%s/%s\n", day, name)
}

// upstreamServer is rustup's own server, which the shipped series names.
func upstreamServer(t testing.TB) string {
	t.Helper()
	return configured(t).Series["rust-nightly"].Server
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeComponent(t testing.TB, file, version, pack string, c component) (sum string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	h := sha256.New()
	both := io.MultiWriter(out, h)
	var z io.WriteCloser
	if pack == "xz" {
		z, err = xzfile.NewWriter(both)
	} else {
		z, err = gzip.NewWriterLevel(both, gzip.BestSpeed)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	top := c.name + "-archive"
	add := func(name string, mode int64, size int64, r io.Reader) {
		if err := w.WriteHeader(&tar.Header{Name: path.Join(top, name), Typeflag: tar.TypeReg, Mode: mode, Size: size, ModTime: time.Unix(1700000000, 0)}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	text := func(name, text string) { add(name, 0o644, int64(len(text)), strings.NewReader(text)) }
	var list strings.Builder
	roots := c.roots
	if roots == nil {
		roots = []string{"."}
	}
	for _, root := range roots {
		err := fs.WalkDir(c.files, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			f, err := c.files.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			add(path.Join(c.name, name), int64(info.Mode().Perm()), info.Size(), f)
			fmt.Fprintf(&list, "file:%s\n", name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text(path.Join(c.name, "manifest.in"), list.String())
	text("components", c.name+"\n")
	text("rust-installer-version", "3\n")
	text("version", version+"\n")
	for _, closing := range []io.Closer{w, z, out} {
		if err := closing.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// tiny are components of a toolchain that is none; its rustc says what it is told.
func tiny(rustc string, source bool) []component {
	in := func(files map[string]string) fs.FS {
		m := fstest.MapFS{}
		for name, text := range files {
			m[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o755}
		}
		return m
	}
	list := []component{
		{pkg: "rustc", name: "rustc", target: rustHost, files: in(map[string]string{
			"bin/rustc": "#!/bin/sh\necho " + rustc + "\n", "lib/librustc_driver-0123456789abcdef.so": "\x7fELF" + rustc,
			"lib/libLLVM-22-rust.so": "INPUT(libLLVM.so.22)\n", "share/doc/rust/README": "read\n"})},
		{pkg: "cargo", name: "cargo", target: rustHost, files: in(map[string]string{"bin/cargo": "#!/bin/sh\n"})},
		{pkg: "rust-std", name: "rust-std-" + rustHost, target: rustHost, files: in(map[string]string{
			"lib/rustlib/" + rustHost + "/lib/libstd-1.rlib": "std " + rustc})},
	}
	if source {
		list = append(list, component{pkg: "rust-src", name: "rust-src", target: "*", files: in(map[string]string{
			"lib/rustlib/src/rust/library/core/src/lib.rs": "// " + rustc + "\n", "lib/rustlib/src/rust/src/llvm/x": "x"})})
	}
	return list
}

// server serves dir and counts what it was asked for.
func server(t testing.TB, dir string) (s *httptest.Server, asked func() int) {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	var n atomic.Int64
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s, func() int { return int(n.Load()) }
}

// notes is a sink that keeps what must be said.
type notes struct {
	progress.Discard
	said *[]string
}

func (n notes) Note(line string) { *n.said = append(*n.said, line) }

// once is a client that tries everything once.
func once() *fetch.Client { return &fetch.Client{Pauses: []time.Duration{}} }

// bare is a provider on a store of its own, on a machine with that environment;
// said is what it noted, and now its clock.
func bare(t testing.TB, env map[string]string) (p *Provider, said *[]string, now *time.Time) {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	clock := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	said = &[]string{}
	return &Provider{
		HTTP: once(), Store: st, Sink: notes{said: said}, Getenv: func(n string) string { return env[n] },
		Archive: &archive.Archive{Store: st, Sink: notes{said: said}, Now: func() time.Time { return clock }},
	}, said, &clock
}
