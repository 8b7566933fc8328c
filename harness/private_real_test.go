package harness_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"umlab/harness"
	"umlab/harness/kcidb"
	"umlab/harness/scenario"
	"umlab/harness/store"
)

// TestNothingOfTheUser: what is written for others says nothing of where the user lives, or who that is.
func TestNothingOfTheUser(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a kernel: not with -short")
	}
	warm, err := store.DefaultDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "canary")
	out := t.TempDir()
	for _, dir := range []string{home, filepath.Join(home, "hello")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(home, "store")
	for path, text := range map[string]string{
		"hello/Kbuild":  "obj-m := hello.o\n",
		"hello/hello.c": "#include <linux/module.h>\nstatic int __init hello(void) { undeclared(); return 0; }\nmodule_init(hello);\nMODULE_LICENSE(\"GPL\");\n",
	} {
		if err := os.WriteFile(filepath.Join(home, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(warm, link); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": home, "UMLAB_HOME": link, "USER": "canary", "LOGNAME": "canary", "HOSTNAME": "canary", "SECRET": "canary",
		"XDG_CONFIG_HOME": filepath.Join(home, "config")}
	l, _ := lab(t, func(name string) string {
		if v, ok := env[name]; ok {
			return v
		}
		return os.Getenv(name)
	})
	at := func(name string) string { return filepath.Join(out, name) }
	for name, modules := range map[string][]string{"loads": nil, "fails": {filepath.Join(home, "hello")}} {
		o := harness.MatrixOptions{Command: "umlab matrix -modules=" + filepath.Join(home, "hello"),
			Select: scenario.Selection{Cells: []string{"stock"}, Modules: modules}}
		r, err := l.Matrix(t.Context(), o, harness.Outputs{JSON: at(name + ".json"), JUnit: at(name + ".xml"), KTAP: at(name + ".ktap"),
			HTML: at(name + ".html"), Markdown: at(name + ".md")})
		if fault(r == nil, err) {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := kcidb.Write(&b, "test", r); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name+".kcidb"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, err := l.Explain(t.Context(), "stock:low", harness.MatrixOptions{}, harness.ExplainOutputs{JSON: at("explain.json"), HTML: at("explain.html")})
	if fault(e == nil, err) {
		t.Fatal(err)
	}
	files, err := os.ReadDir(out)
	if err != nil || len(files) != 14 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(at(f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(text, []byte("canary")); i >= 0 {
			t.Errorf("%s: …%s…", f.Name(), text[max(0, i-80):min(len(text), i+80)])
		}
	}
}
