package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"umlab/harness/cache"
	"umlab/harness/fleet"
	"umlab/harness/plan"
	"umlab/harness/scenario"
	"umlab/harness/sources"
	"umlab/harness/store"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// What is too large for a queue goes from one machine to another through the cache: trees and modules of the user's own, and transcripts.

// sends reports whether this machine can put something into a cache.
func (l *Lab) sends() bool { return l.cache != nil && l.cache.Keys.CanSign() }

// sendTree puts the tree of a plan into the cache, where it lies on this machine alone and others are to work on it; nil where
// nothing was sent.
func (l *Lab) sendTree(ctx context.Context, src *sources.Sources, p *plan.Plan) (*tree.Tree, error) {
	if !l.sends() || l.options.Join == Local || !l.ownTree(p) {
		return nil, nil
	}
	t, _, err := src.Get(ctx, p.Flags.Tree, p.Flags.Toolchain)
	if err != nil {
		return nil, err
	}
	sent := t.Elsewhere()
	if err := l.store.Wrong(); err != nil {
		return nil, err // else workers build what nobody has
	}
	err = l.cache.Put(ctx, store.Offered{Entry: store.Entry{Kind: tree.Kind, Key: t.Digest}, Of: "tree " + filepath.Base(t.Name)})
	if err != nil {
		return nil, fmt.Errorf("put the tree %s into the cache, for the workers: %w", p.Flags.Tree, err)
	}
	return &sent, nil
}

// receiveTree are the sources with the tree that was sent under a name.
func (l *Lab) receiveTree(ctx context.Context, name string, sent tree.Tree) (*sources.Sources, error) {
	err := l.receive(ctx, store.Entry{Kind: tree.Kind, Key: sent.Digest}, func() bool { return tree.There(l.store, sent.Digest) })
	t, ok := tree.Stored(l.store, sent)
	if err == nil && !ok {
		err = errors.New("the store lost it at once")
	}
	if err != nil {
		return nil, fmt.Errorf("the tree %s of the task: %w", store.Short(sent.Digest), err)
	}
	return l.sources.With(name, t), nil
}

// sendModules puts the user's directories of modules into the cache, where others are to build them, and reports whether they are there.
func (l *Lab) sendModules(ctx context.Context, directories map[string]scenario.External) (sent bool, err error) {
	if !l.sends() || l.options.Join == Local {
		return false, nil
	}
	for name, e := range directories {
		o := store.Offered{Entry: store.Entry{Kind: tree.KindModules, Key: e.Digest}, Of: "modules " + filepath.Base(e.Given)}
		if err := l.cache.Put(ctx, o); err != nil {
			return false, fmt.Errorf("put the modules %s into the cache, for the workers: %w", name, err)
		}
	}
	return true, nil
}

// receiveModules are directories of modules with their snapshots: those of this store, or of the cache.
func (l *Lab) receiveModules(ctx context.Context, directories map[string]scenario.External) (map[string]scenario.External, error) {
	taken := map[string]scenario.External{}
	for name, e := range directories {
		err := l.receive(ctx, store.Entry{Kind: tree.KindModules, Key: e.Digest}, func() (ok bool) {
			e.Dir, ok = l.store.Lookup(tree.KindModules, e.Digest)
			return ok
		})
		if err == nil {
			err = l.store.Whole(ctx, e.Dir)
		}
		if err != nil {
			return nil, fmt.Errorf("the modules %s of the task: %w", name, err)
		}
		taken[name] = e
	}
	return taken, nil
}

// receive has what another machine sent in the store, where there says whether it is there.
func (l *Lab) receive(ctx context.Context, e store.Entry, there func() bool) error {
	err := l.store.Once(ctx, "pull-"+e.Kind+"-"+e.Key, there, func() error {
		if l.cache == nil {
			return usage.Errorf("it is in the cache of who asks, and here %s is not set", envCache)
		}
		return l.cache.Take(ctx, e)
	})
	if err == nil && !there() {
		err = errors.New("the store lost it at once")
	}
	return err
}

// sendFiles puts the files that an answer names into the cache, under its key, and reports whether they are there.
func (l *Lab) sendFiles(ctx context.Context, t fleet.Task, files map[string][]byte) bool {
	if !l.sends() {
		return false
	}
	o := store.Offered{Entry: store.Entry{Kind: cache.Files, Key: t.Key}, Of: t.Name}
	record := map[string]string{}
	var err error
	for name, text := range files {
		path, kept := l.store.Bytes(ctx, text)
		record[name] = filepath.Base(path)
		o.Files = append(o.Files, record[name])
		err = errors.Join(err, kept)
	}
	err = errors.Join(err, l.store.Put(o.Kind, o.Key, record))
	if err == nil {
		err = l.cache.Put(ctx, o)
	}
	if err != nil {
		l.sink.Note(fmt.Sprintf("%s: its transcripts stay here: %v", t.Name, err))
	}
	return err == nil
}

// receiveFiles are the files that were sent with the answer of a task.
func (l *Lab) receiveFiles(ctx context.Context, a fleet.Answer) (files map[string][]byte, err error) {
	if l.cache == nil {
		return nil, usage.Errorf("they are in the cache of the worker, and here %s is not set", envCache)
	}
	if err := l.cache.Take(ctx, store.Entry{Kind: cache.Files, Key: a.Key}); err != nil {
		return nil, err
	}
	record := map[string]string{}
	if !l.store.Get(cache.Files, a.Key, &record) {
		return nil, errors.New("their list cannot be read")
	}
	files = map[string][]byte{}
	for name, sum := range record {
		path, ok := l.store.Kept(sum)
		if !ok {
			return nil, fmt.Errorf("%s is not there", name)
		}
		if files[name], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}
