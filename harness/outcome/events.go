package outcome

import (
	"debug/elf"
	"strconv"
	"strings"
	"syscall"

	"umlab/harness/kmsg"
)

// eventKind says what a line of the kernel, or of insmod, is about.
type eventKind uint8

const (
	eventRefused      eventKind = iota + 1 // the loader refuses a module
	eventUnclear                           // the loader says something that is not known
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
	tool   string  // eventTool: "insmod", "rmmod", "modprobe"; "" where the line does not say it
	line   int     // index of the logical line

	missing bool // eventTool: there was no such file
}

// hostFaults are what UML says when its host does not give it what it needs
// (arch/um/os-Linux). "Bus error" is the kernel's guess: a wild address past
// the end of physical memory raises SIGBUS as well.
var hostFaults = []string{
	busError, "open - cannot create ", "Failed to choose tempdir: ", "ptrace: ", "start_ptraced_child : ", "check_ptrace : ",
	"check_sysemu: ", "Failed to exec kernel", "Checking PROT_EXEC mmap in ",
}

const busError = "Bus error - the host /dev/shm or /tmp mount likely just ran out of space"

// recognise reads one line without its prefixes. complete is false where the
// line may go on: it has the beginning of a message, and the next line may hold
// the rest. With pasted, a reject counts also without the loader's own prefix.
func recognise(text string, pasted bool) (e event, ok, complete bool) {
	if len(text) < 5 {
		return e, false, false
	}
	if strings.Contains(text, "relocation") {
		if e, ok = relocationEvent(text, pasted); ok {
			return e, true, true
		}
	}
	if !pasted && bareRelaRE.MatchString(text) {
		return e, false, false // a kernel that umlab boots has its speaker: the module prints this
	}
	if strings.HasPrefix(text, "initcall ") {
		if m := initcallRE.FindStringSubmatch(text); m != nil {
			n, err := strconv.ParseInt(m[2], 10, 32)
			if err == nil && n < 0 && n >= -maxErrno {
				return event{kind: eventInitReturned, module: m[1], shows: Outcome{Errno: int(-n)}}, true, true
			}
		}
		return e, false, false
	}
	if t, complete := kmsg.TroubleOf(text); t == kmsg.Survived {
		return event{kind: eventWarning}, true, complete
	} else if t != kmsg.NoTrouble {
		return event{kind: eventFault}, true, complete
	}
	if said, ok := kmsg.ToolOf(text); ok {
		e = event{kind: eventTool, module: moduleName(said.Module), shows: Outcome{Errno: said.Errno}, tool: said.Tool, missing: said.Missing}
		return e, e.module != "", said.Missing || said.Errno != 0
	}
	if strings.Contains(text, "init suspiciously returned ") {
		if m := suspiciousRE.FindStringSubmatch(text); m != nil {
			return event{kind: eventWarning, module: m[1] + m[2]}, true, true
		}
	}
	if begins(text, hostFaults) && !strings.HasSuffix(text, "...OK") || strings.HasSuffix(text, " must be not mounted noexec") {
		return event{kind: eventHost}, true, true
	}
	switch l := kmsg.LoadingOf(text); l.Effect {
	case kmsg.Refuses:
		open := strings.Contains(text, ": Unknown symbol ") && !strings.HasSuffix(text, ")")
		return event{kind: eventRefused, module: l.Module, shows: Outcome{Kind: InsmodFailed, Errno: l.Errno}}, true, !open
	case kmsg.Unclear:
		return event{kind: eventUnclear, module: l.Module, shows: Outcome{Kind: InsmodFailed}}, true, true
	}
	return e, false, false
}

// relocationEvent reads the two messages of apply_relocate_add. An overflow's
// module is in the line that follows it, see name.
func relocationEvent(text string, pasted bool) (event, bool) {
	// Other architectures have the words without "rela" too, and no speaker: their numbers mean other things.
	if m := unknownRE.FindStringSubmatch(text); m != nil &&
		(m[3] != "" && (m[1] != "" || pasted) || m[1] == "subarch: " || m[1] == "module: ") {
		t, err := strconv.ParseUint(m[4], 10, 32)
		if err != nil {
			return event{}, false
		}
		machine := elf.EM_X86_64
		if m[3] == "" { // apply_relocate of a 32-bit kernel
			machine = elf.EM_386
		}
		o := Outcome{Kind: RelocationUnknown, Relocation: RelocationOf(machine, uint32(t)), Errno: int(syscall.ENOEXEC)}
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

// begins reports whether text begins with one of the list.
func begins(text string, list []string) bool {
	for _, s := range list { // a flood has hundreds of thousands of lines
		if strings.HasPrefix(text, s) {
			return true
		}
	}
	return false
}
