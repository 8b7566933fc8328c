package cachetest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/parcel"
	"umlab/harness/progress"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// Debian is a process of Debian's docker-registry, which keeps what it has in a directory.
type Debian struct {
	Address string // for UMLAB_CACHE
	Dir     string // what it has

	t    testing.TB
	root string // that its package is unpacked in
	host string
	cmd  *exec.Cmd
	said bytes.Buffer
}

// suite is where docker-registry is taken from.
const suite = "trixie"

// StartDebian starts the docker-registry of Debian's archive, which is fetched and verified as toolchains are, into the user's
// store. It ends with the test. Where the archive cannot be reached, the test is skipped. project is umlab's checkout.
func StartDebian(t testing.TB, project fs.FS) *Debian {
	t.Helper()
	root, err := unpacked(t.Context(), project)
	if err != nil {
		t.Skipf("there is no docker-registry here: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &Debian{Dir: t.TempDir(), t: t, root: root, host: l.Addr().String()}
	d.Address = "oci://" + d.host + "/me/umlab"
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	d.Start(0)
	t.Cleanup(d.Kill)
	return d
}

// Start starts it again after Kill. Where most is not 0, it can write no file of more bytes than that.
func (d *Debian) Start(most int64) {
	d.t.Helper()
	config := filepath.Join(d.t.TempDir(), "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nhttp: {addr: %[2]q}\n"+
		"storage: {filesystem: {rootdirectory: %[1]s}, delete: {enabled: true}}\n",
		d.Dir, d.host)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	limit := ""
	if most > 0 {
		limit = fmt.Sprintf("ulimit -f %d; ", most/512)
	}
	lib := filepath.Join(d.root, "usr/lib/x86_64-linux-gnu")
	d.said.Reset()
	d.cmd = exec.Command("sh", "-c", limit+`exec "$@"`, "sh", filepath.Join(lib, "ld-linux-x86-64.so.2"), "--library-path", lib,
		filepath.Join(d.root, "usr/bin/docker-registry"), "serve", config)
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + d.host + "/v2/")
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Since(began) > 30*time.Second {
			d.Kill()
			d.t.Fatalf("docker-registry does not answer: %v: %s", err, d.said.String())
		}
	}
}

// Kill ends it by kill -9.
func (d *Debian) Kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	_ = d.cmd.Wait()
}

// unpacked is the root that docker-registry and what it needs are unpacked in.
func unpacked(ctx context.Context, project fs.FS) (root string, err error) {
	configs, err := fs.Sub(project, "configs")
	if err != nil {
		return "", err
	}
	set, err := settings.Load(configs, parcel.Machine, "")
	if err != nil {
		return "", err
	}
	files, err := fs.Sub(configs, "keys")
	if err != nil {
		return "", err
	}
	keys, err := debian.LoadKeys(files)
	if err != nil {
		return "", err
	}
	home, err := store.DefaultDir(os.Getenv)
	if err != nil {
		return "", err
	}
	st, err := store.Open(home)
	if err != nil {
		return "", err
	}
	defer st.Close()
	a := &archive.Archive{Store: st, Sink: progress.Discard{}, Suites: set.Suites, Now: time.Now, Seen: &sync.Map{},
		Client: &debian.Client{HTTP: &fetch.Client{}, Keys: keys, Files: st, Mirror: debian.Mirror(os.Getenv, os.DirFS("/etc"))}}
	res, err := a.Closure(ctx, []string{suite}, []string{"docker-registry"},
		[]string{"adduser", "debconf", "debconf-2.0", "init-system-helpers"})
	if err != nil {
		return "", err
	}
	var sums []string
	for _, p := range res.Packages {
		sums = append(sums, p.SHA256)
	}
	dir, _, err := st.Dir(ctx, "registry", store.Key(strings.Join(sums, " ")), func(ctx context.Context, dir string) error {
		return a.Into(ctx, "docker-registry: ", res.Packages, dir, debian.UnpackOptions{LeaveOut: debian.DefaultLeaveOut()})
	})
	return dir, err
}
