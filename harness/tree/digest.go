package tree

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
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
