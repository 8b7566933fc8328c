package toolchain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/settings"
	"umlab/harness/store"
	"umlab/harness/unpack"
)

// The values of settings.Toolchain.RustSrc.
const (
	srcComponent = "component"
	srcDebian    = "debian"
)

// rustSource returns the digest (of kindRustSrc) of the library's source that is
// of the very version of rustc, and says where it comes from: the component that
// is installed, Debian's package of the same release, or the archive of the
// component that the toolchain's own manifest names. The error is an *UnfitError
// where there is none.
func (p *Provider) rustSource(
	ctx context.Context, c settings.Toolchain, t *Toolchain, have rustupParts, is rustcVersion,
) (digest, detail string, err error) {
	var wrong []string
	if c.RustSrc != srcDebian {
		switch said := have.Channel; {
		case have.Source == "":
			wrong = append(wrong, fmt.Sprintf("rustup's %s (rustc %s) has no rust-src", c.Rustup, is))
		case said.Src == "":
			wrong = append(wrong, fmt.Sprintf("nothing says which version the rust-src of rustup's %s is: it was linked, not installed", c.Rustup))
		case !is.is(said.Src):
			wrong = append(wrong, fmt.Sprintf("the rust-src of rustup's %s is %s, and its rustc %s: they must be the same", c.Rustup, said.Src, is))
		default:
			return have.Source, "rust-src " + said.Src + " (rustup " + c.Rustup + ")", nil
		}
	}
	if c.RustSrc != srcComponent {
		digest, detail, reason, err := p.debianSource(ctx, t, c.Suites, is.release)
		if err != nil || digest != "" {
			return digest, detail, err
		}
		wrong = append(wrong, reason)
	}
	if c.RustSrc != srcDebian && have.Channel.SrcURL != "" && is.is(have.Channel.Src) {
		digest, err := p.archiveSource(ctx, t, have.Channel, p.distServer(c.Server))
		if err == nil {
			return digest, "rust-src " + have.Channel.Src + " (archive of the channel of " + have.Channel.Date + ")", nil
		}
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		wrong = append(wrong, "its archive cannot be had: "+err.Error())
	}
	if c.RustSrc != srcDebian && have.Source == "" && have.Channel.Src != "" {
		wrong = append(wrong, "to add it, run rustup component add rust-src --toolchain "+c.Rustup)
	}
	return "", "", t.unfit(is.release, wrong...)
}

// debianSource is the source of a release as Debian packages it: of all suites
// that umlab knows, those of the C side first. reason says why there is none.
func (p *Provider) debianSource(
	ctx context.Context, t *Toolchain, first []string, release string,
) (digest, detail, reason string, err error) {
	if !released.MatchString(release) {
		return "", "", "Debian has the source of releases only, and " + release + " is none", nil
	}
	suites := slices.Sorted(maps.Keys(p.Archive.Suites))
	res, err := p.Archive.Versions(ctx, suites, []string{"rust-src", "rust-web-src"})
	if err != nil {
		return "", "", "", fmt.Errorf("look for Debian's rust-src %s: %w", release, err)
	}
	pkg, ok := sourceOf(res.Packages, append(slices.Clone(first), suites...), release)
	if !ok {
		serves := strings.Join(upstreams(res.Packages), ", ")
		return "", "", fmt.Sprintf("of the source of the library, Debian serves %s, and not %s", serves, release), nil
	}
	for _, n := range res.Notes {
		// What is said of a suite that was asked in vain is no business of reports.
		if suite, _, ok := strings.Cut(n, ": "); (!ok || suite == pkg.Suite || !slices.Contains(suites, suite)) && !slices.Contains(t.Notes, n) {
			t.Notes = append(t.Notes, n)
		}
	}
	digest, err = p.rustSourceOnce(ctx, "deb "+pkg.SHA256, func(tmp, to string) error {
		opt := debian.UnpackOptions{LeaveOut: append([]string{"usr/share"}, unread...), Decompress: t.XZ}
		if err := p.unpack(ctx, t.Name, pkg, tmp, opt); err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(tmp, "usr", "src", "rust*", "library"))
		if err != nil || len(found) != 1 {
			return errors.Join(fmt.Errorf("%s has %d directories usr/src/rust*/library: one was expected", pkg.String(), len(found)), err)
		}
		return os.Rename(found[0], filepath.Join(to, "library"))
	})
	return digest, pkg.String(), "", err
}

// sourceOf is the package that has the source of a release: of the suites in
// their order, rust-src before rust-web-src, the newest revision.
func sourceOf(packages []debian.Package, suites []string, release string) (best debian.Package, ok bool) {
	packages = slices.DeleteFunc(slices.Clone(packages), func(p debian.Package) bool { return upstreamOf(p) != release })
	if len(packages) == 0 {
		return best, false
	}
	return slices.MinFunc(packages, func(a, b debian.Package) int {
		return cmp.Or(slices.Index(suites, a.Suite)-slices.Index(suites, b.Suite), cmp.Compare(a.Name, b.Name),
			debian.CompareVersions(b.Version, a.Version))
	}), true
}

// upstreams are the distinct releases that the packages are of, oldest first.
func upstreams(packages []debian.Package) (list []string) {
	for _, pkg := range packages {
		if version := upstreamOf(pkg); version != "" {
			list = append(list, version)
		}
	}
	slices.SortFunc(list, debian.CompareVersions)
	return slices.Compact(list)
}

// archiveSource is the source in the archive that a toolchain's manifest names,
// with its digest.
func (p *Provider) archiveSource(ctx context.Context, t *Toolchain, c rustChannel, server string) (string, error) {
	from := c.SrcURL
	// As rustup does it: where another server is set, all comes from there.
	if _, below, ok := strings.Cut(from, "/dist/"); ok && server != "" {
		from = server + "/dist/" + below
	}
	sum, err := fetch.Sum(c.SrcSum)
	if err != nil {
		return "", err
	}
	return p.rustSourceOnce(ctx, "archive "+c.SrcSum, func(tmp, to string) error {
		f := rustupFile(from)
		f.SHA256, f.Name, f.Sink = sum, "fetch rust-src of toolchain "+t.Name, p.Sink
		kept, err := p.HTTP.Into(ctx, p.Store, f)
		if err != nil {
			return err
		}
		plain, err := unpack.Open(ctx, kept, t.XZ)
		if err != nil {
			return err
		}
		if err := unpack.Tar(ctx, plain, tmp, nil, unpack.Seen{}); err != nil {
			return err
		}
		return os.Rename(filepath.Join(tmp, "rust-src", inComponent), filepath.Join(to, "library"))
	})
}

// rustSourceOnce returns the digest of the source that comes from origin; fill
// writes it to the directory to, with tmp for its work, where the store has none.
func (p *Provider) rustSourceOnce(ctx context.Context, origin string, fill func(tmp, to string) error) (digest string, err error) {
	key := store.Key("source", rustupVersion, origin)
	has := func() bool {
		return p.Store.Get(kindRustSrc, key, &digest) && p.kept(kindRustSrc, digest) != ""
	}
	err = p.Store.Once(ctx, kindRustSrc+"-"+key, has, func() error {
		tmp, remove, err := p.Store.Scratch("source")
		if err != nil {
			return err
		}
		defer remove()
		digest, err = p.keep(ctx, kindRustSrc, func(dir string) error {
			to := filepath.Join(dir, filepath.FromSlash(rustSrcIn))
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			return fill(tmp, to)
		})
		if err != nil {
			return err
		}
		return p.Store.Put(kindRustSrc, key, digest)
	})
	return digest, err
}
