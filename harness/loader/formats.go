package loader

import (
	"io/fs"
	"regexp"
	"strings"

	"umlab/harness/kmsg"
	"umlab/harness/loader/csrc"
)

// speaks are the files of a tree, of old ones too, whose messages are about modules.
var speaks = []string{"kernel/module/*.c", "kernel/module*.c", "kernel/params.c",
	"arch/um/kernel/module.c", "arch/x86/um/module.c", "arch/x86/kernel/module*.c"}

var printsRE = regexp.MustCompile(`^(?:pr_(?:emerg|alert|crit|err|warn|warning|notice|info)|printk)(?:_once|_ratelimited|_deferred)?$`)

// Formats reads from a kernel tree what its module loader can print, whatever the
// configuration. A file that cannot be read adds nothing: kmsg knows the usual messages.
func Formats(fsys fs.FS) kmsg.Formats {
	var all kmsg.Formats
	for _, pattern := range speaks {
		files, _ := fs.Glob(fsys, pattern) // the patterns are well-formed
		for _, file := range files {
			text, err := fs.ReadFile(fsys, file)
			src, broken := csrc.Lex(file, text, func(string) (value, known bool) { return false, false })
			if err != nil || broken != nil {
				continue
			}
			prFmt := src.Defines["pr_fmt"].Body // ends with its parameter
			prefix, _ := literal(prFmt[:max(0, len(prFmt)-1)])
			for i, t := range src.Tokens {
				if !printsRE.MatchString(t.Text) || i+1 == len(src.Tokens) || src.Tokens[i+1].Text != "(" {
					continue
				}
				before := prefix
				if strings.HasPrefix(t.Text, "printk") {
					before = ""
				}
				if format, ok := literal(src.Tokens[i+2:]); ok && !strings.HasSuffix(format, ":") { // else a list follows
					all.Add(before, format)
				}
			}
		}
	}
	return all
}

// literal joins the strings that toks begin with. A name between them is a macro of any
// text, but for a level.
func literal(toks []csrc.Token) (text string, ok bool) {
	for _, t := range toks {
		switch {
		case t.Kind == csrc.String:
			text, ok = text+t.Text, true
		case t.Kind != csrc.Ident:
			return text, ok
		case !strings.HasPrefix(t.Text, "KERN_"):
			text += "%s"
		}
	}
	return text, ok
}
