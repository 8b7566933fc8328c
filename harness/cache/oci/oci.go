// Package oci speaks to registries for package cache: by oras-go, with the logins of docker. It imports cache and usage,
// and is compiled only into programs that use a cache.
package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
	"oras.land/oras-go/v2/registry/remote/retry"

	"umlab/harness/cache"
	"umlab/harness/usage"
)

// scheme begins the addresses of caches.
const scheme = "oci://"

// registry is a cache.Registry.
type registry struct {
	repo *remote.Repository
	name string
}

// Open is the repository at an address like oci://ghcr.io/me/umlab. It asks nothing yet. Plain HTTP is spoken with this
// machine alone.
func Open(address string) (cache.Registry, error) {
	wrong := func(err error) (cache.Registry, error) {
		return nil, usage.Errorf("UMLAB_CACHE=%s: %w; write oci://REGISTRY/NAME, such as oci://ghcr.io/me/umlab or oci://localhost:5000/umlab",
			address, err)
	}
	path, ok := strings.CutPrefix(address, scheme)
	if !ok {
		return wrong(errors.New("it does not begin with oci://"))
	}
	repo, err := remote.NewRepository(path)
	if err != nil {
		return wrong(err)
	}
	if repo.Reference.Reference != "" {
		return wrong(errors.New("it has a tag or a digest"))
	}
	logins, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, usage.Errorf("the logins of registries, docker's config.json: %w", err)
	}
	repo.PlainHTTP = own(repo.Reference.Host())
	client := &auth.Client{
		Client: &http.Client{CheckRedirect: stayPrivate, Transport: &retry.Transport{
			Base: &watched{next: transport(), stall: stall}, Policy: func() retry.Policy { return again },
		}},
		Cache: auth.NewCache(), Credential: credentials.Credential(logins),
	}
	client.SetUserAgent("umlab")
	repo.Client = client
	repo.SkipReferrersGC = true // nothing refers to these
	return &registry{repo, address}, nil
}

// again is how often a request is made that a server refused for a while: who waits for a cache could build meanwhile.
var again = &retry.GenericPolicy{Retryable: retry.DefaultPredicate, Backoff: retry.DefaultBackoff, MinWait: 200 * time.Millisecond,
	MaxWait: 2 * time.Second, MaxRetry: 3}

// own reports whether a host, perhaps with a port, is this machine.
func own(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// stayPrivate follows no redirection from HTTPS to plain HTTP.
func stayPrivate(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("it redirects for ever")
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("it redirects to %s, which is not encrypted", req.URL.Host)
	}
	return nil
}

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.DisableCompression = true // what is asked for is the bytes of the digest
	t.MaxIdleConnsPerHost = 8
	return t
}

// Name is the address.
func (r *registry) Name() string { return r.name }

// said makes of an error of oras one of package cache.
func (r *registry) said(err error) error {
	answer, answered := errors.AsType[*errcode.ErrorResponse](err)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // who tells of it names the registry
	}
	switch {
	case errors.Is(err, errdef.ErrNotFound), answered && answer.StatusCode == http.StatusNotFound:
		return cache.ErrNone
	case errors.Is(err, auth.ErrBasicCredentialNotFound),
		answered && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return fmt.Errorf("%w; log in: docker login %s, or podman's or oras's (it stands in docker's config.json)", err,
			r.repo.Reference.Host())
	}
	return err
}

// Manifest returns the manifest of a tag.
func (r *registry) Manifest(ctx context.Context, tag string) ([]byte, error) {
	_, body, err := r.repo.FetchReference(ctx, tag)
	if err != nil {
		return nil, r.said(err)
	}
	defer body.Close()
	const most = 4 << 20 // as registries have it
	text, err := io.ReadAll(io.LimitReader(body, most))
	return text, err
}

// Blob opens a blob; it is for the reader to hold it against its digest.
func (r *registry) Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	body, err := r.repo.Blobs().Fetch(ctx, d)
	return body, r.said(err)
}

// pushes is how often a blob is sent.
const pushes = 3

// PutBlob sends a blob that is not there, again where that fails for a while.
func (r *registry) PutBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	if there, err := r.repo.Blobs().Exists(ctx, d); err != nil || there {
		return r.said(err)
	}
	for n := 1; ; n++ {
		body, err := open()
		if err != nil {
			return err
		}
		err = r.repo.Blobs().Push(ctx, d, body)
		_ = body.Close() // it was only read
		if err == nil || n == pushes || ctx.Err() != nil || !passing(err) {
			return r.said(err)
		}
		select {
		case <-time.After(time.Duration(n) * time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// passing reports whether an error may be another time none.
func passing(err error) bool {
	answer, ok := errors.AsType[*errcode.ErrorResponse](err)
	return !ok || answer.StatusCode >= 500 && answer.StatusCode != http.StatusInsufficientStorage
}

// PutManifest stores a manifest under a tag.
func (r *registry) PutManifest(ctx context.Context, tag string, text []byte) error {
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(text), Size: int64(len(text))}
	return r.said(r.repo.PushReference(ctx, d, bytes.NewReader(text), tag))
}

// Tags returns all tags; of a repository that is not there yet, none.
func (r *registry) Tags(ctx context.Context) (all []string, err error) {
	err = r.said(r.repo.Tags(ctx, "", func(tags []string) error {
		all = append(all, tags...)
		return nil
	}))
	if errors.Is(err, cache.ErrNone) {
		return nil, nil
	}
	return all, err
}

// Delete removes a manifest.
func (r *registry) Delete(ctx context.Context, d ocispec.Descriptor) error {
	err := r.repo.Manifests().Delete(ctx, d)
	answer, ok := errors.AsType[*errcode.ErrorResponse](err)
	if ok && (answer.StatusCode == http.StatusMethodNotAllowed || answer.StatusCode == http.StatusNotImplemented) {
		return fmt.Errorf("%w (%w)", cache.ErrForbidden, err)
	}
	return r.said(err)
}
