package loader

import (
	"slices"

	"umlab/harness/loader/csrc"
)

// known decides the symbols that choose between the 32- and the 64-bit
// loader in arch/x86/kernel/module.c.
func (m *machine) known(name string) (value, known bool) {
	switch name {
	case "CONFIG_X86_32":
		return m.bits == 32, true
	case "CONFIG_X86_64", "CONFIG_64BIT":
		return m.bits == 64, true
	}
	return false, false
}

// readRules reads the relocation switch of the machine's apply_relocate_add, or of
// the __write_relocate_add that it calls, or of its apply_relocate, from the text of
// arch/x86/kernel/module.c. It returns a *csrc.Error where the source holds anything that this package does not know.
func readRules(source []byte, of *machine) (*Rules, error) {
	src, err := csrc.Lex(RulesFile, source, of.known)
	if err != nil {
		return nil, err
	}
	fn, err := of.switchFunction(src)
	if err != nil {
		return nil, err
	}
	rules := &Rules{File: RulesFile, Function: fn.Name, First: fn.First, Last: fn.Last, types: map[uint32]rule{}, machine: of}
	r := &ruleReader{src: src, rules: rules}
	if err := r.function(fn); err != nil {
		return nil, err
	}
	return rules, nil
}

// switchFunction follows apply_relocate_add to the function with the loop; apply_relocate has it itself.
// The wrappers on the way must do what they are known to do: one that relocates
// something itself would make every prediction wrong.
func (m *machine) switchFunction(src *csrc.Source) (csrc.Func, error) {
	const middle, inner = "write_relocate_add", "__write_relocate_add"
	outer := m.function
	fn, err := src.Function(outer)
	if err != nil || hasLoop(fn.Body) {
		return fn, err
	}
	const call = "write_relocate_add(sechdrs,strtab,symindex,relsec,me,true)"
	if len(fn.Body) != 1 || fn.Body[0].Kind != csrc.Return || fn.Body[0].Text() != call {
		return fn, src.Errorf(fn.First, "another body", "%s to only return %s", outer, call)
	}
	fn, err = src.Function(middle)
	if err != nil || hasLoop(fn.Body) {
		return fn, err
	}
	calls := 0
	for _, s := range fn.Body {
		t := s.Text()
		switch {
		case s.Kind == csrc.Expr && (t == "int ret" || t == "bool early=me->state==MODULE_STATE_UNFORMED" ||
			t == "void*(*write)(void*,const void*,size_t)=memcpy"):
		case s.Kind == csrc.If && t == "!early":
		case s.Kind == csrc.Return && t == "ret":
		case s.Kind == csrc.Expr && t == "ret=__write_relocate_add(sechdrs,strtab,symindex,relsec,me,write,apply)":
			calls++
		default:
			return fn, src.Errorf(s.Line, s.String(), "%s to only call %s", middle, inner)
		}
	}
	if calls != 1 {
		return fn, src.Errorf(fn.First, "no call", "%s to call %s", middle, inner)
	}
	return src.Function(inner)
}

func hasLoop(body []csrc.Stmt) bool {
	return slices.ContainsFunc(body, func(s csrc.Stmt) bool { return s.Kind == csrc.For })
}

type ruleReader struct {
	src    *csrc.Source
	rules  *Rules
	labels []csrc.Stmt // statements after the loop, where goto leads
	tail   []csrc.Stmt // statements of the loop after the switch
	cases  []csrc.Stmt // body of the switch
}

// loopHeader is the loop of the known forms of the function.
const loopHeader = "i=0;i<sechdrs[relsec].sh_size/sizeof(*rel);i++"

// debugOnly reports a statement that only prints at debug level.
func debugOnly(s csrc.Stmt) bool {
	return s.Kind == csrc.Expr && len(s.Toks) > 1 && s.Toks[1].Text == "(" &&
		(s.Toks[0].Text == "DEBUGP" || s.Toks[0].Text == "pr_debug")
}

func (r *ruleReader) function(fn csrc.Func) error {
	var loop *csrc.Stmt
	rel := false
	for i, s := range fn.Body {
		t := s.Text()
		switch {
		case loop != nil:
			r.labels = append(r.labels, s)
		case s.Kind == csrc.Expr && t == r.rules.machine.relDecl:
			rel = true
		case s.Kind == csrc.Expr && slices.Contains(r.rules.machine.decls, t), debugOnly(s):
		case s.Kind == csrc.For && t == loopHeader:
			loop = &fn.Body[i]
		default:
			return r.src.Errorf(s.Line, s.String(), "a declaration or the loop over the entries in %s", fn.Name)
		}
	}
	if loop == nil || !rel {
		return r.src.Errorf(fn.First, "none", "a loop \"for (%s)\" over the section of relocations in %s", loopHeader, fn.Name)
	}
	if len(r.labels) == 0 || r.labels[0].Kind != csrc.Return || r.labels[0].Text() != "0" {
		return r.src.Errorf(loop.Line, "something else", "\"return 0\" after the loop")
	}
	return r.loop(loop.Body)
}

func (r *ruleReader) loop(body []csrc.Stmt) error {
	of := r.rules.machine
	needs := map[string]bool{}
	var sw *csrc.Stmt
	for i, s := range body {
		t := s.Text()
		switch {
		case sw != nil:
			r.tail = append(r.tail, s)
		case s.Kind == csrc.Switch:
			if t != of.operand {
				return r.src.Errorf(s.Line, s.String(), "a switch of %s", of.operand)
			}
			for _, need := range of.loopNeeds {
				if !needs[need] {
					return r.src.Errorf(s.Line, "no such statement", "%q before the switch", need)
				}
			}
			sw = &body[i]
		case s.Kind == csrc.Expr && slices.Contains(of.loopNeeds, t):
			needs[t] = true
		case s.Kind == csrc.Expr && t == "size_t size", debugOnly(s):
		default:
			return r.src.Errorf(s.Line, s.String(), "only address, symbol and value of the entry before the switch")
		}
	}
	if sw == nil {
		return r.src.Errorf(0, "none", "a switch of %s in the loop", of.operand)
	}
	r.cases = sw.Body
	return r.labelsOfSwitch()
}

func (r *ruleReader) labelsOfSwitch() error {
	hasDefault := false
	for i, s := range r.cases {
		switch s.Kind {
		case csrc.Case:
			t, ok := r.rules.machine.label(s.Text())
			if !ok {
				return r.src.Errorf(s.Line, s.String(), "a relocation type of the %s psABI", r.rules.machine.title)
			}
			if _, dup := r.rules.types[t]; dup {
				return r.src.Errorf(s.Line, "a second case "+s.Text(), "one case a type")
			}
			rule, err := r.rule(s.Line, r.cases[i+1:])
			if err != nil {
				return err
			}
			r.rules.types[t] = rule
		case csrc.Default:
			hasDefault = true
			fail, err := r.failure(skipLabels(r.cases[i+1:]))
			if err != nil {
				return err
			}
			r.rules.unknown = fail
		}
	}
	if !hasDefault {
		return r.src.Errorf(0, "none", "a default case that refuses unknown types")
	}
	return nil
}

func skipLabels(body []csrc.Stmt) []csrc.Stmt {
	for len(body) > 0 && (body[0].Kind == csrc.Case || body[0].Kind == csrc.Default) {
		body = body[1:]
	}
	return body
}
