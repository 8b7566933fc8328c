package loader

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// x86Known decides the two symbols that choose between the 32- and the 64-bit
// loader in arch/x86/kernel/module.c.
func x86Known(name string) (value, known bool) {
	switch name {
	case "CONFIG_X86_32":
		return false, true
	case "CONFIG_X86_64", "CONFIG_64BIT":
		return true, true
	}
	return false, false
}

// ReadRules reads the relocation switch of the x86-64 apply_relocate_add, or of
// the __write_relocate_add that it calls, from the text of
// arch/x86/kernel/module.c. version only labels the result. It returns a
// *SourceError where the source holds anything that this package does not know.
func ReadRules(source []byte, version string) (*Rules, error) {
	src, err := lexC(RulesFile, source, x86Known)
	if err != nil {
		return nil, err
	}
	fn, err := switchFunction(src)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text(fn.toks)))
	rules := &Rules{Version: version, File: RulesFile, Function: fn.name, First: fn.first, Last: fn.last,
		Digest: hex.EncodeToString(sum[:]), Types: map[uint32]Rule{}}
	r := &ruleReader{src: src, rules: rules}
	if err := r.function(fn); err != nil {
		return nil, err
	}
	return rules, nil
}

// switchFunction follows apply_relocate_add to the function with the loop.
// The wrappers on the way must do what they are known to do: one that relocates
// something itself would make every prediction wrong.
func switchFunction(src *cSource) (function, error) {
	const outer, middle, inner = "apply_relocate_add", "write_relocate_add", "__write_relocate_add"
	fn, found, err := src.function(outer)
	if err != nil {
		return fn, err
	}
	if !found {
		return fn, src.errorf(0, "none", "a definition of %s for x86-64", outer)
	}
	if hasLoop(fn.body) {
		return fn, nil
	}
	const call = "write_relocate_add(sechdrs,strtab,symindex,relsec,me,true)"
	if len(fn.body) != 1 || fn.body[0].kind != stmtReturn || text(fn.body[0].toks) != call {
		return fn, src.errorf(fn.first, "another body", "%s to only return %s", outer, call)
	}
	fn, found, err = src.function(middle)
	if err != nil {
		return fn, err
	}
	if !found {
		return fn, src.errorf(0, "none", "a definition of %s", middle)
	}
	if hasLoop(fn.body) {
		return fn, nil
	}
	calls := 0
	for _, s := range fn.body {
		t := text(s.toks)
		switch {
		case s.kind == stmtExpr && (t == "int ret" || t == "bool early=me->state==MODULE_STATE_UNFORMED" ||
			t == "void*(*write)(void*,const void*,size_t)=memcpy"):
		case s.kind == stmtIf && t == "!early":
		case s.kind == stmtReturn && t == "ret":
		case s.kind == stmtExpr && t == "ret=__write_relocate_add(sechdrs,strtab,symindex,relsec,me,write,apply)":
			calls++
		default:
			return fn, src.errorf(s.line, "\""+t+"\"", "%s to only call %s", middle, inner)
		}
	}
	if calls != 1 {
		return fn, src.errorf(fn.first, "no call", "%s to call %s", middle, inner)
	}
	fn, found, err = src.function(inner)
	if err == nil && !found {
		err = src.errorf(0, "none", "a definition of %s", inner)
	}
	return fn, err
}

func hasLoop(body []stmt) bool {
	return slices.ContainsFunc(body, func(s stmt) bool { return s.kind == stmtFor })
}

type ruleReader struct {
	src    *cSource
	rules  *Rules
	labels []stmt // statements after the loop, where goto leads
	tail   []stmt // statements of the loop after the switch
	cases  []stmt // body of the switch
}

// Statements that the known forms of the function hold around the switch.
var (
	functionDecls = []string{"unsigned int i", "Elf64_Sym*sym", "void*loc", "u64 val", "u64 zero=0ULL", "size_t size"}
	relDecl       = "Elf64_Rela*rel=(void*)sechdrs[relsec].sh_addr"
	loopHeader    = "i=0;i<sechdrs[relsec].sh_size/sizeof(*rel);i++"
	loopNeeds     = []string{
		"loc=(void*)sechdrs[sechdrs[relsec].sh_info].sh_addr+rel[i].r_offset",
		"sym=(Elf64_Sym*)sechdrs[symindex].sh_addr+ELF64_R_SYM(rel[i].r_info)",
		"val=sym->st_value+rel[i].r_addend",
	}
	switchOperand = "ELF64_R_TYPE(rel[i].r_info)"
)

