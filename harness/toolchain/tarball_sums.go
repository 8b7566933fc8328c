package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"umlab/harness/debian"
	"umlab/harness/fetch"
	"umlab/harness/pattern"
	"umlab/harness/settings"
	"umlab/harness/store"
)

// mostSmall bounds a list of digests and a signature, in bytes.
const mostSmall = 16 << 20

// believed is a digest that a signed list gave.
type believed struct {
	Sum   string    `json:"sum"`
	By    string    `json:"by"` // fingerprint
	Asked time.Time `json:"asked"`
}

// llvmSum is the sha256 that the archive must have: the configured one, or what
// the signed list says, which must agree. What a list said stands for a day, and
// where the list cannot be had, beyond.
func (p *Provider) llvmSum(ctx context.Context, name string, c settings.Toolchain) (sum string, notes []string, err error) {
	if c.Sums == "" {
		sum, err = fetch.Sum(c.SHA256)
		return sum, nil, err
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return "", nil, fmt.Errorf("key: %w", err)
	}
	keys, err := debian.LoadKey(c.Key)
	if err != nil {
		return "", nil, fmt.Errorf("key: %w", err)
	}
	record := store.Key("sums", c.Sums, path.Base(c.Tarball), string(key))
	var was, is believed
	known := p.Store.Get("sums", record, &was)
	is = was
	if !known || !p.Archive.Stands(was.Asked) {
		list, err := p.small(ctx, name, c.Sums)
		switch {
		case err != nil && known && ctx.Err() == nil:
			notes = append(notes, fmt.Sprintf("%s could not be had (%v); what it said on %s stands",
				c.Sums, err, was.Asked.UTC().Format(time.DateOnly)))
		case err != nil:
			return "", nil, fmt.Errorf("sums: %w", err)
		default:
			text, by, err := debian.Signed(c.Sums, list, keys, p.Archive.Now())
			if err != nil {
				return "", nil, err
			}
			if is.Sum, err = listedSum(text, path.Base(c.Tarball)); err != nil {
				return "", nil, fmt.Errorf("%s: %w", c.Sums, err)
			}
			is.By, is.Asked = by, p.Archive.Now()
			if err := p.Store.Put("sums", record, is); err != nil {
				return "", nil, err
			}
		}
	}
	if c.SHA256 != "" && !strings.EqualFold(c.SHA256, is.Sum) {
		return "", nil, fmt.Errorf("%s says sha256 %s, and configs/toolchains.toml %s: "+
			"remove sha256 there if the signed list is to be believed", c.Sums, is.Sum, c.SHA256)
	}
	return is.Sum, notes, nil
}

// small is the content of a small file, by URL or absolute path.
func (p *Provider) small(ctx context.Context, name, from string) ([]byte, error) {
	return p.HTTP.Bytes(ctx, fetch.Tarball("toolchain "+name+": "+path.Base(from), from, "", p.Sink), mostSmall)
}

// listedSum is the digest that a list as sha256sum writes it has for a file.
func listedSum(list []byte, name string) (string, error) {
	found := ""
	for line := range strings.Lines(string(list)) {
		f := strings.Fields(line)
		if len(f) != 2 || strings.TrimPrefix(f[1], "*") != name {
			continue
		}
		sum, err := fetch.Sum(f[0])
		switch {
		case err != nil:
			return "", err
		case found != "" && found != sum:
			return "", fmt.Errorf("it has two digests for %s", name)
		}
		found = sum
	}
	if found == "" {
		return "", fmt.Errorf("it does not list %s: look for the name in it", name)
	}
	return found, nil
}

// inDevelopment stands in the library's source where a release has its number.
const inDevelopment = "CURRENT_RUSTC_VERSION"

var stableSince = pattern.New(`stable\(feature = "[^"]*", since = "(1\.([0-9]+)\.[0-9]+|` + inDevelopment + `)"\)`)

// libraryRelease is the release series, "1.86", that the source of core is of, as
// far as it says: the newest in which something of it became stable. An archive
// has no other word about its rust-src. Of a source that is no release's, it is
// CURRENT_RUSTC_VERSION; of one that says nothing, it is empty.
func libraryRelease(core fs.FS) (string, error) {
	newest, developed := -1, false
	err := fs.WalkDir(core, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".rs" {
			return err
		}
		text, err := fs.ReadFile(core, name)
		for _, m := range stableSince.Regexp().FindAllSubmatch(text, -1) {
			if string(m[1]) == inDevelopment {
				developed = true
			} else if minor, err := strconv.Atoi(string(m[2])); err == nil {
				newest = max(newest, minor)
			}
		}
		return err
	})
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case developed:
		return inDevelopment, nil
	case newest < 0:
		return "", nil
	}
	return fmt.Sprintf("1.%d", newest), nil
}

// librarySays is the version of a rust-src that came in one archive with rustc:
// rustc's own, unless the source is of another series of releases.
func librarySays(series, rustc string) string {
	same := strings.HasPrefix(rustc, series+".")
	if series == inDevelopment {
		same = strings.Contains(rustc, "-") // "1.97.0-nightly"
	}
	if series != "" && same {
		return rustc
	}
	return series
}
