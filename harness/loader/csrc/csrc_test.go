package csrc

import (
	"errors"
	"testing"
)

func onlyX(name string) (value, known bool) {
	return name == "CONFIG_X", name == "CONFIG_X" || name == "CONFIG_Y"
}

func TestFunction(t *testing.T) {
	tests := []struct{ source, want, err string }{
		{"int f(void)\n{\n\tval -= (u64) loc ; /* x */\n}\n", "val-=(u64)loc", ""},
		{"#ifdef CONFIG_X\nint f(int a)\n{ return a; }\n#else\nint f(int a)\n{ return 0; }\n#endif\n", "a", ""},
		{"#if !defined(CONFIG_Y)\nint f(int a)\n{ if (a) goto out; }\n#endif\n", "a", ""},
		{"int f(int a);\nint f(int a)\n{ pr_err(\"a\\n\" \"b\"); }\n", "pr_err(\"a\n\"\"b\")", ""},
		{"int g(void) { }\n", "", "f.c: expected a definition of f, found none"},
		{"int f(void) { }\nint f(void) { }\n", "", "f.c:2: expected one definition of f, found a second definition of f"},
		{"int f(void)\n{\n#ifdef CONFIG_Z\n\ta();\n#endif\n}\n", "", "f.c:3: expected f without conditional parts, found a preprocessor condition that this package cannot decide"},
		{"int f(void)\n{ a()\n", "", "f.c:2: expected \";\", found the end of the function"},
	}
	for _, test := range tests {
		src, err := Lex("f.c", []byte(test.source), onlyX)
		if err != nil {
			t.Errorf("%q: %v", test.source, err)
			continue
		}
		fn, err := src.Function("f")
		var e *Error
		switch {
		case test.err != "" && (!errors.As(err, &e) || err.Error() != test.err):
			t.Errorf("%q: error %q, want %q", test.source, err, test.err)
		case test.err == "" && (err != nil || len(fn.Body) != 1 || fn.Body[0].Text() != test.want):
			t.Errorf("%q: %v %v, want %q", test.source, fn.Body, err, test.want)
		}
	}
}

func TestDefine(t *testing.T) {
	src, err := Lex("f.h", []byte("#define SHIFT (12)\n#define START (END)\n#define fmt(x) \"a\" \\\n\tx\n"), onlyX)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"SHIFT": "(12)", "START": "(END)", "fmt": "\"a\"x"} {
		if got := src.Defines[name].Text(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
