package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// What a directory of modules may hold: more is somebody's home directory.
const (
	mostModuleFiles = 10_000
	mostModuleBytes = 256 << 20
)

// KindModules is the kind of the store's directories with snapshots of modules, by their digests.
const KindModules = "modules"

// FromModules snapshots a directory of external modules into the store, without
// what an earlier build left there, and leaves path itself untouched. It returns
// the snapshot and its digest (see Tree.Digest).
func FromModules(ctx context.Context, st *store.Store, sink progress.Sink, dir string) (kept, digest string, err error) {
	fail := func(err error) (string, string, error) {
		return "", "", fmt.Errorf("snapshot modules %s: %w", dir, err)
	}
	abs, err := actual(dir)
	if err != nil {
		return fail(err)
	}
	if err := bounded(ctx, abs); err != nil {
		return fail(err)
	}
	files, err := look(ctx, abs)
	if err != nil {
		return fail(err)
	}
	sources := slices.DeleteFunc(slices.Clone(files), func(f found) bool { return product(f.Path) })
	task := sink.Start("snapshot modules "+dir, progress.Bytes, 0)
	defer func() { task.Done(err) }()
	d, err := (&memory{}).read(ctx, abs, sources, task)
	if err != nil {
		return fail(err)
	}
	digest = d.sum()
	kept, _, err = st.Dir(ctx, KindModules, digest, func(ctx context.Context, entry string) error {
		return placeAll(ctx, entry, d.files, d.copyFrom(abs))
	})
	if err != nil {
		return fail(err)
	}
	if err := st.Whole(ctx, kept); err != nil {
		return fail(err)
	}
	if err := unchanged(ctx, abs, files, "a file"); err != nil {
		return fail(err)
	}
	return kept, digest, nil
}

// bounded refuses a directory that is none of modules, before all of it is read.
func bounded(ctx context.Context, dir string) error {
	files, size := 0, int64(0)
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if d.Type().IsRegular() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			files++
			size += info.Size()
		}
		if files > mostModuleFiles || size > mostModuleBytes {
			return fmt.Errorf("it holds more than %d files or %d MiB: give the directory of the modules alone", mostModuleFiles, mostModuleBytes>>20)
		}
		return nil
	})
}

// product reports whether Kbuild made the file: see "make clean" of an external
// module, in the top Makefile.
func product(name string) bool {
	base := path.Base(name)
	switch base {
	case "Module.symvers", "modules.order", "modules.nsdeps", ".tmp_versions":
		return true
	}
	switch path.Ext(base) {
	case ".o", ".ko", ".mod", ".cmd", ".a":
		return true
	}
	return strings.HasSuffix(base, ".mod.c")
}
