package kmsg

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Effect is what a message of the module loader means for the module.
type Effect uint8

// The effects.
const (
	None    Effect = iota // no message of the loader
	Refuses               // the module is not loaded
	Goes                  // a note: the loader goes on with it, or unloads it
	Unclear               // the loader speaks, and what it does then is not known
)

// Loading is a message of the module loader.
type Loading struct {
	Effect Effect
	Module string // that it names; "" where it names none
	Errno  int    // that load_module returns then; 0: the line does not tell
}

// message is one of the loader's, behind its object's name and the module's.
type message struct {
	format string
	errno  syscall.Errno // 0: more than one is possible
	parsed format
}

// speakers are the objects whose pr_fmt stands before the loader's messages.
var speakers = []string{"subarch", "module", "module_64", "module_32", "Modules", "kmod", "livepatch", "ftrace"}

// VersionMagic begins what the loader says of a module for another kernel.
const VersionMagic = "version magic '"

// refusals are why a module is not loaded, behind "NAME: " or "module NAME: ": kernel/module
// (until 5.18 kernel/module.c), kernel/params.c and arch/*/kernel/module*.c, of 2.6.12 to 7.3.
var refusals = newList(
	message{format: "version magic '%s' should be '%s'", errno: syscall.ENOEXEC},
	message{format: "Unknown symbol %s (err %d)"}, // the line tells
	message{format: "Unknown symbol %s", errno: syscall.ENOENT},
	message{format: "disagrees about version of symbol %s", errno: syscall.EINVAL},
	message{format: "no symbol version for %s", errno: syscall.EINVAL},
	message{format: "exports duplicate symbol %s", errno: syscall.ENOEXEC},
	message{format: "module using GPL-only symbols uses symbols %s", errno: syscall.ENOENT},
	message{format: "module uses symbol (%s) from namespace %s, but does not import it.", errno: syscall.EINVAL},
	message{format: "module tries to import module namespace: %s", errno: syscall.EPERM},
	message{format: "module has no symbols (stripped?)", errno: syscall.ENOEXEC},
	message{format: "please compile with -fno-common", errno: syscall.ENOEXEC},
	message{format: "Symbol %s has an invalid section index %s", errno: syscall.ENOEXEC},
	message{format: "module is marked as livepatch module, but livepatch support is disabled", errno: syscall.ENOEXEC},
	message{format: "has both .ctors and .init_array.", errno: syscall.EINVAL},
	message{format: "Could not allocate %lu bytes percpu data", errno: syscall.ENOMEM},
	message{format: "section %s (index %d) has invalid WRITE|EXEC flags", errno: syscall.ENOEXEC},
	message{format: "module sysfs not initialized", errno: syscall.EINVAL},
	message{format: "module is already loaded", errno: syscall.EINVAL},
	message{format: "no flags for exported symbols", errno: syscall.ENOEXEC},
	message{format: "No versions for exported symbols."},
	message{format: "Unknown parameter `%s'", errno: syscall.ENOENT},
	message{format: "`%s' invalid for parameter `%s'"},
	message{format: "`%s' too large for parameter `%s'"},
	message{format: "failed to init module_memory"},
	// The architectures' relocations: their numbers are no types of x86-64.
	message{format: "Unknown relocation: %u", errno: syscall.ENOEXEC},
	message{format: "unknown relocation: %u", errno: syscall.ENOEXEC},
	message{format: "Unknown relocation type %u", errno: syscall.EINVAL},
	message{format: "Unknown reloc: %u", errno: syscall.ENOEXEC},
	message{format: "Unknown ADD relocation: %lu", errno: syscall.ENOEXEC},
	message{format: "unknown ADD relocation: %u", errno: syscall.ENOEXEC},
	message{format: "Unknown rela relocation: %llu", errno: syscall.ENOEXEC},
	message{format: "unsupported RELA relocation: %llu", errno: syscall.ENOEXEC},
	message{format: "unsupported relocation type %u"},
	message{format: "unexpected relocation: %u", errno: syscall.ENOEXEC},
	message{format: "unexpected FLIX relocation: %u", errno: syscall.ENOEXEC},
	message{format: "unexpected ALT relocation: %u", errno: syscall.ENOEXEC},
	message{format: "Unsupport relocation type %s", errno: syscall.EINVAL},
	message{format: "overflow in relocation type %d val %Lx", errno: syscall.ENOEXEC},
	message{format: "relocation overflow"},
	message{format: "relocation out of range, section %d reloc %d sym '%s'", errno: syscall.ENOEXEC},
	message{format: "relocation %u out of range, section %d reloc %d sym '%s'", errno: syscall.ENOEXEC},
	message{format: "relocation error for symbol %s (r_type %i, value 0x%lx)", errno: syscall.ENOEXEC},
	message{format: "Relocation (type %lu) overflow vs %s", errno: syscall.ENOEXEC},
	message{format: "section %u reloc %u: bad relocation sym offset", errno: syscall.ENOEXEC},
	message{format: "section %u reloc %u sym '%s': %s", errno: syscall.ENOEXEC},
	message{format: "bad relocation, section %d reloc %d", errno: syscall.ENOEXEC},
	message{format: "out of bounds relocation, section %d reloc %d offset %d size %d", errno: syscall.ENOEXEC},
	message{format: "unsupported interworking call (%s)", errno: syscall.ENOEXEC},
	message{format: "dangerous %s relocation"},
	message{format: "dangerous relocation", errno: syscall.ENOEXEC},
	message{format: "can't find matching %s relocation"},
	message{format: "opr1 = 0x%llx %s! dangerous %s (%u) relocation", errno: syscall.ENOEXEC},
	message{format: "jump offset = 0x%llx %s! dangerous R_LARCH_B26 (%u) relocation", errno: syscall.ENOEXEC},
	message{format: "value %s out of range for %s", errno: syscall.EINVAL},
	message{format: "target %x can not be addressed by the %s-bit offset from PC = %p", errno: syscall.EINVAL},
	message{format: "can not generate the GOT entry for symbol = %x from PC = %p", errno: syscall.EINVAL},
	message{format: "The unexpected relocation type 'R_RISCV_ALIGN' from PC = %p", errno: syscall.EINVAL},
	message{format: "Can not find HI20 relocation information"},
	message{format: "Dynamic linking not supported in kernel modules PC = %p", errno: syscall.EINVAL},
	message{format: "Thread local storage not supported in kernel modules PC = %p", errno: syscall.EINVAL},
	message{format: "GOT/PLT relocations unsupported", errno: syscall.ENOEXEC},
	message{format: "zero OPD requested!"},
	message{format: "Global Offset Table overflow (used %ld, allowed %d)", errno: syscall.EINVAL},
	message{format: "no symbol table", errno: syscall.ENOEXEC},
	message{format: "no symtab found.", errno: syscall.ENOEXEC},
	message{format: "no got section", errno: syscall.ENOEXEC},
	message{format: "no memory for symbol chain buffer", errno: syscall.ENOMEM},
	message{format: "module %s section(s) missing", errno: syscall.ENOEXEC},
	message{format: "module symtab section missing", errno: syscall.ENOEXEC},
	message{format: "module contains bad GOT relocation"},
	message{format: "doesn't contain %s", errno: syscall.ENOEXEC},
	message{format: "Address of stub entry is not 8-byte aligned"},
	message{format: "Address of %s out of range of %s"},
	message{format: "Address %p of stub out of range of %p.", errno: syscall.ENOENT},
	message{format: "Expected nop after call, got %08x at %s"},
	message{format: "bad TOC16%srelocation (0x%lx)", errno: syscall.ENOEXEC},
	message{format: "REL%d %li out of range!", errno: syscall.ENOEXEC},
	message{format: "invalid @%s relocation"},
	message{format: "error occurred when applying alternatives"},
	message{format: "error occurred during dynamic SCS patching (%d)"},
)

