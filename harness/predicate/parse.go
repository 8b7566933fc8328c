package predicate

import (
	"debug/elf"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"umlab/harness/outcome"
)

// syntaxError says what of a condition cannot be meant.
type syntaxError struct {
	Text     string
	Position int // in Text, characters, from 1
	Problem  string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("-until=%s: at character %d: %s", e.Text, e.Position, e.Problem)
}

// Parse reads the text of -until=. "" is whatever differs from the good end. The
// error says at which character it cannot be meant.
//
//	OUTCOME[,OUTCOME…]            loaded  relocation-overflow:11  relocation-unknown:GOTPCREL
//	                              init-failed:-22  insmod-failed:EINVAL  timeout:boot  build-failed
//	                              passed  failed  failed:139
//	MODULE:TYPE OPERATOR NUMBER   rust_print:GOTPCREL>0  rust_minimal:*<=120
func Parse(until string) (Condition, error) {
	s := &scanner{text: until}
	if strings.TrimSpace(until) == "" {
		return Condition{}, nil
	}
	if at := strings.IndexAny(until, "<>=!"); at >= 0 {
		p, err := s.property(at)
		return Condition{property: p}, err
	}
	var set []term
	from := 0
	for part := range strings.SplitSeq(until, ",") {
		t, err := s.term(from, part)
		if err != nil {
			return Condition{}, err
		}
		if !slices.ContainsFunc(set, func(old term) bool { return old.String() == t.String() }) {
			set = append(set, t)
		}
		from += len(part) + 1
	}
	return Condition{set: set}, nil
}

type scanner struct{ text string }

func (s *scanner) wrong(at int, format string, args ...any) error {
	return &syntaxError{s.text, utf8.RuneCountInString(s.text[:at]) + 1, fmt.Sprintf(format, args...)}
}

// trim is s without blanks around it, and where it then begins.
func trim(at int, s string) (int, string) {
	left := strings.TrimLeft(s, " \t")
	return at + len(s) - len(left), strings.TrimRight(left, " \t")
}

// kinds are those that a set may name: infra and config-dropped never count.
func kinds() (list []string) {
	for _, k := range outcome.Kinds() {
		if k != outcome.Infra && k != outcome.ConfigDropped {
			list = append(list, string(k))
		}
	}
	return list
}

// term reads one outcome of a set, which begins at byte at.
func (s *scanner) term(at int, part string) (t term, err error) {
	name, detail, has := strings.Cut(part, ":")
	from := at + len(name) + 1
	at, name = trim(at, name)
	t.kind = outcome.Kind(name)
	allowed := kinds()
	switch {
	case name == "":
		return t, s.wrong(at, "an outcome is missing: allowed are %s", strings.Join(allowed, ", "))
	case t.kind == outcome.Infra, t.kind == outcome.ConfigDropped:
		return t, s.wrong(at, "%s says nothing of the kernel and never counts: allowed are %s", name, strings.Join(allowed, ", "))
	case !slices.Contains(allowed, name):
		return t, s.wrong(at, "%q is no outcome: allowed are %s; a property of the relocations is written rust_print:GOTPCREL>0",
			name, strings.Join(allowed, ", "))
	case !has:
		return t, nil
	}
	from, detail = trim(from, detail)
	switch t.kind {
	case outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.LoadedCorrupt:
		t.relocation, err = s.relocation(from, detail, "")
	case outcome.InitFailed, outcome.InsmodFailed:
		t.errno, err = s.errno(from, detail)
	case outcome.Failed:
		if t.status, err = strconv.Atoi(detail); err != nil || t.status < 1 || t.status > 255 {
			err = s.wrong(from, "%q is no exit status: write its number, 1 to 255, as in failed:139", detail)
		}
	case outcome.Timeout:
		if t.stage = detail; !isName(detail) {
			err = s.wrong(from, "%q is no stage: write a word, as in timeout:boot", detail)
		}
	default:
		err = s.wrong(from, "nothing goes behind %s: it has neither a relocation type nor an errno", name)
	}
	return t, err
}

