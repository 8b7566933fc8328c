package sandbox

import (
	"errors"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dropPrivileges leaves this thread, and what it starts, without capabilities and without a way to get some. The
// other threads of init keep theirs: the command can neither trace nor read a process that is not dumpable.
func dropPrivileges(groups bool) error {
	// A keyring of the host's session is not the command's business. Containers often forbid keyctl altogether.
	_, _ = unix.KeyctlJoinSessionKeyring("")
	if groups {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			return errno
		}
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) { // past the last one that this kernel knows
			break
		}
		if err != nil {
			return err
		}
	}
	// linux/securebits.h: NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, each with its lock, and KEEP_CAPS_LOCKED.
	// UID 0 is then a user like any other.
	const bits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, bits, 0, 0, 0); err != nil {
		return err
	}
	var none [2]unix.CapUserData
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

func noASLR() error {
	const query, addrNoRandomize = 0xffffffff, 0x0040000 // linux/personality.h
	old, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, query, 0, 0)
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_PERSONALITY, old|addrNoRandomize, 0, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// startPayload starts the command and lets go of its standard files.
func startPayload(s *spec) (int, error) {
	if err := unix.Chdir(s.Dir); err != nil {
		return 0, faultOf(stageDirectory, s.Dir, err)
	}
	file, err := lookPath(s.Args[0], s.Env)
	if err != nil {
		return 0, faultOf(stageLookup, s.Args[0], err)
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return 0, faultOf(stageDev, "/dev/null", errors.Unwrap(err))
	}
	defer null.Close()

	// Core dumps would be written by whatever the host's core_pattern names.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return 0, faultOf(stageLimits, "core", err)
	}
	trace := s.Limits.needTrace()
	attr := &syscall.ProcAttr{
		Env:   s.Env,
		Files: []uintptr{0, 1, 2},
		// A session of its own: no controlling terminal but the one that was given, one group to signal.
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: s.Terminal, Ctty: 0, Ptrace: trace},
	}
	pid, err := syscall.ForkExec(file, s.Args, attr)
	if err != nil {
		return 0, faultOf(stageExec, file, err)
	}
	if trace {
		if err := limitStopped(pid, s.Limits); err != nil {
			return 0, err
		}
	}
	// Whoever is at the other end must see the command close them.
	for fd := range 3 {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return 0, faultOf(stageInit, "/dev/null", err)
		}
	}
	return pid, nil
}

// limitStopped sets limits on a command that stands at its first instruction, traced, and lets it go. Setting them on
// init and having them inherited would bind init too, whose Go runtime cannot live with a small address space.
func limitStopped(pid int, l Limits) error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return faultOf(stageLimits, "", err)
		}
		break
	}
	if !ws.Stopped() {
		return faultOf(stageLimits, "", &detailed{unix.ESRCH, "the command ended before it ran"})
	}
	for _, x := range []struct {
		name     string
		resource int
		value    int64
	}{
		// Init's own threads count, where the kernel counts.
		{"processes", unix.RLIMIT_NPROC, int64(l.Processes) + int64(threads())},
		{"file size", unix.RLIMIT_FSIZE, l.FileSize},
		{"address space", unix.RLIMIT_AS, l.AddressSpace},
	} {
		if x.value <= 0 || (x.resource == unix.RLIMIT_NPROC && l.Processes <= 0) {
			continue
		}
		var old unix.Rlimit
		if err := unix.Prlimit(pid, x.resource, nil, &old); err != nil {
			return faultOf(stageLimits, x.name, err)
		}
		v := min(uint64(x.value), old.Max)
		if err := unix.Prlimit(pid, x.resource, &unix.Rlimit{Cur: v, Max: v}, nil); err != nil {
			return faultOf(stageLimits, x.name, err)
		}
	}
	return faultOf(stageLimits, "", unix.PtraceDetach(pid))
}

// threads counts this process's threads.
func threads() int {
	e, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(e)
}

// lookPath finds an executable file as execvp(3) does, with the command's PATH.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	var first error = unix.ENOENT
	for _, dir := range searchPath(env) {
		p := path.Join(dir, name)
		if !strings.HasPrefix(p, "/") {
			p = "./" + p
		}
		err := executable(p)
		if err == nil {
			return p, nil
		}
		if errors.Is(err, unix.EACCES) {
			first = err
		}
	}
	return "", first
}

func searchPath(env []string) []string {
	dirs := ""
	for _, v := range env {
		if rest, ok := strings.CutPrefix(v, "PATH="); ok {
			dirs = rest
		}
	}
	return strings.Split(dirs, ":")
}

func executable(p string) error {
	var st unix.Stat_t
	if err := unix.Stat(p, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	return unix.Access(p, unix.X_OK)
}
