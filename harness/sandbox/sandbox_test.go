package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests that the other two modes repeat: without privileges, and without a user namespace.
const core = "^Test(Visible|SysrootIsReadOnly|MountPoints|Overlay.*|Tmpfs|Network.*|Status|Exec|Privileges|Limits|NoASLR|TTY|Stdio|Cancel|ParentDies|NoLeaks)$"

func TestAsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the tests run without privileges already")
	}
	tests(t, core, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
}

func TestWithoutUserNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can do without a user namespace")
	}
	tests(t, core, nil, envForbid+"=1")
}

func TestVisible(t *testing.T) {
	host := t.TempDir()
	put(t, filepath.Join(host, "secret"), "secret")
	c := Command{Root: sysroot(t), Env: []string{"A=b"}}
	out := inside(t, c, "list /", "say --", "list /dev", "say --", "ids", "cwd", "say --", "env", "say --", "grep /proc/self/mountinfo umlab-nothing")
	part := strings.Split(out, "--\n")
	for i, want := range []string{
		"bin\ndangling\ndev\netc\nhome\nlib\nproc\nrun\ntmp\ntop-file\nusr\n",
		"fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n",
		"pid=false ppid=1 uid=0 host=umlab\n/\n",
		"A=b\n" + defaultPath + "\n" + defaultHome + "\n",
		"false\n",
	} {
		if part[i] != want {
			t.Errorf("got\n%swant\n%s", part[i], want)
		}
	}
	for _, op := range []string{"read " + host + "/secret", "list /sys", "read /usr/escape/passwd", "list " + c.Root, "read /proc/1/environ", "list /proc/1/root/"} {
		if out, status, err := try(t, c, op); err != nil || status.Code != 1 {
			t.Errorf("%s: %v %v, want a failure inside\n%s", op, status, err, out)
		}
	}
}

