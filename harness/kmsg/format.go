// Package kmsg knows messages by their form: those of the kernel's module loader on all its
// architectures, those of a kernel that faults, and those of the tools that load modules. It
// imports nothing of umlab, and it never looks at more than one line.
package kmsg

import "strings"

// format is a format string of the kernel, taken apart.
type format struct {
	first string // literal text before the first verb
	rest  []verb
}

type verb struct {
	number bool   // %d, %lx, %p: digits, also hexadecimal
	next   string // literal text behind it
}

// parseFormat takes a format string apart. Its line end is not part of a line.
func parseFormat(s string) format {
	s = strings.TrimSuffix(s, "\n")
	var f format
	var text strings.Builder
	flush := func() {
		if n := len(f.rest); n > 0 {
			f.rest[n-1].next = text.String()
		} else {
			f.first = text.String()
		}
		text.Reset()
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			text.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == '%' {
			text.WriteByte('%')
			continue
		}
		for i < len(s)-1 && strings.IndexByte("-+#0123456789.*hlzLtq", s[i]) >= 0 {
			i++
		}
		flush()
		v := verb{number: s[i] != 's' && s[i] != 'p' && s[i] != 'c'}
		for pointer := s[i] == 'p'; pointer && i+1 < len(s) && isAlnum(s[i+1]); { // %pS, %phN
			i++
		}
		f.rest = append(f.rest, v)
	}
	flush()
	return f
}

// match returns what stands for the verbs of f, where text as a whole has its form.
func (f format) match(text string) (args []string, ok bool) {
	text, ok = strings.CutPrefix(text, f.first)
	if !ok {
		return nil, false
	}
	for i, v := range f.rest {
		arg, rest := text, ""
		switch {
		case v.next == "":
		case i == len(f.rest)-1:
			if arg, ok = strings.CutSuffix(text, v.next); !ok {
				return nil, false
			}
		default:
			if arg, rest, ok = strings.Cut(text, v.next); !ok {
				return nil, false
			}
		}
		if v.number && !isNumber(arg) || arg == "" {
			return nil, false
		}
		args, text = append(args, arg), rest
	}
	return args, text == ""
}

func isNumber(s string) bool {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "0x")
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func isAlnum(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
