package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"sync"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"umlab/harness/progress"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// Registry is a repository of a registry. It is safe for concurrent use, and nothing that it returns is believed.
type Registry interface {
	// Manifest returns the manifest with that tag. The error is ErrNone where there is none.
	Manifest(ctx context.Context, tag string) ([]byte, error)
	// Blob opens the bytes that a descriptor names. The error is ErrNone where they are not there.
	Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)
	// PutBlob stores bytes, unless they are there; open gives them from their beginning, as often as it is called.
	PutBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error
	// PutManifest stores a manifest and gives it that tag.
	PutManifest(ctx context.Context, tag string, text []byte) error
	// Tags returns all tags.
	Tags(ctx context.Context) ([]string, error)
	// Delete removes the manifest, and with it its tags. The error is ErrForbidden where the registry does not do that.
	Delete(ctx context.Context, d ocispec.Descriptor) error
	// Name is the address, for people.
	Name() string
}

// What a Registry answers.
var (
	ErrNone      = errors.New("there is no such artifact")
	ErrForbidden = errors.New("the registry removes nothing")
)

// shape is what the artifacts of a kind hold.
type shape int

const (
	none   shape = iota
	dir          // a directory of the store
	tried        // a directory of the store that make compares by its times
	trees        // a tree, see tree.Pack
	record       // a record of the store with the files that it names
)

// Kinds that are not the business of the packages below.
const (
	kindBaseline = "baseline"
	kindSysroot  = "sysroot"
	// Files are files of the store, such as transcripts, with a record that says what they are, under a key that somebody chose.
	Files = "files"
)

// shapes are the kinds that are shared.
var shapes = map[string]shape{
	kindBaseline: tried, "build": record, "goal": record, // of kbuild
	kindSysroot: dir, "llvm": dir, "rust": dir, "rust-src": dir, "rustup": record, // of toolchain
	tree.Kind: trees, tree.KindOf: record, tree.KindModules: dir,
	Files: record,
}

// links are where symbolic links of a kind may lead besides into the artifact itself: directories of the sandbox, in which alone
// they are followed.
var links = map[string][]string{kindSysroot: {"/"}, kindBaseline: {"/src", "/build"}, "llvm": {"/llvm"}}

// Options say what a Cache works with.
type Options struct {
	Registry Registry
	Keys     *Keys
	Store    *store.Store
	Sink     progress.Sink
	Revision string // of umlab
	Now      func() time.Time
}

// Cache is a registry as a store.Remote. What is wrong with it is told, and never keeps a run from its result.
type Cache struct {
	Options
	lost until // it could not be reached: it is not asked
	full until // it takes nothing: nothing is pushed

	ctx  context.Context // of the pushes
	stop context.CancelFunc

	mu      sync.Mutex
	told    map[string]bool      // lines that were told
	offered map[store.Entry]bool // by this process
	bad     map[store.Entry]bool // what was refused: whatever the registry says of it, it is pushed again
	queue   []store.Offered      // to be pushed
	idle    chan struct{}        // closed when the queue is empty; nil while nothing is pushed
}

// New is a cache of a registry; it asks nothing yet.
func New(o Options) *Cache {
	c := &Cache{Options: o, told: map[string]bool{}, offered: map[store.Entry]bool{}, bad: map[store.Entry]bool{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// rest is for how long a cache is left alone that failed: a run goes on without it, and a worker comes back to it.
const rest = 5 * time.Minute

// until is a time until which something holds.
type until struct{ atomic.Int64 }

func (u *until) set(t time.Time)          { u.Store(t.UnixNano()) }
func (u *until) holds(now time.Time) bool { return now.UnixNano() < u.Load() }

// RefusedError says that what a cache has is not taken.
type RefusedError struct {
	Entry store.Entry
	Err   error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Entry.Kind, store.Short(e.Entry.Key), e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// tell notes a line, once.
func (c *Cache) tell(format string, args ...any) {
	line := "cache: " + fmt.Sprintf(format, args...)
	c.mu.Lock()
	before := c.told[line]
	c.told[line] = true
	c.mu.Unlock()
	if !before {
		c.Sink.Note(line)
	}
}

// start shows what is done with e: "fetch baseline 0123456789ab from the cache". Records are many and small, and not shown.
func (c *Cache) start(do, with string, e store.Entry, unit progress.Unit, total int64) progress.Task {
	sink := c.Sink
	if shapes[e.Kind] == record {
		sink = progress.Discard{}
	}
	return sink.Start(fmt.Sprintf("%s %s %s %s the cache", do, e.Kind, store.Short(e.Key), with), unit, total)
}

// whoami is the user and the host, for people.
func whoami() string {
	name := "somebody"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
