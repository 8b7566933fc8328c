package toolchain

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"umlab/harness/store"
)

// Kinds of the store.
const (
	kindRustup  = "rustup"   // records: what is kept of which toolchain
	kindRust    = "rust"     // a compiler and its libraries, as below a prefix, by their content
	kindRustSrc = "rust-src" // the library's source, in src/rust, by its content
)

// inComponent is where a toolchain has the source of its library.
const inComponent = "lib/rustlib/src/rust/library"

// rustupKeep copies what is needed of the toolchain in dir into the store.
func (p *Provider) rustupKeep(ctx context.Context, dir string) (have rustupParts, err error) {
	if have.Channel, err = channelOf(dir); err != nil {
		return have, err
	}
	have.Compiler, err = p.keep(ctx, kindRust, func(to string) error {
		files, err := compilerFiles(dir)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := copyTree(ctx, filepath.Join(dir, f), filepath.Join(to, f)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return have, err
	}
	library, err := filepath.EvalSymlinks(filepath.Join(dir, inComponent))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return have, nil
	case err != nil:
		return have, err
	}
	have.Source, err = p.keep(ctx, kindRustSrc, func(to string) error {
		return copyTree(ctx, library, filepath.Join(to, rustSrcIn, "library"))
	})
	return have, err
}

// compilerFiles are the files and directories that rustc needs to run and to
// compile for the host, of the toolchain in dir; no documentation, no cargo.
func compilerFiles(dir string) ([]string, error) {
	own := filepath.Join("lib", "rustlib", rustHost)
	if _, err := os.Stat(filepath.Join(dir, own)); err != nil {
		return nil, fmt.Errorf("it has no standard library for %s: %w", rustHost, err)
	}
	files := []string{"bin/rustc", own}
	entries, err := os.ReadDir(filepath.Join(dir, "lib"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join("lib", e.Name())
		// Beside the libraries that rustc loads lie scripts for linking with them.
		if e.Type()&fs.ModeSymlink != 0 || e.Type().IsRegular() && isELF(filepath.Join(dir, name)) {
			files = append(files, name)
		}
	}
	return files, nil
}

func isELF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [len(elf.ELFMAG)]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && bytes.Equal(magic[:], []byte(elf.ELFMAG))
}

// made is the time of every file that is kept: what is built against the files
// depends on them by time, and the same content must not be newer another day.
func made() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// keep has fill write a directory and keeps it under the digest of its content.
func (p *Provider) keep(ctx context.Context, kind string, fill func(dir string) error) (digest string, err error) {
	tmp, remove, err := p.Store.Scratch(kind)
	if err != nil {
		return "", err
	}
	defer remove()
	entry := filepath.Join(tmp, "entry")
	if err := os.Mkdir(entry, 0o755); err != nil {
		return "", err
	}
	if err := fill(entry); err != nil {
		return "", err
	}
	if digest, err = settle(ctx, entry); err != nil {
		return "", err
	}
	_, _, err = p.Store.Dir(ctx, kind, digest, func(_ context.Context, dir string) error {
		if err := os.Remove(dir); err != nil {
			return err
		}
		return os.Rename(entry, dir)
	})
	return digest, err
}

// settle gives all files below dir their time and returns a digest over their
// names, what is executable, and every byte.
func settle(ctx context.Context, dir string) (string, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			lines = append(lines, "link", name, to)
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum, err := store.SumFile(path)
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("file %t", info.Mode()&0o111 != 0), name, sum)
		return os.Chtimes(path, made(), made())
	})
	return store.Key(lines...), err
}

// copyTree copies a file or a directory with all below it.
func copyTree(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return store.CopyTree(ctx, to, from, func(to, from string, info fs.FileInfo) error {
		mode := fs.FileMode(0o644)
		switch {
		case info.IsDir():
			return nil
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a directory nor a link", from)
		case info.Mode()&0o111 != 0:
			mode = 0o755
		}
		_, err := store.CopyFile(to, from, mode)
		return err
	})
}

// stamp says by which files, of which times and sizes, the toolchain in dir is
// told from what it was: reading half a gigabyte each time would take seconds.
func stamp(dir string) (string, error) {
	files, err := compilerFiles(dir)
	if err != nil {
		return "", err
	}
	lines := []string{"stamp", rustupVersion, dir}
	library := filepath.Join(dir, inComponent)
	if to, err := filepath.EvalSymlinks(library); err == nil {
		library = to
	}
	roots := []string{filepath.Join(dir, channelFile), library}
	for _, f := range files {
		roots = append(roots, filepath.Join(dir, f))
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == root {
				lines = append(lines, path, "none")
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			line := fmt.Sprintf("%s %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				line += fmt.Sprintf(" %d %d", st.Ino, st.Ctim.Nano())
			}
			lines = append(lines, path, line)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return store.Key(lines...), nil
}
