package kmsg

import (
	"slices"
	"strings"

	"umlab/harness/pattern"
)

// Trouble is what a line says that the kernel's own checks found.
type Trouble uint8

// The troubles.
const (
	NoTrouble Trouble = iota
	Survived          // a report, after which the kernel goes on as if nothing had been
	Dies              // an exception in kernel mode, or BUG(): whoever ran is killed
	Panics            // the machine stops
)

// PanicMark begins the line of a panic.
const PanicMark = "Kernel panic - not syncing"

const hex = `(?:0x)?[0-9a-fA-F]{4,16}`

// dying are the forms of what a kernel says when it faults: arch/*/kernel/traps*.c, dumpstack.c
// and process.c, arch/*/mm/fault.c, lib/bug.c, and rust/kernel's panic handler. Prose that
// begins like one of them has not the rest.
var dying = pattern.New(`^(?:` + strings.Join([]string{
	`BUG: [Uu]nable to handle [\w ]+ (?:at|for address:?) *(?:virtual address )?(?:` + hex + `|\(null\))`,
	`BUG: Unable to handle kernel instruction fetch`,
	`BUG: [Kk]ernel NULL pointer dereference(?:, address:| on \w+ at| at) ?(?:virtual address )?` + hex,
	`BUG: (?:\w+ )?stack guard page was hit at `,
	`BUG: failure at \S+:\d+/\S+!`,
	`[Kk]ernel BUG at (?:\S+:\d+!|` + hex + ` \[verbose debug info unavailable\])`,
	`Unhandled fault: .+ \(0x[0-9a-f]+\) at ` + hex,
	`OOPS: Bogus kernel PC \[`,
	`(?:CPU \d+ )?[Uu]nable to handle kernel [\w ,/-]+ (?:at (?:virtual )?(?:addr(?:ess)? )?` + hex + `|in virtual \w+ address space)`,
	`(?:\S+\(\d+\): )?(?:Oops|Internal error|Kernel bug detected|Kernel BUG|Unhandled kernel unaligned access|[\w ]+ in kernel code|` +
		`Kernel bad sw trap)[^\[]*\[#\d+\](?:[: ]|$)`,
	`[A-Za-z][\w ,./()-]*: ` + hex + `(?: ilc:\d)? \[#\d+\](?:[: ]|$)`,
	`Oops#?: ` + hex + `(?: |$)`,
	`Oops: [\w ]+, sig: \d+`,
	`\S+\(\d+\): Oops \d+(?: |$)`,
	`kernel tried to execute NX-protected page - exploit attempt\?`,
	`(?:traps: )?PANIC: double fault`,
	`(?:Kernel Fault|Bad Address \(null pointer deref\?\)): Code=\d+`,
	`rust_kernel: panicked at (?:'|\S+:\d+:\d+)`,
	`Kernel (?:mode fault|tried to access user memory) at addr 0x`,
}, "|") + `)`)

// surviving are the forms of reports: lib/dump_stack.c's callers, kernel/locking, kernel/sched,
// mm, the sanitizers and the watchdogs.
var surviving = pattern.New(`^(?:` + strings.Join([]string{
	`WARNING: (?:CPU: \d+ PID: \d+ |(?:\S+ )?at |kernel stack|stack recursion|possible |suspicious |inconsistent |bad |held |` +
		`[Nn]ested |lock held|chain_key |\S+ still has locks|\S+-safe -> )`,
	`UBSAN: [\w-]+ in \S+:\d+`,
	`INFO: (?:task \S+:\d+ blocked for more than |rcu_\w+ |possible |lockdep |trying to register )`,
	`rcu: INFO: rcu_\w+ `,
	`BUG: (?:sleeping function called from invalid context at |scheduling (?:while atomic|in a non-blocking section): |` +
		`using \w+(?:\[\w+\])?\S* in preemptible |` +
		`workqueue l|assuming [\w ]+ context at |Bad (?:page|rss-counter) |non-zero pgtables_bytes on |KCSAN: |KASAN: |KFENCE: |KMSAN: |` +
		`MAX_\w+ too (?:low|small)|key \S+ |(?:spin|rw|rt)\w*lock |lock held |held lock |looking up invalid |recent printk recursion|` +
		`Dentry \S+ ?|Invalid wait context|soft lockup - CPU#)`,
	`(?:NMI )?watchdog: (?:BUG: soft lockup - CPU#|Watchdog detected hard LOCKUP on )`,
	`\[ BUG: [^\]]+ \]$`,
}, "|") + `)`)