func TestSysrootIsReadOnly(t *testing.T) {
	c := Command{Root: sysroot(t), Mounts: []Mount{{Source: sysroot(t), Target: "/usr/lib/deep/missing/dir"}, {Source: sysroot(t), Target: "/src", ReadOnly: true}}}
	before := snapshot(t, c.Root)
	for _, op := range []string{"write /new x", "write /etc/motd x", "remove /etc/motd", "chmod /etc/motd", "mkdir /usr/lib/new", "mkdir /usr/lib/deep/missing/new",
		"write /top-file x", "write /src/etc/motd x", "chmod /dev/null", "write /proc/self/oom_score_adj 1", "write /proc/sys/kernel/core_pattern x"} {
		out, status, err := try(t, c, op)
		if err != nil || status.Code != 1 || !(strings.Contains(out, "read-only file system") || strings.Contains(out, "permission denied")) {
			t.Errorf("%s: %v %v\n%s", op, status, err, out)
		}
	}
	if after := snapshot(t, c.Root); after != before {
		t.Errorf("the sysroot changed\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

// snapshot lists a tree with modes, sizes and times of change.
func snapshot(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, p, fi.Mode(), fi.Size(), fi.ModTime().UnixNano(), fi.Sys().(*syscall.Stat_t).Ctim)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMountPoints(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), "from the host\n")
	file := filepath.Join(dir, "file")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/src", "/a/b/c", "/etc", "/home/user", "/home/new/deep", "/lib/modules", "/usr/lib/deep/x", "/dangling", "/tmp/in/tmp", "/run/x", "/dev/mine"} {
		t.Run(strings.ReplaceAll(target[1:], "/", "-"), func(t *testing.T) {
			c := Command{Root: sysroot(t), Mounts: []Mount{{Source: dir, Target: target}}}
			before := snapshot(t, c.Root)
			if out := inside(t, c, "read "+target+"/file", "write "+target+"/sub/new x"); out != "from the host\n" {
				t.Errorf("got %q", out)
			}
			if err := os.Remove(filepath.Join(dir, "sub/new")); err != nil {
				t.Errorf("what was written did not reach the host: %v", err)
			}
			if snapshot(t, c.Root) != before {
				t.Error("the sysroot changed")
			}
		})
	}
	t.Run("files", func(t *testing.T) {
		c := Command{Root: sysroot(t), Mounts: []Mount{{Source: file, Target: "/init", ReadOnly: true}, {Source: file, Target: "/top-file", ReadOnly: true}, {Source: file, Target: "/usr/lib/deep/f", ReadOnly: true}, {Source: file, Target: "/etc/motd", ReadOnly: true}}}
		want := strings.Repeat("from the host\n", 4)
		if out := inside(t, c, "read /init", "read /top-file", "read /lib/deep/f", "read /etc/motd", "list /usr/lib/deep"); out != want+"f\n" {
			t.Errorf("got %q", out)
		}
	})
	t.Run("nested", func(t *testing.T) {
		// The order in which they are named does not matter, and siblings do not hide each other.
		c := Command{Root: sysroot(t), Mounts: []Mount{{Source: file, Target: "/build/x/y", ReadOnly: true}, {Source: dir, Target: "/usr/lib/one", ReadOnly: true}, {Source: dir, Target: "/usr/two", ReadOnly: true}, {Source: file, Target: "/src/file", ReadOnly: true}, {Source: sysroot(t), Target: "/src", ReadOnly: true}},
			Overlays: []Overlay{{Lower: t.TempDir(), Target: "/build"}}}
		c.Mounts[3].Target = "/src/etc/motd"
		want := "from the host\nfrom the host\nfrom the host\nfrom the host\n"
		if out := inside(t, c, "read /build/x/y", "read /src/etc/motd", "read /usr/lib/one/file", "read /usr/two/file"); out != want {
			t.Errorf("got %q", out)
		}
	})
	t.Run("no root", func(t *testing.T) {
		c := Command{Mounts: []Mount{{Source: os.Getenv(envPayload), Target: "/bin/payload", ReadOnly: true}}}
		if out := inside(t, c, "list /"); out != "bin\ndev\nproc\nrun\ntmp\n" {
			t.Errorf("got %q", out)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, x := range []struct {
			mounts []Mount
			stage  stageName
			errno  error
		}{
			{[]Mount{{Source: dir, Target: "/src", ReadOnly: false}, {Source: file, Target: "/src/made", ReadOnly: false}}, stageMountPoint, unix.EROFS}, // would write to dir
			{[]Mount{{Source: file, Target: "/usr/lib", ReadOnly: true}}, stageMountPoint, unix.EISDIR},
			{[]Mount{{Source: dir, Target: "/etc/motd", ReadOnly: true}}, stageMountPoint, unix.ENOTDIR},
			{[]Mount{{Source: filepath.Join(dir, "gone"), Target: "/src", ReadOnly: true}}, stageSource, unix.ENOENT},
		} {
			_, _, err := try(t, Command{Root: sysroot(t), Mounts: x.mounts}, "say x")
			var e *stageError
			if !errors.As(err, &e) || e.stage != x.stage || !errors.Is(err, x.errno) {
				t.Errorf("%v: got %v, want %s: %v", x.mounts, err, x.stage, x.errno)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "made")); err == nil {
			t.Error("a mount point was made on the host")
		}
	})
}

func TestNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("this machine has no loopback: %v", err)
	}
	defer l.Close()
	c := Command{Root: sysroot(t)}
	if out := inside(t, c, "interfaces"); out != "lo false\n" {
		t.Errorf("interfaces: %q", out)
	}
	out, status, err := try(t, c, "connect tcp "+l.Addr().String())
	if err != nil || status.Code != 1 || !strings.Contains(out, "network is unreachable") {
		t.Errorf("connect: %v %v %s", status, err, out)
	}
	// Abstract sockets belong to the network namespace as well.
	name := fmt.Sprintf("@umlab-test-%d", os.Getpid())
	u, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if out, status, err := try(t, c, "connect unix "+name); err != nil || status.Code != 1 {
		t.Errorf("connect: %v %v %s", status, err, out)
	}
}

