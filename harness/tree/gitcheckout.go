package tree

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the name of a git object
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"umlab/harness/progress"
	"umlab/harness/sandbox"
	"umlab/harness/store"
	"umlab/harness/tree/patch"
)

// GitSource names a commit of a repository.
type GitSource struct {
	Name string // the tree's name, for people
	Path string // of a local repository: a work tree's top or a bare one; or
	URL  string // of one elsewhere: https, http or git
	Ref  string // a branch, a tag or a commit
}

// FromGit returns the tree of a commit. A local repository is read where it is,
// and never written to; of one elsewhere, the commit alone is fetched into a bare
// mirror in the store.
func FromGit(ctx context.Context, st *store.Store, sink progress.Sink, s GitSource, git Git) (*Tree, error) {
	var (
		r      *repo
		commit string
		notes  []string
		err    error
	)
	if s.Path != "" {
		if r, err = openRepo(s.Path); err == nil {
			commit, err = r.resolve(ctx, git, s.Ref)
		}
	} else {
		r, commit, notes, err = mirrored(ctx, st, sink, s, git)
	}
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", s.Name, err)
	}
	t, err := checkedOut(ctx, st, sink, s.Name, r, commit, git)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", s.Name, err)
	}
	t.Commit = commit
	t.Package = strings.TrimSpace("git " + commit[:12])
	if s.Ref != commit {
		t.Package = fmt.Sprintf("git %s (%s)", commit[:12], s.Ref)
	}
	t.Notes = append(t.Notes, notes...)
	return t, nil
}

// checkedOut checks the commit of r out into the store, or finds it there.
func checkedOut(ctx context.Context, st *store.Store, sink progress.Sink, name string, r *repo, commit string, git Git) (*Tree, error) {
	key := store.Key("commit", unpackVersion, r.common, commit)
	t := &Tree{Name: name}
	err := once(ctx, st, t, key, func() error {
		task := sink.Start("check out tree "+name, progress.Bytes, 0)
		err := r.withSkeleton(st, commit, func(skeleton string) error {
			tmp, remove, err := st.Scratch("tree")
			if err != nil {
				return err
			}
			defer remove()
			dir := filepath.Join(tmp, "tree")
			d, err := checkout(ctx, git, r, skeleton, commit, dir, task)
			if err != nil {
				return err
			}
			version, err := Version(dir)
			var not *NotKernelError
			if errors.As(err, &not) { // that directory is gone when anybody reads of it
				repository, _, _ := strings.Cut(name, "#")
				return &NotKernelError{fmt.Sprintf("commit %s of %s", commit[:12], repository), not.Why}
			}
			if err != nil {
				return err
			}
			if err := keep(ctx, st, dir, d); err != nil {
				return err
			}
			return st.Put("tree-of", key, treeRecord{d.sum(), version})
		})
		task.Done(err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check out %s: %w", commit[:12], err)
	}
	return t, nil
}

// blob is a file of a commit.
type blob struct {
	mode, name, path string
}

// checkout writes the files of commit to dir, byte for byte as they were
// committed: no attribute of the repository converts them. Every object is held
// against its name.
func checkout(ctx context.Context, git Git, r *repo, skeleton, commit, dir string, task progress.Task) (*digest, error) {
	list := sandbox.Command{Args: []string{"ls-tree", "-r", "-z", "--full-tree", commit}}
	out, err := output(ctx, git, "list its files", r.objects(skeleton, list))
	if err != nil {
		return nil, err
	}
	blobs, err := readBlobs(out)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()

	var names strings.Builder
	for _, b := range blobs {
		names.WriteString(b.name + "\n")
	}
	gctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A file, so that git writes to it itself and nothing is copied in between.
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		var said bytes.Buffer
		status, err := git(gctx, r.objects(skeleton, sandbox.Command{
			Args: []string{"cat-file", "--batch", "--buffer"}, Stdin: strings.NewReader(names.String()), Stdout: pw, Stderr: &said,
		}))
		if err == nil && status != 0 {
			err = &gitError{"read its files", patch.OneLine(said.String())}
		}
		pw.Close()
		ended <- err
	}()
	d := newDigest()
	err = writeBlobs(bufio.NewReaderSize(pr, 1<<20), root, blobs, d, task)
	if err != nil {
		cancel(err)
	}
	pr.Close()
	// Where git's output ended too soon, git knows why.
	if ran := <-ended; ran != nil && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = ran
	}
	return d, err
}

// readBlobs reads what git ls-tree -r -z prints.
func readBlobs(out []byte) (all []blob, err error) {
	for l := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if l == "" {
			continue
		}
		head, name, ok := strings.Cut(l, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 3 || !objectName.MatchString(f[2]) {
			return nil, fmt.Errorf("git ls-tree printed %q", patch.OneLine(l))
		}
		if bad := patch.BadPath(name); bad != "" {
			return nil, fmt.Errorf("the commit holds a file %q, which %s", name, bad)
		}
		switch f[0] {
		case "100644", "100755", "100664", "120000":
			all = append(all, blob{f[0], f[2], name})
		case "160000": // a submodule: git checks out an empty directory
		default:
			return nil, fmt.Errorf("the commit holds %s with mode %s, which has no place in a kernel source", name, f[0])
		}
	}
	return all, nil
}

// writeBlobs writes what git cat-file --batch prints for the blobs.
func writeBlobs(r *bufio.Reader, root *os.Root, blobs []blob, d *digest, task progress.Task) error {
	made := map[string]bool{".": true}
	for _, b := range blobs {
		head, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read %s: %w", b.path, err)
		}
		f := strings.Fields(head)
		if len(f) != 3 || f[0] != b.name || f[1] != "blob" {
			return fmt.Errorf("read %s: git has no content for it (%s); of a partial clone, fetch the rest first", b.path, patch.OneLine(head))
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("read %s: git printed %s", b.path, patch.OneLine(head))
		}
		if dir := path.Dir(b.path); !made[dir] {
			made[dir] = true
			if err := root.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		if err := writeBlob(io.LimitReader(r, size), size, root, b, d); err != nil {
			return fmt.Errorf("write %s: %w", b.path, err)
		}
		if c, err := r.ReadByte(); err != nil || c != '\n' {
			return fmt.Errorf("read %s: git's output ends in the middle", b.path)
		}
		task.Add(size)
	}
	return nil
}

func writeBlob(r io.Reader, size int64, root *os.Root, b blob, d *digest) error {
	var name hash.Hash = sha1.New()
	if len(b.name) == 64 {
		name = sha256.New()
	}
	fmt.Fprintf(name, "blob %d\x00", size)
	content := sha256.New()
	if b.mode == "120000" {
		target, err := io.ReadAll(io.LimitReader(io.TeeReader(r, name), 1<<16))
		if err != nil {
			return err
		}
		if err := root.Symlink(string(target), b.path); err != nil {
			return err
		}
		d.link(b.path, string(target))
		return named(name, b)
	}
	perm := os.FileMode(0o644)
	if b.mode == "100755" {
		perm = 0o755
	}
	f, err := root.OpenFile(b.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(f, name, content), r)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	d.file(b.path, perm == 0o755, content.Sum(nil))
	return named(name, b)
}

func named(h hash.Hash, b blob) error {
	if got := hex.EncodeToString(h.Sum(nil)); got != b.name {
		return fmt.Errorf("its content is object %s, not %s: the repository is damaged (git fsck)", got, b.name)
	}
	return nil
}
