package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"umlab/harness/plan"
	"umlab/harness/progress"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/toolchain"
)

// emptyLab is a lab on a store of its own, for what needs no network.
func emptyLab(t *testing.T) *Lab {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	home := t.TempDir()
	getenv := func(name string) string {
		switch name {
		case "UMLAB_HOME":
			return home
		case "UMLAB_DEBIAN_MIRROR":
			return "http://127.0.0.1:9/debian"
		}
		return ""
	}
	l, err := Open(Options{Project: os.DirFS(".."), Getenv: getenv, Stdout: out, Stderr: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// asked is a series lister that answers every series with the same versions, and
// counts how often it is asked.
func asked(n *int, versions ...string) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, series string) (names []string, err error) {
		*n++
		for _, v := range versions {
			names = append(names, series+":"+v)
		}
		return names, nil
	}
}

func TestPlanSweepColumns(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    SweepOptions
		want string
	}{
		{"toolchains", SweepOptions{Toolchains: []string{"sid", "trixie"}}, "debian-6.12+sid debian-6.12+trixie"},
		{"by tree, then by toolchain", SweepOptions{Toolchains: []string{"sid", "trixie"}, Trees: []string{"debian-7.3", "debian-6.12"}},
			"debian-7.3+sid debian-7.3+trixie debian-6.12+sid debian-6.12+trixie"},
		{"trees with one toolchain", SweepOptions{Trees: []string{"debian-7.3", "debian-6.12"}, MatrixOptions: MatrixOptions{Toolchain: "sid"}},
			"debian-7.3+sid debian-6.12+sid"},
		{"a single value is one column", SweepOptions{Toolchains: []string{"sid"}}, "debian-6.12+sid"},
		{"a series stands for its members, where it stands", SweepOptions{Toolchains: []string{"sid", "debian-rustc", "trixie"}},
			"debian-6.12+sid debian-6.12+debian-rustc:1.85.0 debian-6.12+debian-rustc:1.96.1 debian-6.12+trixie"},
		{"one member", SweepOptions{Toolchains: []string{"debian-rustc:1.85.1"}}, "debian-6.12+debian-rustc:1.85.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			jobs, err := emptyLab(t).planSweep(t.Context(), tt.o, asked(&n, "1.85.0", "1.96.1"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, j := range jobs {
				got = append(got, j.Flags.Tree+"+"+j.Flags.Toolchain)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanSweepMistakes(t *testing.T) {
	own := t.TempDir()
	if err := os.WriteFile(filepath.Join(own, "Makefile"), []byte("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\nEXTRAVERSION =\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	down := func(context.Context, string) ([]string, error) { return nil, errors.New("the mirror does not answer") }
	n := 0
	for _, tt := range []struct {
		name    string
		o       SweepOptions
		members func(context.Context, string) ([]string, error)
		exit    int
		want    []string
	}{
		{"both flags", SweepOptions{Toolchains: []string{"sid"}, Trees: []string{"debian-7.3"}, MatrixOptions: MatrixOptions{Toolchain: "trixie", Tree: "debian-6.12"}}, nil, result.ExitUsage,
			[]string{"-toolchain=trixie beside -toolchains=sid: give one of them", "-tree=debian-6.12 beside -trees=debian-7.3: give one of them"}},
		{"twice", SweepOptions{Toolchains: []string{"sid", "trixie", "sid", "sid"}, Trees: []string{"debian-7.3", "debian-7.3"}}, nil, result.ExitUsage,
			[]string{"-toolchains= names sid twice", "-trees= names debian-7.3 twice"}},
		{"one directory in two spellings", SweepOptions{Trees: []string{own, own + "/"}}, nil, result.ExitUsage, []string{own + "/ twice"}},
		{"by itself and in its series", SweepOptions{Toolchains: []string{"debian-rustc:1.85.1", "debian-rustc"}}, asked(&n, "1.85.1", "1.96.1"), result.ExitUsage,
			[]string{"-toolchains= names debian-rustc:1.85.1 twice"}},
		{"an unknown name", SweepOptions{Toolchains: []string{"sid", "bookworm"}, Trees: []string{"debian-6.12", "debian-6.1"}}, nil, result.ExitUsage,
			[]string{`unknown toolchain "bookworm"`, `unknown tree "debian-6.1"`}},
		{"what all columns share is told once", SweepOptions{Toolchains: []string{"sid", "trixie"},
			MatrixOptions: MatrixOptions{Compiler: "tcc", Select: scenario.Selection{Cells: []string{"static-tiny"}}}}, nil, result.ExitUsage,
			[]string{`unknown compiler "tcc"`, "static-tiny"}},
		{"a series of nobody", SweepOptions{Toolchains: []string{"debian-rustc"}}, asked(&n), result.ExitUsage, []string{"series debian-rustc has no members"}},
		{"a series that cannot be asked", SweepOptions{Toolchains: []string{"debian-rustc"}}, down, result.ExitInfra, []string{"the mirror does not answer"}},
		{"before a series is asked, all else is in order", SweepOptions{Toolchains: []string{"debian-rustc"}, Trees: []string{"debian-6.1"}}, down, result.ExitUsage,
			[]string{`unknown tree "debian-6.1"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.members == nil {
				tt.members = func(context.Context, string) ([]string, error) {
					t.Error("a series was asked")
					return nil, nil
				}
			}
			_, err := emptyLab(t).planSweep(t.Context(), tt.o, tt.members)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			if got := ExitCode(err); got != tt.exit {
				t.Errorf("exit code %d, want %d", got, tt.exit)
			}
			for _, want := range tt.want {
				if strings.Count(err.Error(), want) != 1 {
					t.Errorf("%q does not stand once in:\n%v", want, err)
				}
			}
		})
	}
}

// What one column comes to does not touch the others.
func TestColumns(t *testing.T) {
	var jobs []*plan.Plan
	for _, name := range []string{"fine", "unfit", "lost", "void", "last"} {
		jobs = append(jobs, &plan.Plan{Flags: plan.Flags{Tree: "t", Toolchain: name}})
	}
	run := func(_ context.Context, j *plan.Plan) (*result.Results, error) {
		switch j.Flags.Toolchain {
		case "unfit":
			return nil, fmt.Errorf("toolchain unfit: %w", &toolchain.UnfitError{Toolchain: "unfit", Tree: "t", Reasons: []string{"rustc is too old"}, Nearest: "fine"})
		case "lost":
			return nil, errors.New("the disk is full")
		case "void":
			return &result.Results{Infra: "a control failed", Exit: result.ExitInfra}, nil
		}
		return &result.Results{}, nil
	}
	list, err := columns(t.Context(), progress.Discard{}, jobs, run)
	if err != nil {
		t.Fatal(err)
	}
	want := []result.SweepColumn{
		{Tree: "t", Toolchain: "fine", Results: &result.Results{}},
		{Tree: "t", Toolchain: "unfit", Refused: &result.Refusal{Reasons: []string{"rustc is too old"}, Nearest: "fine"}},
		{Tree: "t", Toolchain: "lost", Infra: "the disk is full"},
		{Tree: "t", Toolchain: "void", Results: &result.Results{Infra: "a control failed", Exit: result.ExitInfra}},
		{Tree: "t", Toolchain: "last", Results: &result.Results{}},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}

	ctx, stop := context.WithCancel(t.Context())
	tried := []string{}
	_, err = columns(ctx, progress.Discard{}, jobs, func(_ context.Context, j *plan.Plan) (*result.Results, error) {
		tried = append(tried, j.Flags.Toolchain)
		stop()
		return nil, ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(tried, []string{"fine"}) {
		t.Errorf("interrupted: %v, tried %v", err, tried)
	}
}

func TestColumnCommand(t *testing.T) {
	for _, tt := range []struct{ command, toolchains, trees, want string }{
		{"go tool mage matrix -toolchains=a,b", "a,b", "", "go tool mage matrix -toolchain=TC"},
		{"go tool mage matrix -toolchains=a,b -trees=x,y -cells=stock -json=out.json", "a,b", "x,y", "go tool mage matrix -cells=stock -tree=TREE -toolchain=TC"},
		{"go tool mage matrix --trees=x,y -toolchain=sid", "", "x,y", "go tool mage matrix -toolchain=sid -tree=TREE"},
		{"go tool mage matrix -toolchains=a '-html=my page.html' '-cells=stock,static-*@module'", "a", "", "go tool mage matrix '-cells=stock,static-*@module' -toolchain=TC"},
		{"", "a", "", ""},
	} {
		o := SweepOptions{MatrixOptions: MatrixOptions{Command: tt.command}}
		for _, f := range []struct {
			names string
			into  *[]string
		}{{tt.toolchains, &o.Toolchains}, {tt.trees, &o.Trees}} {
			if f.names != "" {
				*f.into = strings.Split(f.names, ",")
			}
		}
		if got := o.columnCommand("TREE", "TC"); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.command, got, tt.want)
		}
	}
}
