package loader

import (
	"strconv"
	"strings"
	"syscall"

	"umlab/harness/loader/csrc"
)

// label reads a case label: a name of the psABI or a number.
func (m *machine) label(text string) (uint32, bool) {
	if n, err := strconv.ParseUint(text, 0, 32); err == nil {
		return uint32(n), true
	}
	return m.typeOf(text)
}

// rule walks what runs for one case label: from the label, through
// fall-through, to its end, and then the part of the loop after the switch.
func (r *ruleReader) rule(line int, body []csrc.Stmt) (rule, error) {
	w := &caseReader{r: r, rule: rule{Line: line}}
	end, err := w.run(body, true)
	if err != nil {
		return w.rule, err
	}
	switch end {
	case endContinue:
		w.rule.Skip = len(w.rule.Steps) == 0
	case endReturn:
		return w.rule, nil
	default:
		if _, err := w.run(r.tail, false); err != nil {
			return w.rule, err
		}
		w.rule.Skip = len(w.rule.Steps) == 0 && len(r.tail) == 0
	}
	return w.rule, w.finish(line)
}

// caseReader gathers the steps of one rule.
type caseReader struct {
	r     *ruleReader
	rule  rule
	size  int // of the variable size, 0 while unset
	wrote bool
}

type ending uint8

const (
	endFall ending = iota // ran off the end
	endBreak
	endContinue
	endReturn
)

func (w *caseReader) run(body []csrc.Stmt, inSwitch bool) (ending, error) {
	for i, s := range body {
		t := s.Text()
		if inSwitch && refuses(s) {
			fail, err := w.r.failure(skipLabels(body[i:]))
			w.rule.Refuse = &fail
			return endReturn, err
		}
		switch s.Kind {
		case csrc.Case:
			if !inSwitch {
				return 0, w.r.src.Errorf(s.Line, s.String(), "no label here")
			}
		case csrc.Block:
			if end, err := w.run(s.Body, inSwitch); err != nil || end != endFall {
				return end, err
			}
		case csrc.Break:
			return endBreak, nil
		case csrc.Continue:
			return endContinue, nil
		case csrc.If:
			if err := w.branch(s, t, inSwitch); err != nil {
				return 0, err
			}
		case csrc.Expr:
			if err := w.expression(s, t); err != nil {
				return 0, err
			}
		default:
			return 0, w.r.src.Errorf(s.Line, s.String(), "a check, a size, a write or the end of the case")
		}
	}
	return endFall, nil
}

// refuses reports the start of a refusal that no condition guards: a message,
// or the default case into which a case falls.
func refuses(s csrc.Stmt) bool {
	return s.Kind == csrc.Default || s.Kind == csrc.Expr && len(s.Toks) > 0 && strings.HasPrefix(s.Toks[0].Text, "pr_") && !debugOnly(s)
}

// branch is an if of a case or of the part after the switch.
func (w *caseReader) branch(s csrc.Stmt, cond string, inSwitch bool) error {
	if !inSwitch && cond == "apply" {
		_, err := w.run(s.Body, false) // apply_relocate_add passes true
		return err
	}
	if len(s.Else) > 0 {
		return w.r.src.Errorf(s.Line, s.String()+" with an else", "a check that leads to a refusal")
	}
	check, width, ok := w.condition(cond)
	if !ok {
		return w.r.src.Errorf(s.Line, s.String(), "a check of the value or of the destination that this package knows")
	}
	body := s.Body
	if len(body) == 1 && body[0].Kind == csrc.Goto {
		var err error
		if body, err = w.r.target(body[0]); err != nil {
			return err
		}
	}
	fail, err := w.r.failure(body)
	if err != nil {
		return err
	}
	if check == checkClear && width == 0 {
		return w.r.src.Errorf(s.Line, "size unset", "size to be set before the destination is looked at")
	}
	if check != checkClear {
		if w.rule.Overflow != checkNone {
			return w.r.src.Errorf(s.Line, s.String(), "one overflow check a type")
		}
		w.rule.Overflow = check
	}
	w.rule.Steps = append(w.rule.Steps, step{Op: opCheck, Check: check, Width: width, Fail: fail})
	return nil
}

// condition reads the conditions under which a loader refuses.
func (w *caseReader) condition(cond string) (check check, width int, ok bool) {
	switch cond {
	case "val!=*(u32*)&val", "val!=(u32)val", "val>U32_MAX":
		return checkZero, 0, true
	case "(s64)val!=*(s32*)&val", "(s64)val!=(s32)val", "(s64)val!=(s64)(s32)val":
		return checkSign, 0, true
	case "val!=*(u32*)loc": // after the write: older trees
		return checkZero, 0, w.wrote
	case "(s64)val!=*(s32*)loc":
		return checkSign, 0, w.wrote
	case "*(u64*)loc!=0", "*(u64*)loc":
		return checkClear, 8, true
	case "*(u32*)loc!=0", "*(s32*)loc!=0", "*(u32*)loc":
		return checkClear, 4, true
	case "memcmp(loc,&zero,size)", "memcmp(loc,&zero,size)!=0":
		return checkClear, w.size, true
	}
	return checkNone, 0, false
}

