package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// roleCheck prints what Check says, after it has used up its user namespaces if it was given the right to.
func roleCheck() int {
	if len(os.Args) > 1 {
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
			fmt.Println("cannot forbid:", err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "check-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	err = Check(context.Background(), dir)
	var e *stageError
	fmt.Println(errors.As(err, &e), err)
	return 0
}

// Machines that forbid namespaces, made for real.
func TestCheckForbidden(t *testing.T) {
	needNamespaces(t)
	check := func(attr *syscall.SysProcAttr, env []string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
		cmd.Env = append(os.Environ(), append(env, envRole+"=check", "TMPDIR=/tmp")...)
		cmd.SysProcAttr, cmd.Dir = attr, "/"
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	want := func(what, got string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("%s: no %q in\n%s", what, p, got)
			}
		}
	}
	user := nobody()
	if os.Geteuid() != 0 {
		user = nil
	} else {
		want("root under seccomp", check(nil, []string{envForbid + "=1"}), "false <nil>")
	}
	want("unprivileged", check(user, nil), "false <nil>")
	want("unprivileged under seccomp", check(user, []string{envForbid + "=1"}), "true", string(stageNamespaces), "operation not permitted", "seccomp=unconfined")

	// A user namespace in which UID 1000 may set the limit, but has no privileges that would do without one.
	got := check(&syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getegid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_RESOURCE},
	}, nil, "forbid")
	want("no user namespaces left", got, "true", string(stageNamespaces), "no space left", "sysctl -w user.max_user_namespaces=")
}

// roleDeleted removes the program that it runs.
func roleDeleted() int {
	if err := os.Remove(os.Args[1]); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(Check(context.Background(), filepath.Dir(os.Args[1])))
	return 0
}

func TestDeletedProgram(t *testing.T) {
	needNamespaces(t)
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(file, b, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file, file)
	cmd.Env = append(os.Environ(), envRole+"=deleted")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "<nil>\n" {
		t.Errorf("%v %s", err, out)
	}
}

// roleMounter mounts something in a lower directory, in a mount namespace of its own, and goes on unprivileged.
func roleMounter() int {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := unix.Mount("umlab-test", filepath.Join(os.Args[1], "sub"), "tmpfs", 0, ""); err != nil {
		fmt.Println(err)
		return 1
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1])
	cmd.Env = append(os.Environ(), envRole+"=overlay")
	cmd.SysProcAttr, cmd.Dir = nobody(), "/"
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func roleOverlay() int {
	_, err := Run(context.Background(), Command{Overlays: []Overlay{{Lower: os.Args[1], Target: "/x"}}, Args: []string{"none"}})
	fmt.Println(err)
	return 0
}

func TestMountInLower(t *testing.T) {
	needNamespaces(t)
	if os.Geteuid() != 0 {
		t.Skip("only root can mount something there")
	}
	dir, err := os.MkdirTemp("", "umlab-lower-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "sub"), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", dir)
	cmd.Env = append(os.Environ(), envRole+"=mounter")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "invalid argument") || !strings.Contains(string(out), "must contain no mounts; unmount "+dir+"/sub") {
		t.Errorf("%v %s", err, out)
	}
}