// bareRefusals name no module, or not in front.
var bareRefusals = newList(
	message{format: "Invalid ELF %s", errno: syscall.ENOEXEC},
	message{format: "ELF Spec violation: %s", errno: syscall.ENOEXEC},
	message{format: "Invalid architecture in ELF header: %u", errno: syscall.ENOEXEC},
	message{format: "Invalid module architecture in ELF header: %u", errno: syscall.ENOEXEC},
	message{format: "Only one .modinfo section must exist.", errno: syscall.ENOEXEC},
	message{format: "No module found in object", errno: syscall.ENOEXEC},
	message{format: "Module len %lu truncated", errno: syscall.ENOEXEC},
	message{format: "empty section name table", errno: syscall.ENOEXEC},
	message{format: "empty symbol string table", errno: syscall.ENOEXEC},
	message{format: "symbol string table %s", errno: syscall.ENOEXEC},
	message{format: "symbol name out of bounds in string table", errno: syscall.ENOEXEC},
	message{format: "extended version crc+name presence does not match", errno: syscall.ENOEXEC},
	message{format: "more extended version crcs than names", errno: syscall.ENOEXEC},
	message{format: "x86/modules: Invalid relocation target, existing value is nonzero%s", errno: syscall.ENOEXEC},
	message{format: "x86/modules: Skipping invalid relocation target, existing value is nonzero%s", errno: syscall.ENOEXEC}, // until 6.2
	message{format: "Loading of %s is rejected"},
	message{format: "Lockdown: %s: unsigned module loading is restricted; see man kernel_lockdown.7", errno: syscall.EPERM},
	message{format: "Module hash %s is blacklisted", errno: syscall.EPERM},
	message{format: "not a%scompressed module", errno: syscall.EINVAL},
	message{format: "decompression failed with status %d", errno: syscall.EINVAL},
	message{format: "ZSTD-%s", errno: syscall.EINVAL},
	message{format: "do_reloc: unknown relocation operation %d"},
	message{format: "Invalid %d-bit data relocation (%d)"},
	message{format: "Module doesn't contain .plt or .init.plt sections.", errno: syscall.ENOEXEC},
)

