package kbuild

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/objtree"
	"umlab/harness/remake"
	"umlab/harness/store"
)

// carried is what r's build made of the baseline that bl went on from, where a build of bl is sure to make the same; nil elsewhere.
//
// Such a build makes modules with other options of rustc, below Kbuild's top, and of nothing but what the baseline's own modules are
// made of, see makeDirect. Make found that these are current in bl. For what no command names (modpost's tables and programs, the
// configuration, the rules), nothing of bl's build directory may be another that can have a part in every module.
func (b *Builder) carried(ctx context.Context, bl *Baseline, r Request) *Product {
	if r.fresh || bl.On == nil || !bl.On.Sources || !bl.Direct || !r.flags() || !r.direct() || len(r.targets()) < len(r.Cell.Modules) {
		return nil
	}
	was, err := readBaseline(b.Store.Lookup, bl.On.Key)
	if err != nil {
		return nil // it was cleaned away
	}
	p := &Product{}
	if !slices.Equal(was.Env, bl.Env) || !b.Store.Get(kindBuild, r.key(kindBuild, was), p) || !p.Direct || p.Outcome != nil ||
		!p.locate(b.Store, was) || was.Dir != bl.Dir && !b.sameForModules(ctx, was, bl, r) {
		return nil
	}
	p.Linux, p.LinuxSum = filepath.Join(bl.Build(), "linux"), bl.Linux
	return p
}

// sameForModules reports whether make left r's modules in bl as they were, and nothing else is another that they may be made of. What
// cannot be found out is not so: the build says what is wrong.
func (b *Builder) sameForModules(ctx context.Context, was, bl *Baseline, r Request) bool {
	config, err := readConfig(bl.Build())
	if err != nil || config.Get("CONFIG_DEBUG_INFO_BTF_MODULES") == "y" { // whose modules have a part of the kernel's types
		return false
	}
	differ, err := b.Store.Differ(ctx, store.Entry{Kind: kindBaseline, Key: was.stored()}, store.Entry{Kind: kindBaseline, Key: bl.stored()})
	if err != nil {
		return false
	}
	other := map[string]bool{}
	for _, name := range differ {
		name, ok := strings.CutPrefix(name, "build/")
		if ok && remake.ForModules(name) {
			return false
		}
		other[name] = true
	}
	own, err := bl.filesOf(r)
	for _, target := range r.targets() {
		module := strings.TrimSuffix(target, ".ko")
		own = append(own, module+".mod", module+".mod.c", module+".mod.o", objtree.CmdFile(module+".mod.o"))
	}
	return err == nil && !slices.ContainsFunc(own, func(name string) bool {
		info, err := os.Lstat(filepath.Join(bl.Build(), filepath.FromSlash(name)))
		if err != nil || !info.ModTime().Equal(bl.On.Copied) {
			return true // made again, or none of this tree's
		}
		if path.Ext(name) != ".cmd" {
			return false
		}
		text, err := objtree.Read(bl.Build(), name)
		return err != nil || slices.ContainsFunc(strings.Fields(string(text)), func(word string) bool {
			return other[path.Clean(strings.Trim(word, "@;()"))]
		})
	})
}

// stored is the key of the directory that the baseline's is in the store.
func (b *Baseline) stored() string { return filepath.Base(b.Dir) }
