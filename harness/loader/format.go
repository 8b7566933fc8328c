package loader

import (
	"fmt"
	"strconv"
	"strings"
)

// message reads a pr_err("…", args…) or pr_warn.
func (r *ruleReader) message(s stmt) (Message, error) {
	t := s.toks
	if len(t) < 4 || t[0].kind != tokIdent || t[1].text != "(" || t[len(t)-1].text != ")" ||
		(t[0].text != "pr_err" && t[0].text != "pr_warn" && t[0].text != "printk") {
		return Message{}, r.src.errorf(s.line, found(s), "a pr_err of the refusal")
	}
	m := Message{Line: s.line}
	inner := t[2 : len(t)-1]
	if t[0].text == "printk" {
		if inner[0].kind == tokIdent && strings.HasPrefix(inner[0].text, "KERN_") {
			inner = inner[1:]
		}
	} else if d, ok := r.src.defines["pr_fmt"]; ok {
		prefix, err := r.prefix(d)
		if err != nil {
			return m, err
		}
		m.Prefix = prefix
	}
	i := 0
	for ; i < len(inner) && inner[i].kind == tokString; i++ {
		m.Format += inner[i].text
	}
	if i == 0 {
		return m, r.src.errorf(s.line, found(s), "a literal format")
	}
	m.Format = strings.TrimSuffix(m.Format, "\n")
	for _, arg := range splitArgs(inner[i:]) {
		m.Args = append(m.Args, text(arg))
	}
	return m, nil
}

// prefix reads the body of pr_fmt(fmt): literals and KBUILD_MODNAME before fmt.
func (r *ruleReader) prefix(d define) ([]string, error) {
	var out []string
	for i, t := range d.body {
		switch {
		case t.kind == tokString:
			out = append(out, t.text)
		case t.kind == tokIdent && t.text == "KBUILD_MODNAME":
			out = append(out, t.text)
		case len(d.params) == 1 && t.text == d.params[0] && i == len(d.body)-1:
			return out, nil
		default:
			return nil, r.src.errorf(d.line, quoteToken(t), "pr_fmt of literals and KBUILD_MODNAME")
		}
	}
	return nil, r.src.errorf(d.line, "another body", "pr_fmt that ends with its parameter")
}

// splitArgs splits ", a, b(c, d)" at the commas outside brackets; a leading
// comma yields no empty argument.
func splitArgs(toks []token) [][]token {
	var out [][]token
	depth, start := 0, -1
	for i, t := range toks {
		if t.kind != tokPunct {
			continue
		}
		switch t.text {
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

// render prints a message. exact is false where the kernel prints something
// that cannot be known, such as a hashed pointer, which becomes "…".
func (m Message) render(v values) (line string, exact bool, err error) {
	var b strings.Builder
	for _, p := range m.Prefix {
		if p == "KBUILD_MODNAME" {
			p = v.kbuild
		}
		b.WriteString(p)
	}
	exact = true
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
			return "", false, fmt.Errorf("format %q: unfinished conversion", m.Format)
		}
		flags, verb := f[:n], f[n]
		f = f[n+1:]
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			return "", false, fmt.Errorf("format %q: more conversions than arguments", m.Format)
		}
		s, ok, err := v.convert(args[0], flags, verb)
		if err != nil {
			return "", false, fmt.Errorf("format %q: %w", m.Format, err)
		}
		exact = exact && ok
		b.WriteString(s)
		args = args[1:]
	}
	return b.String(), exact, nil
}

func (v values) convert(arg, flags string, verb byte) (string, bool, error) {
	var n uint64
	switch arg {
	case "me->name":
		if verb == 's' {
			return v.module, true, nil
		}
		return "", false, fmt.Errorf("argument %q with %%%c", arg, verb)
	case "ELF64_R_TYPE(rel[i].r_info)", "(int)ELF64_R_TYPE(rel[i].r_info)", "(unsigned int)ELF64_R_TYPE(rel[i].r_info)":
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
		return "", false, fmt.Errorf("argument %q is not known", arg)
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
		return prefix + strconv.FormatUint(n, 16), true, nil
	case 'u':
		return strconv.FormatUint(n, 10), true, nil
	case 'd', 'i':
		if wide {
			return strconv.FormatInt(int64(n), 10), true, nil
		}
		return strconv.FormatInt(int64(int32(n)), 10), true, nil
	case 'p':
		return "…", false, nil // hashed with a key of this boot
	}
	return "", false, fmt.Errorf("conversion %%%s%c is not known", flags, verb)
}
