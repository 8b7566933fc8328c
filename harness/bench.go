package harness

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"umlab/harness/kbuild"
	"umlab/harness/plan"
	"umlab/harness/sandbox"
	"umlab/harness/scenario"
	"umlab/harness/uml"
)

// benchBoots is how many boots each figure about booting is the median of.
const benchBoots = 9

// handBoot is how a person boots a kernel by hand: with an init that loads the
// modules in $g/modules.
const handBoot = `g=/tmp/guest
mkdir -p $g/bin $g/proc $g/sys $g/dev $g/modules
cp /usr/bin/busybox $g/bin/
for l in sh insmod rmmod cat mount poweroff; do ln -s busybox $g/bin/$l; done
cat > $g/init <<'INIT'
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
for m in /modules/*.ko; do insmod $m && cat /proc/modules && rmmod $m; done
poweroff -f
INIT
chmod +x $g/init
boot() {
	/build/linux mem=$1 root=/dev/root rootfstype=hostfs rootflags=$g rw init=/init con=null con0=fd:0,fd:1 </dev/null || true
}
`

// handLoop is what a person who knows the field types instead of umlab: one
// output directory, an incremental make per variant, two boots by hand. $1 is the
// make command, $2 the modules, the rest are the variants' flags.
const handLoop = `set -e
make=$1 modules=$2; shift 2
` + handBoot + `
for flags in "" "$@"; do
	$make RUSTFLAGS_MODULE="$flags" $modules
	cp $(for m in $modules; do echo /build/$m; done) $g/modules/
	for mem in 64M 1G; do
		boot $mem
	done
done
`

// Bench measures umlab beside what a person would do by hand, all in one run so
// that the ratios mean something on any machine, and prints one line a figure.
// cold adds the way from an empty store, which builds a kernel.
func (l *Lab) Bench(ctx context.Context, cold bool) error {
	if _, err := l.timed(ctx, MatrixOptions{}); err != nil { // warms the store
		return err
	}
	fresh, err := l.timed(ctx, MatrixOptions{Fresh: true})
	if err != nil {
		return err
	}
	cached, err := l.timed(ctx, MatrixOptions{})
	if err != nil {
		return err
	}
	base, err := l.benchBase(ctx)
	if err != nil {
		return err
	}
	hand, err := l.handLoop(ctx, base)
	if err != nil {
		return err
	}
	bare, full, err := l.benchBoot(ctx, base)
	if err != nil {
		return err
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(l.stdout, format+"\n", args...) }
	say("matrix -fresh, warm baseline   %6.2f s   hand loop of incremental make + boot %6.2f s   ratio %.2f", fresh, hand, fresh/hand)
	say("matrix, cached                 %6.2f s   matrix -fresh %6.2f s   ratio %.3f", cached, fresh, cached/fresh)
	say("boot with two insmods          %6.2f s   the kernel's own %6.2f s   beyond it %.2f s   ratio %.2f", full, bare, full-bare, full/bare)
	say("memory of umlab, at most       %6.0f MB", float64(usage.Maxrss)/1024)
	if !cold {
		say("empty store to table           not measured: add -cold (builds a kernel)")
		return nil
	}
	c, err := l.benchCold(ctx)
	if err != nil {
		return err
	}
	say("empty store to table           %6.2f s   its one kernel build %6.2f s   beyond it %.2f s   ratio %.2f",
		c.total, c.build, c.total-c.build, c.total/c.build)
	say("one more rustc, fetched        %6.2f s   from an empty store  %6.2f s   ratio %.2f   (%s)", c.more, c.total, c.more/c.total, c.rustc)
	return nil
}

// timed is how many seconds a matrix takes.
func (l *Lab) timed(ctx context.Context, o MatrixOptions) (float64, error) {
	start := time.Now()
	p, err := l.plan(o)
	if err == nil {
		_, err = l.run(ctx, l.sources, p)
	}
	return time.Since(start).Seconds(), err
}

// benchBase is the default matrix's baseline, out of the store.
func (l *Lab) benchBase(ctx context.Context) (*benched, error) {
	p, err := l.plan(MatrixOptions{})
	if err != nil {
		return nil, err
	}
	t, tc, err := p.Fetch(ctx, l.sources)
	if err != nil {
		return nil, err
	}
	bl, _, err := l.builder.Baseline(ctx, p.Base(t, tc))
	return &benched{bl, p}, err
}

type benched struct {
	*kbuild.Baseline
	plan *plan.Plan
}

