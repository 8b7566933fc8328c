package outcome

import (
	"regexp"
	"strings"
	"syscall"
)

// What the kernel says while it loads a module: kernel/module/*.c,
// kernel/params.c and arch/x86/kernel/module.c of 6.12 and 7.3. The wording is
// the kernel's; the errno is the one that load_module then returns.

// refusal is a message by which the loader refuses a module.
type refusal struct {
	text  string        // its beginning
	errno syscall.Errno // 0: the message says it, or more than one is possible
	rest  string        // what it holds behind that
}

// versionMagic begins what the loader says of a module for another kernel.
const versionMagic = "version magic '"

// refusals are why a module with a name is not loaded, behind "NAME: ". Some are followed by a
// "Unknown symbol" of the same attempt.
var refusals = []refusal{
	{versionMagic, syscall.ENOEXEC, ""},
	{"Unknown symbol ", 0, " (err -"},
	{"disagrees about version of symbol ", syscall.EINVAL, ""},
	{"no symbol version for ", syscall.EINVAL, ""},
	{"exports duplicate symbol ", syscall.ENOEXEC, ""},
	{"module using GPL-only symbols uses symbols ", syscall.ENOENT, ""},
	{"module uses symbol (", syscall.EINVAL, ""},
	{"module has no symbols (stripped?)", syscall.ENOEXEC, ""},
	{"please compile with -fno-common", syscall.ENOEXEC, ""},
	{"Symbol ", syscall.ENOEXEC, " has an invalid section index "},
	{"module is marked as livepatch module, but livepatch support is disabled", syscall.ENOEXEC, ""},
	{"has both .ctors and .init_array.", syscall.EINVAL, ""},
	{"Could not allocate ", 0, " bytes percpu data"},
	{"Unknown parameter `", syscall.ENOENT, ""},
	{"module tries to import module namespace: ", syscall.EPERM, ""},
	{"no flags for exported symbols", syscall.ENOEXEC, ""},
	{"No versions for exported symbols.", 0, ""},
}

// bareRefusals are those that name no module, or not in front.
var bareRefusals = []refusal{
	{"Invalid ELF ", syscall.ENOEXEC, ""},
	{"ELF Spec violation: ", syscall.ENOEXEC, ""},
	{"Invalid architecture in ELF header: ", syscall.ENOEXEC, ""},
	{"Invalid module architecture in ELF header: ", syscall.ENOEXEC, ""},
	{"Only one .modinfo section must exist.", syscall.ENOEXEC, ""},
	{"empty section name table", syscall.ENOEXEC, ""},
	{"empty symbol string table", syscall.ENOEXEC, ""},
	{"symbol string table ", syscall.ENOEXEC, ""},
	{"symbol name out of bounds in string table", syscall.ENOEXEC, ""},
	{"extended version crc+name presence does not match", syscall.ENOEXEC, ""},
	{"more extended version crcs than names", syscall.ENOEXEC, ""},
	{"x86/modules: Invalid relocation target, existing value is nonzero", syscall.ENOEXEC, ""},
	{"x86/modules: Skipping invalid relocation target, existing value is nonzero", syscall.ENOEXEC, ""}, // until 6.2
	{"Loading of ", 0, " is rejected"},
}

// notes is what the loader says behind "NAME: " about a module that it goes on
// to load, or to unload. No module has printed these.
var notes = []string{
	"loading out-of-tree module taints kernel.",
	"module license ",
	"module is from the staging directory, ",
	"loading test module taints kernel.",
	"module verification failed: ",
	"loading module not compiled with retpoline compiler.",
	"tainting kernel with TAINT_LIVEPATCH",
	"init suspiciously returned ",
	"unknown parameter '",
	"parameters '",
	"Ignoring obsolete parameters",
	"ignoring obsolete section ",
	"module_enable_rodata_ro_after_init() returned ",
	"per-cpu alignment ",
	"no extended symbol version for ",
	"module uses symbols ",
	"gave up waiting for init of module ",
	"memory allocation(s) from the module still alive, ",
	"adding tainted module to the unloaded tainted modules list failed.",
}

var (
	// The loader's pr_fmt is its object's name: subarch on UML, module on x86.
	unknownRE  = regexp.MustCompile(`^(?:([\w/]+): )?([\w.-]+): Unknown (rela )?relocation: (\d{1,10})$`)
	overflowRE = regexp.MustCompile(`^(?:[\w/]+: )?overflow in relocation type (\d{1,10}) val ([0-9a-f]{1,16})` +
		`(?: sec (\d{1,9}) idx (\d{1,9}))?$`)
	companionRE  = regexp.MustCompile("^(?:[\\w/]+: )?[`'‘\"]([\\w.-]+)['’\"] likely not compiled with -mcmodel=kernel$")
	gnuThisRE    = regexp.MustCompile(`^module ([\w.-]+): (?:Only one|Exactly one)? ?\.gnu\.linkonce\.this_module `)
	blacklistRE  = regexp.MustCompile(`^Module ([\w.-]+) is blacklisted$`)
	parameterRE  = regexp.MustCompile("^`.*' (?:invalid|too large) for parameter `")
	errRE        = regexp.MustCompile(`\(err -(\d{1,4})\)$`)
	suspiciousRE = regexp.MustCompile(`^(?:do_init_module: '([\w.-]+)'->|([\w.-]+): )init suspiciously returned (\d+)`)
	initcallRE   = regexp.MustCompile(`^initcall \S+ \[([\w.-]+)\] returned (-?\d{1,10}) after `)
)

// cutName splits "NAME: text".
func cutName(text string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, ": ")
	return name, rest, ok && name != "" && !strings.ContainsAny(name, " \t'`\"[](),=")
}

// refusalOf reads a message by which the loader refuses a module.
func refusalOf(text string) (module string, errno int, ok bool) {
	if r := refusalIn(bareRefusals, text); r != nil {
		return "", int(r.errno), true
	}
	switch { // a flood has hundreds of thousands of lines: expressions come last
	case strings.HasPrefix(text, "module "):
		if m := gnuThisRE.FindStringSubmatch(text); m != nil {
			return m[1], int(syscall.ENOEXEC), true
		}
	case strings.HasPrefix(text, "Module "):
		if m := blacklistRE.FindStringSubmatch(text); m != nil {
			return m[1], int(syscall.EPERM), true
		}
	}
	name, rest, ok := cutName(text)
	if !ok {
		return "", 0, false
	}
	if strings.HasPrefix(rest, "`") && parameterRE.MatchString(rest) {
		return name, 0, true
	}
	r := refusalIn(refusals, rest)
	switch {
	case r == nil:
		return "", 0, false
	case r.text == "Unknown symbol ":
		m := errRE.FindStringSubmatch(rest)
		if m == nil {
			return "", 0, false
		}
		return name, atoiErrno(m[1]), true
	}
	return name, int(r.errno), true
}

// refusalIn is the one of the list that text is, or nil.
func refusalIn(list []refusal, text string) *refusal {
	for i := range list {
		if r := &list[i]; strings.HasPrefix(text, r.text) && strings.Contains(text[len(r.text):], r.rest) {
			return r
		}
	}
	return nil
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

// isNote reports whether text is what the loader says about a module and not
// what the module says.
func isNote(text string) bool {
	_, rest, ok := cutName(text)
	if !ok {
		return false
	}
	return begins(rest, notes) || strings.HasSuffix(rest, ": kernel tainted.")
}
