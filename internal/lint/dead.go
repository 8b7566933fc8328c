package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// unreachable are the functions that deadcode finds no way to, from no target
// and from no other command; what only tests call is among them. mage makes the
// main function that calls the targets. Here one that is like it stands beside
// the magefile in a directory that shows the module, so that the module's own
// is left alone.
func unreachable() ([]string, error) {
	main, err := callTargets("magefile.go")
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "umlab-lint-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "main.go"), []byte(main), 0o644); err != nil {
		return nil, err
	}
	for _, name := range []string{"go.mod", "go.sum", "magefile.go", "harness", "internal"} {
		from, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		if err := os.Symlink(from, filepath.Join(tmp, name)); err != nil {
			return nil, err
		}
	}
	c := exec.Command("go", "tool", "deadcode", "-tags=mage", ".", "umlab/internal/schema")
	c.Dir, c.Stderr = tmp, os.Stderr
	c.Env = append(os.Environ(), "PWD="+tmp)
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("deadcode: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}

// callTargets is a program that calls every target of a magefile.
func callTargets(magefile string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), magefile, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("//go:build mage\n\npackage main\n\nimport \"context\"\n\nvar _ context.Context\n\nfunc main() {\n")
	for _, d := range f.Decls {
		target, ok := d.(*ast.FuncDecl)
		if !ok || target.Recv != nil || !target.Name.IsExported() {
			continue
		}
		var args []string
		for _, p := range target.Type.Params.List {
			for range p.Names {
				args = append(args, "*new("+types.ExprString(p.Type)+")")
			}
		}
		fmt.Fprintf(&b, "\t_ = %s(%s)\n", target.Name, strings.Join(args, ", "))
	}
	b.WriteString("}\n")
	return b.String(), nil
}
