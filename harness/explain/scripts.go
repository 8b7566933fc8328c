package explain

import (
	"encoding/base64"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/kmake"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/shell"
	"umlab/harness/uml"
)

// byHand is a cell at a placement as a person repeats it without umlab.
type byHand struct {
	Booted
	kmake.Base
	place scenario.Placement
}

// title is "static-kernel@module:high of debian-7.3".
func (h byHand) title() string {
	return fmt.Sprintf("%s:%s of %s", h.Cell.ID(), h.place.Name, h.Tree.Name)
}

// targets are the modules of the tree; there may be others, which the user builds.
func (h byHand) targets() (targets []string) {
	for _, m := range h.Cell.Modules {
		if m.External == nil {
			targets = append(targets, m.Path)
		}
	}
	return targets
}

// onlyModules reports whether the flags reach only modules, which are made by
// themselves.
func (h byHand) onlyModules() bool { return len(h.Cell.MakeVars()) > 0 && h.Cell.ModulesOnly() }

// options is the file of what was requested over allnoconfig.
func (h byHand) options() string { return filepath.Join(h.Baseline.Build(), ".umlab.config") }

// scripts are the ways to repeat the cell. They are made to be pasted: no tabs,
// which an interactive shell takes for a wish to complete, nothing read from
// standard input, and all in a subshell, so that the first error leaves the
// user's shell alone.
func (h byHand) scripts() []result.ExplanationScript {
	out := []result.ExplanationScript{{Name: "boot", Title: "boot again what umlab built", Text: h.boot()}}
	if len(h.targets()) < len(h.Cell.Modules) {
		// The directories are the user's, who builds them as ever.
		title := "build it again, in the tree, with a toolchain of your own"
		return append(out, result.ExplanationScript{Name: "build", Title: title, Text: h.own()})
	}
	return append(out, result.ExplanationScript{Name: "build", Title: "build it again", Text: h.build(), Brief: h.own()})
}

// script collects the lines of a script.
type script struct{ strings.Builder }

func (s *script) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// path is a file as a word of a script that sets store.
func (h byHand) path(file string) string {
	if rest, ok := strings.CutPrefix(file, h.Store+"/"); ok && rest == shell.Quote(rest) {
		return `"$store"/` + rest
	}
	return shell.Quote(file)
}

// namespace begins a command in a mount namespace of its own and leaves it in a
// root directory that holds the toolchain and the directories dirs. A user
// needs a user namespace for that; root does not. setarch may stand before it.
func (s *script) namespace(h byHand, before string, dirs string) {
	for i, m := range h.Toolchain.Mounts {
		s.line("export mount%d=%s", i, h.path(m.Source))
	}
	s.line(`user=; [ "$(id -u)" = 0 ] || user="--user --map-root-user"`)
	s.line("%sunshare $user --mount sh -ec '", before)
	s.line(`  mount -t tmpfs tmpfs "$root"; cd "$root"; mkdir usr etc dev proc tmp %s`, dirs)
	s.line(`  for l in "$sysroot"/*; do if [ -h "$l" ]; then cp -P "$l" .; fi; done`)
	// Read-only where the machine allows it: Python, for one, leaves caches beside its modules.
	s.line(`  ro() { mount --bind "$1" "$2"; mount -o remount,bind,ro "$2" 2>/dev/null || true; }`)
	s.line(`  for d in usr etc; do ro "$sysroot/$d" $d; done; for d in dev proc; do mount --rbind /$d $d; done`)
	if len(h.Toolchain.Mounts) > 0 {
		s.line(`  show() {`)
		s.line(`    if [ -d "$1" ]; then mkdir -p ".$2"; elif [ ! -e ".$2" ]; then mkdir -p ".${2%%/*}"; : > ".$2"; fi`)
		s.line(`    ro "$1" ".$2"; }`)
	}
	for i, m := range h.Toolchain.Mounts {
		s.line(`  show "$mount%d" %s`, i, shell.Nested(m.Target))
	}
}

// boot is a script that boots the kernel with the modules.
func (h byHand) boot() string {
	s := &script{}
	s.line("# %s", h.title())
	if h.place.ASLR {
		s.line("# Address randomisation stays on: where this kernel lets it decide, addresses differ from boot to boot.")
	}
	s.line("( set -e; store=%s", shell.Quote(h.Store))
	s.line("export sysroot=%s", h.path(h.Toolchain.Root))
	s.line("export linux=${linux:-%s}", h.path(h.Product.Linux))
	s.line(`work=$(mktemp -d); export work root="$work/root"; mkdir -p "$root" "$work/guest"; cd "$work/guest"`)
	s.line("mkdir bin modules proc sys dev; cp %s bin/busybox", h.path(h.Toolchain.Busybox))
	s.line("for a in sh mount insmod cat rmmod poweroff; do ln -s busybox bin/$a; done")
	for _, m := range h.Cell.Modules {
		s.line(`ko=${%s:-%s}; cp "$ko" modules/%s.ko`, shellName(m.Name), h.path(h.Product.Modules[m.Path].Path), m.Name)
	}
	h.stepFiles(s)
	s.line("cat > init <<'INIT'\n#!/bin/sh\nexport PATH=/bin\nmount -t proc proc /proc; mount -t sysfs sys /sys")
	insmod := func(m scenario.Module) string { return uml.Module{Name: m.Name, Params: m.Params}.Insmod() }
	for _, m := range h.Product.InOrder(h.Cell.Tried()) {
		needed := h.Product.Needed(h.Cell.Modules, m)
		for _, n := range needed {
			s.line("%s", insmod(n))
		}
		s.line("%s && cat /proc/modules && rmmod %s", insmod(m), m.Name)
		for _, n := range slices.Backward(needed) {
			s.line("rmmod %s", n.Name)
		}
	}
	for _, step := range h.Steps.Steps {
		s.line("sh %s </dev/null; echo \"%s: status $?\"", step.File, step.Name)
	}
	s.line("poweroff -f\nINIT\nchmod +x init")
	before := ""
	if !h.place.ASLR {
		before = `setarch "$(uname -m)" -R `
	}
	s.namespace(h, before, "guest")
	s.line(`  touch linux; ro "$linux" linux; mount --bind "$work/guest" guest`)
	s.line("  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp HOME=/tmp chroot . /linux %s",
		strings.Join(uml.Options{Mem: h.place.Mem, RootDir: "/guest", Extra: h.Cell.Variant.Params()}.Cmdline(), " "))
	s.line("' </dev/null || true")
	s.line(`rm -r "$work" )`)
	return s.String()
}

