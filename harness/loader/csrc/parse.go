package csrc

import "strings"

// Kind is what a statement is; of most it is the keyword that begins it.
type Kind string

// The kinds, with what a Stmt of each holds.
const (
	Expr     Kind = "expression" // or a declaration: Toks
	Block    Kind = "block"      // Body
	If       Kind = "if"         // Toks is the condition, Body, Else
	For      Kind = "for"        // Toks is the header, Body
	While    Kind = "while"      // Toks is the condition, Body
	Switch   Kind = "switch"     // Toks is the operand, Body
	Case     Kind = "case"       // Toks is the label
	Default  Kind = "default"
	Label    Kind = "label" // Toks is the name
	Goto     Kind = "goto"  // Toks is the label
	Break    Kind = "break"
	Continue Kind = "continue"
	Return   Kind = "return" // Toks
)

// Stmt is a C statement, as much of it as the loader's functions need.
type Stmt struct {
	Kind Kind
	Line int
	Toks []Token
	Body []Stmt
	Else []Stmt
}

// Text is the statement's Toks in normal form, see [Text].
func (s Stmt) Text() string { return Text(s.Toks) }

// String is the statement as a finding: "if (val)", quoted.
func (s Stmt) String() string {
	switch s.Kind {
	case Block:
		return "a block"
	case For, While:
		return "another loop"
	case Label:
		return `the label "` + s.Text() + `"`
	case Expr:
		return `"` + s.Text() + `"`
	case If, Switch:
		return `"` + string(s.Kind) + " (" + s.Text() + `)"`
	}
	return `"` + strings.TrimSpace(string(s.Kind)+" "+s.Text()) + `"`
}

// Text is tokens in one normal form, "val-=(u64)loc": joined, with one space
// only between two words.
func Text(toks []Token) string {
	var b strings.Builder
	word := false
	for _, t := range toks {
		w := t.Kind == Ident || t.Kind == Number
		if w && word {
			b.WriteByte(' ')
		}
		switch t.Kind {
		case String:
			b.WriteString(`"` + t.Text + `"`)
		case Char:
			b.WriteString("'" + t.Text + "'")
		default:
			b.WriteString(t.Text)
		}
		word = w
	}
	return b.String()
}

// maxDepth bounds recursion on hostile input; the kernel's own depth is 5.
const maxDepth = 64

type parser struct {
	src  *Source
	toks []Token
	pos  int
}

func (p *parser) peek() Token {
	if p.pos < len(p.toks) {
		return p.toks[p.pos]
	}
	line := p.src.lines
	if len(p.toks) > 0 {
		line = p.toks[len(p.toks)-1].Line
	}
	return Token{Kind: end, Text: "the end of the function", Line: line}
}

func (p *parser) take() Token {
	t := p.peek()
	if p.pos < len(p.toks) {
		p.pos++
	}
	return t
}

func (t Token) is(punct string) bool { return t.Kind == Punct && t.Text == punct }

func (p *parser) expect(punct string) error {
	if t := p.take(); !t.is(punct) {
		return p.src.Errorf(t.Line, t.String(), "%q", punct)
	}
	return nil
}

// parens takes "( … )" and returns what is inside.
func (p *parser) parens() ([]Token, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	start, depth := p.pos, 1
	for {
		t := p.take()
		switch {
		case t.Kind == end:
			return nil, p.src.Errorf(t.Line, t.Text, "a closing parenthesis")
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth == 0 {
				return p.toks[start : p.pos-1], nil
			}
		}
	}
}

