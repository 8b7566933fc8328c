package sources

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// Directory is the kernel directory that the value of -tree= is, if it is one.
func Directory(name string) (dir string, ok bool) {
	src, err := tree.ParseSource(name)
	return src.Directory, err == nil && src.Directory != ""
}

// CheckTree says, before any work, whether -tree= can be meant.
func (s *Sources) CheckTree(name string) error {
	if s.trees[name] != nil {
		return nil
	}
	src, err := tree.ParseSource(name)
	switch {
	case err != nil:
		return &usage.Error{Err: err}
	case src.Directory != "":
		if err := src.Check(); err != nil {
			return &usage.Error{Err: err} // which names it
		}
		return nil
	case src.Name == "":
		return wrongTree(name, src.Check())
	}
	if _, ok := s.Settings.Trees[name]; ok {
		src, err := s.source(name)
		return wrongTree(name, cmp.Or(err, src.Check()))
	}
	hint := usage.Meant(name, keys(s.Settings.Trees))
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		hint = "; for the directory, give ./" + name
	}
	return usage.Errorf("unknown tree %q: configs/trees.toml has %s%s; -tree= takes\n  %s",
		name, names(s.Settings.Trees), hint, tree.SourceSyntax)
}

// wrongTree is the mistake of a user who names a tree that cannot be.
func wrongTree(name string, err error) error {
	if err == nil {
		return nil
	}
	return usage.Errorf("-tree=%s: %w", name, err)
}

// source is where the tree that -tree= names comes from. Name is set for a
// Debian package alone.
func (s *Sources) source(name string) (tree.Source, error) {
	t, ok := s.Settings.Trees[name]
	switch {
	case !ok:
		return tree.ParseSource(name)
	case t.URL != "" && filepath.IsAbs(t.URL):
		return tree.Source{Git: &tree.GitSource{Name: name, Path: t.URL, Ref: t.Ref}}, nil
	case t.URL != "":
		return tree.Source{Git: &tree.GitSource{Name: name, URL: t.URL, Ref: t.Ref}}, nil
	case t.Tarball != "" && filepath.IsAbs(t.Tarball):
		return tree.Source{Tarball: &tree.Tarball{Name: name, Path: t.Tarball, Sum: t.SHA256}}, nil
	case t.Tarball != "":
		return tree.Source{Tarball: &tree.Tarball{Name: name, URL: t.Tarball, Sum: t.SHA256}}, nil
	}
	return tree.Source{Name: name}, nil
}

// Origin is where the tree of that name comes from, as of tree.Tree; empty where that cannot be told before it is there.
func (s *Sources) Origin(name string) string {
	src, err := s.source(name)
	if err != nil {
		return ""
	}
	if src.Name != "" {
		return tree.PackageOrigin(s.Settings.Trees[name].Package)
	}
	return src.Origin()
}

// download gets the package of a tree, unless it is unpacked already.
func (s *Sources) download(ctx context.Context, name string) (*archive.Resolution, error) {
	t := s.Settings.Trees[name]
	res, err := s.Archive.Newest(ctx, t.Suite, t.Package)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", name, err)
	}
	if !tree.Here(ctx, s.Store, res.Packages[0].SHA256) {
		_, err = s.Archive.Fetch(ctx, "tree "+name+": ", res.Packages)
	}
	return res, err
}

// unpack makes the tree of a source; res is what the archive serves of a package.
func (s *Sources) unpack(
	ctx context.Context, name string, src tree.Source, res *archive.Resolution, tc *toolchain.Toolchain,
) (*tree.Tree, error) {
	switch {
	case src.Directory != "":
		return s.directory(ctx, src.Directory, tc)
	case src.Git != nil:
		return tree.FromGit(ctx, s.Store, s.Sink, *src.Git, Git(tc))
	case src.Tarball != nil:
		return tree.FromTarball(ctx, s.Store, s.Sink, *src.Tarball, tc.XZ, s.Archive.Client.HTTP)
	}
	pkg := res.Packages[0]
	t, err := tree.FromArchive(ctx, s.Store, s.Sink, tree.Archive{
		Name: name, Package: pkg.Name + " " + pkg.Version, Sum: pkg.SHA256,
		Open: func(ctx context.Context) (io.ReadCloser, error) { return s.openPackage(ctx, pkg, tc) },
	})
	if err == nil {
		t.Notes = append(t.Notes, res.Notes...)
	}
	return t, err
}