// naming name the module in their middle.
var naming = newList(
	message{format: "Module %s is blacklisted", errno: syscall.EPERM},
	message{format: "Module '%s' contains unexpected .plt/.got sections.", errno: syscall.ENOEXEC},
	message{format: "module %s relocation of symbol %s is out of range (0x%lx in %d bits)", errno: syscall.ENOEXEC},
)

// notes is what the kernel says behind "NAME: " about a module that it goes on to load, to
// bind, or to unload. No module has printed these.
var notes = newList(
	message{format: "loading out-of-tree module taints kernel."},
	message{format: "module license %s"},
	message{format: "module is from the staging directory, %s"},
	message{format: "loading test module taints kernel."},
	message{format: "module verification failed: %s"},
	message{format: "loading module not compiled with retpoline compiler."},
	message{format: "loading module anyway..."},
	message{format: "tainting kernel with TAINT_LIVEPATCH"},
	message{format: "'%s'->init suspiciously returned %s"},
	message{format: "init suspiciously returned %s"},
	message{format: "unknown parameter '%s' ignored"},
	message{format: "parameters '%s' after `--' ignored"},
	message{format: "Ignoring obsolete parameters"},
	message{format: "ignoring obsolete section %s"},
	message{format: "module_enable_rodata_ro_after_init() returned %s"},
	message{format: "per-cpu alignment %s"},
	message{format: "no extended symbol version for %s"},
	message{format: "no version magic, tainting kernel."},
	message{format: "module uses symbols %s"},
	message{format: "gave up waiting for init of module %s"},
	message{format: "memory allocation(s) from the module still alive, %s"},
	message{format: "adding tainted module to the unloaded tainted modules list failed."},
	message{format: "module has bad taint, not creating trace events"},
	message{format: "%s: kernel tainted."},
	message{format: "%s kernel tainted."},
	message{format: "string parameter too long"}, // NAME is the parameter's
	message{format: "can only take %i arguments"},
	message{format: "needs at least %i arguments"},
	message{format: "string doesn't fit in %u chars."},
	message{format: "option '%s' enabled irq's!"},
	message{format: "probe of %s failed with error %d"}, // the driver core, of the driver NAME
	message{format: "probe of %s rejects match %d"},
)

