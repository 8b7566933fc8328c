package loader

// directive reads the preprocessor line whose # was just read.
func (l *lexer) directive(line int) error {
	toks, err := l.restOfLine()
	if err != nil {
		return err
	}
	if len(toks) == 0 {
		return nil
	}
	live, _ := l.state()
	name, args := toks[0].text, toks[1:]
	switch name {
	case "if", "ifdef", "ifndef":
		value, known := l.evaluate(name, args)
		l.conds = append(l.conds, condition{line: line, known: known, active: value, taken: value && known})
	case "elif", "else", "endif":
		if len(l.conds) == 0 {
			return l.src.errorf(line, "#"+name, "an #if before it")
		}
		c := &l.conds[len(l.conds)-1]
		switch {
		case name == "endif":
			l.conds = l.conds[:len(l.conds)-1]
		case c.elseHit:
			return l.src.errorf(line, "#"+name+" after #else", "#endif")
		case name == "else":
			c.elseHit = true
			c.active = !c.taken
		default:
			value, known := l.evaluate("if", args)
			// One undecidable branch makes all later ones undecidable, unless an
			// earlier one was certainly compiled.
			if c.taken {
				c.active = false
			} else {
				c.known = c.known && known
				c.active = value
				c.taken = value && c.known
			}
		}
	case "define":
		if live && len(args) > 0 {
			l.define(args)
		}
	}
	return nil
}

// restOfLine tokenizes up to the end of the (spliced) line.
func (l *lexer) restOfLine() ([]token, error) {
	var out []token
	for {
		if _, err := l.skip(true); err != nil {
			return nil, err
		}
		if l.pos >= len(l.text) || l.text[l.pos] == '\n' {
			return out, nil
		}
		// A stray quote is legal in #error and in text that is not compiled.
		if c := l.text[l.pos]; c == '"' || c == '\'' {
			pos, line := l.pos, l.line
			t, err := l.quoted(c)
			if err != nil {
				l.pos, l.line = pos+1, line
				t = token{kind: tokPunct, text: string(c), line: line}
			}
			out = append(out, t)
			continue
		}
		t, err := l.scan()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
}

func (l *lexer) define(args []token) {
	d := define{line: args[0].line, body: args[1:]}
	// Whether "(" touches the name is lost with the blanks; a parenthesis that
	// holds only names is taken for a parameter list.
	if len(d.body) > 0 && d.body[0].text == "(" {
		for i := 1; i < len(d.body); i++ {
			t := d.body[i]
			if t.text == ")" {
				d.body = d.body[i+1:]
				if d.params == nil {
					d.params = []string{}
				}
				break
			}
			if t.kind == tokIdent || t.text == "..." {
				d.params = append(d.params, t.text)
			} else if t.text != "," {
				d.params = nil
				break
			}
		}
	}
	l.src.defines[args[0].text] = d
}

// evaluate decides a condition where the source and the known symbols suffice.
func (l *lexer) evaluate(name string, args []token) (value, known bool) {
	if len(args) == 0 {
		return false, false
	}
	negate := name == "ifndef"
	if name == "if" {
		if args[0].text == "!" {
			negate, args = true, args[1:]
		}
		switch {
		case len(args) == 1 && args[0].kind == tokNumber:
			return (args[0].text != "0") != negate, true
		case len(args) == 2 && args[0].text == "defined":
			args = args[1:]
		case len(args) == 4 && (args[0].text == "defined" || args[0].text == "IS_ENABLED" || args[0].text == "IS_BUILTIN") && args[1].text == "(" && args[3].text == ")":
			args = args[2:3]
		default:
			return false, false
		}
	}
	if len(args) != 1 {
		return false, false
	}
	v, ok := l.known(args[0].text)
	return v != negate, ok
}
