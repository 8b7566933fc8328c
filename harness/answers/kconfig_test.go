package answers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/store"
)

func asksTree() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{"Makefile": file("all:\n"), "scripts/cc-version.sh": file("$1 --version\n"), "scripts/ask.sh": file("$RUSTC -V\n"),
		"scripts/dir/x.sh": file(""), "tools/x.sh": file(""), "kernel/fork.c": file(""), "arch/um/Makefile": file("x := y\n")}
}

// Whose an answer is decides for how long it is believed.
func TestQuestionOf(t *testing.T) {
	q := &Kconfig{source: asksTree(), keys: [2]string{"c", "all"}}
	for asked, want := range map[string]struct {
		of int
		ok bool
	}{
		"clang -Werror -m64 -E -x c /dev/null -o /dev/null": {0, true},
		"/src/scripts/cc-version.sh clang":                  {0, true},
		"{ rustc --crate-type=rlib /dev/null; } && echo y":  {1, true},
		"bindgen --version":                                 {1, true},
		"/src/scripts/ask.sh":                               {1, true}, // which calls what the command does not name
		"/src/tools/x.sh":                                   {0, false},
		"/src/scripts/dir/x.sh":                             {0, false},
		"cat /src/kernel/fork.c":                            {0, false},
		"sh '/src/scripts/gone.sh'":                         {0, false},
	} {
		if of, ok := q.of(asked); ok != want.ok || ok && of != want.of {
			t.Errorf("%s: %d, %t", asked, of, ok)
		}
	}
	q.keys[0] = "" // nobody knows the C side alone
	if of, ok := q.of("clang -v"); of != 1 || !ok {
		t.Errorf("%d, %t", of, ok)
	}
}

func TestQuestionsTake(t *testing.T) {
	q := &Kconfig{source: asksTree(), keys: [2]string{"c", "all"}}
	got := q.take("clang -v\x00y\x00date\x001\x00date\x002\x00rustc -V\x00a\nb\x00long\x00" + strings.Repeat("x", mostAnswer+1) + "\x00clang -v\x00y\x00cut\x00of")
	want := [2]map[string]string{{"clang -v": "y"}, {"rustc -V": "a\nb"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An answer is believed when it was given twice, until another one is.
func TestQuestionsKeep(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var q *Kconfig
	asked := func(answer string) {
		t.Helper()
		q = &Kconfig{store: st, dir: t.TempDir(), source: asksTree(), keys: [2]string{"c", "all"}}
		if err := os.WriteFile(q.at("heard"), []byte("it's clang\x00"+answer+"\x00"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := q.Keep(); err != nil {
			t.Fatal(err)
		}
		st.Get(kindQuestions, "c", &q.known[0])
	}
	known := `'it'\''s clang') printf '%s\n' 'yes sir'; exit;;`
	for i, tt := range []struct {
		answer string
		want   bool
	}{{"yes sir", false}, {"yes sir", true}, {"no", false}, {"yes sir", false}, {"yes sir", true}} {
		if asked(tt.answer); strings.Contains(q.script(), known) != tt.want {
			t.Errorf("%d: %t in\n%s", i, tt.want, q.script())
		}
	}
}

// The shell answers Kconfig's program what it knows, asks and notes what it does not, and is the real one to everybody else.
func TestQuestionsShell(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	q := &Kconfig{dir: dir}
	q.known[1] = map[string]heard{"echo $((6 * 7)) 'it'": {"known\nto all", 2}, "echo once": {"never", 1}}
	script := strings.NewReplacer(realShell, sh, heardFile, at("heard"), environ, at("env")).Replace(q.script())
	program, err := os.ReadFile(sh)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"sh": []byte(script), "conf": program, "make": program, "env": nil, "heard": nil} {
		if err := os.WriteFile(at(name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ by, asked, want, heard string }{
		{"conf", "echo $((6 * 7)) 'it'", "known\nto all\n0\n", ""},
		{"make", "echo $((6 * 7)) 'it'", "42 it\n0\n", ""},
		{"conf", "echo once", "once\n0\n", "echo once\x00once\x00"},
		{"conf", "echo out; echo err >&2; exit 3", "out\n3\n", "echo out; echo err >&2; exit 3\x00out\x00"},
		{"make", "exit 3", "3\n", ""},
	} {
		for _, dashes := range []string{"", "--"} { // as glibc calls it, old and new
			if err := os.Truncate(at("heard"), 0); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(at(tt.by), "-c", at("sh")+` -c `+dashes+` "$1"; echo $?`, "x", tt.asked)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "KCONFIG=of " + tt.by}
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			heard, err := os.ReadFile(at("heard"))
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != tt.want || string(heard) != tt.heard {
				t.Errorf("%s asks %q: %q, noted %q", tt.by, tt.asked, out, heard)
			}
		}
	}
	if env, err := os.ReadFile(at("env")); err != nil || !strings.Contains("\x00"+string(env), "\x00KCONFIG=of conf\x00") {
		t.Errorf("%q, %v", env, err)
	}
}

func TestAsksWith(t *testing.T) {
	sum := func(change func(fstest.MapFS)) string {
		t.Helper()
		tree := asksTree()
		change(tree)
		s, err := asksWith(tree)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was := sum(func(fstest.MapFS) {})
	for name, same := range map[string]bool{"kernel/fork.c": true, "Makefile": false, "scripts/new.sh": false, "scripts/x.rs": true, "arch/um/Makefile": false} {
		if got := sum(func(m fstest.MapFS) { m[name] = &fstest.MapFile{Data: []byte("other")} }); (got == was) != same {
			t.Errorf("%s: %t", name, got == was)
		}
	}
}