// list is messages by the first letter of their text; 0 has those that begin with a verb.
type list [256][]*message

func newList(all ...message) *list {
	var l list
	for i := range all {
		m := &all[i]
		m.parsed = parseFormat(m.format)
		first := byte(0)
		if m.parsed.first != "" {
			first = m.parsed.first[0]
		}
		l[first] = append(l[first], m)
	}
	return &l
}

// spoken are words that only the loader has behind "NAME: ", whatever else it says there.
var spoken = []string{"relocation", "reloc ", "Unknown symbol", "vermagic", "version magic",
	"taints kernel", "tainting kernel", "kernel tainted"}

// LoadingOf reads a line that the kernel's module loader prints. Relocations of x86-64, which
// have kinds of their own, are read elsewhere; here they are messages like others.
func LoadingOf(text string) Loading {
	text = unspoken(text)
	if len(text) < 5 {
		return Loading{}
	}
	if _, m := find(bareRefusals, text); m != nil {
		return Loading{Effect: Refuses, Errno: int(m.errno)}
	}
	if args, m := find(naming, text); m != nil && isName(args[0]) {
		return Loading{Refuses, args[0], int(m.errno)}
	}
	if rest, ok := strings.CutPrefix(text, "module "); ok {
		if name, rest, ok := CutName(rest); ok && strings.Contains(rest, ".gnu.linkonce.this_module ") {
			return Loading{Refuses, name, int(syscall.ENOEXEC)}
		}
		text = rest
	}
	name, rest, ok := CutName(text)
	if !ok || name == "x86/modules" { // what else that says is of a live patch that is taken back
		return Loading{}
	}
	if args, m := find(refusals, rest); m != nil {
		l := Loading{Refuses, name, int(m.errno)}
		if m.format == "Unknown symbol %s (err %d)" {
			n, _ := strconv.Atoi(args[1]) // 0 where the number is none
			l.Errno = positiveErrno(max(n, -n))
			if n == 0 { // before 3.1, and what load_module returns is ENOENT
				l.Errno = int(syscall.ENOENT)
			}
		}
		return l
	}
	if _, m := find(notes, rest); m != nil {
		return Loading{Effect: Goes, Module: name}
	}
	for _, w := range spoken {
		if strings.Contains(rest, w) {
			return Loading{Effect: Unclear, Module: name}
		}
	}
	return Loading{}
}

// unspoken is text without the name of the object that prints it.
func unspoken(text string) string {
	if speaker, rest, ok := strings.Cut(text, ": "); ok && slices.Contains(speakers, speaker) {
		return rest
	}
	return text
}

// CutName splits "NAME: text".
func CutName(text string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, ": ")
	return name, rest, ok && isName(name)
}

func isName(s string) bool { return s != "" && !strings.ContainsAny(s, " \t'`\"[](),=") }

// find is the one of the list that text is, or nil, and what stands for its verbs.
func find(l *list, text string) ([]string, *message) {
	if text == "" {
		return nil, nil
	}
	for _, some := range [...][]*message{l[text[0]], l[0]} {
		for _, m := range some {
			if args, ok := m.parsed.match(text); ok {
				return args, m
			}
		}
	}
	return nil, nil
}
