package buildlog

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/outcome"
)

func TestFailed(t *testing.T) {
	for name, tt := range map[string]struct {
		log  string
		want []outcome.Diagnostic
	}{
		"target.json": {"  RUSTC L rust/core.o\nerror: error loading target specification: custom targets are unstable and require `-Zunstable-options`\n" +
			"  |\n  = help: run `rustc --print target-list` for a list of built-in targets\n\n" +
			"make[3]: *** [/src/rust/Makefile:436: rust/core.o] Error 1\nmake[2]: *** [/src/Makefile:1293: prepare] Error 2\n",
			[]outcome.Diagnostic{{Tool: "rustc", Step: "rust/core.o", Place: "scripts/target.json",
				Message: "error loading target specification: custom targets are unstable and require `-Zunstable-options`"}}},
		"two steps": {"  CC      init/main.o\n/src/init/main.c:3:1: error: expected ';'\n/src/init/main.c:4:1: error: again\n" +
			"make[3]: *** [/src/scripts/Makefile.build:229: init/main.o] Error 1\n" +
			"  RUSTC L rust/core.o\nerror[E0658]: let chains are only allowed in Rust 2024 or later\n   --> /usr/lib/rustlib/src/rust/library/core/src/any.rs:847:16\n" +
			"    |\n\nmake[3]: *** [/src/rust/Makefile:436: rust/core.o] Error 1\n",
			[]outcome.Diagnostic{
				{Tool: "clang", Step: "init/main.o", Place: "init/main.c:3:1", Message: "expected ';'"},
				{Tool: "rustc", Step: "rust/core.o", Place: "/usr/lib/rustlib/src/rust/library/core/src/any.rs:847:16", Message: "let chains are only allowed in Rust 2024 or later"}}},
		"modpost": {"  MODPOST Module.symvers\nERROR: modpost: \"foo\" [m.ko] undefined!\nmake[2]: *** [/src/scripts/Makefile.modpost:145: Module.symvers] Error 1\n",
			[]outcome.Diagnostic{{Tool: "modpost", Step: "Module.symvers", Message: `"foo" [m.ko] undefined!`}}},
		"bindgen": {"  BINDGEN rust/bindings/bindings_generated.rs\n" +
			"Unable to generate bindings: clang diagnosed error: error: unknown argument: '-fdiagnostics-show-context=2'\n\n" +
			"make[3]: *** [/src/rust/Makefile:530: rust/bindings/bindings_generated.rs] Error 1\n" +
			"  BINDGEN rust/uapi/uapi_generated.rs\n" +
			"Unable to generate bindings: clang diagnosed error: /src/include/uapi/a.h:3:5: error: unknown type name 'u128'\n\n" +
			"make[3]: *** [/src/rust/Makefile:537: rust/uapi/uapi_generated.rs] Error 1\n",
			[]outcome.Diagnostic{
				{Tool: "bindgen", Step: "rust/bindings/bindings_generated.rs", Message: "unknown argument: '-fdiagnostics-show-context=2'"},
				{Tool: "bindgen", Step: "rust/uapi/uapi_generated.rs", Place: "include/uapi/a.h:3:5", Message: "unknown type name 'u128'"}}},
		"a directory of modules": {"  RUSTC [M] /ext/hello/hello.o\nerror[E0514]: found crate `core` compiled by an incompatible version of rustc\n  |\n" +
			"  = note: the following crate versions were found:\n\nerror: aborting due to 1 previous error\n\n" +
			"make[3]: *** [/src/scripts/Makefile.build:276: /ext/hello/hello.o] Error 1\n",
			[]outcome.Diagnostic{{Tool: "rustc", Step: "hello/hello.o", Message: "found crate `core` compiled by an incompatible version of rustc"}}},
		"no rule": {"make[1]: *** No rule to make target 'x.o'.  Stop.\n",
			[]outcome.Diagnostic{{Tool: "make", Message: "No rule to make target 'x.o'.  Stop."}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []outcome.Diagnostic
			for _, s := range Failed([]byte(tt.log), "clang") {
				if s.Line == "" || tt.log[s.Offset:s.Offset+len(s.Line)] != s.Line {
					t.Errorf("%q does not stand at %d", s.Line, s.Offset)
				}
				got = append(got, s.Diagnostic)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	log := "  CC      init/main.o\n../init/main.c:9:5: warning: unused variable 'x' [-Wunused-variable]\n    9 | int x;\n" +
		"  RUSTC L rust/kernel.o\nwarning: unused import: `a`\n  --> rust/kernel/lib.rs:3:5\n   |\n\nwarning: 1 warning emitted\n" +
		"  MODPOST Module.symvers\nWARNING: modpost: missing MODULE_DESCRIPTION() in m.o\n"
	want := []outcome.Diagnostic{
		{Tool: "gcc", Step: "init/main.o", Place: "init/main.c:9:5", Message: "unused variable 'x' [-Wunused-variable]"},
		{Tool: "rustc", Step: "rust/kernel.o", Place: "rust/kernel/lib.rs:3:5", Message: "unused import: `a`"},
		{Tool: "modpost", Step: "Module.symvers", Message: "missing MODULE_DESCRIPTION() in m.o"},
	}
	if d := cmp.Diff(want, Warnings([]byte(log), "gcc")); d != "" {
		t.Error(d)
	}
}
