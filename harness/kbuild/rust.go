package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"umlab/harness/pattern"
)

// staleError says that a build that went on with another Rust holds something
// that the former one made, or might.
type staleError struct{ reason string }

func (e *staleError) Error() string { return e.reason }

// rustTool matches the name of a program of the Rust side, as a word of a
// command: "rustc", "/opt/rust/bin/rustc", "rustc-1.85;". bindgen is no part of
// it, but what it makes is for rustc to read.
var rustTool = pattern.New(`^(?:[^-].*/)?(?:rustc|rustdoc|rustfmt|clippy-driver|bindgen)(?:-[0-9][0-9.]*)?;?$`)

// rustMade lists what a command makes with a Rust tool beside its target, which
// is the operand of --emit=KIND=FILE and -o. ok is false for a command that
// calls none.
func rustMade(command string) (beside []string, ok bool) {
	words := strings.Fields(command)
	for i, w := range words {
		if rustTool.MatchString(w) {
			ok = true
		}
		if emit, is := strings.CutPrefix(w, "--emit="); is {
			for kind := range strings.SplitSeq(emit, ",") {
				if _, file, has := strings.Cut(kind, "="); has {
					beside = append(beside, path.Clean(file))
				}
			}
		}
		if w == "-o" && i+1 < len(words) {
			beside = append(beside, path.Clean(strings.TrimSuffix(words[i+1], ";")))
		}
	}
	return beside, ok
}

// madeByRust are the files of a build directory that a Rust tool made, by the .cmd
// files, and those .cmd files themselves, without which Kbuild makes a target again
// whatever else it finds.
func madeByRust(ctx context.Context, build string) (map[string]bool, error) {
	rust := map[string]bool{}
	err := walkCommands(ctx, build, func(rel, target, command string) {
		if beside, ok := rustMade(command); ok {
			for _, name := range append(beside, rel, target) {
				rust[name] = true
			}
		}
	})
	return rust, err
}

// rustcSays is what the rustc of a build directory calls itself, without its
// name: "1.85.1 (4eb161250 2025-03-15) (built from a source tarball)". It is what
// rustc writes into all that it makes: the .comment of objects, the head of .rmeta.
func rustcSays(build string) (string, error) {
	config, err := readConfig(build)
	if err != nil {
		return "", err
	}
	says, ok := strings.CutPrefix(strings.Trim(config.Get("CONFIG_RUSTC_VERSION_TEXT"), `"`), "rustc ")
	if !ok || says == "" {
		return "", &staleError{"its CONFIG_RUSTC_VERSION_TEXT does not tell one rustc from another"}
	}
	return says, nil
}

// mark makes a file in dir and returns its time: nothing that is made later is
// older, by the clock of that file system.
func mark(dir string) (time.Time, error) {
	name := filepath.Join(dir, "copied")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), os.Remove(name)
}

// checkRust returns a *staleError where a file of the build directory was made by a Rust tool before the copy was, or
// speaks of the rustc that was used for what was copied.
func checkRust(ctx context.Context, build, was string, copied time.Time) error {
	now, err := rustcSays(build)
	if err != nil {
		return err
	}
	if now == was {
		return &staleError{"both compilers say that they are rustc " + now}
	}
	rust, err := madeByRust(ctx, build)
	if err != nil {
		return err
	}
	var speaks error
	err = walkFiles(ctx, build, func(rel string, _ fs.FileInfo) error {
		content, err := os.ReadFile(filepath.Join(build, filepath.FromSlash(rel)))
		if err != nil {
			return err
		}
		if speaks == nil && bytes.Contains(content, []byte(was)) {
			speaks = &staleError{fmt.Sprintf("%s speaks of rustc %s, which did not build it", rel, was)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range rust {
		info, err := os.Lstat(filepath.Join(build, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // what Kbuild removes when it is done with it
		}
		if err != nil {
			return err
		}
		if !info.ModTime().After(copied) {
			return &staleError{name + " was not built again"}
		}
	}
	return speaks
}
