package loader

import "strings"

type stmtKind uint8

const (
	stmtExpr   stmtKind = iota // expression or declaration: toks
	stmtBlock                  // body
	stmtIf                     // toks is the condition, body, els
	stmtFor                    // toks is the header, body
	stmtWhile                  // toks is the condition, body
	stmtSwitch                 // toks is the operand, body
	stmtCase                   // toks is the label
	stmtDefault
	stmtLabel // name
	stmtGoto  // name
	stmtBreak
	stmtContinue
	stmtReturn // toks
)

// stmt is a C statement, as much of it as the loader's functions need.
type stmt struct {
	kind stmtKind
	line int
	toks []token
	name string
	body []stmt
	els  []stmt
}

// text is a statement's tokens in one normal form, "val-=(u64)loc": tokens
// joined, one space only between two words.
func text(toks []token) string {
	var b strings.Builder
	word := false
	for _, t := range toks {
		w := t.kind == tokIdent || t.kind == tokNumber
		if w && word {
			b.WriteByte(' ')
		}
		switch t.kind {
		case tokString:
			b.WriteByte('"')
			b.WriteString(t.text)
			b.WriteByte('"')
		case tokChar:
			b.WriteByte('\'')
			b.WriteString(t.text)
			b.WriteByte('\'')
		default:
			b.WriteString(t.text)
		}
		word = w
	}
	return b.String()
}

// maxDepth bounds recursion on hostile input; the kernel's own depth is 5.
const maxDepth = 64

type parser struct {
	src  *cSource
	toks []token
	pos  int
}

func (p *parser) peek() token {
	if p.pos < len(p.toks) {
		return p.toks[p.pos]
	}
	line := p.src.lines
	if len(p.toks) > 0 {
		line = p.toks[len(p.toks)-1].line
	}
	return token{kind: tokEnd, text: "the end of the function", line: line}
}

func (p *parser) take() token {
	t := p.peek()
	if p.pos < len(p.toks) {
		p.pos++
	}
	return t
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return t.kind == tokPunct && t.text == text
}

func (p *parser) expect(text string) error {
	if t := p.take(); t.kind != tokPunct || t.text != text {
		return p.src.errorf(t.line, quoteToken(t), "%q", text)
	}
	return nil
}

func quoteToken(t token) string {
	if t.kind == tokEnd {
		return t.text
	}
	return "\"" + text([]token{t}) + "\""
}

// parens takes "( … )" and returns what is inside.
func (p *parser) parens() ([]token, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	start, depth := p.pos, 1
	for {
		t := p.take()
		switch {
		case t.kind == tokEnd:
			return nil, p.src.errorf(t.line, t.text, "a closing parenthesis")
		case t.kind != tokPunct:
		case t.text == "(":
			depth++
		case t.text == ")":
			if depth--; depth == 0 {
				return p.toks[start : p.pos-1], nil
			}
		}
	}
}

// block takes statements up to the closing brace.
func (p *parser) block(depth int) ([]stmt, error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var out []stmt
	for !p.is("}") {
		if t := p.peek(); t.kind == tokEnd {
			return nil, p.src.errorf(t.line, t.text, "a closing brace")
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
func (p *parser) arm(depth int) ([]stmt, error) {
	if p.is("{") {
		return p.block(depth)
	}
	s, err := p.statement(depth + 1)
	return []stmt{s}, err
}

func (p *parser) statement(depth int) (stmt, error) {
	t := p.peek()
	if depth > maxDepth {
		return stmt{}, p.src.errorf(t.line, "deeper nesting", "at most %d nested statements", maxDepth)
	}
	s := stmt{line: t.line}
	var err error
	if t.kind == tokPunct && t.text == "{" {
		s.kind = stmtBlock
		s.body, err = p.block(depth)
		return s, err
	}
	if t.kind == tokIdent {
		switch t.text {
		case "if", "for", "while", "switch":
			p.take()
			s.kind = map[string]stmtKind{"if": stmtIf, "for": stmtFor, "while": stmtWhile, "switch": stmtSwitch}[t.text]
			if s.toks, err = p.parens(); err != nil {
				return s, err
			}
			if s.body, err = p.arm(depth); err != nil {
				return s, err
			}
			if e := p.peek(); s.kind == stmtIf && e.kind == tokIdent && e.text == "else" {
				p.take()
				s.els, err = p.arm(depth)
			}
			return s, err
		case "case", "default":
			p.take()
			s.kind = stmtDefault
			if t.text == "case" {
				s.kind = stmtCase
				start := p.pos
				for !p.is(":") && p.peek().kind != tokEnd {
					p.take()
				}
				s.toks = p.toks[start:p.pos]
			}
			return s, p.expect(":")
		case "goto":
			p.take()
			l := p.take()
			if l.kind != tokIdent {
				return s, p.src.errorf(l.line, quoteToken(l), "a label")
			}
			s.kind, s.name = stmtGoto, l.text
			return s, p.expect(";")
		case "break", "continue":
			p.take()
			s.kind = stmtBreak
			if t.text == "continue" {
				s.kind = stmtContinue
			}
			return s, p.expect(";")
		case "return":
			p.take()
			s.kind = stmtReturn
			s.toks, err = p.expression()
			return s, err
		}
		if p.pos+1 < len(p.toks) && p.toks[p.pos+1].text == ":" && p.toks[p.pos+1].kind == tokPunct {
			p.pos += 2
			s.kind, s.name = stmtLabel, t.text
			return s, nil
		}
	}
	s.kind = stmtExpr
	s.toks, err = p.expression()
	return s, err
}

// expression takes tokens up to and with the next ";" outside brackets.
func (p *parser) expression() ([]token, error) {
	start, depth := p.pos, 0
	for {
		t := p.take()
		switch {
		case t.kind == tokEnd:
			return nil, p.src.errorf(t.line, t.text, "\";\"")
		case t.kind != tokPunct:
		case t.text == ";" && depth == 0:
			return p.toks[start : p.pos-1], nil
		case t.text == "(" || t.text == "[" || t.text == "{":
			depth++
		case t.text == ")" || t.text == "]" || t.text == "}":
			if depth--; depth < 0 {
				return nil, p.src.errorf(t.line, quoteToken(t), "\";\"")
			}
		}
	}
}

// function is a definition at file level.
type function struct {
	name        string
	first, last int // lines
	toks        []token
	body        []stmt
}

// function finds the definition of name and parses its body. Found is false
// where the file defines no such function.
func (s *cSource) function(name string) (fn function, found bool, err error) {
	depth := 0
	for i, t := range s.tokens {
		if t.kind == tokPunct {
			switch t.text {
			case "{":
				depth++
			case "}":
				depth--
			}
		}
		if depth != 0 || t.kind != tokIdent || t.text != name {
			continue
		}
		p := &parser{src: s, toks: s.tokens, pos: i + 1}
		if !p.is("(") {
			continue
		}
		if _, err := p.parens(); err != nil {
			return fn, false, err
		}
		if !p.is("{") {
			continue // a declaration
		}
		if found {
			return fn, true, s.errorf(t.line, "a second definition of "+name, "one definition of %s", name)
		}
		found = true
		start := p.pos
		body, err := p.block(0)
		if err != nil {
			return fn, true, err
		}
		fn = function{name: name, first: t.line, last: s.tokens[p.pos-1].line, toks: s.tokens[start:p.pos], body: body}
		for _, t := range fn.toks {
			if t.cond != 0 {
				return fn, true, s.errorf(t.cond, "a preprocessor condition that this package cannot decide", "%s without conditional parts", name)
			}
		}
	}
	return fn, found, nil
}
