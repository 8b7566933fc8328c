package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"umlab/harness/objtree"
)

// staleError says that a build that went on with another Rust holds something
// that the former one made, or might.
type staleError struct{ reason string }

func (e *staleError) Error() string { return e.reason }

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
	rust, err := objtree.MadeByRust(ctx, build)
	if err != nil {
		return err
	}
	var speaks error
	err = objtree.Walk(ctx, build, func(rel string, _ fs.FileInfo) error {
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