// writes are the statements that write the value, with how many bytes; 0 for as
// many as the variable size says.
var writes = map[string]int{
	"write(loc,&val,size)": 0, "memcpy(loc,&val,size)": 0,
	"write(loc,&val,8)": 8, "memcpy(loc,&val,8)": 8, "*(u64*)loc=val": 8,
	"write(loc,&val,4)": 4, "memcpy(loc,&val,4)": 4, "*(u32*)loc=val": 4, "*(s32*)loc=val": 4,
	"write(loc,&val,2)": 2, "memcpy(loc,&val,2)": 2, "*(u16*)loc=val": 2,
	// With the addend that stands there.
	"*location+=sym->st_value": 4, "*location+=sym->st_value-(uint32_t)location": 4,
	"write(loc,&val,1)": 1, "memcpy(loc,&val,1)": 1, "*(u8*)loc=val": 1,
}

func (w *caseReader) expression(s csrc.Stmt, t string) error {
	switch t {
	case "val-=(u64)loc", "val-=(unsigned long)loc", "val=val-(u64)loc":
		w.rule.PCRelative = true
		w.rule.Steps = append(w.rule.Steps, step{Op: opSubtract})
		return nil
	case "*location+=sym->st_value-(uint32_t)location":
		w.rule.PCRelative = true
		w.rule.Steps = append(w.rule.Steps, step{Op: opSubtract})
	case "fallthrough", "__attribute__((fallthrough))", "__attribute__((__fallthrough__))":
		return nil
	}
	if n, ok := strings.CutPrefix(t, "size="); ok {
		size, err := strconv.Atoi(n)
		if err != nil || size < 1 || size > 8 {
			return w.r.src.Errorf(s.Line, s.String(), "a size of 1 to 8 bytes")
		}
		w.size = size
		return nil
	}
	width, ok := writes[t]
	switch {
	case !ok && debugOnly(s):
		return nil
	case !ok:
		return w.r.src.Errorf(s.Line, s.String(), "a size, a subtraction of the location or a write")
	case width == 0:
		if width = w.size; width == 0 {
			return w.r.src.Errorf(s.Line, "size unset", "size to be set before the write")
		}
	}
	w.wrote = true
	w.rule.Width = width
	w.rule.Steps = append(w.rule.Steps, step{Op: opWrite, Width: width})
	return nil
}

// finish checks that the rule writes exactly once, or is one that skips.
func (w *caseReader) finish(line int) error {
	n := 0
	for _, s := range w.rule.Steps {
		if s.Op == opWrite {
			n++
		}
	}
	if n == 1 || n == 0 && w.rule.Skip {
		return nil
	}
	return w.r.src.Errorf(line, strconv.Itoa(n)+" writes", "one write for this type")
}

// target is where a goto leads: statements after the loop.
func (r *ruleReader) target(g csrc.Stmt) ([]csrc.Stmt, error) {
	for i, s := range r.labels {
		if s.Kind == csrc.Label && s.Text() == g.Text() {
			return r.labels[i+1:], nil
		}
	}
	return nil, r.src.Errorf(g.Line, g.String(), "a label of that name after the loop")
}

// failure reads what is printed and returned on a refusal.
func (r *ruleReader) failure(body []csrc.Stmt) (failure, error) {
	var f failure
	for _, s := range body {
		switch s.Kind {
		case csrc.Expr:
			m, err := r.message(s)
			if err != nil {
				return f, err
			}
			if f.Line == 0 {
				f.Line = m.Line
			}
			f.Messages = append(f.Messages, m)
		case csrc.Return:
			errno, ok := errnos[s.Text()]
			if !ok {
				return f, r.src.Errorf(s.Line, s.String(), "a return of a negative errno")
			}
			if len(f.Messages) == 0 {
				return f, r.src.Errorf(s.Line, "a silent refusal", "a message before the return")
			}
			f.Errno = int(errno)
			return f, nil
		case csrc.Label:
		default:
			return f, r.src.Errorf(s.Line, s.String(), "a message or a return")
		}
	}
	line := 0
	if len(body) > 0 {
		line = body[0].Line
	}
	return f, r.src.Errorf(line, "none", "a return of an errno")
}

// errnos are those with which a loader refuses, as its source returns them.
var errnos = map[string]syscall.Errno{
	"-ENOEXEC": syscall.ENOEXEC, "-EINVAL": syscall.EINVAL, "-ERANGE": syscall.ERANGE, "-EOPNOTSUPP": syscall.EOPNOTSUPP,
}
