package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"umlab/harness/answers"
	"umlab/harness/kconfig"
	"umlab/harness/kmake"
	"umlab/harness/objtree"
	"umlab/harness/progress"
	"umlab/harness/remake"
	"umlab/harness/store"
	"umlab/harness/tree"
)

// A build goes on from an earlier one of the same compiler and the same C side of the toolchain, whatever differs in the
// tree, in the requested options and in Rust. The earlier build directory is copied without what was made from what
// differs, see remake.Decide and rustOutputs; make sees what changed in the tree as newer than all that was copied, makes what
// is missing and what its commands say is of another making; and at the end what is no target any more goes.

// near is an earlier baseline with what is left to make of another.
type near struct {
	bl    *Baseline
	rec   *remake.Record
	m     *remake.Remake
	files int // in which the trees differ
	rust  bool
	opts  int  // in how many requested options they differ
	tools bool // nothing but the host's tools is taken over
}

func (n *near) usable() bool { return n != nil && n.m.Refused == "" }

// refused says why a build from nothing is sure to be right and going on from n is not; "" where there is no n.
func (n *near) refused() string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("going on from the baseline of toolchain %s might not be the same: %s", n.bl.Of.Name, n.m.Refused)
}

// farAway is in how many files trees may differ for one's build to be gone on from.
const farAway = 3000

// nearest returns the baseline from which the least is left to make to get to base, nil where there is none.
func (b *Builder) nearest(ctx context.Context, base kmake.Base, id identity) (*near, error) {
	keys, err := b.Store.Keys(kindBaseline)
	if err != nil {
		return nil, err
	}
	var list []*near
	changes := map[string][]tree.Change{} // by the digest of a tree
	compare := tree.Changes(ctx, b.Store, base.Tree.Digest)
	for _, key := range keys {
		bl, err := readBaseline(b.Store.Peek, key)
		if err != nil || bl.On != nil && (bl.On.Same || bl.On.Version != goOnVersion) {
			continue // the one that it is the same as is another key's
		}
		of := bl.Of
		if of.Compiler != id.Compiler || of.Subarch != id.Subarch || of.Toolchain != id.Toolchain && (of.Side == "" || of.Side != id.Side) {
			continue
		}
		if _, known := changes[of.Tree]; !known {
			c, ok, err := compare(of.Tree)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			changes[of.Tree] = c
		}
		n := &near{bl: bl, files: len(changes[of.Tree]), rust: of.Toolchain != id.Toolchain, opts: kconfig.Differ(of.Options, id.Options)}
		if n.files <= farAway {
			list = append(list, n)
		}
	}
	// What differs least is looked at first, and few are looked at.
	const few = 3
	slices.SortStableFunc(list, func(x, y *near) int {
		return cmp.Or(cmp.Compare(x.distance(), y.distance()), cmp.Compare(x.files, y.files))
	})
	var best *near
	for _, n := range list[:min(few, len(list))] {
		if !b.Store.Intact(ctx, kindBaseline, n.bl.Key, "baseline.json", "record") {
			continue
		}
		if err := n.look(ctx, base, changes[n.bl.Of.Tree]); err != nil {
			return nil, err
		}
		if best == nil || n.usable() && (!best.usable() || n.left() < best.left()) {
			best = n
		}
	}
	return best, nil
}

// distance is a guess at what is left to make, in files of the tree.
func (n *near) distance() int {
	d := n.files
	if n.rust {
		d += 100
	}
	if n.opts > 0 {
		d += 4 + n.opts
	}
	if !answers.Known(n.bl.Build()) {
		d++
	}
	return d
}

// left is how many targets are left to make, at least.
func (n *near) left() (count int) {
	out := n.m.Outdated(n.rec.Targets())
	for _, s := range n.rec.Steps {
		if out(s.Target) {
			count++
		}
	}
	if n.rust {
		count += 50
	}
	if n.opts > 0 || n.m.Config {
		count += 4 + n.opts
	}
	return count
}

// look finds out what is left to make.
func (n *near) look(ctx context.Context, base kmake.Base, changes []tree.Change) (err error) {
	if n.rec, err = remake.Load(n.bl.Dir); err != nil {
		return fmt.Errorf("what the baseline of toolchain %s was made from: %w (remove %s and run again)", n.bl.Of.Name, err, n.bl.Dir)
	}
	speak, err := n.rec.Speak(ctx, base.Tree.FS(), remake.NewNames(changes))
	if err != nil {
		return err
	}
	n.m = remake.Decide(n.rec, changes, speak)
	if n.rust || n.opts > 0 {
		n.m.Config, n.m.Rules, n.m.Shrink = true, true, true
	}
	return nil
}

