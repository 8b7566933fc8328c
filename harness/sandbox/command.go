package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Mount shows a file or directory of the host inside the sandbox, with everything that is mounted below it.
type Mount struct {
	Source   string // path on the host, symbolic links followed
	Target   string // absolute path inside, created where it is missing
	ReadOnly bool   // the command cannot write to it, whatever the file modes say

	// Over are directories of the host that lie over Source, the topmost first: what they hold is seen in its place, and
	// their whiteouts (see Documentation/filesystems/overlayfs.rst) hide it. For a ReadOnly directory without mounts.
	Over []string
}

// An Overlay shows Lower as a directory that can be written to: every change lands in Upper.
//
// Lower must contain no mounts; what in it belongs to another user can be read but not changed. Upper must
// be on a file system that overlayfs can write to (ext4, xfs, btrfs, tmpfs; not another overlay, not NFS). It and Work
// are created where they are missing, and one sandbox at a time may use them. The kernel leaves a directory of mode 000
// in Work: remove it with store.RemoveAll.
type Overlay struct {
	Lower  string // host directory
	Upper  string // host directory that receives the changes; "" drops them at the end (a tmpfs of Limits.Disk bytes)
	Work   string // host directory on the same mount as Upper, for the kernel's use; "" exactly when Upper is ""
	Target string // absolute path inside, created where it is missing
}

// Limits bound what the command uses. Zero means what the caller itself is bound by. Core dumps are always off.
type Limits struct {
	// Processes and threads at a time. Linux exempts host root from RLIMIT_NPROC; for root the bound is the PID
	// namespace's own kernel.pid_max, which exists since Linux 6.14 and allows 300 more than asked for.
	Processes    int
	FileSize     int64 // bytes in one file, holes included (RLIMIT_FSIZE): a guest's memory is such a file
	AddressSpace int64 // bytes mapped by one process (RLIMIT_AS)
	Disk         int64 // bytes in each tmpfs, where sparse files may be longer; 0 for half of the memory, the kernel's default
}

func (l Limits) needTrace() bool {
	return l.Processes > 0 || l.FileSize > 0 || l.AddressSpace > 0
}

// Command is what to run, and all that it can see.
type Command struct {
	Root     string // sysroot directory, shown read-only at /; "" for a root that holds only what is listed below
	Mounts   []Mount
	Overlays []Overlay

	Dir  string   // working directory inside; "" for /
	Args []string // Args[0] is looked up in the PATH of Env, inside
	Env  []string // the whole environment; PATH and HOME=/tmp are added where they are missing

	// Stdin, Stdout and Stderr of the command. An *os.File is handed over as it is, anything else is copied through
	// a pipe; nil is /dev/null. A writer given for both outputs is written to by one goroutine.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// TTY, the slave of a pty, becomes standard input, output and error and the controlling terminal. The caller
	// closes its own copy after Start, and reads EIO from the master when the sandbox is gone.
	TTY *os.File

	// Network lends the command the machine's network, with it the abstract sockets of programs of the machine, and what
	// it takes to find a server and to trust it: see network. Without it, there is no network at all.
	Network bool

	// Watch are directories inside: Status.Opened tells which files below them were opened. WatchOnly are more of them,
	// without those below; one that is not there is left out. To name all saves the search.
	Watch, WatchOnly []string

	NoASLR bool // personality(ADDR_NO_RANDOMIZE)
	Limits Limits
	Grace  time.Duration // between SIGTERM to the command's process group and SIGKILL to all; 0 kills at once
}

const (
	defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	defaultHome = "HOME=/tmp"
	hostname    = "umlab"
)

// errInvalid marks a Command that no machine could run.
var errInvalid = errors.New("invalid command")

