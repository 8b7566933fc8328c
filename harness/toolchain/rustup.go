package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"umlab/harness/pattern"
	"umlab/harness/sandbox"
	"umlab/harness/settings"
	"umlab/harness/store"
)

const (
	// rustHost is the only host that umlab has: the toolchain must run on it.
	rustHost = "x86_64-unknown-linux-gnu"
	// Where the parts of a rustup toolchain are seen in the sandbox. The source lies
	// in src/rust below its own, the way it does below a sysroot's lib/rustlib.
	rustAt    = "/rust"
	rustSrcAt = "/rust-src"
	rustSrcIn = "src/rust"
	// rustupVersion is raised when the same toolchain of rustup would make another
	// one of umlab's.
	rustupVersion = "1"
)

// rustupParts is what the store has of a toolchain of rustup.
type rustupParts struct {
	Compiler string      `json:"compiler"`         // digest, of kindRust
	Source   string      `json:"source,omitempty"` // digest, of kindRustSrc; empty: it has no rust-src
	Channel  rustChannel `json:"channel"`
	Asked    time.Time   `json:"asked"` // when it was installed on demand
}

// rustupName is what rustup may be asked for; nothing of it is a flag.
var rustupName = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// rustup returns the toolchain that rustup knows as c.Rustup, over the Debian
// sysroot that c describes besides: the one that is installed on the machine,
// copied, else one that is installed into the store.
func (p *Provider) rustup(ctx context.Context, name string, c settings.Toolchain) (*Toolchain, error) {
	if !rustupName.MatchString(c.Rustup) {
		return nil, fmt.Errorf("rustup = %q is no name of a toolchain: write \"stable\", \"1.95.0\" or \"nightly-2026-05-20\"", c.Rustup)
	}
	t, err := p.debian(ctx, name, c)
	if err != nil {
		return nil, err
	}
	have, from, err := p.rustupParts(ctx, name, c)
	if err != nil {
		return nil, err
	}
	return p.withRust(ctx, c, t, have, from)
}

// withRust puts the kept toolchain, which comes from there, with its source over
// t.
func (p *Provider) withRust(ctx context.Context, c settings.Toolchain, t *Toolchain, have rustupParts, from string) (*Toolchain, error) {
	t.Mounts = append(t.Mounts, sandbox.Mount{Source: p.kept(kindRust, have.Compiler), Target: rustAt, ReadOnly: true})
	t.Path = append([]string{rustAt + "/bin"}, t.Path...)
	t.Digest = store.Key("rustup", rustupVersion, have.Compiler, t.Digest)
	is, err := p.rustcOf(ctx, t)
	var unfit *UnfitError
	if errors.As(err, &unfit) {
		unfit.Rustc = releaseOf(have.Channel.Rustc) // it did not say so itself
	}
	if err != nil {
		return nil, err
	}
	if said := have.Channel.Rustc; said != "" && !is.is(said) {
		return nil, t.unfit(is.release, fmt.Sprintf("rustup's manifest of %s says rustc %s, and that rustc says it is %s: "+
			"install it again (rustup toolchain install %s --force)", c.Rustup, said, is, c.Rustup))
	}
	src, detail, err := p.rustSource(ctx, c, t, have, is)
	if err != nil {
		return nil, err
	}
	p.showSource(t, src, is.release)
	if is.date != "" {
		t.Identity["rustc-date"] = is.date
	}
	t.Packages = append(t.Packages, fmt.Sprintf("rustc %s (%s)", is, from), detail)
	return t, nil
}

// showSource lets t see the kept source of the library, which is of that release.
func (p *Provider) showSource(t *Toolchain, digest, release string) {
	t.Mounts = append(t.Mounts, sandbox.Mount{Source: p.kept(kindRustSrc, digest), Target: rustSrcAt, ReadOnly: true})
	t.Env = append(slices.Clone(t.Env), "RUST_LIB_SRC="+rustSrcAt+"/"+rustSrcIn+"/library")
	t.Digest = store.Key("rust-src", digest, t.Digest)
	t.Identity = map[string]string{"rust-src": release}
}

// kept is the directory of a part that the store has.
func (p *Provider) kept(kind, digest string) string {
	dir, _ := p.Store.Lookup(kind, digest)
	return dir
}

// rustupParts finds the toolchain on the machine, or has rustup install it, and
// says where it comes from: "rustup stable".
func (p *Provider) rustupParts(ctx context.Context, name string, c settings.Toolchain) (rustupParts, string, error) {
	from := "rustup " + c.Rustup
	var have rustupParts
	dir, ok := p.rustupDir(c.Rustup)
	var err error
	if ok {
		if have, err = p.rustupInstalled(ctx, name, dir); err != nil {
			err = fmt.Errorf("take rustup's %s from %s: %w", c.Rustup, dir, err)
		}
	} else {
		have, err = p.rustupOnDemand(ctx, name, c)
	}
	if have.Channel.Date != "" {
		from += ", channel of " + have.Channel.Date
	}
	return have, from, err
}

// rustupHome is the directory of the machine's rustup.
func (p *Provider) rustupHome() string {
	if home := p.Getenv("RUSTUP_HOME"); home != "" {
		return home
	}
	if home := p.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".rustup")
	}
	return ""
}