// goOn makes the baseline of base from n. The error is a *staleError where it turned out that a build from nothing has
// to say.
func (b *Builder) goOn(ctx context.Context, base kmake.Base, id identity, n *near) (bl *Baseline, err error) {
	key := onKey(base)
	bl = &Baseline{Key: key, Of: id, On: n.on()}
	if err := b.hold(ctx, n); err != nil {
		return nil, err
	}
	tmp, remove, err := b.Store.Scratch("go-on")
	if err != nil {
		return nil, err
	}
	defer remove()
	dir := filepath.Join(tmp, "baseline")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if n.m.Nothing() && !n.rust && n.opts == 0 {
		same := *n.bl
		same.Key, same.Of, same.On = bl.Key, bl.Of, bl.On
		same.On.Same = true
		if err := b.Store.Needs(kindBaseline, key, store.Entry{Kind: kindBaseline, Key: n.bl.Key}); err != nil {
			return nil, err
		}
		return b.put(ctx, base, dir, &same)
	}
	task := b.Sink.Start(title(base)+" on from "+bl.From(), progress.Objects, 0)
	defer func() { task.Done(err) }()
	mk, copied, outdated, err := b.newMakeOn(ctx, base, n, dir, task, n.watching())
	if err != nil {
		return nil, err
	}
	defer mk.close()
	bl.On.Targets, bl.On.Copied = outdated, copied
	take := n.m.Rules || !answers.Known(mk.build)
	err = cmp.Or(n.remembered(mk), n.available(mk), n.configured(ctx, mk))
	if err == nil && n.rust {
		err = mk.ask(ctx, "baseline")
	}
	if err == nil {
		err = mk.all(ctx)
	}
	if err != nil {
		if n.rust && failed(err) && !refused(err) {
			return nil, &staleError{fmt.Sprintf("it failed: %v", err)}
		}
		return nil, err
	}
	if n.m.Shrink {
		if err := mk.removeStale(ctx, copied); err != nil {
			return nil, err
		}
	}
	bl.Env, bl.Direct = n.bl.Env, n.bl.Direct
	if take {
		if err := mk.takeEnv(ctx, bl); err != nil {
			return nil, err
		}
	}
	if n.rust {
		task.Status("check who made what")
		was, err := rustcSays(n.bl.Build())
		if err == nil {
			err = checkRust(ctx, mk.build, was, copied)
		}
		if err != nil {
			return nil, err
		}
	}
	return b.install(ctx, mk, bl, n.rec, copied)
}

// on says what a build goes on from.
func (n *near) on() *On {
	return &On{Version: goOnVersion, Key: n.bl.Key, Toolchain: n.bl.Of.Name, Retooled: n.rust, Tree: n.bl.Of.Tree, Files: n.files,
		Options: n.opts > 0, Sources: n.m.SourcesOnly()}
}

// hold sees to it that what a build goes on from is there, and is what was stored. The error is a *staleError where it is gone.
func (b *Builder) hold(ctx context.Context, n *near) error {
	if _, ok := b.Store.Lookup(kindBaseline, n.bl.Key); !ok {
		return &staleError{"it was cleaned away meanwhile"}
	}
	return b.Store.Whole(ctx, n.bl.Dir)
}

// newMakeOn is newMake in a build directory that goes on from n, without the files asked for, see copyTo; beside dir lies what
// make sees as newer.
func (b *Builder) newMakeOn(
	ctx context.Context, base kmake.Base, n *near, dir string, task progress.Task, watch kmake.Watching, asked ...string,
) (mk *making, copied time.Time, outdated int, err error) {
	task.Status("copy what is the same")
	if copied, outdated, err = n.copyTo(ctx, dir, asked...); err != nil {
		return nil, copied, 0, err
	}
	over := dir + ".over"
	if err = overlayNewer(base.Tree.FS(), over, n.m.Newer, copied); err != nil {
		return nil, copied, 0, err
	}
	if mk, err = b.newMake(base, dir, task, watch); err != nil {
		return nil, copied, 0, err
	}
	mk.over = over
	return mk, copied, outdated, nil
}

// remembered has make take the compiler's answers of n's build where it has any.
func (n *near) remembered(mk *making) error {
	if !answers.Known(mk.build) {
		return nil
	}
	return answers.Compiler(mk.base.Tree.FS(), mk.over)
}

// available has make take it that Rust can be built, as n's build found, where that asked the same scripts in the same way.
func (n *near) available(mk *making) error {
	if !RequestsRust(mk.base.Options) || !n.m.SourcesOnly() {
		return nil
	}
	return answers.Rust(mk.base.Tree.FS(), mk.over)
}

// configured makes .config where it may be another, and removes what was made under the former one.
func (n *near) configured(ctx context.Context, mk *making) error {
	if !n.m.Config && !n.tools {
		return nil
	}
	if n.tools { // make finds out what it lacks beside the .config
		mk.out.Task.Status("configure")
		if err := mk.configureFast(ctx, "baseline (configure)"); err != nil {
			return err
		}
		return mk.compare(ctx, "configuring")
	}
	if err := mk.configured(ctx); err != nil {
		return err
	}
	return n.dropConfigured(ctx, mk.build)
}

// watching is what make is watched for: what it opens of the tree, and of the build directory where removeStale asks.
func (n *near) watching() (w kmake.Watching) {
	if n.m.Shrink {
		w.Below = append(w.Below, buildDir)
	}
	if len(n.rec.Dirs) == 0 {
		w.Below = append(w.Below, srcDir)
		return w
	}
	w.Only = slices.Clone(n.rec.Dirs)
	for _, name := range n.m.Newer { // which may lie in new ones
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			w.Only = append(w.Only, path.Join(srcDir, dir))
		}
	}
	return w
}

