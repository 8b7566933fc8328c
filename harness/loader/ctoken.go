package loader

import (
	"fmt"
	"strings"
)

// SourceError says that a file of the tree no longer looks as this package
// knows it, so that nothing may be predicted from it.
type SourceError struct {
	File  string // path inside the tree, "arch/x86/kernel/module.c"
	Line  int    // 1-based; 0 where the whole file is meant
	Want  string // what was expected there
	Found string // what stands there
}

// Error names file, line, expectation and finding.
func (e *SourceError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s: expected %s, found %s: nothing is predicted for this tree (report the source as unknown, observed outcomes still stand)",
		where, e.Want, e.Found)
}

type tokenKind uint8

const (
	tokIdent tokenKind = iota
	tokNumber
	tokString // text holds the unquoted value
	tokChar
	tokPunct
	tokEnd // end of file; also what peeking past the end yields
)

// token is one C token after the preprocessor's conditionals.
type token struct {
	kind tokenKind
	text string
	line int
	// cond is the line of the innermost preprocessor condition around the token
	// whose value cannot be known from the source alone, else 0.
	cond int
}

// cSource is a C file as tokens, with the object-like text of its #defines.
type cSource struct {
	file    string
	tokens  []token
	defines map[string]define
	lines   int
}

type define struct {
	params []string // nil for an object-like macro
	body   []token
	line   int
}

func (s *cSource) errorf(line int, found, want string, args ...any) error {
	return &SourceError{File: s.file, Line: line, Want: fmt.Sprintf(want, args...), Found: found}
}

// condition of an open #if.
type condition struct {
	line    int
	known   bool // its value is known from the source alone
	active  bool // this branch is compiled (meaningless when !known)
	taken   bool // a former known branch of this #if was compiled
	elseHit bool
}

// lexer walks the bytes once; spliced lines keep their numbers.
type lexer struct {
	src   *cSource
	text  string
	pos   int
	line  int
	conds []condition
	known func(string) (value, known bool)
}

// lexC splits a C file into tokens. known decides configuration symbols whose
// value the build fixed (true: defined); conditions on other symbols keep
// both branches and mark their tokens. The error is a *SourceError.
func lexC(file string, source []byte, known func(string) (value, known bool)) (*cSource, error) {
	src := &cSource{file: file, defines: map[string]define{}}
	l := &lexer{src: src, text: string(source), line: 1, known: known}
	if err := l.run(); err != nil {
		return nil, err
	}
	src.lines = l.line
	return src, nil
}

func (l *lexer) run() error {
	bol := true // only blanks since the line began
	for {
		t, newline, err := l.next()
		if err != nil {
			return err
		}
		bol = bol || newline
		if t.kind == tokEnd {
			break
		}
		if bol && t.kind == tokPunct && t.text == "#" {
			if err := l.directive(t.line); err != nil {
				return err
			}
			bol = true
			continue
		}
		bol = false
		live, cond := l.state()
		if live {
			t.cond = cond
			l.src.tokens = append(l.src.tokens, t)
		}
	}
	if n := len(l.conds); n > 0 {
		return l.src.errorf(l.conds[n-1].line, "the end of the file", "an #endif for this condition")
	}
	return nil
}

// state reports whether the current position is compiled, and the line of the
// innermost undecidable condition around it.
func (l *lexer) state() (live bool, cond int) {
	for _, c := range l.conds {
		if c.known && !c.active {
			return false, 0
		}
		if !c.known {
			cond = c.line
		}
	}
	return true, cond
}

// skip passes blanks, comments and spliced lines; it reports whether a line ended.
func (l *lexer) skip(stopAtNewline bool) (newline bool, err error) {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.HasPrefix(rest, "\\\n"):
			l.pos, l.line = l.pos+2, l.line+1
		case strings.HasPrefix(rest, "\\\r\n"):
			l.pos, l.line = l.pos+3, l.line+1
		case rest[0] == '\n':
			if stopAtNewline {
				return newline, nil
			}
			l.pos, l.line, newline = l.pos+1, l.line+1, true
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\f' || rest[0] == '\v':
			l.pos++
		case strings.HasPrefix(rest, "//"):
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				if strings.HasPrefix(l.text[l.pos:], "\\\n") {
					l.pos, l.line = l.pos+1, l.line+1
				}
				l.pos++
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return newline, l.src.errorf(l.line, "the end of the file", "the end of the comment that begins here")
			}
			l.line += strings.Count(rest[:end+4], "\n")
			l.pos += end + 4
		default:
			return newline, nil
		}
	}
	return newline, nil
}

// next returns the next token of any line.
func (l *lexer) next() (token, bool, error) {
	newline, err := l.skip(false)
	if err != nil {
		return token{}, false, err
	}
	t, err := l.scan()
	return t, newline, err
}

// puncts are the operators of more than one character that the loader's source
// may hold; longest first.
var puncts = [...]string{"<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##"}

func (l *lexer) scan() (token, error) {
	if l.pos >= len(l.text) {
		return token{kind: tokEnd, text: "the end of the file", line: l.line}, nil
	}
	start, c := l.pos, l.text[l.pos]
	switch {
	case isIdent(c) && !isDigit(c):
		for l.pos < len(l.text) && isIdent(l.text[l.pos]) {
			l.pos++
		}
		return token{kind: tokIdent, text: l.text[start:l.pos], line: l.line}, nil
	case isDigit(c):
		for l.pos < len(l.text) && (isIdent(l.text[l.pos]) || l.text[l.pos] == '.') {
			l.pos++
		}
		return token{kind: tokNumber, text: l.text[start:l.pos], line: l.line}, nil
	case c == '"' || c == '\'':
		return l.quoted(c)
	}
	for _, p := range puncts {
		if strings.HasPrefix(l.text[l.pos:], p) {
			l.pos += len(p)
			return token{kind: tokPunct, text: p, line: l.line}, nil
		}
	}
	l.pos++
	return token{kind: tokPunct, text: l.text[start:l.pos], line: l.line}, nil
}

func (l *lexer) quoted(quote byte) (token, error) {
	line := l.line
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c := l.text[l.pos]
		switch {
		case c == quote:
			l.pos++
			kind := tokString
			if quote == '\'' {
				kind = tokChar
			}
			return token{kind: kind, text: b.String(), line: line}, nil
		case c == '\n':
			return token{}, l.src.errorf(line, "the end of the line", "a closing %c", quote)
		case c == '\\' && l.pos+1 < len(l.text):
			l.pos++
			switch e := l.text[l.pos]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case '\n':
				l.line++
			default:
				b.WriteByte(e)
			}
		default:
			b.WriteByte(c)
		}
	}
	return token{}, l.src.errorf(line, "the end of the file", "a closing %c", quote)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdent(c byte) bool {
	return c == '_' || c == '$' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