func (l *Lab) handLoop(ctx context.Context, b *benched) (float64, error) {
	tmp, remove, err := l.store.Scratch("bench")
	if err != nil {
		return 0, err
	}
	defer remove()
	upper, work := filepath.Join(tmp, "upper"), filepath.Join(tmp, "work")
	var flags []string
	for _, c := range b.plan.Cells {
		if f := c.Variant.Flags(); len(f) > 0 {
			flags = append(flags, strings.Join(f, " "))
		}
	}
	return b.byHand(ctx, handLoop, sandbox.Command{
		Mounts:   []sandbox.Mount{b.Base.Tree.Mount("/src")},
		Overlays: []sandbox.Overlay{{Lower: b.Build(), Upper: upper, Work: work, Target: "/build"}},
	}, flags...)
}

// byHand returns the seconds that a script takes with the tools of the baseline in a sandbox that shows the tree at
// /src and a build directory at /build. $1 is the make command, $2 the scenario's modules, then come args.
func (b *benched) byHand(ctx context.Context, script string, c sandbox.Command, args ...string) (float64, error) {
	var modules []string
	for _, m := range b.plan.Scenario.Modules {
		modules = append(modules, m.Path)
	}
	var said bytes.Buffer
	c.Args = append([]string{"sh", "-c", script, "sh", strings.Join(b.Base.Make(), " "), strings.Join(modules, " ")}, args...)
	c.Stdout, c.Stderr = &said, &said
	start := time.Now()
	status, err := sandbox.Run(ctx, b.Base.Toolchain.In(c))
	if err == nil && !status.Success() {
		err = fmt.Errorf("by hand: %s: %s", status, lastLines(said.String(), 5))
	}
	return time.Since(start).Seconds(), err
}

// benchBoot returns the seconds of a boot that does nothing, and of one by
// umlab with the scenario's modules, as medians.
func (l *Lab) benchBoot(ctx context.Context, b *benched) (bare, full float64, err error) {
	guest, closeGuest, err := l.newGuest(b.Base.Toolchain)
	if err != nil {
		return 0, 0, err
	}
	defer closeGuest()
	cell := b.plan.Cells[slices.IndexFunc(b.plan.Cells, func(c scenario.Cell) bool {
		return c.Variant.ID == "static-large"
	})]
	p, _, err := l.builder.Fork(ctx, b.Baseline, kbuild.Request{Cell: cell}, false)
	if err != nil {
		return 0, 0, err
	}
	spec := uml.Spec{Kernel: p.Linux, Mem: 64 << 20}
	for _, m := range cell.Modules {
		spec.Modules = append(spec.Modules, uml.Module{Name: m.Name, Path: p.Modules[m.Path].Path})
	}
	var bares, fulls []float64
	for range benchBoots {
		start := time.Now()
		// The kernel panics for want of an init: that is its own time to a
		// userspace, with nothing of umlab's in it but the sandbox.
		options := uml.Options{Mem: spec.Mem, Extra: []string{"init=/nonexistent"}}
		if _, err := sandbox.Run(ctx, uml.Command(b.Base.Toolchain.Root, p.Linux, b.Base.Toolchain.Root, options, false)); err != nil {
			return 0, 0, err
		}
		bares = append(bares, time.Since(start).Seconds())
		r, err := guest.Boot(ctx, spec)
		if err != nil {
			return 0, 0, err
		}
		fulls = append(fulls, r.Seconds)
	}
	return median(bares), median(fulls), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// coldFigures are seconds.
type coldFigures struct {
	total float64 // from an empty store to the table
	build float64 // of that, the kernel
	more  float64 // to the table of another rustc after that
	rustc string  // its name
}

// benchCold runs the default matrix from an empty store, and then with the
// newest rustc of the default series.
func (l *Lab) benchCold(ctx context.Context) (c coldFigures, err error) {
	home, remove, err := l.store.Scratch("cold")
	if err != nil {
		return c, err
	}
	defer remove()
	l.sink.Close() // the other one has a display of its own
	empty, err := Open(elsewhere(l.options, home))
	if err != nil {
		return c, err
	}
	defer empty.Close()
	if c.total, err = empty.timed(ctx, MatrixOptions{}); err != nil {
		return c, err
	}
	b, err := empty.benchBase(ctx)
	if err != nil {
		return c, err
	}
	c.build = b.Seconds
	members, err := empty.sources.Series(ctx, l.settings.DefaultSeries)
	if err != nil {
		return c, err
	}
	if len(members) == 0 {
		return c, fmt.Errorf("series %s has no members", l.settings.DefaultSeries)
	}
	c.rustc = members[len(members)-1].Name
	c.more, err = empty.timed(ctx, MatrixOptions{Toolchain: c.rustc})
	return c, err
}

// elsewhere are the options of a lab on another store, whose results are not
// remembered.
func elsewhere(o Options, home string) Options {
	getenv := o.Getenv
	o.Forget = true
	o.Getenv = func(name string) string {
		if name == "UMLAB_HOME" {
			return home
		}
		return getenv(name)
	}
	return o
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
