package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"umlab/harness/answers"
	"umlab/harness/buildlog"
	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/pattern"
	"umlab/harness/store"
)

// Before much is built, rustc is asked whether it takes what the tree will ask of it: the target.json that the tree makes for this
// rustc and the options of its first crate, core, as the tree's own Makefiles give them, on a crate that is empty. What it refuses
// there before it looks at any source, it refuses in the build; all else the build decides.

// refused reports whether err is that of a rustc that was asked beforehand.
func refused(err error) bool {
	broken, ok := errors.AsType[*kmake.BuildError](err)
	return ok && broken.Refused != nil
}

// askDir is where the sandbox has what is compiled to ask.
const askDir = "/tmp/umlab-ask"

// askedCrates are the crates that stand for core: one that asks nothing of rustc, and one that is no Rust.
var askedCrates = map[string]string{
	"empty": "#![feature(no_core)]\n#![no_core]\n",
	"none":  "umlab asks\n",
}

// askScript makes $2 below Kbuild's top, in obj=$1; what follows are variables of make.
const askScript = `obj=$1 target=$2; shift 2
exec make -rR --no-print-directory -I "$srctree" -f "$srctree/scripts/Makefile.build" obj="$obj" "$target" "$@"`

// ask asks rustc. The error is a *kmake.BuildError with a Refusal where rustc refuses; whatever else goes wrong is no answer, and nil.
func (m *making) ask(ctx context.Context, what string) error {
	if !RequestsRust(m.base.Options) {
		return nil
	}
	m.out.Task.Status("ask rustc")
	start := time.Now()
	dir, err := m.askedBuild(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = store.RemoveAll(dir) }()
	refusal, log := m.asked(ctx, dir)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if refusal == nil {
		return nil
	}
	refusal.Seconds = time.Since(start).Seconds()
	refusal.Gives = gives(m.base, dir, refusal.Message)
	if _, err := m.log.Write(log); err != nil {
		return err
	}
	kept, _, err := m.Store.Keep(ctx, m.log.Name())
	if err != nil {
		return err
	}
	return &kmake.BuildError{What: what, First: refusal.Line, Offset: refusal.Offset, Log: kept, Refused: refusal}
}

// askedBuild makes a build directory that is configured as m's is.
func (m *making) askedBuild(ctx context.Context) (string, error) {
	dir := filepath.Join(m.dir, "ask")
	if err := store.RemoveAll(dir); err != nil { // of a run that was killed
		return "", err
	}
	config, err := objtree.Read(m.build, ".config")
	if err != nil {
		return "", err
	}
	files := map[string][]byte{".config": config, "include/config/auto.conf": autoConf(config), "include/generated/autoconf.h": nil,
		"include/generated/rustc_cfg": nil, "include/config/auto.conf.cmd": nil}
	for _, name := range []string{".config", "include/config/auto.conf.cmd", "include/generated/autoconf.h", "include/generated/rustc_cfg",
		"include/config/auto.conf"} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, files[name], 0o644)); err != nil {
			return "", err
		}
	}
	basic := filepath.Join("scripts", "basic") // what make has made already
	if err := os.MkdirAll(filepath.Join(dir, "scripts"), 0o755); err != nil {
		return "", err
	}
	copied := func(to, from string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() {
			return nil
		}
		if _, err := store.CopyFile(to, from, info.Mode().Perm()); err != nil {
			return err
		}
		return os.Chtimes(to, info.ModTime(), info.ModTime())
	}
	err = objtree.In(m.build, basic, func(root *os.Root, at string) error { _, err := root.Stat(at); return err })
	if err != nil {
		return "", err
	}
	if known, err := objtree.Read(m.build, answers.File); err == nil {
		if err := os.WriteFile(filepath.Join(dir, answers.File), known, 0o644); err != nil {
			return "", err
		}
	}
	return dir, store.CopyTree(ctx, filepath.Join(dir, basic), filepath.Join(m.build, basic), copied)
}

// autoConf is what make reads of a .config, as Kconfig's syncconfig writes it: what is set, and strings without their quotes.
func autoConf(config []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(config) {
		name, value, ok := strings.Cut(strings.TrimRight(string(line), "\n"), "=")
		if !ok || !strings.HasPrefix(name, "CONFIG_") {
			continue
		}
		if text, quoted := strings.CutPrefix(value, `"`); quoted {
			value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(text, `"`))
		}
		out.WriteString(name + "=" + value + "\n")
	}
	return out.Bytes()
}

