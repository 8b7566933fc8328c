package loader

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"umlab/harness/loader/csrc"
)

func TestReadRules(t *testing.T) {
	rules, err := readRules([]byte(switchSource), x8664)
	if err != nil {
		t.Fatal(err)
	}
	if rules.Function != "__write_relocate_add" || rules.First < 10 || rules.Last <= rules.First {
		t.Errorf("origin %+v", rules)
	}
	want := map[uint32]string{
		0: "nothing is written", 1: "8 bytes", 2: "4 bytes, PC-relative, never checked for overflow",
		4: "4 bytes, PC-relative, never checked for overflow", 10: "4 bytes, must fit zero-extended",
		11: "4 bytes, must fit sign-extended", 24: "8 bytes, PC-relative",
	}
	for typ, text := range want {
		if rule, ok := rules.types[typ]; !ok || inWords(rule) != text {
			t.Errorf("type %d: %q, want %q", typ, inWords(rule), text)
		}
	}
	if len(rules.types) != len(want) {
		t.Errorf("%d types, want %d: %v", len(rules.types), len(want), rules.types)
	}
	if rules.unknown.Errno != 8 || rules.unknown.Messages[0].Format != "%s: no such type: %llu" {
		t.Errorf("unknown types: %+v", rules.unknown)
	}
	line := strings.Split(switchSource, "\n")[rules.types[11].Line-1]
	if !strings.Contains(line, "case R_X86_64_32S:") {
		t.Errorf("line %d of the 32S case is %q", rules.types[11].Line, line)
	}
}

// inWords says what a rule does: "4 bytes, must fit sign-extended".
func inWords(r rule) string {
	if r.Skip {
		return "nothing is written"
	}
	if r.Refuse != nil {
		return fmt.Sprintf("refused with errno %d", r.Refuse.Errno)
	}
	out := fmt.Sprintf("%d bytes", r.Width)
	if r.PCRelative {
		out += ", PC-relative"
	}
	if r.Overflow != checkNone {
		out += fmt.Sprintf(", must fit %s", r.Overflow)
	} else if r.Width < 8 {
		out += ", never checked for overflow"
	}
	return out
}

func TestReadRulesOlder(t *testing.T) {
	rules, err := readRules([]byte(directSource), x8664)
	if err != nil {
		t.Fatal(err)
	}
	if rules.Function != "apply_relocate_add" {
		t.Errorf("function %s", rules.Function)
	}
	if r := rules.types[2]; r.Overflow != checkNone || !r.PCRelative || r.Width != 4 {
		t.Errorf("PC32, whose check is compiled out: %+v", r)
	}
	if r := rules.types[10]; r.Overflow != checkZero || r.Steps[0].Check != checkClear {
		t.Errorf("32: %+v", r)
	}
	if r := rules.types[0]; !r.Skip {
		t.Errorf("NONE: %+v", r)
	}
}

