package tree

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"umlab/harness/progress"
	"umlab/harness/store"
)

// Tarball is a source archive that is no package of a distribution.
type Tarball struct {
	Name string // the tree's name, for people
	Path string // of a local file; or
	URL  string // https or http
	Sum  string // sha256 that it must have, hex; "" of a local file that is taken as it is
}

// stalled is for how long a server may send nothing.
const stalled = time.Minute

// FromTarball fetches the tarball where it is not at hand, holds it against its
// sha256, and unpacks it into the store. xz decompresses what needs it; gzip,
// zstd and bzip2 are at hand. A nil client is http.DefaultClient.
func FromTarball(ctx context.Context, st *store.Store, sink progress.Sink, t Tarball, xz Decompress, client *http.Client) (*Tree, error) {
	fail := func(err error) (*Tree, error) { return nil, fmt.Errorf("tree %s: %w", t.Name, err) }
	a := Archive{Name: t.Name, Package: "sha256 " + t.Sum}
	var notes []string
	switch {
	case t.Sum != "":
		if b, err := hex.DecodeString(t.Sum); err != nil || len(b) != 32 {
			return fail(fmt.Errorf("%q is no sha256: give 64 hexadecimal digits", t.Sum))
		}
		a.Sum = strings.ToLower(t.Sum)
	case t.Path == "":
		return fail(fmt.Errorf("%s has no sha256, and nothing else would say that it is what it should be: add #sha256=…", t.URL))
	default:
		_, sum, err := st.Keep(ctx, t.Path)
		if err != nil {
			return fail(err)
		}
		a.Sum = sum
		notes = append(notes, fmt.Sprintf("%s was taken as it is: no sha256 was given for it (it is %s)", t.Path, sum))
	}
	a.Package = "sha256 " + store.Short(a.Sum)
	a.Open = func(ctx context.Context) (io.ReadCloser, error) {
		path, err := st.File(ctx, a.Sum, func(ctx context.Context, w io.Writer) error {
			if t.Path != "" {
				return copyTo(w, t.Path)
			}
			return download(ctx, sink, client, t, w)
		})
		if err != nil {
			var wrong *store.DigestError
			if errors.As(err, &wrong) {
				err = fmt.Errorf("%s%s: %w: it is not the tarball that was meant; nothing of it was used", t.Path, t.URL, wrong)
			}
			return nil, err
		}
		return openTar(ctx, path, xz)
	}
	tr, err := FromArchive(ctx, st, sink, a)
	if err != nil {
		return nil, err
	}
	tr.Notes = append(tr.Notes, notes...)
	return tr, nil
}

func copyTo(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// download writes what the URL serves to w.
func download(ctx context.Context, sink progress.Sink, client *http.Client, t Tarball, w io.Writer) (err error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%q is no URL that can be fetched: give one of https or http", t.URL)
	}
	if client == nil {
		client = http.DefaultClient
	}
	task := sink.Start("fetch tree "+t.Name, progress.Bytes, 0)
	defer func() { task.Done(err) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("%s sent nothing for %s: try again later", u.Host, stalled)) })
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return err
	}
	// What was compressed for transport alone would be another file.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		return because(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch %s: %s", t.URL, resp.Status)
	}
	task.Total(max(resp.ContentLength, 0))
	alive := writerFunc(func(p []byte) (int, error) {
		watch.Reset(stalled)
		task.Add(int64(len(p)))
		return w.Write(p)
	})
	if _, err := io.Copy(alive, resp.Body); err != nil {
		return because(ctx, fmt.Errorf("fetch %s: %w", t.URL, err))
	}
	return nil
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// because is what ended ctx, where something did, else err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// openTar yields the tar stream of the file, by what its first bytes say.
func openTar(ctx context.Context, path string, xz Decompress) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	head, _ := r.Peek(512) // a shorter one is told by the switch
	both := func(inner io.Reader, closing func() error) io.ReadCloser {
		return &stream{inner, func() error { return errors.Join(closing(), f.Close()) }}
	}
	none := func() error { return nil }
	switch {
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		// The decompressor reads the file itself: a pipe in between would cost.
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			f.Close()
			return nil, err
		}
		plain, err := xz(ctx, f)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(plain, plain.Close), nil
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(z, z.Close), nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(r)
		if err != nil {
			f.Close()
			return nil, err
		}
		return both(z, func() error { z.Close(); return nil }), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return both(bzip2.NewReader(r), none), nil
	case len(head) == 512 && string(head[257:262]) == "ustar":
		return both(r, none), nil
	}
	f.Close()
	return nil, errors.New("it is no tar archive, nor one compressed with xz, gzip, zstd or bzip2")
}

type stream struct {
	io.Reader
	closing func() error
}

func (s *stream) Close() error { return s.closing() }
