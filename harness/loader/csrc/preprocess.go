package csrc

import "strings"

// condition is an open #if.
type condition struct {
	line    int
	known   bool // its value is known from the source alone
	active  bool // this branch is compiled (meaningless when !known)
	taken   bool // a former known branch of this #if was compiled
	elseHit bool
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

// directive reads the preprocessor line whose # was just read.
func (l *lexer) directive(line int) error {
	toks, err := l.restOfLine()
	if err != nil || len(toks) == 0 {
		return err
	}
	name, args := toks[0].Text, toks[1:]
	switch name {
	case "if", "ifdef", "ifndef":
		value, known := l.evaluate(name, args)
		l.conds = append(l.conds, condition{line: line, known: known, active: value, taken: value && known})
	case "elif", "else", "endif":
		if len(l.conds) == 0 {
			return l.src.Errorf(line, "#"+name, "an #if before it")
		}
		c := &l.conds[len(l.conds)-1]
		switch {
		case name == "endif":
			l.conds = l.conds[:len(l.conds)-1]
		case c.elseHit:
			return l.src.Errorf(line, "#"+name+" after #else", "#endif")
		case name == "else":
			c.elseHit, c.active = true, !c.taken
		case c.taken:
			c.active = false
		default:
			// One undecidable branch makes all later ones undecidable, unless an
			// earlier one was certainly compiled.
			value, known := l.evaluate("if", args)
			c.known, c.active = c.known && known, value
			c.taken = value && c.known
		}
	case "define":
		if live, _ := l.state(); live && len(args) > 0 {
			l.define(args)
		}
	}
	return nil
}

// restOfLine tokenizes up to the end of the (spliced) line.
func (l *lexer) restOfLine() ([]Token, error) {
	var out []Token
	for {
		if _, err := l.skip(true); err != nil {
			return nil, err
		}
		if l.pos >= len(l.text) || l.text[l.pos] == '\n' {
			return out, nil
		}
		pos, line := l.pos, l.line
		t, err := l.scan()
		if err != nil {
			// A stray quote is legal in #error and in text that is not compiled.
			l.pos, l.line = pos+1, line
			t = Token{Kind: Punct, Text: l.text[pos : pos+1], Line: line}
		}
		out = append(out, t)
	}
}

// Define is a macro.
type Define struct {
	Params []string // nil for an object-like macro
	Body   []Token
	Line   int
}

// Text is the normal form of the macro's body, see [Text]. A body that is one
// parenthesised name was read as a parameter list and is put back.
func (d Define) Text() string {
	if len(d.Body) == 0 && len(d.Params) > 0 {
		return "(" + strings.Join(d.Params, ",") + ")"
	}
	return Text(d.Body)
}

func (l *lexer) define(args []Token) {
	d := Define{Line: args[0].Line, Body: args[1:]}
	// Whether "(" touches the name is lost with the blanks; a parenthesis that
	// holds only names is taken for a parameter list.
	if len(d.Body) > 0 && d.Body[0].Text == "(" {
		params := []string{}
		for i, t := range d.Body[1:] {
			if t.Text == ")" {
				d.Params, d.Body = params, d.Body[i+2:]
				break
			}
			if t.Kind == Ident || t.Text == "..." {
				params = append(params, t.Text)
			} else if t.Text != "," {
				break
			}
		}
	}
	l.src.Defines[args[0].Text] = d
}

// evaluate decides a condition where the source and the known symbols suffice.
func (l *lexer) evaluate(name string, args []Token) (value, known bool) {
	if len(args) == 0 {
		return false, false
	}
	negate := name == "ifndef"
	if name == "if" {
		if args[0].Text == "!" {
			negate, args = true, args[1:]
		}
		switch {
		case len(args) == 1 && args[0].Kind == Number:
			return (args[0].Text != "0") != negate, true
		case len(args) == 2 && args[0].Text == "defined":
			args = args[1:]
		case len(args) == 4 && (args[0].Text == "defined" || args[0].Text == "IS_ENABLED" || args[0].Text == "IS_BUILTIN") &&
			args[1].Text == "(" && args[3].Text == ")":
			args = args[2:3]
		default:
			return false, false
		}
	}
	if len(args) != 1 {
		return false, false
	}
	v, ok := l.known(args[0].Text)
	return v != negate, ok
}
