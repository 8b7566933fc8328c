package harness

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"umlab/harness/plan"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/usage"
	"umlab/harness/watch"
)

// watchedFlow is a flow of a number, with one fragment that can be saved; each run takes what do returns.
func watchedFlow(fragment string, do func(context.Context) (int, error)) watched[int] {
	return watched[int]{
		plan: func(l *Lab) (*plan.Plan, error) { return l.plan(MatrixOptions{Fragments: []string{fragment}}) },
		run: func(ctx context.Context, _ *Lab) (*int, error) {
			n, err := do(ctx)
			if n == 0 {
				return nil, err
			}
			return &n, err
		},
		print: func(io.Writer, *Lab, *int, *int) error { return nil },
		line: func(was, is *int) string {
			if was == nil {
				return strings.Repeat("i", *is)
			}
			return strings.Repeat("i", *was) + " → " + strings.Repeat("i", *is)
		},
	}
}

// TestAgain: a flow is run once, and again after each save; one during a run ends that run.
func TestAgain(t *testing.T) {
	fragment := filepath.Join(t.TempDir(), "my.config")
	save := func() {
		if err := os.WriteFile(fragment, []byte("# CONFIG_X is not set\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save()
	home := t.TempDir()
	out, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	base := Options{Project: os.DirFS(".."), Stdout: stdout, Stderr: stdout, Getenv: func(k string) string {
		return map[string]string{"UMLAB_HOME": home}[k]
	}}
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	ended := make(chan error, 1)
	go func() {
		ended <- again(ctx, base, watchedFlow(fragment, func(ctx context.Context) (int, error) {
			switch runs++; runs {
			case 1, 2:
				return runs, nil
			case 3:
				return 0, errors.New("it does not build:\nline 2")
			case 4:
				save() // while it runs
				<-ctx.Done()
				return 4, context.Cause(ctx)
			case 5:
				return 5, &EndError{result.ExitInfra, "proves nothing"}
			case 6:
				return 6, &EndError{result.ExitDiffers, "differs"}
			}
			cancel() // while it runs
			<-ctx.Done()
			return 0, context.Cause(ctx)
		}))
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	for _, want := range []string{
		" first run: i", " saved my.config: i → ii", " saved my.config: error: it does not build:; line 2",
		" saved my.config: ii → iiiii", // the fourth is not told
		" saved my.config: ii → iiiiii",
	} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			t.Fatalf("%q, want %q", lines.Text(), want)
		}
		save()
	}
	if lines.Scan() {
		t.Errorf("told at the end: %q", lines.Text())
	}
	if err := <-ended; err != nil || runs != 7 {
		t.Errorf("after %d runs: %v", runs, err)
	}
}

// TestNothingToWatch: what cannot be saved, and what is wrong with the flags, ends it before the first run.
func TestNothingToWatch(t *testing.T) {
	home := t.TempDir()
	base := Options{Project: os.DirFS(".."), Stdout: os.Stdout, Stderr: os.Stderr, Getenv: func(k string) string {
		return map[string]string{"UMLAB_HOME": home}[k]
	}}
	none := func(context.Context, *Lab) (*int, error) { t.Error("it was run"); return nil, nil }
	for want, f := range map[string]watched[int]{
		"tree debian-6.12 does not change. It watches -tree=DIRECTORY, -modules=DIRECTORY, -fragment=FILE": {
			plan: func(l *Lab) (*plan.Plan, error) { return l.plan(MatrixOptions{Tree: "debian-6.12"}) }},
		"unknown compiler": {plan: func(l *Lab) (*plan.Plan, error) { return l.plan(MatrixOptions{Compiler: "tcc"}) }},
		"-json=/no/such/r.json cannot be written": {
			plan:  func(l *Lab) (*plan.Plan, error) { return l.plan(MatrixOptions{}) },
			patch: "fix.patch", writes: []format[int]{{flag: "json", path: "/no/such/r.json"}},
		},
	} {
		f.run = none
		var wrong *usage.Error
		if err := again(t.Context(), base, f); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := WatchVerify(t.Context(), base, VerifyOptions{Patch: "-"}, VerifyOutputs{}); ExitCode(err) != result.ExitUsage {
		t.Errorf("standard input is watched: %v", err)
	}
}

// TestScreen: a terminal shows the last page, with what went wrong since, and why it was made.
func TestScreen(t *testing.T) {
	var b strings.Builder
	s := newScreen(Options{Stdout: os.Stdout, Getenv: func(string) string { return "" }}, watch.Files{
		Directories: []string{"/home/x/linux"}, Files: []string{"/home/x/fix.patch"},
	})
	s.out, s.tty = &b, true
	next := func(page []byte, wrong string, saved ...string) string {
		t.Helper()
		s.saved = saved
		b.Reset()
		if err := s.show(page, "line", wrong); err != nil {
			t.Fatal(err)
		}
		text, ok := strings.CutPrefix(b.String(), clear)
		if !ok || strings.Contains(text, "\x1b") {
			t.Errorf("not in place: %q", b.String())
		}
		return text
	}
	for _, tc := range []struct {
		got  string
		want []string
	}{
		{next([]byte("page 1\n"), ""), []string{"page 1\n\n", "first run · watching /home/x/linux/, /home/x/fix.patch; Ctrl-C ends it\n"}},
		{next(nil, "no\x1b[31m\nmore", "/home/x/linux/arch/um/Makefile"),
			[]string{"page 1\n\n!! no\\x1b[31m\n!! more\n\n", " saved arch/um/Makefile · "}},
		{next([]byte("page 2\n"), "", "/home/x/fix.patch", "/a", "/b"), []string{"page 2\n\n", " saved fix.patch and 2 more" + doc.Separator}},
	} {
		for _, w := range tc.want {
			if !strings.Contains(tc.got, w) {
				t.Errorf("%q lacks %q", tc.got, w)
			}
		}
	}
	if strings.Contains(b.String(), "page 1") {
		t.Errorf("the old page is still there: %q", b.String())
	}
}
