package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/result"
	"umlab/harness/usage"
)

// The targets of who works on umlab stand in its checkout and call go there.

func (a *App) install() *target {
	var dir string
	t := a.newTarget("install", "",
		"builds the program umlab, which runs in any directory, and puts it where Go installs programs",
		"With it comes "+FleetProgram+", which it starts for what several machines do.", exactly())
	t.text(&dir, flag{name: "dir", takes: "DIRECTORY", path: true, means: "where it goes instead; default: GOBIN, else GOPATH/bin"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		if dir != "" {
			abs, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			if info, err := os.Stat(abs); err == nil && !info.IsDir() {
				return usage.Errorf("-dir=%s is a file: give a directory", dir)
			}
			dir = abs
		} else {
			out, err := exec.CommandContext(c.Context(), "go", "env", "GOBIN", "GOPATH").Output()
			if err != nil {
				return fmt.Errorf("go env: %w", err)
			}
			bin, path, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
			if dir = bin; dir == "" {
				first, _, _ := strings.Cut(path, string(filepath.ListSeparator))
				dir = filepath.Join(first, "bin")
			}
		}
		args := []string{"install"}
		if exec.CommandContext(c.Context(), "git", "status", "--porcelain").Run() == nil {
			args = append(args, "-buildvcs=true") // whatever GOFLAGS says: reports name the revision
		}
		args = append(args, "./harness/umlab", "./harness/"+FleetProgram)
		if err := a.goTool(c.Context(), append(os.Environ(), "GOBIN="+dir), args...); err != nil {
			return err
		}
		where := filepath.Join(dir, "umlab")
		found, err := exec.LookPath("umlab")
		switch {
		case err != nil:
			_, err = fmt.Fprintf(a.Stdout, "installed %s, which is not on PATH: export PATH=\"%s:$PATH\"\n", where, dir)
		case !sameFile(found, where):
			_, err = fmt.Fprintf(a.Stdout, "installed %s; but umlab on PATH is %s: export PATH=\"%s:$PATH\"\n", where, found, dir)
		default:
			_, err = fmt.Fprintf(a.Stdout, "installed %s, which is on PATH\n", where)
		}
		return err
	}
	return t
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func (a *App) test() *target {
	var long, short bool
	var only string
	t := a.newTarget("test", "", "runs all tests, real builds and boots included", "", exactly())
	t.toggle(&long, flag{name: "long", means: "also what takes longer"})
	t.toggle(&short, flag{name: "short", means: "not what builds and boots"})
	t.text(&only, flag{name: "run", takes: "REGEXP", means: "only these tests"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		args := []string{"test", "-timeout=80m"}
		env := os.Environ()
		if long {
			env, args[1] = append(env, "UMLAB_TEST_LONG=1"), "-timeout=6h"
		}
		if short {
			args = append(args, "-short")
		}
		if only != "" {
			args = append(args, "-run="+only, "-v")
		}
		return a.goTool(c.Context(), env, append(args, "./...")...)
	}
	return t
}

func (a *App) bench() *target {
	var cold, tree bool
	t := a.newTarget("bench", "", "prints ratios of umlab to the same work done by hand", "", exactly())
	t.toggle(&cold, flag{name: "cold", means: "also the way from an empty store"})
	t.toggle(&tree, flag{name: "tree", means: "instead, what edits of a tree of your own cost"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error {
			if tree {
				return l.BenchTree(ctx)
			}
			return l.Bench(ctx, cold)
		})
	}
	return t
}

func (a *App) lint() *target {
	t := a.newTarget("lint", "",
		"checks the code: gofmt, vet, staticcheck, unused parameters, dead functions, long lines, vulnerabilities", "", exactly())
	t.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		out, err := exec.CommandContext(ctx, "gofmt", "-l", "magefile.go", "harness", "internal", "configs", "scenarios", "rootfs").Output()
		if err != nil {
			return fmt.Errorf("gofmt: %w", err)
		}
		if len(out) > 0 {
			return found("not gofmt-ed:\n%s", out)
		}
		for _, args := range [][]string{
			{"vet", "./..."}, {"vet", "-tags=mage", "."}, {"tool", "staticcheck", "./..."}, {"tool", "staticcheck", "-tags=mage", "."},
			{"tool", "unparam", "./..."}, {"run", "./internal/lint"},
		} {
			if err := a.goTool(ctx, os.Environ(), args...); err != nil {
				return err
			}
		}
		said, err := exec.CommandContext(ctx, "go", "tool", "govulncheck", "./...").CombinedOutput()
		switch {
		case err == nil:
		case strings.Contains(string(said), "fetching vulnerabilities"), strings.Contains(string(said), "vuln.go.dev"):
			fmt.Fprintln(a.Stdout, "govulncheck: its database cannot be reached from here; not checked")
		default:
			return found("govulncheck: %v\n%s", err, said)
		}
		_, err = fmt.Fprintln(a.Stdout, "lint: clean")
		return err
	}
	return t
}

// found is what a check found, which is no fault of the machine.
func found(format string, args ...any) error {
	return &harness.EndError{Code: result.ExitDiffers, Text: fmt.Sprintf(format, args...)}
}

// goTool runs go; what it finds is told by it.
func (a *App) goTool(ctx context.Context, env []string, args ...string) error {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env, c.Stdout, c.Stderr = env, a.Stdout, a.Stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit) && exit.Exited():
		return found("go %s: %v", strings.Join(args, " "), err)
	case err != nil:
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
