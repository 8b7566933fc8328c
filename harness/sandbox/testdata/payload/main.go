// Command payload is what the tests of package sandbox run inside: a static binary that needs nothing else in a sysroot.
// Each argument is an operation with its operands, separated by spaces; the first that fails ends it with status 1.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	for _, arg := range os.Args[1:] {
		op, rest, _ := strings.Cut(arg, " ")
		if err := run(op, strings.Fields(rest)); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", op, err)
			os.Exit(1)
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

func run(op string, a []string) error {
	switch op {
	case "list": // directory: names, one a line
		entries, err := os.ReadDir(a[0])
		for _, e := range entries {
			fmt.Println(e.Name())
		}
		return err
	case "read": // file
		b, err := os.ReadFile(a[0])
		os.Stdout.Write(b)
		return err
	case "write": // file text
		return os.WriteFile(a[0], []byte(a[1]), 0o644)
	case "remove": // path
		return os.RemoveAll(a[0])
	case "mkdir":
		return os.MkdirAll(a[0], 0o755)
	case "chmod":
		return os.Chmod(a[0], 0o600)
	case "fill": // file bytes: how many could be written
		f, err := os.Create(a[0])
		if err != nil {
			return err
		}
		n, err := io.Copy(f, io.LimitReader(zeros{}, int64(number(a[1]))))
		fmt.Println(n, err != nil)
		return nil
	case "sparse": // file bytes
		f, err := os.Create(a[0])
		if err != nil {
			return err
		}
		return f.Truncate(int64(number(a[1])))
	case "mapexec": // file: map it executable
		f, err := os.Create(a[0])
		if err != nil {
			return err
		}
		if err := f.Truncate(4096); err != nil {
			return err
		}
		_, err = syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_SHARED)
		return err
	case "ids":
		host, err := os.Hostname()
		fmt.Printf("pid=%v ppid=%d uid=%d host=%s\n", os.Getpid() == 1, os.Getppid(), os.Getuid(), host)
		return err
	case "cwd":
		dir, err := os.Getwd()
		fmt.Println(dir)
		return err
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "stderr":
		fmt.Fprintln(os.Stderr, a[0])
	case "say":
		fmt.Println(a[0])
	case "exit":
		os.Exit(number(a[0]))
	case "kill": // pid signal; pid 0 is this process
		pid := number(a[0])
		if pid == 0 {
			pid = os.Getpid()
		}
		return syscall.Kill(pid, syscall.Signal(number(a[1])))
	case "wait":
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1) // or the runtime calls it a deadlock
		select {}
	case "sleep": // for ever, with its arguments to be found by
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP)
		fmt.Println("sleeping")
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
		select {}
	case "onterm": // code: say so, and exit with it on SIGTERM
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("ready")
		<-c
		os.Exit(number(a[0]))
	case "daemon": // marker: leave a grandchild in a session of its own
		return daemon(a[0])
	case "connect": // network address
		c, err := net.Dial(a[0], a[1])
		if err == nil {
			c.Close()
		}
		return err
	case "interfaces":
		all, err := net.Interfaces()
		for _, i := range all {
			fmt.Println(i.Name, i.Flags&net.FlagUp != 0)
		}
		return err
	case "processes": // n: how many could be started at a time
		return processes(number(a[0]))
	case "open": // n: how many files could be opened
		n := 0
		for ; n < number(a[0]); n++ {
			if _, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0); err != nil {
				break
			}
		}
		fmt.Println(n)
	case "map": // bytes
		_, err := syscall.Mmap(-1, 0, number(a[0]), syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
		return err
	case "rlimit": // resource: soft and hard
		var l syscall.Rlimit
		err := syscall.Getrlimit(number(a[0]), &l)
		fmt.Println(l.Cur, l.Max)
		return err
	case "tty":
		return tty()
	case "userns":
		c := exec.Command("/proc/self/exe")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		return c.Run()
	case "mount":
		return syscall.Mount("none", "/tmp", "tmpfs", 0, "")
	case "open-fds":
		names, err := filepath.Glob("/proc/self/fd/*")
		for _, n := range names {
			to, _ := os.Readlink(n)
			fmt.Println(to)
		}
		return err
	case "grep": // file text: whether it occurs
		b, err := os.ReadFile(a[0])
		fmt.Println(bytes.Contains(b, []byte(a[1])))
		return err
	default:
		return fmt.Errorf("no such operation")
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func daemon(marker string) error {
	if generation, name, ok := strings.Cut(marker, "/"); ok && generation == "child" {
		c := exec.Command("/proc/self/exe", "sleep "+name)
		c.Stdout = os.Stdout
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return c.Start()
	}
	c := exec.Command("/proc/self/exe", "daemon child/"+marker)
	c.Stdout = os.Stdout
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

func processes(n int) error {
	started := 0
	var first error
	for range n {
		r, _, err := os.Pipe() // never written to
		if err != nil {
			return err
		}
		c := exec.Command("/proc/self/exe", "cat")
		c.Stdin = r
		if first = c.Start(); first != nil {
			break
		}
		started++
	}
	fmt.Println(started < n, first)
	return nil
}

func tty() error {
	var pgrp int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&pgrp))); errno != 0 {
		return errno
	}
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "foreground=%v\n", int(pgrp) == os.Getpid())
	return err
}