// TestNetworkLent: with Network, a command reaches what the machine reaches and sees how names are found, and no more of
// the machine than before.
func TestNetworkLent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("this machine has no loopback: %v", err)
	}
	defer l.Close()
	certificates := filepath.Join(t.TempDir(), "some.crt")
	put(t, certificates, "certificates")
	t.Setenv("SSL_CERT_FILE", certificates)
	t.Setenv("HTTPS_PROXY", "http://proxy.invalid")
	c := Command{Root: sysroot(t), Network: true}
	if out := inside(t, c, "connect tcp "+l.Addr().String(), "read "+CertificateFile); out != "certificates" {
		t.Errorf("the certificates are %q", out)
	}
	if out := inside(t, c, "env"); !strings.Contains(out, "https_proxy=http://proxy.invalid\n") {
		t.Errorf("the environment is %q", out)
	}
	if hosts, err := os.ReadFile("/etc/hosts"); err == nil {
		if out := inside(t, c, "read /etc/hosts"); out != string(hosts) {
			t.Errorf("/etc/hosts is %q", out)
		}
	}
	for _, op := range []string{"write /etc/hosts x", "write " + CertificateFile + " x", "read /etc/passwd", "read " + certificates} {
		if out, status, err := try(t, c, op); err != nil || status.Code != 1 {
			t.Errorf("%s: %v %v, want a failure inside\n%s", op, status, err, out)
		}
	}
}

func TestStatus(t *testing.T) {
	c := Command{Root: sysroot(t)}
	for _, x := range []struct {
		op   string
		want Status
	}{
		{"exit 0", Status{}}, {"exit 1", Status{Code: 1}}, {"exit 125", Status{Code: 125}}, {"exit 127", Status{Code: 127}}, {"exit 255", Status{Code: 255}},
		{"kill 0 9", Status{Code: -1, Signal: syscall.SIGKILL}}, {"kill 0 15", Status{Code: -1, Signal: syscall.SIGTERM}},
		{"kill 1 9", Status{}}, {"kill 1 15", Status{}}, {"kill 1 11", Status{}}, // PID 1 does not mind
	} {
		out, got, err := try(t, c, x.op)
		if err != nil || got != x.want {
			t.Errorf("%s: %v %v, want %v\n%s", x.op, got, err, x.want, out)
		}
	}
}

func TestExec(t *testing.T) {
	needNamespaces(t)
	root := sysroot(t)
	for _, x := range []struct {
		args  []string
		dir   string
		stage stageName
		errno error
	}{
		{[]string{"/bin/none"}, "", stageLookup, fs.ErrNotExist},
		{[]string{"none"}, "", stageLookup, fs.ErrNotExist},
		{[]string{"not-executable"}, "", stageLookup, fs.ErrPermission},
		{[]string{"/bin"}, "", stageLookup, unix.EISDIR},
		{[]string{"no-interpreter"}, "", stageExec, unix.ENOENT},
		{[]string{"garbage"}, "", stageExec, unix.ENOEXEC},
		{[]string{"payload"}, "/none", stageDirectory, unix.ENOENT},
	} {
		p, err := Start(t.Context(), Command{Root: root, Args: x.args, Dir: x.dir})
		var e *stageError
		if !errors.As(err, &e) || e.stage != x.stage || !errors.Is(err, x.errno) || p != nil {
			t.Errorf("%v in %q: got %v, want %s: %v", x.args, x.dir, err, x.stage, x.errno)
		} else if e.hint == "" && x.errno != unix.EISDIR && x.stage != stageDirectory {
			t.Errorf("%v: no hint", x.args)
		}
	}
	for _, c := range []Command{
		{Args: []string{"payload", "say found"}},
		{Args: []string{"payload", "say found"}, Env: []string{"PATH=/nowhere::/bin"}},
		{Args: []string{"payload", "say found"}, Env: []string{"PATH=/nowhere:"}, Dir: "/bin"},
		{Args: []string{"bin/payload", "say found"}},
		{Args: []string{"../bin/payload", "say found"}, Dir: "/etc"},
	} {
		var out bytes.Buffer
		c.Root, c.Stdout = root, &out
		if _, err := Run(t.Context(), c); err != nil || out.String() != "found\n" {
			t.Errorf("%v: %q %v", c.Args, out.String(), err)
		}
	}
}