// debugOnly reports a statement that only prints at debug level.
func debugOnly(s stmt) bool {
	return s.kind == stmtExpr && len(s.toks) > 1 && s.toks[1].text == "(" &&
		(s.toks[0].text == "DEBUGP" || s.toks[0].text == "pr_debug")
}

func (r *ruleReader) function(fn function) error {
	var loop *stmt
	rel := false
	for i, s := range fn.body {
		t := text(s.toks)
		switch {
		case loop != nil:
			r.labels = append(r.labels, s)
		case s.kind == stmtExpr && t == relDecl:
			rel = true
		case s.kind == stmtExpr && slices.Contains(functionDecls, t), debugOnly(s):
		case s.kind == stmtFor && t == loopHeader:
			loop = &fn.body[i]
		default:
			return r.src.errorf(s.line, found(s), "a declaration or the loop over the entries in %s", fn.name)
		}
	}
	if loop == nil || !rel {
		return r.src.errorf(fn.first, "none", "a loop \"for (%s)\" over the RELA section in %s", loopHeader, fn.name)
	}
	if len(r.labels) == 0 || r.labels[0].kind != stmtReturn || text(r.labels[0].toks) != "0" {
		return r.src.errorf(loop.line, "something else", "\"return 0\" after the loop")
	}
	return r.loop(loop.body)
}

func (r *ruleReader) loop(body []stmt) error {
	needs := map[string]bool{}
	var sw *stmt
	for i, s := range body {
		t := text(s.toks)
		switch {
		case sw != nil:
			r.tail = append(r.tail, s)
		case s.kind == stmtSwitch:
			if t != switchOperand {
				return r.src.errorf(s.line, "\""+t+"\"", "a switch of %s", switchOperand)
			}
			for _, need := range loopNeeds {
				if !needs[need] {
					return r.src.errorf(s.line, "no such statement", "%q before the switch", need)
				}
			}
			sw = &body[i]
		case s.kind == stmtExpr && slices.Contains(loopNeeds, t):
			needs[t] = true
		case s.kind == stmtExpr && t == "size_t size", debugOnly(s):
		default:
			return r.src.errorf(s.line, found(s), "only address, symbol and value of the entry before the switch")
		}
	}
	if sw == nil {
		return r.src.errorf(0, "none", "a switch of %s in the loop", switchOperand)
	}
	r.cases = sw.body
	return r.labelsOfSwitch()
}

// found is a statement as a finding.
func found(s stmt) string {
	switch s.kind {
	case stmtIf:
		return "\"if (" + text(s.toks) + ")\""
	case stmtFor, stmtWhile:
		return "another loop"
	case stmtSwitch:
		return "\"switch (" + text(s.toks) + ")\""
	case stmtGoto:
		return "\"goto " + s.name + "\""
	case stmtLabel:
		return "the label \"" + s.name + "\""
	case stmtCase:
		return "\"case " + text(s.toks) + "\""
	case stmtDefault:
		return "\"default\""
	case stmtBlock:
		return "a block"
	case stmtBreak:
		return "\"break\""
	case stmtContinue:
		return "\"continue\""
	case stmtReturn:
		return "\"return " + text(s.toks) + "\""
	}
	return "\"" + strings.TrimSpace(text(s.toks)) + "\""
}

func (r *ruleReader) labelsOfSwitch() error {
	hasDefault := false
	for i, s := range r.cases {
		switch s.kind {
		case stmtCase:
			t, ok := relocationType(text(s.toks))
			if !ok {
				return r.src.errorf(s.line, "\"case "+text(s.toks)+"\"", "a relocation type of the x86-64 psABI")
			}
			if _, dup := r.rules.Types[t]; dup {
				return r.src.errorf(s.line, "a second case "+text(s.toks), "one case a type")
			}
			rule, err := r.rule(t, s.line, r.cases[i+1:])
			if err != nil {
				return err
			}
			r.rules.Types[t] = rule
		case stmtDefault:
			hasDefault = true
			fail, err := r.failure(skipLabels(r.cases[i+1:]))
			if err != nil {
				return err
			}
			r.rules.Unknown = fail
		}
	}
	if !hasDefault {
		return r.src.errorf(0, "none", "a default case that refuses unknown types")
	}
	return nil
}

func skipLabels(body []stmt) []stmt {
	for len(body) > 0 && (body[0].kind == stmtCase || body[0].kind == stmtDefault) {
		body = body[1:]
	}
	return body
}
