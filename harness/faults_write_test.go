package harness_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The tests of this file have the kernel ask this process about each system call by which umlab changes its store (seccomp_unotify(2)),
// and answer some of them with the error of a disk.

// changes are the system calls by which a store is changed, with the argument that names it: a descriptor, or a path.
var changes = map[int32]struct {
	arg  int
	path bool
}{
	unix.SYS_WRITE: {0, false}, unix.SYS_PWRITE64: {0, false}, unix.SYS_FSYNC: {0, false}, unix.SYS_FTRUNCATE: {0, false},
	unix.SYS_FCHMOD: {0, false}, unix.SYS_COPY_FILE_RANGE: {2, false}, unix.SYS_OPENAT: {1, true}, unix.SYS_MKDIRAT: {1, true},
	unix.SYS_RENAMEAT: {3, true}, unix.SYS_RENAMEAT2: {3, true}, unix.SYS_LINKAT: {3, true}, unix.SYS_SYMLINKAT: {2, true},
	unix.SYS_UNLINKAT: {1, true}, unix.SYS_FCHMODAT: {1, true}, unix.SYS_UTIMENSAT: {1, true},
}

const roleAsked = "UMLAB_TEST_ASKED" // the descriptor of a socket that takes the one that the kernel asks by

// beAsked, in a process that is to become umlab, has the kernel ask about its changes, and becomes it.
func beAsked() error {
	runtime.LockOSThread()
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the call's number
	for nr := range changes {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	var to int
	if _, err := fmt.Sscan(os.Getenv(roleAsked), &to); err != nil {
		return err
	}
	path, err := exec.LookPath(os.Args[1])
	if err != nil {
		return err
	}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	if err := unix.Sendmsg(to, []byte{0}, unix.UnixRights(int(fd)), nil, 0); err != nil {
		return err
	}
	_ = unix.Close(to)
	_ = unix.Close(int(fd))
	return unix.Exec(path, os.Args[1:], os.Environ())
}

// notif and answer are seccomp_notif and seccomp_notif_resp.
type notif struct {
	ID         uint64
	PID, Flags uint32
	NR         int32
	Arch       uint32
	IP         uint64
	Args       [6]uint64
}

type answer struct {
	ID    uint64
	Val   int64
	Error int32
	Flags uint32
}

const notifRecv, notifSend, goOn = 0xc0502100, 0xc0182101, 1

// asked runs umlab and calls fails for each change of its store by its own process, in their order; what fails returns is what the
// change ends with, and 0 lets it happen.
func (v *victim) asked(t *testing.T, fails func(n int, nr int32, path string) syscall.Errno, args ...string) (e end, n int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	asking := *v
	asking.through = []string{os.Args[0]}
	c := asking.command(args...)
	c.ExtraFiles = []*os.File{theirs}
	c.Env = append(c.Env, roleAsked+"=3")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	oob := make([]byte, unix.CmsgSpace(4))
	_, k, _, _, err := unix.Recvmsg(pair[0], make([]byte, 1), oob, 0)
	_ = unix.Close(pair[0])
	var fds []int
	if msgs, perr := unix.ParseSocketControlMessage(oob[:k]); err == nil && perr == nil && len(msgs) == 1 {
		fds, _ = unix.ParseUnixRights(&msgs[0])
	}
	if len(fds) != 1 {
		_ = c.Wait()
		t.Skipf("this machine does not have the kernel ask: %v %s", err, said.String())
	}
	listener := fds[0]
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); errors.Is(err, unix.EINTR) {
			continue
		}
		if poll[0].Revents&unix.POLLIN == 0 { // nobody is left who could ask
			break
		}
		var q notif
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifRecv, uintptr(unsafe.Pointer(&q))); errno != 0 {
			continue // who asked was killed
		}
		a := answer{ID: q.ID, Flags: goOn}
		if path := v.changed(c.Process.Pid, &q); path != "" {
			n++
			if errno := fails(n, q.NR, path); errno != 0 {
				a.Flags, a.Error = 0, -int32(errno)
			}
		}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifSend, uintptr(unsafe.Pointer(&a)))
	}
	_ = unix.Close(listener)
	<-ended
	return end{c.ProcessState.ExitCode(), out.String(), said.String()}, n
}