func TestHint(t *testing.T) {
	user := facts{release: "6.1.0-18-amd64", sysctl: map[string]string{"user.max_user_namespaces": "1000", "kernel.unprivileged_userns_clone": "1"}}
	with := func(change func(*facts)) facts {
		f := user
		f.sysctl = maps.Clone(user.sysctl)
		change(&f)
		return f
	}
	set := func(name, value string) facts { return with(func(f *facts) { f.sysctl[name] = value }) }
	root := with(func(f *facts) { f.root = true })
	seccomp := with(func(f *facts) { f.seccomp = true })
	for _, x := range []struct {
		stage stageName
		errno unix.Errno
		f     facts
		want  string // a part of it; "" for no hint
	}{
		{stageNamespaces, unix.EPERM, set("kernel.unprivileged_userns_clone", "0"), "sysctl -w kernel.unprivileged_userns_clone=1, or run umlab as root"},
		{stageNamespaces, unix.ENOSPC, set("user.max_user_namespaces", "0"), "sysctl -w user.max_user_namespaces=10000"},
		{stageNamespaces, unix.ENOSPC, set("user.max_net_namespaces", "0"), "sysctl -w user.max_net_namespaces=10000"},
		{stageNamespaces, unix.ENOSPC, user, "too many namespaces"},
		{stageNamespaces, unix.EUSERS, user, "nested"},
		{stageNamespaces, unix.EPERM, set("kernel.apparmor_restrict_unprivileged_userns", "1"), "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		{stagePrivate, unix.EACCES, set("kernel.apparmor_restrict_unprivileged_userns", "1"), "AppArmor"},
		{stageRoot, unix.EACCES, set("kernel.apparmor_restrict_unprivileged_userns", "1"), "AppArmor"},
		{stageNamespaces, unix.EPERM, set("kernel.apparmor_restrict_unprivileged_userns", "0"), "chroot, SELinux"},
		{stageNamespaces, unix.EPERM, seccomp, "seccomp=unconfined"},
		{stageNamespaces, unix.ENOSYS, seccomp, "seccomp=unconfined"},
		{stageNamespaces, unix.EINVAL, user, "this is 6.1.0-18-amd64"},
		{stageRoot, unix.ENOSYS, user, "Linux 5.12"},
		{stageNamespaces, unix.ENOENT, user, "/proc must be mounted"},
		{stageNamespaces, unix.EPERM, user, "or run umlab as root"},
		{stageNamespaces, unix.EPERM, root, "--cap-add SYS_ADMIN"},
		{stageProc, unix.EPERM, user, "systempaths=unconfined"},
		{stageSource, unix.EACCES, user, "search every directory above"},
		{stageSource, unix.ENOENT, user, ""},
		{stageDev, unix.ENOENT, user, "/dev lacks it"},
		{stageMountPoint, unix.EROFS, user, "make it there first"},
		{stageMountPoint, unix.ENOTDIR, user, "only on a file"},
		{stageOverlay, unix.ENODEV, user, "modprobe overlay"},
		{stageOverlay, unix.EINVAL, with(func(f *facts) { f.inside = []string{"/l/a", "/l/b"} }), "contain no mounts; unmount /l/a, /l/b"},
		{stageOverlay, unix.EINVAL, with(func(f *facts) { f.upper, f.upperFS = "/u", "an overlay" }), "/u lies on an overlay"},
		{stageOverlay, unix.EINVAL, user, "dmesg"},
		{stageOverlay, unix.EPERM, with(func(f *facts) { f.release = "5.10.0" }), "Linux 5.11; this is 5.10.0"},
		{stageOverlay, unix.EPERM, user, "must be able to read it"},
		{stagePivot, unix.EINVAL, user, "initramfs"},
		{stageLookup, unix.ENOENT, user, "not in the sysroot"},
		{stageExec, unix.ENOENT, user, "interpreter"},
		{stageExec, unix.ENOEXEC, user, "architecture"},
		{stageExec, unix.EACCES, user, "noexec"},
		{stageExec, unix.EPERM, set("kernel.yama.ptrace_scope", "3"), "ptrace_scope=3"},
		{stageTmpfs, unix.EINVAL, user, ""},
		{stageNamespaces, unix.EMFILE, root, "ulimit -n"},
		{stageNamespaces, unix.ENFILE, root, "fs.file-max"},
		{stageNamespaces, unix.EAGAIN, root, "ulimit -u"},
		{stageNamespaces, unix.ENOMEM, root, "too little memory"},
		{stageNamespaces, unix.EBADF, root, ""},
		{stageNamespaces, unix.EBADF, seccomp, ""},
		{stageOverlay, unix.ENOMEM, with(func(f *facts) { f.upper, f.upperFS = "/u", "an overlay" }), "too little memory"},
		{stageMountPoint, unix.ENOSPC, user, "no space is left"},
		{stageMountPoint, unix.EDQUOT, user, "quota"},
		{stageSource, unix.EIO, user, "dmesg"},
		{stageExec, unix.EAGAIN, user, "ulimit -u"},
	} {
		if got := hint(x.stage, x.errno, x.f); !strings.Contains(got, x.want) || (x.want == "") != (got == "") {
			t.Errorf("%s: %v: got %q, want %q", x.stage, x.errno, got, x.want)
		}
	}
	if strings.Contains(hint(stageNamespaces, unix.EPERM, root), "as root") {
		t.Error("root is told to become root")
	}
}

func TestKernelAtLeast(t *testing.T) {
	for release, want := range map[string]bool{"6.14.0": true, "6.14-rc1": true, "7.0": true, "6.13.12-generic": false, "5.99": false, "": false, "x.y": false, "6": false} {
		if kernelAtLeast(release, 6, 14) != want {
			t.Errorf("%q: got %v", release, !want)
		}
	}
}

func TestMissing(t *testing.T) {
	tree := map[string]string{ // of a sysroot, with its links
		"/usr": "/usr", "/usr/lib": "/usr/lib", "/lib": "/usr/lib", "/usr/share": "/usr/share", "/usr/share/doc": "/usr/share/doc",
		"/var": "/var", "/var/run": "/run", "/run": "/run", "/back": "/",
	}
	look := func(p string) (string, bool) { real, ok := tree[p]; return real, ok }
	dir := func(paths ...string) (points []mountPoint) {
		for _, p := range paths {
			points = append(points, mountPoint{p, true})
		}
		return points
	}
	for _, x := range []struct {
		points []mountPoint
		want   map[string][]mountPoint
	}{
		{dir("/src", "/a/b", "/usr/share/doc", "/back/x"), map[string][]mountPoint{}},
		{dir("/usr/x/y", "/usr/z"), map[string][]mountPoint{"/usr": {{"x/y", true}, {"z", true}}}},
		{dir("/lib/modules", "/usr/share/x"), map[string][]mountPoint{"/usr/lib": {{"modules", true}}, "/usr/share": {{"x", true}}}},
		{dir("/usr", "/usr/x"), map[string][]mountPoint{}},
		{dir("/usr", "/lib/x"), map[string][]mountPoint{}},
		{dir("/run", "/var/run/x"), map[string][]mountPoint{}},
		{[]mountPoint{{"/usr/f", false}}, map[string][]mountPoint{"/usr": {{"f", false}}}},
	} {
		if got := missing(x.points, look); !reflect.DeepEqual(got, x.want) {
			t.Errorf("%v: got %v, want %v", x.points, got, x.want)
		}
	}
}
