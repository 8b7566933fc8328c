package harness_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the picture of the README from top to bottom: a package may import
// those of later lines only. Packages of one line do not know each other.
var layers = [][]string{
	{"umlab", "umlab-fleet"},
	{"cli"},
	{"harness"},
	{"conclude", "kcidb", "report"},
	{"progress/display", "report/checks", "report/scale"},
	{"report/doc"},
	{"explain", "plan", "propose", "runner", "terminal"},
	{"steps"},
	{"oracle", "uml"},
	{"kbuild"},
	{"answers", "kmake"},
	{"loader", "objtree", "remake", "sample"},
	{"loader/csrc"},
	{"scenario", "sources"},
	{"cache/cachetest", "cache/oci"},
	{"cache"},
	{"tree", "toolchain"},
	{"tree/patch"},
	{"archive"},
	{"debian"},
	{"sandbox"},
	{"console"},
	{"predicate"},
	{"history"},
	{"result"},
	{"buildlog"},
	{"outcome"},
	{"kmsg", "prefix"},
	{"kconfig", "settings"},
	{"fleet/jetstream"},
	{"fleet", "store"},
	{"bisect", "shrink"},
	{"fetch", "unpack"},
	{"mail", "manifest", "parcel", "progress", "shell", "usage", "watch"},
	{"pattern"},
}

// only says which packages may import a library that is one layer's business.
var only = map[string][]string{
	"github.com/google/goexpect":          {"console"},
	"github.com/moby/sys/reexec":          {"sandbox"},
	"github.com/ProtonMail/go-crypto/":    {"debian"},
	"github.com/jedib0t/go-pretty/v6/":    {"progress/display", "report", "report/doc", "shell"},
	"github.com/vbauerster/mpb/v8":        {"progress/display"},
	"github.com/jstemmer/go-junit-report": {"progress/display", "report/checks"},
	"golang.org/x/arch/x86/x86asm":        {"loader"},
	"github.com/pelletier/go-toml/v2":     {"scenario", "settings", "toolchain"},
	"github.com/bluekeyes/go-gitdiff/":    {"tree/patch"},
	"github.com/knqyf263/go-deb-version":  {"debian"},
	"modernc.org/sqlite":                  {"history"},
	"github.com/fsnotify/fsnotify":        {"watch"},
	"github.com/spf13/":                   {"cli"},
	"oras.land/oras-go/v2":                {"cache/oci"},
	"github.com/hiddeco/sshsig":           {"cache"},
	"github.com/nats-io/":                 {"fleet/jetstream"},
}

func level(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, pkg) })
}

// TestImportsRunDownward holds the layers of the README.
func TestImportsRunDownward(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if strings.Contains(pkg, "testdata") {
			return nil
		}
		if pkg == "." {
			pkg = "harness"
		}
		from := level(pkg)
		if from < 0 {
			t.Errorf("package %s has no place in the layers", pkg)
			return nil
		}
		seen[pkg] = true
		test := strings.HasSuffix(path, "_test.go")
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			for lib, users := range only {
				if strings.HasPrefix(name, lib) && !slices.Contains(users, pkg) && !test {
					t.Errorf("%s imports %s, which is the business of %v", path, name, users)
				}
			}
			to, ok := strings.CutPrefix(name, "umlab/harness/")
			if !ok || test || to == pkg {
				continue
			}
			if at := level(to); at <= from {
				t.Errorf("%s: %s imports %s, which does not lie below it", path, pkg, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 15 {
		t.Errorf("saw only %d packages: the test looks in the wrong place", len(seen))
	}
}

// The engine of a fleet is in no program but its own: the others start no slower for it.
func TestEngineIsApart(t *testing.T) {
	engine := regexp.MustCompile(`^(github\.com/nats-io/|umlab/harness/fleet/jetstream$|umlab/harness/cache/oci$)`)
	for program, has := range map[string]bool{"./umlab": false, "-tags=mage ..": false, "./umlab-fleet": true} {
		c := exec.Command("go", append([]string{"list", "-deps"}, strings.Fields(program)...)...)
		said, err := c.Output()
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		found := slices.ContainsFunc(strings.Fields(string(said)), engine.MatchString)
		if found != has {
			t.Errorf("%s: it has the engine: %v", program, found)
		}
	}
}