// changed is what a call changes below the store; "" for what is not of the process, does not change, or lies elsewhere.
func (v *victim) changed(process int, q *notif) (path string) {
	call := changes[q.NR]
	if q.NR == unix.SYS_OPENAT && q.Args[2]&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT) == 0 {
		return ""
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", q.PID))
	if err != nil || !bytes.Contains(status, fmt.Appendf(nil, "\nTgid:\t%d\n", process)) {
		return ""
	}
	if !call.path {
		path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", q.PID, int32(q.Args[call.arg])))
	} else {
		text := make([]byte, 4096)
		local := unix.Iovec{Base: &text[0], Len: uint64(len(text))}
		at := q.Args[call.arg]
		remote := unix.RemoteIovec{Base: uintptr(at), Len: 4096 - int(at%4096)} // the next page may not be there
		k, err := unix.ProcessVMReadv(int(q.PID), []unix.Iovec{local}, []unix.RemoteIovec{remote}, 0)
		if err != nil {
			return ""
		}
		name, _, _ := bytes.Cut(text[:k], []byte{0})
		if path = string(name); !filepath.IsAbs(path) {
			dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", q.PID, int32(q.Args[call.arg-1])))
			path = filepath.Join(dir, path)
		}
	}
	if rel, ok := strings.CutPrefix(path, v.home+"/"); ok {
		return rel
	}
	return ""
}

// TestFailedWrites: whichever change of its store fails, and each that follows, as on a disk that is full, over quota, broken or
// read-only, a run gives the undisturbed table, or says what the disk said; and when the disk is well again, all is well.
func TestFailedWrites(t *testing.T) {
	v := lent(t, cachedRun)
	v.run(t, cachedRun...)
	want := table(t, v.run(t, cachedRun...))
	kinds := map[string]int{}
	name := func(nr int32, path string) string {
		top := strings.SplitN(path, "/", 3)
		return fmt.Sprintf("%d %s", nr, strings.Join(top[:min(2, len(top))], "/"))
	}
	e, all := v.asked(t, func(_ int, nr int32, path string) syscall.Errno { kinds[name(nr, path)]++; return 0 }, cachedRun...)
	told(t, e, want, "")
	failed, told3 := 0, 0
	tries := rounds(4 * all) // with each of the errors
	for round := range tries {
		rnd := rand.New(rand.NewPCG(uint64(round), 21))
		errno := []syscall.Errno{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS}[round%4]
		at, once := 1+round*all/tries, rnd.IntN(3) == 0
		hit := false
		var first string
		e, _ := v.asked(t, func(n int, nr int32, path string) syscall.Errno {
			if n < at || once && n > at || nr == unix.SYS_UNLINKAT && errno != unix.EROFS { // a full disk removes
				return 0
			}
			if !hit {
				first = fmt.Sprintf("change %d of %d: %v of %s, once %t", at, all, errno, name(nr, path), once)
			}
			hit = true
			return errno
		}, cachedRun...)
		if hit {
			failed++
		}
		if e.code != 0 {
			told3++
		}
		said := map[syscall.Errno]string{unix.EROFS: "read-only file system|readonly database"}[errno]
		if said == "" {
			said = errno.Error() + "|disk I/O error|database or disk is full"
		}
		told(t, e, want, "(?i)"+said)
		told(t, v.run(t, cachedRun...), want, "")
		if t.Failed() {
			t.Fatal(first)
		}
	}
	v.nothingLeft(t)
	t.Logf("%d changes of the store in a run, of %d kinds; %d runs in which some failed, %d of which proved nothing", all, len(kinds), failed, told3)
	if failed == 0 {
		t.Error("nothing failed: nothing was tested")
	}
}