// rustupDir is where the machine has the toolchain. It is looked up, and rustup
// not asked, because rustup writes to its home when it is asked anything.
func (p *Provider) rustupDir(name string) (string, bool) {
	home := p.rustupHome()
	if home == "" {
		return "", false
	}
	return toolchainIn(home, name)
}

// toolchainIn is where rustup's directory home has the toolchain.
func toolchainIn(home, name string) (string, bool) {
	for _, n := range []string{name, name + "-" + rustHost} {
		// A toolchain that was linked is a link.
		dir, err := filepath.EvalSymlinks(filepath.Join(home, "toolchains", n))
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "bin", "rustc")); err == nil {
			return dir, true
		}
	}
	return "", false
}

// rustupNames are the toolchains that the machine has, as rustup calls them.
func (p *Provider) rustupNames() (names []string) {
	entries, err := os.ReadDir(filepath.Join(p.rustupHome(), "toolchains"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), "-"+rustHost)
		if _, ok := p.rustupDir(name); ok {
			names = append(names, name)
		}
	}
	return names
}

// rustupInstalled keeps what is needed of the toolchain in dir; it is copied once
// and again only when a file of it has changed.
func (p *Provider) rustupInstalled(ctx context.Context, name, dir string) (have rustupParts, err error) {
	key, err := stamp(dir)
	if err != nil {
		return have, err
	}
	err = p.Store.Once(ctx, kindRustup+"-"+key, func() bool { return p.rustupHas(key, &have) }, func() (err error) {
		task := p.Sink.Start("toolchain "+name+": copy "+dir, "", 0)
		have, err = p.rustupKeep(ctx, dir)
		task.Done(err)
		if err != nil {
			return err
		}
		if now, err := stamp(dir); err != nil || now != key {
			return errors.Join(errors.New("it changed while it was copied: run again"), err)
		}
		return p.Store.Put(kindRustup, key, have)
	})
	return have, err
}

// rustupHas reads the record key into have, and reports whether the store has what
// it names.
func (p *Provider) rustupHas(key string, have *rustupParts) bool {
	*have = rustupParts{}
	return p.Store.Get(kindRustup, key, have) && p.kept(kindRust, have.Compiler) != "" &&
		(have.Source == "" || p.kept(kindRustSrc, have.Source) != "")
}

// dated are names that mean the same for ever.
var dated = pattern.New(`^(?:(?:nightly|beta|stable)-[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+\.[0-9]+\.[0-9]+)(?:-|$)`)

// rustupOnDemand has the machine's rustup install the toolchain, with its
// source, into a directory of the store, and keeps what is needed of it. What a
// channel is today stands for a day.
func (p *Provider) rustupOnDemand(ctx context.Context, name string, c settings.Toolchain) (rustupParts, error) {
	server := p.distServer(c.Server)
	key := store.Key("install", rustupVersion, server, c.Rustup)
	old, have := rustupParts{}, rustupParts{}
	known := p.rustupHas(key, &old)
	fixed := dated.MatchString(c.Rustup)
	if known && (fixed || p.Archive.Stands(old.Asked)) {
		p.offerRust(key, c.Rustup, old)
		return old, nil
	}
	unlock, err := p.Store.Lock(ctx, kindRustup+"-"+key)
	if err != nil {
		return rustupParts{}, err
	}
	defer unlock()
	if p.rustupHas(key, &have) && !have.Asked.Equal(old.Asked) {
		return have, nil // another process was quicker
	}
	if fixed && p.Store.Pull(ctx, kindRustup, key) && p.rustupHas(key, &have) {
		return have, nil
	}
	home, remove, err := p.Store.Scratch(kindRustup)
	if err != nil {
		return rustupParts{}, err
	}
	defer remove()
	dir, err := p.rustupInstall(ctx, name, c.Rustup, server, home)
	if err != nil {
		if known && !p.Archive.Refresh && ctx.Err() == nil {
			p.Sink.Note(fmt.Sprintf("toolchain %s: %v; what rustup's %s was on %s stands",
				name, err, c.Rustup, old.Asked.UTC().Format(time.DateOnly)))
			return old, nil
		}
		return rustupParts{}, err
	}
	if have, err = p.rustupKeep(ctx, dir); err != nil {
		return rustupParts{}, fmt.Errorf("keep rustup's %s: %w", c.Rustup, err)
	}
	have.Asked = p.Archive.Now()
	if err := p.Store.Put(kindRustup, key, have); err != nil {
		return have, err
	}
	p.offerRust(key, c.Rustup, have)
	return have, nil
}

// offerRust gives others what is kept under a name that means the same for ever.
func (p *Provider) offerRust(key, name string, have rustupParts) {
	if !dated.MatchString(name) {
		return
	}
	o := store.Offered{Entry: store.Entry{Kind: kindRustup, Key: key}, Of: "rustup " + name}
	o.Needs = append(o.Needs, store.Entry{Kind: kindRust, Key: have.Compiler})
	if have.Source != "" {
		o.Needs = append(o.Needs, store.Entry{Kind: kindRustSrc, Key: have.Source})
	}
	p.Store.Offer(o)
}
