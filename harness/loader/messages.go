package loader

import (
	"fmt"
	"strconv"
	"strings"

	"umlab/harness/loader/csrc"
)

// message reads a pr_err("…", args…) or pr_warn.
func (r *ruleReader) message(s csrc.Stmt) (message, error) {
	t := s.Toks
	if len(t) < 4 || t[0].Kind != csrc.Ident || t[1].Text != "(" || t[len(t)-1].Text != ")" ||
		(t[0].Text != "pr_err" && t[0].Text != "pr_warn" && t[0].Text != "printk") {
		return message{}, r.src.Errorf(s.Line, s.String(), "a pr_err of the refusal")
	}
	m := message{Line: s.Line}
	inner := t[2 : len(t)-1]
	if t[0].Text == "printk" {
		if inner[0].Kind == csrc.Ident && strings.HasPrefix(inner[0].Text, "KERN_") {
			inner = inner[1:]
		}
	} else if d, ok := r.src.Defines["pr_fmt"]; ok {
		prefix, err := r.prefix(d)
		if err != nil {
			return m, err
		}
		m.Prefix = prefix
	}
	i := 0
	for ; i < len(inner) && inner[i].Kind == csrc.String; i++ {
		m.Format += inner[i].Text
	}
	if i == 0 {
		return m, r.src.Errorf(s.Line, s.String(), "a literal format")
	}
	m.Format = strings.TrimSuffix(m.Format, "\n")
	for _, arg := range splitArgs(inner[i:]) {
		m.Args = append(m.Args, csrc.Text(arg))
	}
	return m, nil
}

// prefix reads the body of pr_fmt(fmt): literals and KBUILD_MODNAME before fmt.
func (r *ruleReader) prefix(d csrc.Define) ([]string, error) {
	var out []string
	for i, t := range d.Body {
		switch {
		case t.Kind == csrc.String:
			out = append(out, t.Text)
		case t.Kind == csrc.Ident && t.Text == "KBUILD_MODNAME":
			out = append(out, t.Text)
		case len(d.Params) == 1 && t.Text == d.Params[0] && i == len(d.Body)-1:
			return out, nil
		default:
			return nil, r.src.Errorf(d.Line, t.String(), "pr_fmt of literals and KBUILD_MODNAME")
		}
	}
	return nil, r.src.Errorf(d.Line, "another body", "pr_fmt that ends with its parameter")
}

// splitArgs splits ", a, b(c, d)" at the commas outside brackets; a leading
// comma yields no empty argument.
func splitArgs(toks []csrc.Token) [][]csrc.Token {
	var out [][]csrc.Token
	depth, start := 0, -1
	for i, t := range toks {
		if t.Kind != csrc.Punct {
			continue
		}
		switch t.Text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case ",":
			if depth == 0 {
				if start >= 0 {
					out = append(out, toks[start:i])
				}
				start = i + 1
			}
		}
	}
	if start >= 0 {
		out = append(out, toks[start:])
	}
	return out
}

// values are what the arguments of the loader's messages stand for.
type values struct {
	module   string // me->name
	kbuild   string // KBUILD_MODNAME of the object that module.c is linked into
	reltype  uint32
	section  uint32 // relsec
	index    uint32 // i
	val      uint64
	location uint64
}

// render prints a message. What cannot be known, such as a hashed pointer, becomes
// "…".
func (m message) render(v values) (line string, err error) {
	var b strings.Builder
	for _, p := range m.Prefix {
		if p == "KBUILD_MODNAME" {
			p = v.kbuild
		}
		b.WriteString(p)
	}
	args := m.Args
	for f := m.Format; f != ""; {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			b.WriteString(f)
			break
		}
		b.WriteString(f[:i])
		f = f[i+1:]
		n := strings.IndexFunc(f, func(r rune) bool { return !strings.ContainsRune("lLhz#0123456789.-", r) })
		if n < 0 {
			return "", fmt.Errorf("format %q: unfinished conversion", m.Format)
		}
		flags, verb := f[:n], f[n]
		f = f[n+1:]
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			return "", fmt.Errorf("format %q: more conversions than arguments", m.Format)
		}
		s, err := v.convert(args[0], flags, verb)
		if err != nil {
			return "", fmt.Errorf("format %q: %w", m.Format, err)
		}
		b.WriteString(s)
		args = args[1:]
	}
	return b.String(), nil
}

func (v values) convert(arg, flags string, verb byte) (string, error) {
	var n uint64
	switch arg {
	case "me->name":
		if verb == 's' {
			return v.module, nil
		}
		return "", fmt.Errorf("argument %q with %%%c", arg, verb)
	case "ELF32_R_TYPE(rel[i].r_info)", "ELF64_R_TYPE(rel[i].r_info)", "(int)ELF64_R_TYPE(rel[i].r_info)",
		"(unsigned int)ELF64_R_TYPE(rel[i].r_info)":
		n = uint64(v.reltype)
	case "val":
		n = v.val
	case "relsec":
		n = uint64(v.section)
	case "i":
		n = uint64(v.index)
	case "loc", "(unsigned long)loc", "(u64)loc":
		n = v.location
	default:
		return "", fmt.Errorf("argument %q is not known", arg)
	}
	wide := strings.ContainsAny(flags, "lL")
	if !wide {
		n = uint64(uint32(n))
	}
	prefix := ""
	if strings.Contains(flags, "#") {
		prefix = "0x"
	}
	switch verb {
	case 'x':
		return prefix + strconv.FormatUint(n, 16), nil
	case 'u':
		return strconv.FormatUint(n, 10), nil
	case 'd', 'i':
		if wide {
			return strconv.FormatInt(int64(n), 10), nil
		}
		return strconv.FormatInt(int64(int32(n)), 10), nil
	case 'p':
		return "…", nil // hashed with a key of this boot
	}
	return "", fmt.Errorf("conversion %%%s%c is not known", flags, verb)
}
