package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"umlab/harness/pattern"
	"umlab/harness/progress"
)

// installTime is how long rustup may take to fetch and unpack a toolchain.
const installTime = 45 * time.Minute

// distServer is where rustup gets what it installs from, if not from where it
// would by itself: the user's environment comes before the configuration.
func (p *Provider) distServer(configured string) string {
	if s := p.Getenv("RUSTUP_DIST_SERVER"); s != "" {
		return strings.TrimRight(s, "/")
	}
	return strings.TrimRight(configured, "/")
}

// rustupProgram is the machine's rustup.
func (p *Provider) rustupProgram() (string, bool) {
	dirs := filepath.SplitList(p.Getenv("PATH"))
	if cargo := p.Getenv("CARGO_HOME"); cargo != "" {
		dirs = append(dirs, filepath.Join(cargo, "bin"))
	}
	if home := p.Getenv("HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, ".cargo", "bin"))
	}
	return find(dirs, "rustup")
}

// HasRustup reports whether the machine has a rustup.
func (p *Provider) HasRustup() bool {
	_, ok := p.rustupProgram()
	return ok
}

// rustupInstall has rustup install the toolchain below home, which is all that
// it writes to, and returns the toolchain's directory. rustup verifies what it
// fetches.
func (p *Provider) rustupInstall(ctx context.Context, name, toolchain, server, home string) (string, error) {
	by := fmt.Sprintf("rustup toolchain install %s --profile minimal --component rust-src", toolchain)
	missing := fmt.Sprintf("this machine has no rustup toolchain %s", toolchain)
	if names := p.rustupNames(); len(names) > 0 {
		missing += " (it has " + strings.Join(names, ", ") + ")"
	}
	program, ok := p.rustupProgram()
	if !ok {
		return "", fmt.Errorf("%s, and no rustup that could install it: "+
			"install rustup (from your distribution, or as rustup's own page says) so that it is on PATH or in ~/.cargo/bin, and run again", missing)
	}
	env := []string{
		"RUSTUP_HOME=" + filepath.Join(home, "rustup"), "CARGO_HOME=" + filepath.Join(home, "cargo"), "HOME=" + home,
		"RUSTUP_TERM_COLOR=never", "RUSTUP_TERM_PROGRESS_WHEN=never", "LC_ALL=C",
	}
	if server != "" {
		env = append(env, "RUSTUP_DIST_SERVER="+server)
	}
	for _, n := range []string{"PATH", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v := p.Getenv(n); v != "" {
			env = append(env, n+"="+v)
		}
	}
	task := p.Sink.Start("toolchain "+name+": rustup installs "+toolchain, "", 0)
	said, err := run(ctx, task, env, home, program, "toolchain", "install", toolchain,
		"--profile", "minimal", "--component", "rust-src", "--no-self-update")
	task.Done(err)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		do := "check the name; if it is right, set RUSTUP_DIST_SERVER to a server that has it"
		if why := rustupSaid(said, err); strings.Contains(why, "could not download") {
			do = "check the connection (and https_proxy), set RUSTUP_DIST_SERVER to a mirror that can be reached, " +
				"or install it by hand where there is one: " + by
		}
		return "", fmt.Errorf("%s, and rustup could not install it: %s; %s", missing, rustupSaid(said, err), do)
	}
	if dir, ok := toolchainIn(filepath.Join(home, "rustup"), toolchain); ok {
		return dir, nil
	}
	return "", fmt.Errorf("rustup installed %s, but not for %s: %s", toolchain, rustHost, strings.TrimSpace(said))
}

// run runs a program of the machine to its end and returns what it wrote. The
// last line of it is the status of task. It dies with umlab, with all it started.
func run(ctx context.Context, task progress.Task, env []string, dir, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, installTime, fmt.Errorf("it took more than %s", installTime))
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir = env, dir
	both := statusWriter{&out, task}
	cmd.Stdout, cmd.Stderr = both, both
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	// The death signal follows the thread that started the program.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return out.String(), err
}

// statusWriter keeps what is written, and shows its last line.
type statusWriter struct {
	all  *bytes.Buffer
	task progress.Task
}

func (w statusWriter) Write(b []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	w.task.Status(strings.TrimPrefix(lines[len(lines)-1], "info: "))
	return w.all.Write(b)
}

var (
	cause  = pattern.New(`^\s*[0-9]+: (.*)`)
	target = pattern.New(`(from '[^']*') to '[^']*'`) // a name that is gone by now
)

// rustupSaid is the essence of how rustup complained: the error and its last
// cause.
func rustupSaid(said string, err error) string {
	var text, last string
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "Stack backtrace") {
			break
		}
		if e, ok := strings.CutPrefix(line, "error: "); ok && text == "" {
			text = target.ReplaceAllString(e, "$1")
		} else if m := cause.FindStringSubmatch(line); m != nil {
			last = m[1]
		}
	}
	switch {
	case text == "" && strings.TrimSpace(said) == "":
		return err.Error()
	case text == "":
		return strings.TrimSpace(said)
	case last != "":
		return text + ": " + last
	}
	return text
}