// An edited switch changes the rules as the edit says.
func TestReadRulesEdits(t *testing.T) {
	const check32S = "\t\t\tif ((s64)val != *(s32 *)&val)\n\t\t\t\tgoto overflow;\n"
	tests := []struct {
		name, old, new string
		typ            uint32
		want           string
	}{
		{"GOTPCREL falls through to PC32", "case R_X86_64_PC32:", "case R_X86_64_GOTPCREL:\n\t\tcase R_X86_64_PC32:", 9, "4 bytes, PC-relative, never checked for overflow"},
		{"GOTPCREL with an explicit fallthrough", "case R_X86_64_PC32:", "case R_X86_64_GOTPCREL:\n\t\t\tfallthrough;\n\t\tcase R_X86_64_PC32:", 9, "4 bytes, PC-relative, never checked for overflow"},
		{"32S unchecked", check32S, "", 11, "4 bytes, never checked for overflow"},
		{"a case of its own width", "case R_X86_64_PC64:", "case R_X86_64_16:\n\t\t\tsize = 2;\n\t\t\tbreak;\n\t\tcase R_X86_64_PC64:", 12, "2 bytes, never checked for overflow"},
		{"PC32 checked", "val -= (u64)loc;\n\t\t\tsize = 4;", "val -= (u64)loc;\n\t\t\tif ((s64)val != (s32)val)\n\t\t\t\tgoto overflow;\n\t\t\tsize = 4;", 2, "4 bytes, PC-relative, must fit sign-extended"},
		{"a case compiled out", "case R_X86_64_PC64:", "#if 0\n\t\tcase R_X86_64_GOT32:\n#endif\n\t\tcase R_X86_64_PC64:", 3, ""},
		{"a case compiled in", "case R_X86_64_PC64:", "#ifndef CONFIG_X86_32\n\t\tcase R_X86_64_GOTPC64:\n#endif\n\t\tcase R_X86_64_PC64:", 29, "8 bytes, PC-relative"},
		{"a refusal of its own", "case R_X86_64_PC64:", "case R_X86_64_GOTPCREL:\n\t\t\tpr_err(\"%s: no GOT\\n\", me->name);\n\t\t\treturn -EINVAL;\n\t\tcase R_X86_64_PC64:", 9, "refused with errno 22"},
		{"falls into default", "default:", "case R_X86_64_GOTPCREL:\n\t\tdefault:", 9, "refused with errno 8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(switchSource, test.old) {
				t.Fatal("nothing to edit")
			}
			rules, err := readRules([]byte(strings.Replace(switchSource, test.old, test.new, 1)), x8664)
			if err != nil {
				t.Fatal(err)
			}
			rule, ok := rules.types[test.typ]
			if ok != (test.want != "") || ok && inWords(rule) != test.want {
				t.Errorf("type %d: %v %q, want %q", test.typ, ok, inWords(rule), test.want)
			}
		})
	}
}

