package outcome

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claims renders what modules shows as the claims of expected.tsv.
func claims(modules []ModuleOutcome) []string {
	var all []string
	for _, m := range modules {
		if m.Outcome.Kind == Unproved {
			continue
		}
		c := string(m.Outcome.Kind)
		number := m.Outcome.Errno
		if m.Outcome.Relocation != nil {
			number = int(m.Outcome.Relocation.Type)
		}
		if m.Name != "" || number != 0 {
			c += ":" + moduleName(m.Name)
		}
		if number != 0 {
			c += fmt.Sprintf(":%d", number)
		}
		all = append(all, c)
	}
	return all
}

func match(want, got string) bool {
	w, g := strings.Split(want, ":"), strings.Split(got, ":")
	for len(w) < 3 {
		w = append(w, "")
	}
	for len(g) < 3 {
		g = append(g, "")
	}
	for i := range w {
		if w[i] != "*" && w[i] != g[i] {
			return false
		}
	}
	return true
}

func judge(expect string, got []string) string {
	best := "FALSE"
	for _, alt := range strings.Split(expect, ";") {
		if alt == "nothing" {
			if len(got) == 0 {
				return "right"
			}
			continue
		}
		want := strings.Split(alt, "+")
		n := 0
		for _, g := range got {
			for _, w := range want {
				if match(w, g) {
					n++
					break
				}
			}
		}
		if n == len(got) && n == len(want) {
			return "right"
		}
		if n == len(got) {
			best = "silent"
			continue
		}
		less := true
		for _, g := range got {
			ok := false
			for _, w := range want {
				if strings.HasPrefix(w, g) || match(w, g) || strings.HasPrefix(w, strings.TrimSuffix(g, ":")) {
					ok = true
				}
			}
			less = less && ok
		}
		if less {
			best = "silent"
		}
	}
	return best
}

func TestShared(t *testing.T) {
	root := os.Getenv("CASES")
	b, _ := os.ReadFile(root + "/expected.tsv")
	count := map[string]int{}
	for i, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if i == 0 {
			continue
		}
		f := strings.Split(l, "\t")
		log, err := os.ReadFile(filepath.Join(root, f[0]))
		if err != nil {
			t.Fatal(err)
		}
		mods, _ := ClassifyLog(log)
		j := judge(f[1], claims(mods))
		count[j]++
		fmt.Println(j, f[0], "want", f[1], "got", claims(mods))
		for _, m := range mods {
			fmt.Printf("      %s %s %q | %s\n", m.Name, m.Outcome, m.Outcome.Evidence, m.Outcome.Detail)
		}
	}
	fmt.Println(count)
}