// plan checks c and turns it into what the sandbox's init needs: host paths absolute, defaults filled in, everything
// that gets mounted in the order of mounting. It reports all mistakes, not the first.
func (c *Command) plan() (*spec, error) {
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	host := func(what, p string) string {
		if p == "" || strings.ContainsRune(p, 0) {
			wrong("%s: %q is no path", what, p)
			return p
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			wrong("%s: %w", what, err)
		}
		return abs
	}

	s := &spec{Dir: c.Dir, Args: c.Args, Terminal: c.TTY != nil, NoASLR: c.NoASLR, Limits: c.Limits, Network: c.Network,
		Watch: c.Watch, WatchOnly: c.WatchOnly}
	if c.Root != "" {
		s.Root = host("root", c.Root)
	}
	mounts, env := c.Mounts, c.Env
	if c.Network {
		lent, proxies := network(os.Getenv)
		mounts, env = slices.Concat(mounts, lent), withDefaults(env, proxies...)
	}
	for _, m := range mounts {
		l := layer{Kind: layerBind, Target: m.Target, ReadOnly: m.ReadOnly, Source: host("mount on "+m.Target, m.Source)}
		for _, o := range m.Over {
			l.Kind, l.Over = layerOverlay, append(l.Over, host("mount on "+m.Target, o))
		}
		if len(l.Over) > 0 && !m.ReadOnly {
			wrong("mount on %s: what lies over another directory is read-only", m.Target)
		}
		s.Layers = append(s.Layers, l)
	}
	for _, o := range c.Overlays {
		what := "overlay on " + o.Target
		l := layer{Kind: layerOverlay, Target: o.Target, Source: host(what, o.Lower)}
		switch {
		case (o.Upper == "") != (o.Work == ""):
			wrong("%s: Upper and Work go together", what)
		case o.Upper != "":
			l.Upper, l.Work = host(what, o.Upper), host(what, o.Work)
			if within(l.Upper, l.Work) || within(l.Work, l.Upper) {
				wrong("%s: Upper and Work must lie beside each other", what)
			}
		}
		s.Layers = append(s.Layers, l)
	}

	seen := map[string]bool{}
	for i := range s.Layers {
		t := &s.Layers[i].Target
		switch {
		case !path.IsAbs(*t) || strings.ContainsRune(*t, 0):
			wrong("target %q: not an absolute path", *t)
		case path.Clean(*t) == "/" || path.Clean(*t) == "/dev" || within("/proc", path.Clean(*t)):
			wrong("target %s: belongs to the sandbox", *t)
		case seen[path.Clean(*t)]:
			wrong("target %s: given twice", *t)
		}
		*t = path.Clean(*t)
		seen[*t] = true
	}
	for _, t := range []string{"/tmp", "/run", "/dev/shm"} {
		if !seen[t] {
			s.Layers = append(s.Layers, layer{Kind: layerTmpfs, Target: t, Exec: t != "/run"})
		}
	}
	// A mount point must exist before what lies below it is mounted, and must not hide it.
	slices.SortStableFunc(s.Layers, func(a, b layer) int {
		return strings.Count(a.Target, "/") - strings.Count(b.Target, "/")
	})

	if len(c.Args) == 0 || c.Args[0] == "" {
		wrong("no command")
	}
	for _, v := range slices.Concat(c.Args, c.Env) {
		if strings.ContainsRune(v, 0) {
			wrong("%q contains a NUL byte", v)
		}
	}
	l := c.Limits
	if l.Processes < 0 || l.FileSize < 0 || l.AddressSpace < 0 || l.Disk < 0 {
		wrong("negative limit")
	}
	if c.TTY != nil && (c.Stdin != nil || c.Stdout != nil || c.Stderr != nil) {
		wrong("TTY takes the place of Stdin, Stdout and Stderr")
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	s.Env = withDefaults(env, defaultPath, defaultHome)
	if len(bad) > 0 {
		return nil, &stageError{stage: stageCommand, err: fmt.Errorf("%w: %w", errInvalid, errors.Join(bad...))}
	}
	return s, nil
}

// withDefaults appends each NAME=value of defaults whose NAME env does not have.
func withDefaults(env []string, defaults ...string) []string {
	out := slices.Clone(env)
	for _, d := range defaults {
		name, _, _ := strings.Cut(d, "=")
		if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			out = append(out, d)
		}
	}
	return out
}

// within reports whether p is dir or lies below it; both are clean and absolute.
func within(dir, p string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}
