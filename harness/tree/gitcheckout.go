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
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	t.Commit, t.Origin = commit, s.origin()
	t.Package = strings.TrimSpace("git " + commit[:12])
	if s.Ref != commit {
		t.Package = fmt.Sprintf("git %s (%s)", commit[:12], s.Ref)
	}
	t.Notes = append(t.Notes, notes...)
	return t, nil
}

// checkedOut makes the tree of the commit of r, or finds it in the store.
func checkedOut(ctx context.Context, st *store.Store, sink progress.Sink, name string, r *repo, commit string, git Git) (*Tree, error) {
	key := store.Key("commit", unpackVersion, r.common, commit)
	t := &Tree{Name: name}
	err := once(ctx, st, t, key, false, func() error {
		task := sink.Start("check out tree "+name, progress.Bytes, 0)
		err := r.withSkeleton(st, commit, func(skeleton string) error {
			tmp, remove, err := st.Scratch("tree")
			if err != nil {
				return err
			}
			defer remove()
			c := checkout{repo: r, git: git, skeleton: skeleton, dir: filepath.Join(tmp, "blobs"), task: task}
			digest, err := c.keep(ctx, st, commit)
			if err != nil {
				return err
			}
			layers, ok := opened(st, digest)
			if !ok {
				return errLost
			}
			repository, _, _ := strings.Cut(name, "#")
			version, err := version(layered{layers, st}, fmt.Sprintf("commit %s of %s", commit[:12], repository))
			if err != nil {
				return err
			}
			return st.Put(KindOf, key, treeRecord{digest, version})
		})
		task.Done(err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check out %s: %w", commit[:12], err)
	}
	return t, nil
}

// checkout reads files of a commit, byte for byte as they were committed: no attribute of the repository converts them.
// Every object is held against its name.
type checkout struct {
	repo     *repo
	git      Git
	skeleton string
	dir      string            // of the blobs that were read, by name
	sums     map[string]string // what is known of blobs: the sha256 of each name
	task     progress.Task
}

const kindBlobs = "git-blobs"

// keep stores the tree of a commit and returns its digest. A blob that an earlier tree of the repository had is not read
// to learn its digest, and only what the nearest tree in the store has not is written.
func (c *checkout) keep(ctx context.Context, st *store.Store, commit string) (string, error) {
	blobs, err := c.list(ctx, commit)
	if err != nil {
		return "", err
	}
	key := store.Key(kindBlobs, c.repo.common)
	c.sums = map[string]string{}
	st.Load(kindBlobs, key, &c.sums)
	before := len(c.sums)
	var names []string
	of := make(map[string]blob, len(blobs))
	for _, b := range blobs {
		of[b.path] = b
		if _, known := c.sums[b.name]; !known || b.mode == gitLink {
			names = append(names, b.name)
		}
	}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return "", err
	}
	if err := c.read(ctx, names); err != nil {
		return "", err
	}
	d := newDigest()
	for _, b := range blobs {
		switch b.mode {
		case gitLink:
			target, err := os.ReadFile(filepath.Join(c.dir, b.name))
			if err != nil {
				return "", err
			}
			d.link(b.path, string(target))
		case gitProgram:
			d.set(b.path, "x "+c.sums[b.name])
		default:
			d.set(b.path, "f "+c.sums[b.name])
		}
	}
	sum, err := keep(ctx, st, d, "", content{
		ready: func(ctx context.Context, paths []string) error {
			var names []string
			for _, p := range paths {
				names = append(names, of[p].name)
			}
			return c.read(ctx, names)
		},
		place: func(_ context.Context, name, dst string) error {
			return put(d.files[name], dst, func() (fs.File, error) { return os.Open(filepath.Join(c.dir, of[name].name)) })
		},
	})
	if err == nil && len(c.sums) > before {
		err = st.Save(kindBlobs, key, c.sums)
	}
	return sum, err
}

// list lists the files of a commit.
func (c *checkout) list(ctx context.Context, commit string) ([]blob, error) {
	command := sandbox.Command{Args: []string{"ls-tree", "-r", "-z", "--full-tree", commit}}
	out, err := output(ctx, c.git, "list its files", c.repo.objects(c.skeleton, command))
	if err != nil {
		return nil, err
	}
	return readBlobs(out)
}

// read writes the blobs of those names, where they are not there yet, to c.dir, and notes what their sha256 is.
func (c *checkout) read(ctx context.Context, names []string) error {
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		_, err := os.Stat(filepath.Join(c.dir, name))
		return err == nil
	})
	if len(names) == 0 {
		return nil
	}
	gctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A file, so that git writes to it itself and nothing is copied in between.
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		var said bytes.Buffer
		status, err := c.git(gctx, c.repo.objects(c.skeleton, sandbox.Command{
			Args: []string{"cat-file", "--batch", "--buffer"}, Stdin: strings.NewReader(strings.Join(names, "\n") + "\n"), Stdout: pw, Stderr: &said,
		}))
		if err == nil && status != 0 {
			err = &gitError{"read its files", patch.OneLine(said.String())}
		}
		pw.Close()
		ended <- err
	}()
	err = c.write(bufio.NewReaderSize(pr, 1<<20), names)
	if err != nil {
		cancel(err)
	}
	pr.Close()
	// Where git's output ended too soon, git knows why.
	if ran := <-ended; ran != nil && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = ran
	}
	return err
}

// blob is a file of a commit.
type blob struct {
	mode, name, path string
}

// Modes of blobs.
const (
	gitProgram = "100755"
	gitLink    = "120000"
)

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
		case "100644", gitProgram, "100664", gitLink:
			all = append(all, blob{f[0], f[2], name})
		case "160000": // a submodule: git checks out an empty directory
		default:
			return nil, fmt.Errorf("the commit holds %s with mode %s, which has no place in a kernel source", name, f[0])
		}
	}
	return all, nil
}

// write writes what git cat-file --batch prints for the blobs of those names.
func (c *checkout) write(r *bufio.Reader, names []string) error {
	for _, name := range names {
		head, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read object %s: %w", name, err)
		}
		f := strings.Fields(head)
		if len(f) != 3 || f[0] != name || f[1] != "blob" {
			return fmt.Errorf("read object %s: git has no content for it (%s); of a partial clone, fetch the rest first", name, patch.OneLine(head))
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("read object %s: git printed %s", name, patch.OneLine(head))
		}
		if err := c.writeOne(io.LimitReader(r, size), size, name); err != nil {
			return fmt.Errorf("write object %s: %w", name, err)
		}
		if end, err := r.ReadByte(); err != nil || end != '\n' {
			return fmt.Errorf("read object %s: git's output ends in the middle", name)
		}
		c.task.Add(size)
	}
	return nil
}

func (c *checkout) writeOne(r io.Reader, size int64, name string) error {
	var object hash.Hash = sha1.New()
	if len(name) == 64 {
		object = sha256.New()
	}
	fmt.Fprintf(object, "blob %d\x00", size)
	sum := sha256.New()
	f, err := os.Create(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(f, object, sum), r)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(object.Sum(nil)); got != name {
		return fmt.Errorf("its content is object %s: the repository is damaged (git fsck)", got)
	}
	c.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}