// block takes statements up to the closing brace.
func (p *parser) block(depth int) ([]Stmt, error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var out []Stmt
	for !p.peek().is("}") {
		if t := p.peek(); t.Kind == end {
			return nil, p.src.Errorf(t.Line, t.Text, "a closing brace")
		}
		s, err := p.statement(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	p.take()
	return out, nil
}

// arm is the statement or block below an if, for or while.
func (p *parser) arm(depth int) ([]Stmt, error) {
	if p.peek().is("{") {
		return p.block(depth)
	}
	s, err := p.statement(depth + 1)
	return []Stmt{s}, err
}

func (p *parser) statement(depth int) (s Stmt, err error) {
	t := p.peek()
	if depth > maxDepth {
		return s, p.src.Errorf(t.Line, "deeper nesting", "at most %d nested statements", maxDepth)
	}
	s = Stmt{Kind: Expr, Line: t.Line}
	if t.is("{") {
		s.Kind = Block
		s.Body, err = p.block(depth)
		return s, err
	}
	if t.Kind != Ident {
		s.Toks, err = p.expression()
		return s, err
	}
	switch kind := Kind(t.Text); kind {
	case If, For, While, Switch:
		p.take()
		s.Kind = kind
		if s.Toks, err = p.parens(); err != nil {
			return s, err
		}
		if s.Body, err = p.arm(depth); err != nil {
			return s, err
		}
		if e := p.peek(); kind == If && e.Kind == Ident && e.Text == "else" {
			p.take()
			s.Else, err = p.arm(depth)
		}
		return s, err
	case Case, Default:
		p.take()
		s.Kind = kind
		start := p.pos
		for kind == Case && !p.peek().is(":") && p.peek().Kind != end {
			p.take()
		}
		s.Toks = p.toks[start:p.pos]
		return s, p.expect(":")
	case Goto:
		p.take()
		l := p.take()
		if l.Kind != Ident {
			return s, p.src.Errorf(l.Line, l.String(), "a label")
		}
		s.Kind, s.Toks = kind, []Token{l}
		return s, p.expect(";")
	case Break, Continue:
		p.take()
		s.Kind = kind
		return s, p.expect(";")
	case Return:
		p.take()
		s.Kind = kind
	default:
		if p.pos+1 < len(p.toks) && p.toks[p.pos+1].is(":") {
			p.pos += 2
			s.Kind, s.Toks = Label, []Token{t}
			return s, nil
		}
	}
	s.Toks, err = p.expression()
	return s, err
}

// expression takes tokens up to and with the next ";" outside brackets.
func (p *parser) expression() ([]Token, error) {
	start, depth := p.pos, 0
	for {
		t := p.take()
		switch {
		case t.Kind == end:
			return nil, p.src.Errorf(t.Line, t.Text, "\";\"")
		case t.Kind != Punct:
		case t.Text == ";" && depth == 0:
			return p.toks[start : p.pos-1], nil
		case t.Text == "(" || t.Text == "[" || t.Text == "{":
			depth++
		case t.Text == ")" || t.Text == "]" || t.Text == "}":
			if depth--; depth < 0 {
				return nil, p.src.Errorf(t.Line, t.String(), "\";\"")
			}
		}
	}
}

// Func is a definition at file level.
type Func struct {
	Name        string
	First, Last int // lines
	toks        []Token
	Body        []Stmt
}

// Function finds the definition of name and parses its body. The error is an
// *Error, also where the file defines no such function or more than one.
func (s *Source) Function(name string) (fn Func, err error) {
	depth := 0
	for i, t := range s.Tokens {
		switch {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		}
		if depth != 0 || t.Kind != Ident || t.Text != name {
			continue
		}
		p := &parser{src: s, toks: s.Tokens, pos: i + 1}
		if !p.peek().is("(") {
			continue
		}
		if _, err := p.parens(); err != nil {
			return fn, err
		}
		if !p.peek().is("{") {
			continue // a declaration
		}
		if fn.Name != "" {
			return fn, s.Errorf(t.Line, "a second definition of "+name, "one definition of %s", name)
		}
		start := p.pos
		body, err := p.block(0)
		if err != nil {
			return fn, err
		}
		fn = Func{Name: name, First: t.Line, Last: s.Tokens[p.pos-1].Line, toks: s.Tokens[start:p.pos], Body: body}
		for _, t := range fn.toks {
			if t.cond != 0 {
				return fn, s.Errorf(t.cond, "a preprocessor condition that this package cannot decide", "%s without conditional parts", name)
			}
		}
	}
	if fn.Name == "" {
		return fn, s.Errorf(0, "none", "a definition of %s", name)
	}
	return fn, nil
}