// copyTo copies the build directory of n to dir/build, without the files asked for and what is not the same any more, and
// gives all of it one time, which it returns: make compares nothing else, and takes what has the same time as current.
func (n *near) copyTo(ctx context.Context, dir string, asked ...string) (copied time.Time, targets int, err error) {
	leave := map[string]bool{}
	if n.rust && !n.tools {
		if leave, err = objtree.MadeByRust(ctx, n.bl.Build()); err != nil {
			return copied, 0, err
		}
	}
	if n.m.Config {
		leave[".config"], leave[".config.old"] = true, true
	}
	for _, name := range asked { // make takes a file that is there for made, also where nothing makes it
		leave[name] = true
	}
	if copied, err = mark(dir); err != nil {
		return copied, 0, err
	}
	made := n.rec.Targets()
	outdated := n.m.Outdated(made)
	build := filepath.Join(dir, "build")
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	parts := []string{"."}
	if n.tools {
		parts = hostTools
		if answers.Known(n.bl.Build()) {
			parts = append(slices.Clone(parts), answers.File)
		}
	}
	place := func(to, from string, info fs.FileInfo) error {
		rel, err := filepath.Rel(build, to)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		if rel = filepath.ToSlash(rel); leave[rel] || outdated(rel) {
			if made[rel] {
				targets++
			}
			return nil
		}
		g.Go(func() error {
			_, err := store.CopyFile(to, from, info.Mode().Perm()|0o200)
			return cmp.Or(err, os.Chtimes(to, copied, copied))
		})
		return nil
	}
	for _, part := range parts {
		err = cmp.Or(err, os.MkdirAll(filepath.Join(build, filepath.Dir(part)), 0o755),
			store.CopyTree(ctx, filepath.Join(build, part), filepath.Join(n.bl.Build(), part), place))
	}
	if err = cmp.Or(g.Wait(), err); err != nil {
		err = fmt.Errorf("copy the baseline of toolchain %s: %w", n.bl.Of.Name, err)
	}
	return copied, targets, err
}

// hostTools are the directories of what make runs before it configures, and of Kconfig: those are of the C side alone, and of no
// configuration.
var hostTools = []string{filepath.Join("scripts", "basic"), filepath.Join("scripts", "kconfig")}

// dropConfigured removes what Rust's tools made under another configuration: rustc reads all of it as one file of --cfg,
// bindgen as macros of one header, and both put it into what they make. No command and no prerequisite of Kbuild's tells.
func (n *near) dropConfigured(ctx context.Context, build string) error {
	config, err := readConfig(build)
	if err != nil || config.Digest() == n.bl.Config {
		return err
	}
	made, err := objtree.MadeByRust(ctx, build)
	return errors.Join(err, removeFrom(build, maps.Keys(made)))
}

// removeFrom removes those files of a build directory that are there.
func removeFrom(build string, names iter.Seq[string]) (err error) {
	for name := range names {
		err = errors.Join(err, objtree.Remove(build, name))
	}
	return err
}

// overlayNewer copies files of a tree to the directory to, to be seen in place of the tree's own: newer than
// what was copied at a time, and older than all that make will make.
func overlayNewer(from fs.FS, to string, files []string, copied time.Time) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	newer := copied.Add(time.Millisecond)
	for _, name := range files {
		dst := filepath.Join(to, filepath.FromSlash(name))
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		info, err := fs.Stat(from, name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(dst, text, info.Mode().Perm()); err != nil {
			return err
		}
		if err := os.Chtimes(dst, newer, newer); err != nil {
			return err
		}
	}
	time.Sleep(time.Until(newer.Add(time.Millisecond)))
	return nil
}

// apart are targets that the make of the whole kernel does not look at when it has nothing to do with them: those of
// Kconfig's own make, and what scripts/link-vmlinux.sh makes when it links.
func apart(target string) bool {
	return strings.HasPrefix(target, "scripts/kconfig/") || target == "init/version-timestamp.o"
}

// removeStale removes the targets that were copied at that time and are none any more. Make opens the .cmd file of every
// target that it considers.
func (m *making) removeStale(ctx context.Context, copied time.Time) error {
	if m.opened.Lost {
		return &staleError{"the kernel lost count of what make opened (fs.inotify.max_queued_events): nobody knows which targets are left over"}
	}
	var stale []string
	err := objtree.Walk(ctx, m.build, func(rel string, info fs.FileInfo) error {
		target, ok := remake.Target(rel)
		if ok && !m.opened.Files[buildDir+"/"+rel] && info.ModTime().Equal(copied) && !apart(target) {
			stale = append(stale, rel, target)
			if module, ok := strings.CutSuffix(target, ".mod.o"); ok {
				stale = append(stale, module+".mod.c")
			}
		}
		return nil
	})
	return errors.Join(err, removeFrom(m.build, slices.Values(stale)))
}