// TreeDigest is the digest of what a tree is unpacked from; empty for those that
// have to be read.
func (s *Sources) TreeDigest(ctx context.Context, name string) (string, error) {
	src, err := s.source(name)
	switch {
	case err != nil:
		return "", err
	case src.Tarball != nil:
		return src.Tarball.Sum, nil
	case src.Name != "":
		t := s.Settings.Trees[name]
		res, err := s.Archive.Newest(ctx, t.Suite, t.Package)
		if err != nil {
			return "", err
		}
		return res.Packages[0].SHA256, nil
	}
	return "", nil
}

// Unpacked is the tree as far as it is on this machine, if it is: its name and its files.
func (s *Sources) Unpacked(ctx context.Context, name string) (*tree.Tree, bool) {
	if t := s.trees[name]; t != nil {
		return t, true
	}
	if dir, ok := Directory(name); ok {
		return &tree.Tree{Name: name, Layers: []string{dir}}, true
	}
	sum, err := s.TreeDigest(ctx, name)
	if err != nil || sum == "" {
		return nil, false
	}
	t, ok := tree.Unpacked(s.Store, sum)
	t.Name = name
	return t, ok
}

// Git is the toolchain's, in the sandbox.
func Git(tc *toolchain.Toolchain) tree.Git {
	return func(ctx context.Context, c sandbox.Command) (int, error) {
		c.Args = append([]string{"git"}, c.Args...)
		status, err := sandbox.Run(ctx, tc.In(c))
		return status.Code, err
	}
}

// directory is the user's own tree, as it is, with a note where that is not a
// commit.
func (s *Sources) directory(ctx context.Context, path string, tc *toolchain.Toolchain) (*tree.Tree, error) {
	asked := sync.OnceValues(func() (commit, note string) {
		work, err := tree.ReadWorkTree(ctx, path, Git(tc))
		if err != nil {
			return "", fmt.Sprintf("git says nothing of %s: %v", path, err)
		}
		if work == nil {
			return "", ""
		}
		if note = work.Note(); note == "" {
			commit = work.Commit
		}
		return commit, note
	})
	go asked() // which takes as long as what goes on from another build after a small edit
	t, err := tree.FromDirectory(ctx, s.Store, s.Sink, path, func(ctx context.Context, dir string) error { return mrproper(ctx, tc, dir) })
	if err != nil {
		asked()
		return nil, err
	}
	t.Work = asked
	return t, nil
}

// openPackage yields the tar stream that a linux-source package holds.
func (s *Sources) openPackage(ctx context.Context, pkg debian.Package, tc *toolchain.Toolchain) (io.ReadCloser, error) {
	files, err := s.Archive.Fetch(ctx, "tree "+pkg.Name+": ", []debian.Package{pkg})
	if err != nil {
		return nil, err
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	extracted := make(chan error, 1)
	go func() {
		err := debian.Extract(ctx, files[0].Path, "usr/src/"+pkg.Name+".tar.xz", pw, nil)
		pw.Close()
		extracted <- err
	}()
	plain, err := tc.XZ(ctx, pr)
	pr.Close()
	if err != nil {
		return nil, errors.Join(err, <-extracted)
	}
	return &packed{plain, extracted}, nil
}

type packed struct {
	io.ReadCloser
	extracted chan error
}

func (p *packed) Close() error { return errors.Join(p.ReadCloser.Close(), <-p.extracted) }

// mrproper removes the products of in-place builds from the private copy dir.
func mrproper(ctx context.Context, tc *toolchain.Toolchain, dir string) error {
	for _, arch := range []string{"um", "x86"} {
		var said bytes.Buffer
		status, err := sandbox.Run(ctx, tc.In(sandbox.Command{
			Mounts: []sandbox.Mount{{Source: dir, Target: "/src"}}, Dir: "/src",
			Args:   []string{"make", "-s", "ARCH=" + arch, "mrproper"},
			Stdout: &said, Stderr: &said, Grace: time.Second,
		}))
		if err != nil {
			return err
		}
		if !status.Success() {
			return fmt.Errorf("make ARCH=%s mrproper: %s: %s", arch, status, strings.TrimSpace(said.String()))
		}
	}
	return nil
}