// oldPanics are what a kernel before 2.6 says behind "Kernel panic: ".
var oldPanics = []string{"VFS: Unable to mount root", "No init found", "Attempted to kill ", "Aiee, killing interrupt handler",
	"Fatal exception",
	"I have no root", "Out of memory"}

// TroubleOf reads a line that the kernel prints when something is wrong with it. complete is
// false where the line may go on in the next one.
func TroubleOf(text string) (t Trouble, complete bool) {
	// A flood has hundreds of thousands of lines: the expressions come last.
	if text == "" || !strings.Contains(text, "[#") && !strings.Contains(text, "): Oops ") &&
		strings.IndexByte("BCIKNOPTUW[bkrtuw-", text[0]) < 0 {
		return NoTrouble, false
	}
	if why := PanicOf(text); why != "" {
		return Panics, !goesOn(why)
	}
	if dying.MatchString(text) {
		return Dies, !strings.HasPrefix(text, "Kernel ") || strings.HasPrefix(text, "Kernel BUG") || faultIP.MatchString(text)
	}
	if surviving.MatchString(text) {
		return Survived, true
	}
	return NoTrouble, false
}

var faultIP = pattern.New(`at addr 0x[0-9a-f]+, ip 0x[0-9a-f]+$`)

// PanicOf is why the kernel panicked, in its words, or "".
func PanicOf(text string) string {
	text = strings.TrimPrefix(text, "---[ end ")
	if why, ok := strings.CutPrefix(text, PanicMark+": "); ok {
		return strings.TrimSuffix(strings.TrimSuffix(why, " ]---"), " ]")
	}
	if why, ok := strings.CutPrefix(text, "Kernel panic: "); ok && begins(why, oldPanics) {
		return why
	}
	return ""
}

// Panics of a kernel that never came to run a program (init/do_mounts.c, init/main.c), and of
// one that lost the only one it has: the latter are no fault of a module's unless more is told.
var (
	noRoot = []string{"VFS: Unable to mount root fs", "VFS: Unable to mount root", "No working init found", "No init found", "Requested init ",
		"I have no root"}
	noInit = []string{"Attempted to kill init!", "Attempted to kill the idle task!",
		"Out of memory and no killable processes", "System is deadlocked on memory",
		"Out of memory: "}
)

// NoRoot reports whether a panic says that the kernel found nothing to run, be its reason cut short.
func NoRoot(why string) bool { return begins(why, noRoot) || len(why) > 2 && firstPart(why, noRoot) }

// NoInit reports whether a panic says that what was running had to end.
func NoInit(why string) bool { return begins(why, noInit) }

func begins(text string, list []string) bool {
	for _, s := range list {
		if strings.HasPrefix(text, s) {
			return true
		}
	}
	return false
}

// goesOn reports whether a panic's reason is the first part of one that is known.
func goesOn(why string) bool {
	if strings.HasPrefix(why, "Kernel mode fault") || strings.HasPrefix(why, "Kernel tried") {
		return !faultIP.MatchString(why)
	}
	return firstPart(why, noRoot) || firstPart(why, noInit)
}

// firstPart reports whether text is a part of one of the list, up to where it was cut.
func firstPart(text string, list []string) bool {
	text = strings.TrimSpace(text)
	return slices.ContainsFunc(list, func(s string) bool { return len(text) < len(s) && strings.HasPrefix(s, text) })
}
