package outcome

import (
	"debug/elf"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// eventKind says what a line of the kernel, or of insmod, is about.
type eventKind uint8

const (
	eventRefused      eventKind = iota + 1 // the loader refuses a module
	eventInitReturned                      // "initcall … returned -19", with initcall_debug
	eventTool                              // what insmod or rmmod says when it fails
	eventFault                             // panic, BUG, oops
	eventWarning                           // WARNING and what else the kernel survives
	eventHost                              // UML says that its host is at fault
)

// event is a line that says something. The same event again in the same step
// (busybox's insmod tries two system calls) is left out.
type event struct {
	kind   eventKind
	module string  // "" where the line and the lines that belong to it name none
	shows  Outcome // of eventRefused all but the evidence; of eventInitReturned and eventTool the errno, where the line says it
	text   string  // without prefixes, joined where it was wrapped
	tool   string  // eventTool: "insmod", "rmmod", "modprobe"
	line   int     // index of the logical line
}

// faults are the beginnings of what a kernel says when it faults: kernel/panic.c,
// lib/bug.c, arch/x86/kernel/dumpstack.c and traps.c, mm/kasan/report.c, and
// rust/kernel's panic handler. UML's "Kernel mode fault at addr" and its kin
// come behind "Kernel panic - not syncing: ".
var faults = []string{
	panicMark, "BUG: ", "kernel BUG at ", "Oops: ", "Oops - ", "Internal error: ", "general protection fault",
	"Unable to handle kernel ", "Kernel mode fault at addr ", "Kernel tried to access user memory at addr ",
	"kernel tried to execute NX-protected page", "divide error: ", "invalid opcode: ", "double fault: ",
	"stack segment: ", "int3: ", "traps: PANIC: ", "watchdog: BUG: ", "rust_kernel: panicked at ",
}

const panicMark = "Kernel panic - not syncing"

// survived are reports that begin like a fault, or otherwise stand out, after
// which the kernel goes on as if nothing had been.
var survived = []string{
	"WARNING: ", "UBSAN: ", "BUG: sleeping function called from invalid context", "BUG: using ", "BUG: workqueue lockup",
	"INFO: task ",
}

// hostFaults are what UML says when its host does not give it what it needs
// (arch/um/os-Linux). "Bus error" is the kernel's guess: a wild address past
// the end of physical memory raises SIGBUS as well.
var hostFaults = []string{
	busError, "open - cannot create ", "Failed to choose tempdir: ", "ptrace: ", "start_ptraced_child : ", "check_ptrace : ",
	"check_sysemu: ", "Failed to exec kernel", "Checking PROT_EXEC mmap in ",
}

const busError = "Bus error - the host /dev/shm or /tmp mount likely just ran out of space"

var (
	toolRE  = regexp.MustCompile(`^(insmod|modprobe|rmmod): (?:ERROR: |FATAL: )?(.*[^ ]): ([^:]+)$`)
	toolArg = regexp.MustCompile(`^(?:can't (?:insert|unload module) '([^'\s]+)'|could not (?:insert|load|remove)` +
		`(?: module)? ['"]?([^'"\s]+)['"]?)$`)
	faultIP = regexp.MustCompile(`at addr 0x[0-9a-f]+, ip 0x[0-9a-f]+$`)
)

// recognise reads one line without its prefixes. complete is false where the
// line may go on: it has the beginning of a message, and the next line may hold
// the rest. With pasted, a reject counts also without the loader's own prefix.
func recognise(text string, pasted bool) (e event, ok, complete bool) {
	if len(text) < 5 {
		return e, false, false
	}
	switch {
	case strings.Contains(text, "relocation"):
		if e, ok = relocationEvent(text, pasted); ok {
			return e, true, true
		}
	case strings.HasPrefix(text, "initcall "):
		if m := initcallRE.FindStringSubmatch(text); m != nil {
			n, err := strconv.ParseInt(m[2], 10, 32)
			if err == nil && n < 0 && n >= -maxErrno {
				return event{kind: eventInitReturned, module: m[1], shows: Outcome{Errno: int(-n)}}, true, true
			}
		}
		return e, false, false
	case strings.HasPrefix(text, "insmod: "), strings.HasPrefix(text, "rmmod: "), strings.HasPrefix(text, "modprobe: "):
		if e, ok = toolEvent(text); ok {
			return e, true, e.shows.Errno != 0
		}
	}
	if begins(text, survived) {
		return event{kind: eventWarning}, true, true
	}
	if strings.Contains(text, "init suspiciously returned ") {
		if m := suspiciousRE.FindStringSubmatch(text); m != nil {
			return event{kind: eventWarning, module: m[1] + m[2]}, true, true
		}
	}
	if begins(text, faults) {
		short := strings.Contains(text, "Kernel mode fault") || strings.Contains(text, "Kernel tried to access")
		return event{kind: eventFault}, true, !short || faultIP.MatchString(text)
	}
	if begins(text, hostFaults) && !strings.HasSuffix(text, "...OK") || strings.HasSuffix(text, " must be not mounted noexec") {
		return event{kind: eventHost}, true, true
	}
	if module, errno, ok := refusalOf(text); ok {
		return event{kind: eventRefused, module: module, shows: Outcome{Kind: InsmodFailed, Errno: errno}}, true, true
	}
	return e, false, false
}

// relocationEvent reads the two messages of apply_relocate_add. An overflow's
// module is in the line that follows it, see name.
func relocationEvent(text string, pasted bool) (event, bool) {
	if m := unknownRE.FindStringSubmatch(text); m != nil && (m[1] != "" || pasted) {
		t, err := strconv.ParseUint(m[4], 10, 32)
		if err != nil {
			return event{}, false
		}
		rel := NewRelocation(uint32(t))
		if m[3] == "" { // apply_relocate of a 32-bit kernel
			rel.Name = elf.R_386(t).String()
		}
		o := Outcome{Kind: RelocationUnknown, Relocation: rel, Errno: int(syscall.ENOEXEC)}
		return event{kind: eventRefused, module: m[2], shows: o}, true
	}
	m := overflowRE.FindStringSubmatch(text)
	if m == nil {
		return event{}, false
	}
	t, err := strconv.ParseUint(m[1], 10, 32)
	if err != nil {
		return event{}, false
	}
	o := Outcome{Kind: RelocationOverflow, Relocation: NewRelocation(uint32(t)), Errno: int(syscall.ENOEXEC), Value: "0x" + m[2]}
	if m[3] != "" {
		sec, _ := strconv.Atoi(m[3]) // the expression admits nothing that does not fit
		idx, _ := strconv.Atoi(m[4])
		o.Section, o.Index = &sec, &idx
	}
	return event{kind: eventRefused, shows: o}, true
}

// toolEvent reads what busybox's and kmod's insmod, rmmod and modprobe say when
// they fail.
func toolEvent(text string) (event, bool) {
	m := toolRE.FindStringSubmatch(text)
	if m == nil {
		return event{}, false
	}
	e := event{kind: eventTool, shows: Outcome{Errno: errnoOf(m[3])}, tool: m[1]}
	if a := toolArg.FindStringSubmatch(m[2]); a != nil {
		e.module = moduleName(a[1] + a[2])
	}
	return e, e.module != ""
}

// missingFile reports whether insmod could not even open the module. The
// kernel's own ENOENT has other words.
func (e event) missingFile() bool {
	return e.kind == eventTool && e.tool != "rmmod" && strings.HasSuffix(strings.ToLower(e.text), ": no such file or directory")
}

func atoiErrno(digits string) int {
	n, _ := strconv.Atoi(digits) // the callers' expressions admit nothing that does not fit
	return positiveErrno(n)
}