// relocation reads a type by its number or name; also is what else is allowed.
// Some names are numbers without their prefix: 32 is refused, because it could be
// R_X86_64_32, which is type 10, as well as type 32, which is R_X86_64_SIZE32.
// Types of i386 are named in full.
func (s *scanner) relocation(at int, text, also string) (*outcome.Relocation, error) {
	if name, ok := strings.CutPrefix(strings.ToUpper(text), prefix386); ok {
		if t, ok := typeOf(elf.EM_386, name); ok {
			return outcome.RelocationOf(elf.EM_386, t), nil
		}
	}
	name, prefixed := strings.CutPrefix(strings.ToUpper(text), prefix)
	const m = elf.EM_X86_64
	named, isNamed := typeOf(m, name)
	n, err := strconv.ParseUint(text, 10, 8)
	numbered := uint32(n)
	_, assigned := typeOf(m, shortName(m, numbered))
	switch {
	case err == nil && isNamed && assigned:
		return nil, s.wrong(at, "%s could be %s%s (type %d) or type %s (%s%s): write the whole name",
			text, prefix, name, named, text, prefix, shortName(m, numbered))
	case err == nil && isNamed:
		return nil, s.wrong(at, "there is no type %s: for %s%s write the whole name, or its number %d", text, prefix, name, named)
	case err == nil && assigned:
		return outcome.NewRelocation(numbered), nil
	case isNamed && (prefixed || err != nil):
		return outcome.NewRelocation(named), nil
	}
	return nil, s.wrong(at, "%q is no relocation type: write its number in the x86-64 psABI, as in 9, "+
		"or its name, as in GOTPCREL or R_X86_64_GOTPCREL, or as in R_386_GOTPC%s", text, also)
}

// typeOf is the type of that short name.
func typeOf(m elf.Machine, short string) (t uint32, ok bool) {
	for t := range uint32(256) {
		if name := shortName(m, t); name == short && !strings.HasPrefix(name, "<") {
			return t, true
		}
	}
	return 0, false
}

// isType reports whether name is that of a relocation type, and no number.
func isType(name string) bool {
	if short, ok := strings.CutPrefix(strings.ToUpper(name), prefix386); ok {
		_, ok = typeOf(elf.EM_386, short)
		return ok
	}
	short := strings.TrimPrefix(strings.ToUpper(name), prefix)
	_, ok := typeOf(elf.EM_X86_64, short)
	return ok && strings.Trim(short, "0123456789") != ""
}

// maxErrno is MAX_ERRNO of include/linux/err.h.
const maxErrno = 4095

// errno reads an errno by its number, with or without the kernel's minus, or
// name. A name that means nothing here is refused.
func (s *scanner) errno(at int, text string) (int, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "-")); err == nil && n >= 1 && n <= maxErrno {
		return n, nil
	}
	for n := 1; text != "" && n < 134; n++ {
		if strings.EqualFold(text, unix.ErrnoName(unix.Errno(n))) {
			return n, nil
		}
	}
	return 0, s.wrong(at, "%q is no errno: write its number, 1 to %d with or without a minus, or its name, as in EINVAL", text, maxErrno)
}

// property reads MODULE:TYPE OPERATOR NUMBER; the operator begins at byte op.
func (s *scanner) property(op int) (*property, error) {
	all := comparisons()
	i := slices.IndexFunc(all, func(c comparison) bool { return strings.HasPrefix(s.text[op:], c.operator) })
	if i < 0 {
		return nil, s.wrong(op, "%q is no comparison: allowed are > >= < <= == !=", s.text[op:op+1])
	}
	p := &property{comparison: all[i]}
	name, typ, has := strings.Cut(s.text[:op], ":")
	from := len(name) + 1
	at, name := trim(0, name)
	switch {
	case !isName(name):
		return nil, s.wrong(at, "%q is no module: a property of the relocations is written MODULE:TYPE>NUMBER, as in rust_print:GOTPCREL>0", name)
	case !has && isType(name):
		return nil, s.wrong(at, "%s is a relocation type, and the module before it is missing: write MODULE:%s, as in rust_print:%[2]s",
			name, strings.TrimSpace(s.text))
	case !has:
		return nil, s.wrong(op, "the relocation type is missing: write %s:TYPE%sNUMBER, with * for all types", name, p.operator)
	}
	p.module = strings.ReplaceAll(name, "-", "_") // as the kernel does
	from, typ = trim(from, typ)
	if typ != "*" {
		var err error
		if p.relocation, err = s.relocation(from, typ, ", or * for all"); err != nil {
			return nil, err
		}
	}
	at, number := trim(op+len(p.operator), s.text[op+len(p.operator):])
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n > math.MaxInt32 {
		return nil, s.wrong(at, "%q is no number of relocations: write 0 or more", number)
	}
	p.number = int(n)
	return p, nil
}

// isName reports whether s could be the name of a module or of a stage.
func isName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return s != ""
}
