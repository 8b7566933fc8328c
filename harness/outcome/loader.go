package outcome

import (
	"regexp"
	"strings"
)

// What the kernel says while it loads a module: kernel/module/*.c,
// kernel/params.c and arch/x86/kernel/module.c of 6.12 and 7.3. The wording is
// the kernel's; the errno is the one that load_module then returns.

// refusal is the beginning of a message behind "NAME: ".
type refusal struct {
	text  string
	errno int // 0: the message says it, or more than one is possible
}

// versionMagic begins what the loader says of a module for another kernel.
const versionMagic = "version magic '"

// refusals are why a module with a name is not loaded. Some are followed by a
// "Unknown symbol" of the same attempt.
var refusals = [...]refusal{
	{versionMagic, eNOEXEC},
	{"Unknown symbol ", 0},
	{"disagrees about version of symbol ", eINVAL},
	{"no symbol version for ", eINVAL},
	{"exports duplicate symbol ", eNOEXEC},
	{"module using GPL-only symbols uses symbols ", eNOENT},
	{"module uses symbol (", eINVAL},
	{"module has no symbols (stripped?)", eNOEXEC},
	{"please compile with -fno-common", eNOEXEC},
	{"Symbol ", eNOEXEC}, // "… has an invalid section index"
	{"module is marked as livepatch module, but livepatch support is disabled", eNOEXEC},
	{"has both .ctors and .init_array.", eINVAL},
	{"Could not allocate ", 0}, // "… bytes percpu data"
	{"Unknown parameter `", eNOENT},
	{"module tries to import module namespace: ", ePERM},
	{"no flags for exported symbols", eNOEXEC},
	{"No versions for exported symbols.", 0},
}

// bareRefusals are those that name no module, or not in front.
var bareRefusals = [...]refusal{
	{"Invalid ELF ", eNOEXEC},
	{"ELF Spec violation: ", eNOEXEC},
	{"Invalid architecture in ELF header: ", eNOEXEC},
	{"Invalid module architecture in ELF header: ", eNOEXEC},
	{"Only one .modinfo section must exist.", eNOEXEC},
	{"empty section name table", eNOEXEC},
	{"empty symbol string table", eNOEXEC},
	{"symbol string table ", eNOEXEC},
	{"symbol name out of bounds in string table", eNOEXEC},
	{"extended version crc+name presence does not match", eNOEXEC},
	{"more extended version crcs than names", eNOEXEC},
	{"x86/modules: Invalid relocation target, existing value is nonzero", eNOEXEC},
	{"x86/modules: Skipping invalid relocation target, existing value is nonzero", eNOEXEC}, // until 6.2
	{"Loading of ", 0}, // "… is rejected"
}

// notes is what the loader says behind "NAME: " about a module that it goes on
// to load, or to unload. No module has printed these.
var notes = [...]string{
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
	unknownRE    = regexp.MustCompile(`^(?:([\w/]+): )?([\w.-]+): Unknown (rela )?relocation: (\d{1,10})$`)
	overflowRE   = regexp.MustCompile(`^(?:[\w/]+: )?overflow in relocation type (\d{1,10}) val ([0-9a-f]{1,16})(?: sec (\d{1,9}) idx (\d{1,9}))?$`)
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
	for _, r := range bareRefusals {
		if strings.HasPrefix(text, r.text) {
			if r.text == "Loading of " && !strings.HasSuffix(text, " is rejected") {
				continue
			}
			return "", r.errno, true
		}
	}
	switch { // a flood has hundreds of thousands of lines: expressions come last
	case strings.HasPrefix(text, "module "):
		if m := gnuThisRE.FindStringSubmatch(text); m != nil {
			return m[1], eNOEXEC, true
		}
	case strings.HasPrefix(text, "Module "):
		if m := blacklistRE.FindStringSubmatch(text); m != nil {
			return m[1], ePERM, true
		}
	}
	name, rest, ok := cutName(text)
	if !ok {
		return "", 0, false
	}
	if strings.HasPrefix(rest, "`") && parameterRE.MatchString(rest) {
		return name, 0, true
	}
	for _, r := range refusals {
		if !strings.HasPrefix(rest, r.text) {
			continue
		}
		switch r.text {
		case "Symbol ":
			if !strings.Contains(rest, " has an invalid section index ") {
				continue
			}
		case "Could not allocate ":
			if !strings.HasSuffix(rest, " bytes percpu data") {
				continue
			}
		case "Unknown symbol ":
			if m := errRE.FindStringSubmatch(rest); m != nil {
				return name, atoiErrno(m[1]), true
			}
			continue
		}
		return name, r.errno, true
	}
	return "", 0, false
}

// isNote reports whether text is what the loader says about a module and not
// what the module says.
func isNote(text string) bool {
	_, rest, ok := cutName(text)
	if !ok {
		return false
	}
	for _, n := range notes {
		if strings.HasPrefix(rest, n) {
			return true
		}
	}
	return strings.HasSuffix(rest, ": kernel tainted.")
}