// build is a script that makes kernel and modules as umlab did, and leaves them
// to the boot script.
func (h byHand) build() string {
	s := &script{}
	s.line("# %s: kernel and modules, in ./umlab-build", h.title())
	s.line("( set -e; store=%s", shell.Quote(h.Store))
	s.line("export sysroot=%s", h.path(h.Toolchain.Root))
	last := len(h.Tree.Layers) - 1
	s.line("export tree=%s", h.path(h.Tree.Layers[last]))
	show := `ro "$tree" src`
	for _, over := range h.Tree.Layers[:last] {
		s.line("export changed=%s", h.path(over))
		show = `mount -t overlay -o "ro,userxattr,lowerdir=$changed:$tree" umlab src`
	}
	s.line(`mkdir -p umlab-build umlab-root; export build="$PWD/umlab-build" root="$PWD/umlab-root"`)
	s.line("cp %s umlab-build/requested.config", h.path(h.options()))
	s.namespace(h, "", "src build")
	s.line(`  %s; mount --bind "$build" build`, show)
	var env []string
	for _, kv := range h.Toolchain.Environment() {
		env = append(env, shell.Nested(kv))
	}
	s.line(`  mk() { env -i %s chroot . %s "$@"; }`, strings.Join(env, " "), strings.Join(h.Make(), " "))
	s.line("  mk KCONFIG_ALLCONFIG=/build/requested.config allnoconfig")
	flags := ""
	for _, v := range h.Cell.MakeVars() {
		flags += ` "` + v.String() + `"`
	}
	if h.onlyModules() {
		s.line(`  mk -j"$(nproc)"`)
		s.line(`  mk -j"$(nproc)"%s %s`, flags, strings.Join(h.targets(), " "))
	} else {
		s.line(`  mk -j"$(nproc)"%s`, flags)
	}
	s.line("' </dev/null; rmdir umlab-root )")
	s.line("# The other script boots these now:")
	vars := []string{`linux="$PWD/umlab-build/linux"`}
	for _, m := range h.Cell.Modules {
		vars = append(vars, fmt.Sprintf(`%s="$PWD/umlab-build/%s"`, shellName(m.Name), m.Path))
	}
	s.line("export %s", strings.Join(vars, " "))
	return s.String()
}

// own is the same with a toolchain of the user's own, in the tree.
func (h byHand) own() string {
	s := &script{}
	config := append(append([]string{"make"}, h.Arch()...), "O=build")
	if h.Compiler == kmake.Clang {
		config = append(config, "LLVM=1")
	}
	s.line("%s KCONFIG_ALLCONFIG=%s allnoconfig", strings.Join(config, " "), shell.Quote(h.options()))
	if h.onlyModules() {
		s.line("%s", strings.Join(config, " "))
	}
	if targets := h.targets(); len(targets) > 0 || !h.onlyModules() {
		s.line("%s", h.ByHand(h.Cell, targets...))
	}
	for _, c := range h.ExternalByHand(h.Cell) {
		s.line("%s", c)
	}
	return s.String()
}

// shellName is the variable that can name another .ko for a module.
func shellName(module string) string { return strings.ReplaceAll(module, "-", "_") + "_ko" }

// stepFiles puts what the steps find in the guest below the working directory.
func (h byHand) stepFiles(s *script) {
	encoded := func(name string, data []byte) {
		s.line("base64 -d > %s <<'DATA'\n%s\nDATA", shell.Quote(name), base64.StdEncoding.EncodeToString(data))
	}
	under := func(name string) string {
		name = strings.TrimPrefix(name, "/")
		s.line("mkdir -p %s", shell.Quote(path.Dir(name)))
		return name
	}
	for _, e := range h.Steps.Finds.Entries {
		name := under(e.Path)
		switch e.Kind {
		case "dir":
			s.line("mkdir -p %s", shell.Quote(name))
		case "link":
			s.line("ln -s %s %s", shell.Quote(e.Source), shell.Quote(name))
			continue
		case "busybox":
			s.line("cp bin/busybox %s", shell.Quote(name))
		default:
			encoded(name, h.Steps.Finds.Sources[e.Source])
		}
		s.line("chmod %o %s", e.Mode, shell.Quote(name))
	}
	for _, dir := range h.Steps.Finds.Dirs {
		s.line("mkdir -p %s", shell.Quote(strings.TrimPrefix(dir, "/")))
	}
	for _, f := range h.Steps.Finds.Files {
		name := under(f.Path)
		switch text := string(f.Data); {
		case f.Host != "":
			s.line("cp %s %s; chmod %o %[2]s", h.path(f.Host), shell.Quote(name), f.Mode)
		case strings.HasSuffix(text, "\n") && !strings.Contains(text, "\nSTEP\n"):
			s.line("cat > %s <<'STEP'\n%sSTEP", shell.Quote(name), text)
		default:
			encoded(name, f.Data)
		}
	}
}
