package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umlab/harness/store"
)

// The test binary plays several parts; these variables of the environment say which.
const (
	envPayload = "UMLAB_SANDBOX_TEST_PAYLOAD" // path of the built testdata/payload
	envForbid  = "UMLAB_SANDBOX_TEST_FORBID"  // set: no user namespaces for this process
	envRole    = "UMLAB_SANDBOX_TEST_ROLE"    // instead of running tests
)

func TestMain(m *testing.M) {
	Init()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if os.Getenv(envForbid) != "" {
		if err := forbidUserNamespaces(); err != nil {
			fmt.Fprintln(os.Stderr, "seccomp:", err)
			return exitFault
		}
	}
	switch os.Getenv(envRole) {
	case "parent":
		return roleParent()
	case "check":
		return roleCheck()
	case "deleted":
		return roleDeleted()
	case "mounter":
		return roleMounter()
	case "overlay":
		return roleOverlay()
	}
	if os.Getenv(envPayload) == "" {
		dir, err := os.MkdirTemp("", "umlab-payload-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "payload")
		build := exec.Command("go", "build", "-o", file, "./testdata/payload")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the payload: %v\n%s", err, out)
			return 1
		}
		os.Setenv(envPayload, file)
		os.Chmod(dir, 0o755)
	}
	return m.Run()
}

// sysroot makes a root that holds the payload and little else.
func sysroot(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bin", "etc", "usr/lib/deep", "home/user", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(os.Getenv(envPayload))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "bin/payload"), string(b))
	put(t, filepath.Join(root, "bin/not-executable"), "#!/bin/payload\n")
	put(t, filepath.Join(root, "bin/no-interpreter"), "#!/bin/nothing\n")
	put(t, filepath.Join(root, "bin/garbage"), "garbage")
	put(t, filepath.Join(root, "etc/motd"), "hello\n")
	put(t, filepath.Join(root, "top-file"), "top\n")
	for _, name := range []string{"payload", "no-interpreter", "garbage"} {
		if err := os.Chmod(filepath.Join(root, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"lib": "usr/lib", "dangling": "nowhere", "usr/escape": "../../../../../../etc"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func put(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inside runs operations of the payload and returns their output. It does not return unless they succeeded.
func inside(t *testing.T, c Command, ops ...string) string {
	t.Helper()
	out, status, err := try(t, c, ops...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", ops, err, out)
	}
	if !status.Success() {
		t.Fatalf("%q: %v\n%s", ops, status, out)
	}
	return out
}

func try(t *testing.T, c Command, ops ...string) (string, Status, error) {
	t.Helper()
	needNamespaces(t)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.Args = append([]string{"/bin/payload"}, ops...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	status, err := Run(ctx, c)
	return out.String(), status, err
}

// needNamespaces skips a test where this machine truly has no sandboxes.
func needNamespaces(t testing.TB) {
	t.Helper()
	if err := Check(t.Context(), t.TempDir()); err != nil {
		t.Skipf("this machine has no sandboxes: %v", err)
	}
}

// tests runs some tests of this binary again in another process.
func tests(t *testing.T, pattern string, attr *syscall.SysProcAttr, env ...string) {
	t.Helper()
	tmp, err := os.MkdirTemp("", "umlab-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run", pattern)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), append(env, "TMPDIR="+tmp)...)
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Logf("%s", out)
	}
	if !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("no test ran:\n%s", out)
	}
}

// forbidUserNamespaces makes clone(2) with CLONE_NEWUSER fail in this process from now on, as a container does it.
func forbidUserNamespaces() error {
	const (
		deny  = 0x00050000 | uint32(unix.EPERM) // SECCOMP_RET_ERRNO
		allow = 0x7fff0000                      // SECCOMP_RET_ALLOW
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the system call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE, Jt: 0, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument, lower half
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_NEWUSER, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: deny},
		{Code: unix.BPF_RET | unix.BPF_K, K: allow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return seccomp(&prog)
}
