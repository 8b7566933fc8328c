package tree

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
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
	var line []byte
	for _, p := range slices.Sorted(maps.Keys(d.files)) {
		line = append(appendQuote(line[:0], p), ' ')
		_, _ = w.Write(append(appendQuote(line, d.files[p]), '\n')) // Flush tells
	}
	return w.Flush()
}

// appendQuote is strconv.AppendQuote, which takes three times as long for what stands for itself, as nearly all does.
func appendQuote(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
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

// manifest returns what the tree of a digest consists of: as it was kept when the tree was made, else as its files are.
func manifest(ctx context.Context, st *store.Store, sum string) (*digest, error) {
	var l Layer
	if _, whole := st.Peek(kindTree, sum); !whole && st.Get(kindLayer, sum, &l) {
		d, err := manifest(ctx, st, l.Base)
		if err == nil {
			d.apply(l.Files)
		}
		return d, err
	}
	kept, err := list(ctx, st, sum)
	if err != nil {
		return nil, err
	}
	return readManifest(kept)
}

// list is the path of the list that the digest of a whole tree is computed over.
func list(ctx context.Context, st *store.Store, sum string) (string, error) {
	kept, err := st.File(ctx, sum, func(ctx context.Context, w io.Writer) error {
		dir, ok := st.Lookup(kindTree, sum)
		if !ok {
			return fmt.Errorf("tree %s: %w", store.Short(sum), fs.ErrNotExist)
		}
		d, err := readDigest(ctx, dir)
		if err != nil {
			return err
		}
		return d.write(w)
	})
	if err != nil {
		err = fmt.Errorf("list tree %s: %w (if its files in the store were changed: remove it and run again)", store.Short(sum), err)
	}
	return kept, err
}

// restore makes of each file of d what a list says of it, "" where that has none.
func (d *digest) restore(list []byte) (err error) {
	for name := range d.files {
		if d.files[name], err = whatIs(list, name); err != nil {
			return err
		}
	}
	return nil
}

// whatIs is what a list, which is in the order of the names, says of one of them.
func whatIs(text []byte, name string) (string, error) {
	var wrong error
	at := store.From(text, func(line []byte) bool {
		is, _, err := manifestLine(string(line))
		wrong = errors.Join(wrong, err)
		return is < name
	})
	if wrong != nil || at == len(text) {
		return "", wrong
	}
	line, _, _ := bytes.Cut(text[at:], []byte{'\n'})
	is, what, err := manifestLine(string(line))
	if is != name {
		what = ""
	}
	return what, err
}

// delta is what makes of d the list to: the files that are other, and "" for those that are gone.
func (d *digest) delta(to *digest) map[string]string {
	delta := map[string]string{}
	both := 0
	for name, what := range to.files {
		was, ok := d.files[name]
		if ok {
			both++
		}
		if was != what {
			delta[name] = what
		}
	}
	if both == len(d.files) {
		return delta
	}
	for name := range d.files {
		if _, ok := to.files[name]; !ok {
			delta[name] = ""
		}
	}
	return delta
}

// apply makes of d what delta says.
func (d *digest) apply(delta map[string]string) {
	for name, what := range delta {
		if what == "" {
			delete(d.files, name)
		} else {
			d.files[name] = what
		}
	}
}

func readManifest(path string) (*digest, error) {
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

// reread brings the entry of name, below root, up to date.
func (d *digest) reread(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil || info.IsDir() {
		delete(d.files, name)
		return nil
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := root.Readlink(name)
		d.link(name, target)
		return err
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return d.read(name, info.Mode(), f)
}

// escaping are the symbolic links of d that lead out of the tree: who follows them, outside of the sandbox, would read
// the user's own files.
func (d *digest) escaping() map[string]bool {
	out := map[string]bool{}
	for name, what := range d.files {
		if what[0] == 'l' && !d.inside(name, 0) {
			out[name] = true
		}
	}
	return out
}

// inside reports whether what name leads to, through links, stays within the tree.
func (d *digest) inside(name string, links int) bool {
	at := "."
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		if at == ".." {
			return false
		}
		target, ok := strings.CutPrefix(d.files[at], "l ")
		if !ok {
			continue
		}
		if path.IsAbs(target) {
			return false
		}
		if links == mostLinks {
			return true // it leads nowhere
		}
		// Not cleaned: what stands before a .. may be a link itself.
		to := path.Dir(at) + "/" + target
		if !d.inside(strings.TrimPrefix(to, "./"), links+1) {
			return false
		}
		at = path.Join(path.Dir(at), target)
	}
	return true
}
