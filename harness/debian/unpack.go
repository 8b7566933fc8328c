package debian

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"umlab/harness/progress"
	"umlab/harness/unpack"
)

// UnpackOptions say how packages are unpacked; the zero value unpacks all of
// everything.
type UnpackOptions struct {
	LeaveOut   []string          // path.Match patterns ("usr/share/doc"); what matches is left out with all below it
	Decompress unpack.Decompress // of data.tar.xz; nil: built in
	parallel   int               // packages at once; 0: one for each processor
	Progress   progress.Sink     // nil: shows nothing
}

// DefaultLeaveOut returns patterns for what no program needs to run: manuals,
// translations, desktop files.
func DefaultLeaveOut() []string {
	share := []string{"doc", "doc-base", "man", "info", "locale", "lintian", "bug", "menu", "applications", "icons", "pixmaps",
		"help", "gtk-doc", "bash-completion", "zsh", "fish", "vim", "emacs", "reportbug", "metainfo", "appdata", "gdb"}
	for i, s := range share {
		share[i] = "usr/share/" + s
	}
	return share
}

// Unpack unpacks the packages into root, several at once, without running any
// maintainer script. Nothing is written outside root whatever a package holds.
//
// Files keep their modes, but for set-uid and set-gid, and their times; owners
// are the current user, who may always write in directories; device nodes are
// left out. /bin, /sbin, /lib and /lib64 are links into usr, made before
// anything else, and members below them land there. A file already in root is
// replaced. A file that several packages hold is that of the last one in files,
// and is noted. Errors: formatError, diskFullError.
func Unpack(ctx context.Context, root *os.Root, files []File, opt UnpackOptions) (err error) {
	sink := opt.Progress
	if sink == nil {
		sink = progress.Discard{}
	}
	task := sink.Start("unpack packages", progress.Packages, int64(len(files)))
	defer func() { task.Done(err) }()
	for _, p := range opt.LeaveOut {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("unpack: pattern %q: %w", p, err)
		}
	}
	if err := mergeUsr(root); err != nil {
		return doing("unpack", err)
	}
	u := &unpacker{opt: opt, owner: map[string]int{}, again: map[int]map[string][]string{}}

	// The largest first, so that no processor is left with one at the end.
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(files[b].Package.InstalledSize, files[a].Package.InstalledSize)
	})
	workers := opt.parallel
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	g, group := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for _, i := range order {
		if group.Err() != nil {
			break
		}
		g.Go(func() error {
			task.Status(files[i].Package.Name)
			w := unpack.NewWriter(root, true)
			defer w.Close()
			err := walk(group, files[i].Path, opt.Decompress, func(name string, h *tar.Header, r io.Reader) error {
				return u.member(w, i, name, h, r)
			})
			task.Add(1)
			return doing("unpack "+label(files[i]), err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("unpack: %w", context.Cause(ctx))
	}
	return u.second(ctx, root, files, sink)
}

func label(f File) string {
	if f.Package.Filename != "" {
		return path.Base(f.Package.Filename)
	}
	return path.Base(f.Path)
}

// mergeUsr makes the links of a merged /usr.
func mergeUsr(root *os.Root) error {
	for _, dir := range mergedDirs() {
		if err := root.MkdirAll("usr/"+dir, 0o755); err != nil {
			return err
		}
		err := root.Symlink("usr/"+dir, dir)
		if !errors.Is(err, fs.ErrExist) {
			if err != nil {
				return err
			}
			continue
		}
		if to, err := root.Readlink(dir); err != nil || to != "usr/"+dir {
			return fmt.Errorf("%s: /%s is no link to usr/%s; unpack into an empty directory", root.Name(), dir, dir)
		}
	}
	return nil
}

// An unpacker divides the members of several packages among them.
type unpacker struct {
	opt UnpackOptions

	mu    sync.Mutex
	owner map[string]int // name of a file -> number of the package it is of
	// What is left for the second round: package -> name of a member -> names
	// that its contents get.
	again map[int]map[string][]string
}

// claim reports whether package i is to write the file. Where another has, the
// second round settles whose it is: the last one's.
func (u *unpacker) claim(name string, i int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	j, taken := u.owner[name]
	if !taken || j == i {
		u.owner[name] = i
		return true
	}
	for _, k := range []int{i, j} {
		if names, ok := u.again[k][name]; ok {
			u.again[k][name] = slices.DeleteFunc(names, func(n string) bool { return n == name })
		}
	}
	last := max(i, j)
	u.owner[name] = last
	u.later(last, name, name)
	return false
}

// later puts a member of package i on the list of the second round; u.mu is
// held.
func (u *unpacker) later(i int, member, name string) {
	if u.again[i] == nil {
		u.again[i] = map[string][]string{}
	}
	u.again[i][member] = append(u.again[i][member], name)
}

// leftOut reports whether name, or a directory it is in, matches a pattern.
func (u *unpacker) leftOut(name string) bool {
	for _, p := range u.opt.LeaveOut {
		// A pattern matches whole elements: only the part of name with as many.
		end, more := 0, strings.Count(p, "/")+1
		for ; more > 0 && end < len(name); more-- {
			i := strings.IndexByte(name[end:], '/')
			if i < 0 {
				i = len(name) - end
			}
			end += i + 1
		}
		if more > 0 {
			continue
		}
		if ok, _ := path.Match(p, name[:end-1]); ok {
			return true
		}
	}
	return false
}

// member writes one member of package i.
func (u *unpacker) member(w *unpack.Writer, i int, name string, h *tar.Header, r io.Reader) error {
	if name == "." || slices.Contains(mergedDirs(), name) || u.leftOut(name) {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return w.Mkdir(name, h.FileInfo().Mode())
	case tar.TypeReg:
		if !u.claim(name, i) {
			return nil
		}
		return w.File(name, h.FileInfo().Mode(), h.ModTime, r)
	case tar.TypeSymlink:
		if !u.claim(name, i) {
			return nil
		}
		return symlink(w, h.Linkname, name)
	case tar.TypeLink:
		target, err := archiveName(h.Linkname)
		if err != nil {
			return err
		}
		if !u.claim(name, i) {
			return nil
		}
		u.mu.Lock()
		owner, there := u.owner[target]
		if !there || owner != i {
			// Its contents were left out or are another package's.
			u.later(i, target, name)
		}
		u.mu.Unlock()
		if !there || owner != i {
			return nil
		}
		return w.Link(target, name)
	}
	return nil // devices and fifos: nothing in a sysroot opens them
}

// symlink makes a link. Like dpkg, it keeps a directory where a package has a
// link.
func symlink(w *unpack.Writer, target, name string) error {
	if err := w.Symlink(target, name); !errors.Is(err, unpack.ErrIsDir) {
		return err
	}
	return nil
}

// second writes what the first round could not decide or had left out.
func (u *unpacker) second(ctx context.Context, root *os.Root, files []File, sink progress.Sink) error {
	w := unpack.NewWriter(root, true)
	defer w.Close()
	for i, f := range files {
		todo := u.again[i]
		if len(todo) == 0 {
			continue
		}
		err := walk(ctx, f.Path, u.opt.Decompress, func(member string, h *tar.Header, r io.Reader) error {
			names := todo[member]
			if len(names) == 0 {
				return nil
			}
			delete(todo, member)
			for n, name := range names {
				if name == member {
					sink.Note(fmt.Sprintf("unpack: %s is in several packages; it is that of %s", name, label(f)))
				}
				var err error
				switch {
				case h.Typeflag == tar.TypeSymlink:
					err = symlink(w, h.Linkname, name)
				case n > 0:
					err = w.Link(names[0], name)
				case h.Typeflag == tar.TypeLink:
					var target string
					if target, err = archiveName(h.Linkname); err == nil {
						err = w.Link(target, name)
					}
				default:
					err = w.File(name, h.FileInfo().Mode(), h.ModTime, r)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		var missing []string
		for member, names := range todo {
			if len(names) > 0 {
				missing = append(missing, member)
			}
		}
		if err == nil && len(missing) > 0 {
			slices.Sort(missing)
			err = &formatError{f.Path, fmt.Errorf("hard links to what it does not hold: %s", strings.Join(missing, ", "))}
		}
		if err != nil {
			return doing("unpack "+label(f), err)
		}
	}
	return nil
}
