package propose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"umlab/harness/scenario"
)

// inGuest are the commands that a guest is given when a log shows them: those that do something to the kernel, or look at it.
var inGuest = []string{"cat", "chmod", "dd", "echo", "hexdump", "ifconfig", "ip", "ln", "ls", "mkdir", "mknod", "modprobe", "insmod",
	"mount", "mv", "od", "printf", "rm", "rmdir", "rmmod", "stat", "sync", "sysctl", "touch", "umount", "wc"}

// looks are those that only show what is seen anyway.
var looks = []string{"cat /proc/modules", "cat /proc/version", "ls", "cat /proc/cmdline", "sync"}

// command takes a command of a log.
func (f *Facts) command(report, n int, text string) {
	text = clean(text)
	words := strings.Fields(text)
	for len(words) > 1 && slices.Contains([]string{"sudo", "doas", "time", "busybox", "toybox"}, words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || !slices.Contains(inGuest, path.Base(words[0])) || slices.Contains(looks, strings.Join(words, " ")) ||
		strings.Contains(text, "dmesg") {
		return
	}
	words[0] = path.Base(words[0])
	f.Commands = append(f.Commands, Command{Words: words, Text: strings.Join(words, " "), Report: report, Line: n})
}

// module is the module that a command loads or removes, and which of the two; "" where it does neither.
func (c Command) module() (name, verb string) {
	switch c.Words[0] {
	case "insmod", "rmmod", "modprobe":
		verb = c.Words[0]
		for _, w := range c.Words[1:] {
			if w == "-r" {
				verb = "rmmod"
			}
			if w[0] != '-' && name == "" {
				name = scenario.ModuleName(w)
			}
		}
		if verb == "modprobe" {
			verb = "insmod"
		}
	}
	return name, verb
}

// params are what insmod is given for the module.
func (c Command) params() (list []string) {
	for _, w := range c.Words[1:] {
		if name, value, ok := strings.Cut(w, "="); ok && name != "" && w[0] != '-' && !strings.ContainsAny(w, `"'$`) && value != "" {
			list = append(list, w)
		}
	}
	return list
}

// stepped reports whether the guest has to do more than load modules.
func (f *Facts) stepped() bool {
	return slices.ContainsFunc(f.Commands, func(c Command) bool {
		_, verb := c.module()
		return verb == ""
	})
}

// action is the line of a step that does what the command does.
func (c Command) action() string {
	if c.Words[0] == "mount" {
		var kind, options string
		var rest []string
		for i := 1; i < len(c.Words); i++ {
			switch w := c.Words[i]; {
			case w == "-t" && i+1 < len(c.Words):
				i++
				kind = c.Words[i]
			case w == "-o" && i+1 < len(c.Words):
				i++
				options = c.Words[i]
			default:
				rest = append(rest, w)
			}
		}
		if kind != "" && len(rest) == 2 && path.IsAbs(rest[1]) && !strings.ContainsAny(c.Text, ";|&") {
			line := fmt.Sprintf("mount = { type = %s, target = %s, source = %s", quote(kind), quote(rest[1]), quote(rest[0]))
			if options != "" {
				line += ", options = " + quote(options)
			}
			return line + " }"
		}
	}
	return "run = " + quote(c.Text)
}