// What is not known is refused with the line and what stands there.
func TestReadRulesRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want, found string }{
		{"no function", "int apply_relocate_add(", "int apply_something(", "apply_relocate_add", "none"},
		{"a call in a case", "case R_X86_64_PC64:\n", "case R_X86_64_PC64:\n\t\t\tfix_got(me, &val);\n", "a size", "fix_got(me,&val)"},
		{"another condition", "if (val != *(u32 *)&val)", "if (val != *(u32 *)&val && !lenient)", "a check", "lenient"},
		{"an undecidable condition", "case R_X86_64_PC64:", "#ifdef CONFIG_GOT\n\t\tcase R_X86_64_GOTPCREL:\n#endif\n\t\tcase R_X86_64_PC64:", "without conditional parts", "cannot decide"},
		{"another value", "val = sym->st_value + rel[i].r_addend;", "val = sym->st_value;", "only address", "val=sym->st_value"},
		{"another location", "+ rel[i].r_offset;", "+ rel[i].r_offset + 4;", "only address", "loc="},
		{"unknown type name", "case R_X86_64_PC64:", "case R_X86_64_FANCY:", "a relocation type", "R_X86_64_FANCY"},
		{"twice", "case R_X86_64_PC64:", "case R_X86_64_PC64:\n\t\tcase R_X86_64_64:", "one case", "second case"},
		{"size never set", "case R_X86_64_64:\n\t\t\tsize = 8;", "case R_X86_64_64:", "size", "unset"},
		{"no default", "default:\n", "case 99:\n", "default", "none"},
		{"a goto elsewhere", "goto overflow", "goto elsewhere", "label", "elsewhere"},
		{"a wrapper that works", "return write_relocate_add(sechdrs, strtab, symindex, relsec, me, true);", "make_got(me);\n\treturn write_relocate_add(sechdrs, strtab, symindex, relsec, me, true);", "only return", "another body"},
		{"an inner wrapper that works", "\tif (!early) {", "\tmake_got(me);\n\tif (!early) {", "only call", "make_got(me)"},
		{"open comment", "/* nothing */", "/* nothing", "comment", "end of the file"},
		{"open string", "\"wrong code", "wrong code", "closing", ""},
		{"open if", "#endif\n\n#ifdef CONFIG_X86_32", "\n#ifdef CONFIG_X86_32", "#endif", "end of the file"},
		{"before the loop", "u64 zero = 0ULL;", "u64 zero = 1ULL;", "a declaration", "zero=1ULL"},
		{"after the switch", "if (apply) {", "flush(me);\n\t\tif (apply) {", "a size", "flush(me)"},
		{"a silent refusal", "pr_err(\"nonzero target for type %d, loc %p, val %Lx\\n\",\n\t\t\t\t       (int)ELF64_R_TYPE(rel[i].r_info), loc, val);\n", "", "message", "silent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(switchSource, test.old) {
				t.Fatal("nothing to edit")
			}
			_, err := readRules([]byte(strings.Replace(switchSource, test.old, test.new, 1)), x8664)
			var se *csrc.Error
			if !errors.As(err, &se) {
				t.Fatalf("error %v, want a csrc.Error", err)
			}
			if !strings.Contains(se.Want, test.want) || !strings.Contains(se.Found, test.found) {
				t.Errorf("%v\nwant it to expect %q and find %q", se, test.want, test.found)
			}
			if se.File != RulesFile {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestRender(t *testing.T) {
	v := values{module: "tiny", kbuild: "subarch", reltype: 11, section: 2, index: 18, val: 0xffffffff80000000, location: 0x64808000}
	tests := []struct {
		m    message
		want string
	}{
		{message{Prefix: []string{"KBUILD_MODNAME", ": "}, Format: "type %d val %Lx sec %u idx %d", Args: []string{"(int)ELF64_R_TYPE(rel[i].r_info)", "val", "relsec", "i"}}, "subarch: type 11 val ffffffff80000000 sec 2 idx 18"},
		{message{Format: "%s: %llu 100%%", Args: []string{"me->name", "ELF64_R_TYPE(rel[i].r_info)"}}, "tiny: 11 100%"},
		{message{Format: "loc %p", Args: []string{"loc"}}, "loc …"},
		{message{Format: "loc %#lx", Args: []string{"(unsigned long)loc"}}, "loc 0x64808000"},
		{message{Format: "%d", Args: []string{"val"}}, "-2147483648"},
	}
	for _, test := range tests {
		got, err := test.m.render(v)
		if err != nil || got != test.want {
			t.Errorf("%q: %q %v, want %q", test.m.Format, got, err, test.want)
		}
	}
	for _, m := range []message{{Format: "%s"}, {Format: "%s", Args: []string{"val"}}, {Format: "%d", Args: []string{"magic"}}, {Format: "%l"}, {Format: "%s", Args: []string{"i"}}} {
		if got, err := m.render(v); err == nil {
			t.Errorf("%q %v: %q, want an error", m.Format, m.Args, got)
		}
	}
}

func FuzzReadRules(f *testing.F) {
	f.Add([]byte(switchSource))
	f.Add([]byte(directSource))
	f.Add([]byte(mainSource))
	f.Add([]byte(rel32Source))
	f.Add([]byte("#if 0\n#elif X\n#else\n#endif\nint f() { if (x) goto y; else { } }"))
	f.Add([]byte("int apply_relocate_add(void) { for (;;) switch (x) { case 1 ... 2: default: } }"))
	f.Fuzz(func(t *testing.T, source []byte) {
		of := x8664
		if len(source)%2 == 1 {
			of = i386
		}
		rules, err := readRules(source, of)
		var se *csrc.Error
		switch {
		case err != nil && !errors.As(err, &se):
			t.Fatalf("%v is no csrc.Error", err)
		case err == nil:
			for typ, rule := range rules.types {
				if rule.Refuse == nil && !rule.Skip && (rule.Width < 1 || rule.Width > 8) {
					t.Fatalf("type %d writes %d bytes", typ, rule.Width)
				}
			}
		}
	})
}
