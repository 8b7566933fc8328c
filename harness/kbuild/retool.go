package kbuild

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"umlab/harness/kconfig"
	"umlab/harness/store"
	"umlab/harness/toolchain"
)

// kindOffer is the kind of the records of baselines that others can go on from.
const kindOffer = "offer"

// offered is a baseline that was built from nothing.
type offered struct {
	Key       string `json:"key"`
	Toolchain string `json:"toolchain"` // its name
	Digest    string `json:"digest"`    // of the toolchain
}

// OtherSideError says that one toolchain's baseline is no beginning for
// another's.
type OtherSideError struct {
	From, To string // names of the toolchains
	Reason   string
}

func (e *OtherSideError) Error() string {
	return fmt.Sprintf("a build with %s cannot go on from one with %s: %s", e.To, e.From, e.Reason)
}

// Retool returns the baseline of from's tree and options with another toolchain
// that differs in its Rust alone: make goes on in a copy of from's build
// directory that lacks all that rustc and bindgen made there, so that what is
// built is the Rust side, what the changed CONFIG_RUSTC_* options reach, and the
// links.
//
// Why that gives what a build from nothing gives: make takes over an object that
// it finds only if its command, its prerequisites and the options that it was
// compiled under are the same. What make cannot see is a change of its tools and
// of the sysroot's files behind their old times, and there is none: readBesideRust holds
// that the two toolchains are the same, byte by byte, in everything that is not
// Rust. Everything that Rust made is absent from the copy, and fresh holds at the
// end that none of it came back.
//
// Its key holds both, so that it is never taken for one that was built from
// nothing. from must be such a one. The error is an *OtherSideError where the
// two toolchains differ in more than Rust, a *StaleError where the old Rust left
// a trace, else one of Baseline's.
func (b *Builder) Retool(ctx context.Context, from *Baseline, t *toolchain.Toolchain) (bl *Baseline, hit bool, err error) {
	old := from.Base.Toolchain
	if old.Digest == t.Digest {
		return from, true, nil
	}
	var sides [2]besideRust
	for i, tc := range []*toolchain.Toolchain{old, t} {
		if sides[i], err = b.besideRust(ctx, tc); err != nil {
			return nil, false, err
		}
		if sides[i].Unknown != "" {
			return nil, false, &OtherSideError{old.Name, t.Name, sides[i].Unknown}
		}
	}
	if sides[0].Digest != sides[1].Digest {
		return nil, false, &OtherSideError{old.Name, t.Name, "they differ in more than Rust"}
	}
	base := from.Base
	base.Toolchain = t
	return b.retool(ctx, from, old.Name, base)
}

func retoolKey(from string, t *toolchain.Toolchain) string {
	return store.Key("retooled", version, from, t.Digest)
}

// retool goes on from the baseline from, which is base's but for the Rust of its
// toolchain, whose name is over.
func (b *Builder) retool(ctx context.Context, from *Baseline, over string, base Base) (bl *Baseline, hit bool, err error) {
	var f fresh
	m := making{key: retoolKey(from.Key, base.Toolchain), over: over, retool: true, steps: "retooled-" + base.Compiler}
	m.prepare = func(dir string) error {
		was, err := rustcSays(from.Build())
		if err != nil {
			return err
		}
		leave, err := walkMade(ctx, from.Build(), nil)
		if err != nil {
			return err
		}
		// The configuration is made from nothing as well.
		leave[".config"], leave[".config.old"] = true, true
		if err := from.copyTo(ctx, dir, func(built fs.FileInfo) time.Time { return built.ModTime() }, leave); err != nil {
			return err
		}
		since, err := mark(dir)
		f = fresh{was: was, since: since}
		return err
	}
	m.check = func(build string) error { return f.check(ctx, build) }
	return b.baseline(ctx, base, m)
}

// retooled returns the baseline of base that goes on from another toolchain's,
// nil where there is none to go on from or where that did not work: whether base
// builds, a build from nothing has to say.
func (b *Builder) retooled(ctx context.Context, base Base) (bl *Baseline, hit bool, err error) {
	offers, err := b.offers(ctx, base)
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	if err != nil {
		b.Sink.Note(fmt.Sprintf("%s is not compared with other toolchains, and its kernel is built from nothing: %v", base.Toolchain.Name, err))
		return nil, false, nil
	}
	for _, o := range offers {
		if bl, err := b.openBaseline(base, retoolKey(o.Key, base.Toolchain)); err == nil {
			return bl, true, nil
		}
	}
	for _, o := range offers {
		from, err := b.openBaseline(base, o.Key)
		if err != nil {
			continue // was cleaned away
		}
		bl, hit, err := b.retool(ctx, from, o.Toolchain, base)
		if lasts(err) {
			b.Sink.Note(fmt.Sprintf("%s with %s is built from nothing: going on from the baseline of toolchain %s failed: %v",
				base.Tree.Name, base.Toolchain.Name, o.Toolchain, err))
			return nil, false, nil
		}
		return bl, hit, err
	}
	return nil, false, nil
}

// offersKey names the record of the baselines that base's could go on from. It
// is "" where there can be none.
func (b *Builder) offersKey(ctx context.Context, base Base) (string, error) {
	if !RequestsRust(base.Options) {
		return "", nil // without Rust there is nothing to tell one rustc's work from another's
	}
	s, err := b.besideRust(ctx, base.Toolchain)
	if err != nil || s.Unknown != "" {
		return "", err
	}
	return store.Key("offer", version, s.Digest, base.Tree.Digest, base.Compiler, kconfig.Text(base.Options)), nil
}

// offers are the baselines that base's can go on from, in the order in which they
// were built.
func (b *Builder) offers(ctx context.Context, base Base) ([]offered, error) {
	key, err := b.offersKey(ctx, base)
	if err != nil || key == "" {
		return nil, err
	}
	var list []offered
	b.Store.Get(kindOffer, key, &list)
	return slices.DeleteFunc(list, func(o offered) bool { return o.Digest == base.Toolchain.Digest }), nil
}

// offer notes that bl, which was built from nothing, is there to go on from.
func (b *Builder) offer(ctx context.Context, bl *Baseline) {
	err := func() error {
		key, err := b.offersKey(ctx, bl.Base)
		if err != nil || key == "" {
			return err
		}
		has := func(list []offered) bool {
			return slices.ContainsFunc(list, func(o offered) bool { return o.Key == bl.Key })
		}
		var list []offered
		if b.Store.Get(kindOffer, key, &list) && has(list) {
			return nil
		}
		unlock, err := b.Store.Lock(ctx, kindOffer+"-"+key)
		if err != nil {
			return err
		}
		defer unlock()
		list = nil
		if b.Store.Get(kindOffer, key, &list); has(list) {
			return nil
		}
		return b.Store.Put(kindOffer, key, append(list, offered{bl.Key, bl.Base.Toolchain.Name, bl.Base.Toolchain.Digest}))
	}()
	if err != nil && ctx.Err() == nil {
		// The build is whole; the next toolchain takes longer.
		b.Sink.Note(fmt.Sprintf("other toolchains will not go on from the baseline of %s: %v", bl.Base.Tree.Name, err))
	}
}