// asked asks in the build directory dir. It returns nil where rustc takes all, or where nobody can tell.
func (m *making) asked(ctx context.Context, dir string) (*kmake.Refusal, []byte) {
	asking := *m
	asking.build, asking.watch = dir, kmake.Watching{}
	var said bytes.Buffer
	err := asking.hook(ctx, &said) // which fails: in the end make misses what was not built
	if _, exit := errors.AsType[*kmake.ExitError](err); err != nil && !exit {
		return nil, nil
	}
	env, err := asking.hooked()
	if err != nil {
		return nil, nil
	}
	run := func(log *bytes.Buffer, args ...string) error {
		j := asking.job("ask rustc", log)
		script := ""
		for _, name := range []string{"empty", "none"} {
			script += fmt.Sprintf("mkdir -p %s/%s/core/src && printf '%%s' \"$ask_%[2]s\" > %[1]s/%[2]s/core/src/lib.rs || exit 1\n", askDir, name)
		}
		j.Dir, j.Args = buildDir, append([]string{"sh", "-c", script + askScript, "sh"}, args...)
		j.Env = append(slices.Clone(env), "ask_empty="+askedCrates["empty"], "ask_none="+askedCrates["none"])
		return m.Run(ctx, j)
	}
	if err := run(&said, "scripts", buildlog.RustTarget); err != nil {
		return nil, nil
	}
	var answers [2][]byte
	for i, crate := range []string{"empty", "none"} {
		var log bytes.Buffer
		fmt.Fprintf(&log, "umlab: rustc is asked before anything is built: %s of an %s crate\n", core, crate)
		err := run(&log, "rust", core, "RUST_LIB_SRC="+askDir+"/"+crate)
		if _, exit := errors.AsType[*kmake.ExitError](err); !exit {
			return nil, nil // it takes all, or the machine is at fault
		}
		answers[i] = log.Bytes()
	}
	return refusal(m.base, answers[0], answers[1]), answers[0]
}

// core is the first crate that a tree builds.
const core = "rust/core.o"

// refused holds what rustc said of an empty crate against what it said of one that is no Rust: where it says the same and no
// source, it did not come to look at any.
func refusal(b kmake.Base, empty, none []byte) *kmake.Refusal {
	one, other := buildlog.Failed(empty, b.Compiler), buildlog.Failed(none, b.Compiler)
	if len(one) == 0 || len(other) == 0 || one[0].Tool != "rustc" || one[0].Diagnostic != other[0].Diagnostic ||
		bytes.Contains(empty, []byte(" --> ")) || bytes.Contains(none, []byte(" --> ")) {
		return nil
	}
	return &kmake.Refusal{Said: one[0]}
}

var (
	specKey = pattern.New(`^error loading target specification: (?:.*: )?([a-z][a-z-]*): `)
	quoted  = pattern.New("[`'\"]([^`'\"]+)[`'\"]")
	library = pattern.New(`(?m)^ *cmd_rustc_library *=`)
)

// gives is where the tree asks for what a message refuses: the line that writes that part of target.json, else the rule that calls
// rustc; "" where that cannot be told.
func gives(b kmake.Base, build, message string) string {
	target, _ := objtree.Read(build, buildlog.RustTarget)
	var words []string
	if m := specKey.FindStringSubmatch(message); m != nil {
		words = append(words, m[1])
	}
	for _, m := range quoted.Regexp().FindAllStringSubmatch(message, -1) {
		words = append(words, m[1])
	}
	for _, word := range words {
		if !bytes.Contains(target, []byte(word)) {
			continue
		}
		if at := lineWith(b, "scripts/generate_rust_target.rs", regexp.MustCompile(`(?m)^.*"[^"\n]*`+regexp.QuoteMeta(word)+`.*$`)); at != "" {
			return at
		}
	}
	return lineWith(b, "rust/Makefile", library.Regexp())
}

// lineWith is the first line of a file of the tree that matches, "FILE:LINE"; "" where there is none.
func lineWith(b kmake.Base, name string, re *regexp.Regexp) string {
	text, err := fs.ReadFile(b.Tree.FS(), name)
	if err != nil {
		return ""
	}
	loc := re.FindIndex(text)
	if loc == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", name, 1+bytes.Count(text[:loc[0]], []byte("\n")))
}
