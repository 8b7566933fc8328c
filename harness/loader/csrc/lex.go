// Package csrc reads C source of a kernel tree as far as the loader's functions
// need it: tokens after the preprocessor's conditionals, object-like macros, and
// the statements of one function.
//
// It imports nothing of umlab. It never expands a macro, knows no types, and
// never guesses: a construct that it does not know is an [Error].
package csrc

import (
	"fmt"
	"strings"
)

// Error says that a file of the tree does not look as its reader knows it.
type Error struct {
	File  string // path inside the tree, "arch/x86/kernel/module.c"
	Line  int    // 1-based; 0 where the whole file is meant
	Want  string // what was expected there
	Found string // what stands there
}

// Error names file, line, expectation and finding.
func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s: expected %s, found %s", where, e.Want, e.Found)
}

// TokenKind is the lexical class of a token.
type TokenKind uint8

// The classes.
const (
	Ident TokenKind = iota
	Number
	String // Text holds the unquoted value
	Char   // likewise
	Punct
	end // of the file; also what peeking past it yields
)

// Token is one C token after the preprocessor's conditionals.
type Token struct {
	Kind TokenKind
	Text string
	Line int
	// cond is the line of the innermost preprocessor condition around the token
	// whose value cannot be known from the source alone, else 0.
	cond int
}

// String is the token as a finding: quoted, but for the end of what is read.
func (t Token) String() string {
	if t.Kind == end {
		return t.Text
	}
	return `"` + Text([]Token{t}) + `"`
}

// Source is a C file as tokens, with its #defines.
type Source struct {
	Tokens  []Token
	Defines map[string]Define
	file    string
	lines   int
}

// Errorf makes an [Error] of the file; want and args are those of fmt.Sprintf.
func (s *Source) Errorf(line int, found, want string, args ...any) error {
	return &Error{File: s.file, Line: line, Want: fmt.Sprintf(want, args...), Found: found}
}

// lexer walks the bytes once; spliced lines keep their numbers.
type lexer struct {
	src   *Source
	text  string
	pos   int
	line  int
	conds []condition
	known func(string) (value, known bool)
}

// Lex splits a C file, called file in errors, into tokens. known decides
// configuration symbols whose value the build fixed (true: defined); conditions
// on other symbols keep both branches and mark their tokens. The error is an
// *Error.
func Lex(file string, source []byte, known func(string) (value, known bool)) (*Source, error) {
	l := &lexer{src: &Source{file: file, Defines: map[string]Define{}}, text: string(source), line: 1, known: known}
	if err := l.run(); err != nil {
		return nil, err
	}
	l.src.lines = l.line
	return l.src, nil
}

func (l *lexer) run() error {
	bol := true // only blanks since the line began
	for {
		newline, err := l.skip(false)
		if err != nil {
			return err
		}
		t, err := l.scan()
		if err != nil {
			return err
		}
		bol = bol || newline
		if t.Kind == end {
			break
		}
		if bol && t.Kind == Punct && t.Text == "#" {
			if err := l.directive(t.Line); err != nil {
				return err
			}
			continue
		}
		bol = false
		live, cond := l.state()
		if live {
			t.cond = cond
			l.src.Tokens = append(l.src.Tokens, t)
		}
	}
	if n := len(l.conds); n > 0 {
		return l.src.Errorf(l.conds[n-1].line, "the end of the file", "an #endif for this condition")
	}
	return nil
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
		case strings.IndexByte(" \t\r\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "//"):
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				if strings.HasPrefix(l.text[l.pos:], "\\\n") {
					l.pos, l.line = l.pos+1, l.line+1
				}
				l.pos++
			}
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return newline, l.src.Errorf(l.line, "the end of the file", "the end of the comment that begins here")
			}
			l.line += strings.Count(rest[:n+4], "\n")
			l.pos += n + 4
		default:
			return newline, nil
		}
	}
	return newline, nil
}

// puncts are the operators of more than one character that the loader's source
// may hold; longest first.
var puncts = [...]string{"<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##"}

func (l *lexer) scan() (Token, error) {
	if l.pos >= len(l.text) {
		return Token{Kind: end, Text: "the end of the file", Line: l.line}, nil
	}
	rest := l.text[l.pos:]
	t := Token{Kind: Punct, Text: rest[:1], Line: l.line}
	switch c := rest[0]; {
	case isDigit(c):
		t.Kind, t.Text = Number, prefix(rest, func(c byte) bool { return isIdent(c) || c == '.' })
	case isIdent(c):
		t.Kind, t.Text = Ident, prefix(rest, isIdent)
	case c == '"' || c == '\'':
		return l.quoted(c)
	default:
		for _, p := range puncts {
			if strings.HasPrefix(rest, p) {
				t.Text = p
				break
			}
		}
	}
	l.pos += len(t.Text)
	return t, nil
}

// prefix is the beginning of s whose bytes are all of a class.
func prefix(s string, class func(byte) bool) string {
	n := 0
	for n < len(s) && class(s[n]) {
		n++
	}
	return s[:n]
}

func (l *lexer) quoted(quote byte) (Token, error) {
	t := Token{Kind: String, Line: l.line}
	if quote == '\'' {
		t.Kind = Char
	}
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		c := l.text[l.pos]
		switch {
		case c == quote:
			l.pos++
			t.Text = b.String()
			return t, nil
		case c == '\n':
			return t, l.src.Errorf(t.Line, "the end of the line", "a closing %c", quote)
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
	return t, l.src.Errorf(t.Line, "the end of the file", "a closing %c", quote)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdent(c byte) bool {
	return c == '_' || c == '$' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
