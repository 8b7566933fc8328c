package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"umlab/harness/archive"
	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/sandbox"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
)

// isDirectory reports whether the value of -tree= is a kernel directory.
func isDirectory(name string) bool {
	s, err := tree.ParseSource(name)
	return err == nil && s.Directory != ""
}

// checkTree says, before any work, whether -tree= can be meant.
func (l *Lab) checkTree(name string) error {
	s, err := tree.ParseSource(name)
	switch {
	case err != nil:
		return &UsageError{err}
	case s.Directory != "":
		if _, err := tree.Version(name); err != nil {
			return &UsageError{err}
		}
		return nil
	case s.Name == "":
		return nil
	}
	if _, ok := l.settings.Trees[name]; ok {
		return nil
	}
	hint := ""
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		hint = fmt.Sprintf("\nfor the directory, give ./%s", name)
	}
	return usagef("unknown tree %q: configs/trees.toml has %s; -tree= takes\n  %s%s",
		name, strings.Join(slices.Sorted(maps.Keys(l.settings.Trees)), ", "), tree.SourceSyntax, hint)
}

// source is where the tree that -tree= names comes from. Name is set for a
// Debian package alone.
func (l *Lab) source(name string) (tree.Source, error) {
	t, ok := l.settings.Trees[name]
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

// sources fetches tree and toolchain. Where the archive no longer has what it
// was remembered to serve, it is asked again.
func (l *Lab) sources(ctx context.Context, treeName, toolchainName string) (*tree.Tree, *toolchain.Toolchain, error) {
	t, tc, err := l.fetch(ctx, treeName, toolchainName)
	var status *fetch.StatusError
	if errors.As(err, &status) && status.Code == http.StatusNotFound && !l.archive.Refresh {
		l.sink.Note(fmt.Sprintf("the archive no longer has %s: asking it anew", status.URL))
		again := *l
		fresh := *l.archive
		fresh.Refresh, again.archive = true, &fresh
		return again.fetch(ctx, treeName, toolchainName)
	}
	return t, tc, err
}

// fetch gets tree and toolchain, what is to be downloaded beside each other. What
// is done to the tree then is done with the toolchain's tools, in the sandbox.
func (l *Lab) fetch(ctx context.Context, treeName, toolchainName string) (*tree.Tree, *toolchain.Toolchain, error) {
	if t := l.trees[treeName]; t != nil {
		tc, err := l.toolchain(ctx, toolchainName)
		return t, tc, err
	}
	src, err := l.source(treeName)
	if err != nil {
		return nil, nil, err
	}
	var (
		res *archive.Resolution
		tc  *toolchain.Toolchain
	)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		tc, err = l.toolchain(gctx, toolchainName)
		return err
	})
	if src.Name != "" {
		g.Go(func() (err error) {
			t := l.settings.Trees[treeName]
			if res, err = l.archive.Newest(gctx, t.Suite, t.Package); err != nil {
				return fmt.Errorf("tree %s: %w", treeName, err)
			}
			if !tree.Have(l.store, res.Packages[0].SHA256) {
				_, err = l.archive.Fetch(gctx, "tree "+treeName+": ", res.Packages)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var t *tree.Tree
	switch {
	case src.Directory != "":
		t, err = l.directory(ctx, src.Directory, tc)
	case src.Git != nil:
		t, err = tree.FromGit(ctx, l.store, l.sink, *src.Git, git(tc))
	case src.Tarball != nil:
		t, err = tree.FromTarball(ctx, l.store, l.sink, *src.Tarball, tc.XZ, l.archive.Client.HTTP)
	default:
		pkg := res.Packages[0]
		t, err = tree.FromArchive(ctx, l.store, l.sink, tree.Archive{
			Name: treeName, Package: pkg.Name + " " + pkg.Version, Sum: pkg.SHA256,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return l.openSource(ctx, pkg, tc) },
		})
		if err == nil {
			t.Notes = append(t.Notes, res.Notes...)
		}
	}
	if err == nil && l.trees != nil {
		l.trees[treeName] = t
	}
	return t, tc, err
}

// directory is the user's own tree, as it is, with a note where that is not a
// commit.
func (l *Lab) directory(ctx context.Context, path string, tc *toolchain.Toolchain) (*tree.Tree, error) {
	t, err := tree.FromDirectory(ctx, l.store, l.sink, path, func(ctx context.Context, dir string) error { return mrproper(ctx, tc, dir) })
	if err != nil {
		return nil, err
	}
	work, err := tree.ReadWorkTree(ctx, path, git(tc))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		t.Notes = append(t.Notes, fmt.Sprintf("git says nothing of %s: %v", path, err))
	case work != nil && work.Note() != "":
		t.Notes = append(t.Notes, work.Note())
	case work != nil:
		t.Commit = work.Commit
	}
	return t, nil
}

// openSource yields the tar stream that a linux-source package holds.
func (l *Lab) openSource(ctx context.Context, pkg debian.Package, tc *toolchain.Toolchain) (io.ReadCloser, error) {
	files, err := l.archive.Fetch(ctx, "tree "+pkg.Name+": ", []debian.Package{pkg})
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
	return &source{plain, extracted}, nil
}

type source struct {
	io.ReadCloser
	extracted chan error
}

func (s *source) Close() error { return errors.Join(s.ReadCloser.Close(), <-s.extracted) }

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