func TestPrivileges(t *testing.T) {
	c := Command{Root: sysroot(t)}
	status := inside(t, c, "read /proc/self/status")
	for _, want := range []string{"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n",
		"CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n", "SigIgn:\t0000000000000000\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	for _, op := range []string{"mount", "read /proc/1/maps"} {
		if out, status, err := try(t, c, op); err != nil || status.Code != 1 {
			t.Errorf("%s: %v %v %s", op, status, err, out)
		}
	}
	if os.Getenv(envForbid) == "" {
		if out, status, err := try(t, c, "userns"); err != nil || status.Code != 1 || !strings.Contains(out, "no space left") {
			t.Errorf("a nested user namespace: %v %v %s", status, err, out)
		}
	}
	// A file that the caller's parent left open must not get through.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	fds := strings.Split(inside(t, c, "open-fds"), "\n")
	if slices.ContainsFunc(fds[3:], func(s string) bool { return strings.HasPrefix(s, "pipe:") }) {
		t.Errorf("open files: %q", fds)
	}
}

func TestNoASLR(t *testing.T) {
	c := Command{Root: sysroot(t)}
	if out := inside(t, c, "read /proc/self/personality"); out != "00000000\n" {
		t.Errorf("personality %q", out)
	}
	c.NoASLR = true
	if out := inside(t, c, "read /proc/self/personality"); out != "00040000\n" {
		t.Errorf("personality %q", out)
	}
	stack := func() string {
		for _, line := range strings.Split(inside(t, c, "read /proc/self/maps"), "\n") {
			if strings.HasSuffix(line, "[stack]") {
				return line
			}
		}
		return ""
	}
	if a, b := stack(), stack(); a != b || a == "" {
		t.Errorf("the stack moved from %q to %q", a, b)
	}
}

func TestPlanRefuses(t *testing.T) {
	ok := Command{Root: "/", Args: []string{"x"}}
	if _, err := ok.plan(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Command{
		"no command":                   {},
		"not an absolute":              {Args: ok.Args, Mounts: []Mount{{Source: "/", Target: "x", ReadOnly: true}}},
		"given twice":                  {Args: ok.Args, Mounts: []Mount{{Source: "/", Target: "/x", ReadOnly: true}}, Overlays: []Overlay{{Lower: "/", Target: "/x/"}}},
		"belongs to the":               {Args: ok.Args, Mounts: []Mount{{Source: "/", Target: "/proc/sys", ReadOnly: true}}},
		"is no path":                   {Args: ok.Args, Mounts: []Mount{{Source: "", Target: "/x", ReadOnly: true}}},
		`overlay on /x: "" is no path`: {Args: ok.Args, Overlays: []Overlay{{Target: "/x"}}},
		"go together":                  {Args: ok.Args, Overlays: []Overlay{{Lower: "/l", Upper: "/u", Target: "/x"}}},
		"beside each other":            {Args: ok.Args, Overlays: []Overlay{{Lower: "/l", Upper: "/u", Work: "/u/w", Target: "/x"}}},
		"NUL":                          {Args: []string{"a\x00b"}},
		"negative limit":               {Args: ok.Args, Limits: Limits{Processes: -1}},
		"takes the place":              {Args: ok.Args, TTY: os.Stdin, Stdin: os.Stdin},
	} {
		_, err := Start(context.Background(), c)
		var e *stageError
		if !errors.As(err, &e) || e.stage != stageCommand || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// All mistakes at once.
	bad := Command{Mounts: []Mount{{Source: "", Target: "x", ReadOnly: true}}}
	if _, err := bad.plan(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}
