// Linux is what the tests of package uml boot in place of a kernel. It speaks the console's protocol as rootfs/init
// does; what a module or a step does stands in its file.
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func say(format string, args ...any) { _, _ = os.Stdout.WriteString(fmt.Sprintf(format, args...)) }

func main() { os.Exit(run()) }

func run() int {
	param := map[string]string{}
	for _, a := range os.Args[1:] {
		name, value, _ := strings.Cut(a, "=")
		param[name] = value
	}
	root := param["rootflags"]
	say("Kernel command line: %s\n", strings.Join(os.Args[1:], " "))
	if err := os.WriteFile(filepath.Join(root, "written"), nil, 0o644); err == nil {
		say("the root directory can be written to\n")
	}
	for _, name := range []string{"init", "bin/busybox", "bin/sh"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		say("%s: %d bytes, %v\n", name, len(b), err)
	}
	switch param["fake"] {
	case "exit":
		return 4
	case "hang":
		time.Sleep(time.Hour)
	}
	say("\numlab: ready\n")
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		f := strings.Fields(line)
		if err != nil || len(f) < 5 {
			return 9
		}
		step := f[1]
		if f[2] != "-" {
			step += " " + f[2]
		}
		say("\numlab[%s]: begin %s\n", f[0], step)
		if f[1] == "halt" {
			return 0
		}
		status := 0
		if f[1] == "insmod" || f[1] == "step" {
			say("command: %s\n", strings.Join(f[3:len(f)-1], " "))
			b, err := os.ReadFile(filepath.Join(root, f[4]))
			if err != nil {
				say("%v\n", err)
			}
			switch what := strings.TrimSpace(string(b)); what {
			case "loads":
			case "is rejected":
				status = 8
			case "hangs":
				time.Sleep(time.Hour)
			case "oopses":
				say("BUG: unable to handle page fault\n")
			case "panics":
				say("Kernel panic - not syncing: %s\n", f[2])
				return 134
			case "exits":
				return 5
			default:
				say("module is %q\n", what)
				status = 99
			}
		}
		say("\numlab[%s]: end %s status=%d\n", f[0], step, status)
	}
}
