package toolchain

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"umlab/harness/debian"
	"umlab/harness/sandbox"
	"umlab/harness/store"
)

// topDirs are directories that a system has at its top or, as links, below /usr.
var topDirs = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// machine returns a toolchain, without a busybox, that shows the system's
// directories, and nothing else of the machine: no home, no /tmp, no /var, and of
// /etc what the system's programs are found by.
func (p *Provider) machine(ctx context.Context, name string, h host) (*Toolchain, error) {
	links := map[string]string{}
	t := &Toolchain{Name: name, Notes: []string{hostNote(name, "all of it")}, Path: h.path()}
	show := func(path string) {
		t.Mounts = append(t.Mounts, sandbox.Mount{Source: path, Target: path, ReadOnly: true})
	}
	for _, dir := range h.shown {
		show(dir)
	}
	for _, dir := range topDirs {
		if to, err := os.Readlink("/" + dir); err == nil {
			links[dir] = to
		}
	}
	for _, file := range []string{"/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"} {
		if _, err := os.Stat(file); err == nil {
			show(file)
		}
	}
	if at, ok := h.find("bindgen"); ok && !h.systems(at) {
		at, err := filepath.EvalSymlinks(at)
		if err != nil {
			return nil, err
		}
		t.Mounts = append(t.Mounts, sandbox.Mount{Source: at, Target: hostAt + "/bindgen", ReadOnly: true})
		t.Path = append([]string{hostAt}, t.Path...)
	}
	var err error
	if t.Root, err = p.skeleton(ctx, links); err != nil {
		return nil, err
	}
	t.Digest, t.Packages, err = p.machineDigest(ctx, t)
	return t, err
}

// skeleton is a root directory that holds links and places for mounts alone.
func (p *Provider) skeleton(ctx context.Context, links map[string]string) (string, error) {
	parts := []string{kindHost, hostVersion}
	for _, dir := range topDirs {
		parts = append(parts, dir, links[dir])
	}
	dir, _, err := p.Store.Dir(ctx, kindHost, store.Key(parts...), func(_ context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		for _, d := range []string{"usr", "etc", "host", "tmp"} {
			if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
				return err
			}
		}
		for name, to := range links {
			if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
				return err
			}
		}
		return nil
	})
	return filepath.Join(dir, "root"), err
}

// filesScript names the files that the tools consist of, as far as they decide
// what is built: each program, what it calls, and the libraries that it loads.
const filesScript = `
clang=$(command -v clang) && : "${LIBCLANG_PATH:=$(dirname "$(readlink -f "$clang")")/../lib}"
files() {
	for p in make ld ld.bfd as ar objcopy strip gcc clang ld.lld llvm-ar llvm-objcopy rustc bindgen flex bison m4 bc awk perl git xz; do
		command -v "$p"
	done
	for p in cc1 collect2 as ld; do gcc -print-prog-name=$p; done
	for f in libgcc.a libgcc_eh.a crtbegin.o crtbeginS.o crtbeginT.o libc.a ` +
	`libc.so.6 crt1.o Scrt1.o libelf.so libcrypto.so; do gcc -print-file-name=$f; done
	ls "$(clang -print-resource-dir)"/lib/linux/*.a /usr/lib/llvm-*/lib/libclang.so* ` +
	`/usr/lib/*/libclang*.so* /usr/lib64/libclang*.so* "$LIBCLANG_PATH"/libclang*.so*
	sysroot=$(rustc --print sysroot) && ls "$sysroot"/lib/rustlib/*/lib/*.rlib "$sysroot"/lib/rustlib/*/lib/*.so ` +
	`"$sysroot"/lib/librustc_driver* "$sysroot"/lib/*/librustc_driver*
}
files 2>/dev/null | sort -u | while read -r f; do
	case $f in /*) ;; *) continue;; esac
	readlink -e "$f"
	/lib64/ld-linux-x86-64.so.2 --list "$f" 2>/dev/null | while read -r a b c rest; do
		case $a in /*) readlink -e "$a";; esac
		case $c in /*) readlink -e "$c";; esac
	done
done
exit 0
`

// machineDigest is over the content of the files that filesScript names, and
// over the sizes and times of the headers.
func (p *Provider) machineDigest(ctx context.Context, t *Toolchain) (digest string, packages []string, err error) {
	var out, complaints bytes.Buffer
	status, err := sandbox.Run(ctx, t.In(sandbox.Command{Args: []string{"sh", "-c", filesScript}, Stdout: &out, Stderr: &complaints}))
	if err != nil {
		return "", nil, err
	}
	if !status.Success() {
		return "", nil, fmt.Errorf("look for the files of the tools: %s: %s", status, strings.TrimSpace(complaints.String()))
	}
	files := strings.Fields(out.String())
	slices.Sort(files)
	parts := []string{"host", hostVersion, filesScript}
	for _, f := range slices.Compact(files) {
		onHost, ok := t.outside(f)
		if !ok {
			continue
		}
		sum, err := p.Store.SumOutside(onHost)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, f, sum)
	}
	headers, err := includeStamp(filepath.Join(system, "include"))
	if err != nil {
		return "", nil, err
	}
	return store.Key(append(parts, headers)...), []string{fmt.Sprintf("%d files of tools on this machine", len(slices.Compact(files)))}, nil
}

// includeStamp tells the headers below dir from what they were, by their sizes
// and times.
func includeStamp(dir string) (string, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			lines = append(lines, fmt.Sprintf("%s %s %d %d", path, info.Mode(), info.Size(), info.ModTime().UnixNano()))
		}
		return err
	})
	return store.Key(lines...), err
}

// outside is where a file that t's programs see lies on the machine.
func (t *Toolchain) outside(path string) (string, bool) {
	for _, m := range t.Mounts {
		if path == m.Target || strings.HasPrefix(path, m.Target+"/") {
			return m.Source + strings.TrimPrefix(path, m.Target), true
		}
	}
	return "", false
}

// hostBusybox is a static busybox for the guest: the machine's, else Debian's.
func (p *Provider) hostBusybox(ctx context.Context, h host, t *Toolchain) (string, error) {
	if at, ok := h.find("busybox"); ok && isStatic(at) {
		kept, _, err := p.Store.Keep(ctx, at)
		return kept, err
	}
	suites := slices.Sorted(maps.Keys(p.Archive.Suites))
	res, err := p.Archive.Versions(ctx, suites, []string{"busybox-static"})
	if err == nil && len(res.Packages) == 0 {
		err = fmt.Errorf("%s serve none", strings.Join(suites, ", "))
	}
	if err != nil {
		return "", fmt.Errorf("the machine has no static busybox for the guest, and Debian's cannot be had: %w; "+
			"install one (Debian: busybox-static)", err)
	}
	pkg := slices.MaxFunc(res.Packages, func(a, b debian.Package) int { return debian.CompareVersions(a.Version, b.Version) })
	dir, _, err := p.Store.Dir(ctx, kindHost, store.Key("busybox", pkg.SHA256), func(ctx context.Context, dir string) error {
		return p.unpack(ctx, t.Name, pkg, dir, debian.UnpackOptions{LeaveOut: debian.DefaultLeaveOut()})
	})
	if err != nil {
		return "", err
	}
	t.Packages = append(t.Packages, pkg.String())
	for _, at := range []string{busybox, "bin/busybox"} {
		if file := filepath.Join(dir, at); isStatic(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s has no static busybox", pkg.String())
}

// isStatic reports whether the program needs no loader.
func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}
