// Package tarball fetches archives that have nothing but a digest to be known
// by, opens them whatever they are compressed with, and unpacks them so that
// nothing lands outside. It may import store and progress; it runs nothing and
// knows nothing of what the archives hold.
package tarball

import (
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

	"umlab/harness/progress"
	"umlab/harness/store"
)

// Source is where an archive comes from, and which one it must be.
type Source struct {
	Name string // for the progress: "tree linux-7.3.tar.xz"
	Path string // of a local file; or
	URL  string // https or http
	Sum  string // sha256 that it must have, hex
}

// stalled is for how long a server may send nothing.
const stalled = time.Minute

// Fetch returns the archive's file in the store, getting it where it is not
// there. What has another digest is refused and not kept. A nil client is
// http.DefaultClient.
func Fetch(ctx context.Context, st *store.Store, sink progress.Sink, s Source, client *http.Client) (path string, err error) {
	sum, err := Sum(s.Sum)
	if err != nil {
		return "", err
	}
	path, err = st.File(ctx, sum, func(ctx context.Context, w io.Writer) error {
		if s.Path != "" {
			return copyTo(w, s.Path)
		}
		return Download(ctx, sink, s.Name, s.URL, client, w)
	})
	var wrong *store.DigestError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s%s: %w: it is not the tarball that was meant; nothing of it was used", s.Path, s.URL, wrong)
	}
	return path, err
}

// Sum is a sha256 as the store writes it.
func Sum(sum string) (string, error) {
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 {
		return "", fmt.Errorf("%q is no sha256: give 64 hexadecimal digits", sum)
	}
	return strings.ToLower(sum), nil
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

// Download writes what the URL serves to w; name says in the progress what it
// is.
func Download(ctx context.Context, sink progress.Sink, name, from string, client *http.Client, w io.Writer) (err error) {
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%q is no URL that can be fetched: give one of https or http", from)
	}
	if client == nil {
		client = http.DefaultClient
	}
	task := sink.Start("fetch "+name, progress.Bytes, 0)
	defer func() { task.Done(err) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("%s sent nothing for %s: try again later", u.Host, stalled)) })
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	// What was compressed for transport alone would be another file.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		return because(ctx, fmt.Errorf("%w; check the connection (and https_proxy), or fetch the file yourself and give its path", err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch %s: the server answered %s; check the address, or try again later", u.Redacted(), resp.Status)
	}
	task.Total(max(resp.ContentLength, 0))
	alive := writerFunc(func(p []byte) (int, error) {
		watch.Reset(stalled)
		task.Add(int64(len(p)))
		return w.Write(p)
	})
	if _, err := io.Copy(alive, resp.Body); err != nil {
		return because(ctx, fmt.Errorf("fetch %s: %w", u.Redacted(), err))
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
