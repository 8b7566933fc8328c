package kmsg

import (
	"strings"

	"umlab/harness/pattern"
)

// Said is what a program that loads or removes modules says when it fails.
type Said struct {
	Tool    string // "insmod", "modprobe", "rmmod"; "" where the line does not say it
	Module  string // as the line has it: a name, or the path of a file
	Errno   int    // 0 where the words are not known
	Missing bool   // there is no such module on disk: the kernel never saw it
}

// Each form has the module, and behind it the words for an errno. They are those of
// busybox (modutils), kmod (tools), module-init-tools, toybox, Android (toolbox, libmodprobe,
// init) and systemd-modules-load.
var (
	toolForms = compileAll(
		`can't (?:insert|unload(?: module)?) '([^'\s]+)': (.+)`,
		`can't (?:load|insert) module '?([^'\s]+?)'?(?: \([^)\s]*\))?: (.+)`,
		`could not (?:insert|load|remove)(?: module)? ["'‘]?([^"'‘’\s]+?)["'’]?: (.+)`,
		`[Ee]rror (?:inserting|removing) '?([^'\s]+?)'?(?: \([^)\s]*\))?: (.+)`,
		`[Ff]ailed to (?:load|insert|insmod|remove|unload)(?: module)? ["'‘]?([^"'‘’\s]+?)["'’]?(?: with args '[^']*')?: (.+)`,
		`(?:f?init_module|finit_module|delete_module) '([^'\s]+)' failed \((.+)\)`,
		`(?:cannot|unable to|couldn't) (?:insert|load)(?: module)? ["'‘]?([^"'‘’\s]+?)["'’]?: (.+)`,
		`([\w./-]+\.ko(?:\.[gx]z|\.zst)?): (.+)`,
	)
	// Of these forms "No such file or directory" is the kernel's own ENOENT, for which the others have words of their own.
	saysRaw, saysErrno, saysCall = 3, 4, 5

	missingForms = compileAll(
		`[Mm]odule ["'‘]?([^"'‘’\s]+?)["'’]? not found(?:\.| in directory .*| in modules\.dep.*)?`,
		`[Ff]ailed to find module ["'‘]?([^"'‘’\s]+?)["'’]?(?:: .*)?`,
		`(?:could not|can't) find module by name=["']?([^"'\s]+?)["']?`,
		`can't (?:open|read|find) '([^'\s]+)'(?:: No such file or directory)?`,
		`no module (?:named )?["']?([\w.-]+)["']?(?: found)?`,
		`LoadWithAliases was unable to load ([\w-]+)(?:, .*)?`,
	)
	toolName = pattern.New(`^(?:\S*/)?(insmod|modprobe|rmmod|kmod|systemd-modules-load|toybox|busybox|libkmod|init|ueventd|` +
		`systemd-udevd)` +
		`(?:\[\d+\])?: (?:(?:insmod|modprobe|rmmod|kmod_\w+|ERROR \S+ \w+|ERROR|FATAL|WARNING|Error): )*`)
	loudName = pattern.New(`^(?:ERROR|FATAL): `)
	number   = pattern.New(`^(-1 )?(.*?)(?: \((?:errno )?-?(\d{1,4})\)| \(see dmesg\))?[.]?$`)
)

// toolStarts are how such a line begins that does not name insmod, modprobe or their paths.
var toolStarts = []string{"rmmod", "kmod", "systemd-", "toybox", "busybox", "libkmod", "init", "ueventd",
	"ERROR: ", "FATAL: ", "Failed to ", "Error inserting "}

func compileAll(forms ...string) []*pattern.Lazy {
	var all []*pattern.Lazy
	for _, f := range forms {
		all = append(all, pattern.New(`^(?:`+f+`)$`))
	}
	return all
}

// ToolOf reads such a line. Without the tool's name, as in a journal, only its plainest forms count.
func ToolOf(text string) (s Said, ok bool) {
	// A flood has hundreds of thousands of lines: the expressions come last.
	if !begins(text, toolStarts) && !strings.Contains(text, "insmod") && !strings.Contains(text, "modprobe") {
		return s, false
	}
	rest := text
	switch m := toolName.FindStringSubmatchIndex(text); {
	case m != nil:
		s.Tool, rest = text[m[2]:m[3]], text[m[1]:]
	case loudName.MatchString(text):
		rest = text[strings.Index(text, ": ")+2:]
	case !strings.HasPrefix(text, "Failed to ") && !strings.HasPrefix(text, "Error inserting "):
		return s, false
	}
	for _, re := range missingForms {
		if m := re.FindStringSubmatch(rest); m != nil {
			s.Module, s.Missing = m[1], true
			return s, true
		}
	}
	for i, re := range toolForms {
		m := re.FindStringSubmatch(rest)
		if m == nil || i == len(toolForms)-1 && s.Tool == "" {
			continue
		}
		s.Module, s.Errno = m[1], errnoOf(m[2])
		if s.Tool == "" && s.Errno == 0 || i == len(toolForms)-1 && s.Errno == 0 {
			continue
		}
		s.Missing = i != saysErrno && i != saysCall && i != saysRaw && s.Tool != "rmmod" && strings.EqualFold(m[2], "no such file or directory")
		return s, true
	}
	return Said{}, false
}
