package tree

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"umlab/harness/store"
)

// Digest is over all files of a tree: for each, in the order of the names, its
// path, whether it is executable, and the sha256 of its content or the target
// of the link. Directories, owners and times do not count: make sees none of
// them through the sandbox.
type digest struct {
	mu    sync.Mutex
	files map[string]string // path -> "x sha256", "f sha256", "l target"
}

func newDigest() *digest { return &digest{files: map[string]string{}} }

func (d *digest) file(path string, executable bool, sum []byte) {
	kind := "f "
	if executable {
		kind = "x "
	}
	d.set(path, kind+hex.EncodeToString(sum))
}

// read adds the file f, which it closes.
func (d *digest) read(path string, mode fs.FileMode, f *os.File) error {
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	d.file(path, mode&0o111 != 0, h.Sum(nil))
	return nil
}

func (d *digest) link(path, target string) { d.set(path, "l "+target) }

func (d *digest) set(path, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[path] = what
}

func (d *digest) sum() string {
	h := sha256.New()
	_ = d.write(h) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}

// write writes the list whose sha256 is the digest.
func (d *digest) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, p := range slices.Sorted(maps.Keys(d.files)) {
		fmt.Fprintf(w, "%q %q\n", p, d.files[p])
	}
	return w.Flush()
}

// keepManifest keeps the list that the tree's digest is computed over. It lies in
// the store under that very digest, as the list's sha256 is the digest.
func keepManifest(ctx context.Context, st *store.Store, d *digest) error {
	var text bytes.Buffer
	if err := d.write(&text); err != nil {
		return err
	}
	_, err := st.Bytes(ctx, text.Bytes())
	return err
}

// manifest returns what t consists of: kept when the tree was made, else read
// from its files.
func manifest(ctx context.Context, st *store.Store, t *Tree) (*digest, error) {
	path, err := st.File(ctx, t.Digest, func(ctx context.Context, w io.Writer) error {
		d, err := readDigest(ctx, t.Dir)
		if err != nil {
			return err
		}
		return d.write(w)
	})
	if err != nil {
		return nil, fmt.Errorf("list tree %s: %w (its files in the store were changed: remove %s and run again)", t.Name, err, t.Dir)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := newDigest()
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return d, s.Err()
		}
		name, what, err := manifestLine(s.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		d.files[name] = what
	}
}

func manifestLine(l string) (name, what string, err error) {
	q, err := strconv.QuotedPrefix(l)
	if err != nil {
		return "", "", fmt.Errorf("%q is no line of a manifest", l)
	}
	if name, err = strconv.Unquote(q); err == nil {
		what, err = strconv.Unquote(strings.TrimPrefix(l[len(q):], " "))
	}
	if err != nil {
		return "", "", fmt.Errorf("%q is no line of a manifest", l)
	}
	return name, what, nil
}

// reread brings the entry of path, below root, up to date.
func (d *digest) reread(root *os.Root, path string) error {
	info, err := root.Lstat(path)
	if err != nil || info.IsDir() {
		delete(d.files, path)
		return nil
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := root.Readlink(path)
		d.link(path, target)
		return err
	}
	f, err := root.Open(path)
	if err != nil {
		return err
	}
	return d.read(path, info.Mode(), f)
}
