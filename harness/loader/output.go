package loader

import (
	"bytes"
	"debug/elf"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Output is what the init of the module, called name, prints: a regular
// expression, "" where it can be shown to print nothing when all is well.
//
// A module prints through functions of the kernel, so one that refers to none
// of them is silent. Of C modules the formats are in the file, with their level
// in front: those at error and warning are for when something is wrong, and
// those that only .exit.text refers to are not init's. Of Rust modules the
// kernel holds the formats, one symbol a level; their text begins with the
// module's name. What a driver prints of its devices says nothing of its init:
// that is of its probe, which runs only where there is such a device.
func (m *Module) Output(name string) string {
	functions, texts := m.refersTo()
	var alternatives []string
	add := func(re string) {
		if !slices.Contains(alternatives, re) {
			alternatives = append(alternatives, re)
		}
	}
	prints := func(re *regexp.Regexp) bool { return slices.ContainsFunc(functions, re.MatchString) }
	if prints(registersDriver) {
		functions = slices.DeleteFunc(functions, func(name string) bool {
			return devicePrinter.MatchString(name) || rustDevicePrinter.MatchString(name)
		})
	}
	if prints(rustPrinter) {
		add("^" + regexp.QuoteMeta(name) + ": ")
	} else if prints(rustDevicePrinter) {
		add(anyLine)
	}
	if prints(cPrinter) {
		formats := 0
		for _, s := range texts {
			text, ok, warns := printkFormat(s)
			if ok || warns {
				formats++
			}
			if re, says := formatRegexp(text); ok && says {
				add(re)
			}
		}
		if formats == 0 {
			add(anyLine) // it prints, and nothing says what
		}
	}
	return strings.Join(alternatives, "|")
}

// anyLine stands for every line that is not the loader's.
const anyLine = "."

var (
	cPrinter = regexp.MustCompile(`^(_printk|_printk_deferred|vprintk\w*|_dev_(notice|info|printk)|dev_v?printk\w*|netdev_(notice` +
		`|info|printk)|__dynamic_\w+|print_hex_dump\w*)$`)
	// Those of cPrinter whose lines begin with a device.
	devicePrinter = regexp.MustCompile(`^(_dev_(notice|info|printk)|dev_v?printk\w*)$`)
	// __platform_driver_register, i2c_register_driver, driver_register
	registersDriver = regexp.MustCompile(`(_register_driver|(^|_)driver_register)$`)
	// kernel::print::format_strings::{NOTICE, INFO, DEBUG}, mangled, and what
	// continues a line.
	rustPrinter = regexp.MustCompile(`6kernel5print(14format_strings(6NOTICE|4INFO|5DEBUG)|16call_printk_cont)$`)
	// kernel::device::Device::{printk, pr_info, ...}: the line begins with the device.
	rustDevicePrinter = regexp.MustCompile(`6kernel6device.*6Device(6printk|7pr_info|9pr_notice)$`)
)

// exitText is the section of code that runs when the module is removed.
const exitText = ".exit.text"

// refersTo lists what the module's code, but not that of its exit alone, refers
// to: undefined symbols, and strings of data.
func (m *Module) refersTo() (functions, texts []string) {
	for _, e := range m.relocations() {
		code := m.Sections[e.Target]
		sym, ok := m.symbol(e)
		if code.flags&elf.SHF_EXECINSTR == 0 || code.Name == exitText || !ok || e.symbol == 0 {
			continue
		}
		if sym.section == elf.SHN_UNDEF {
			if !slices.Contains(functions, sym.name) {
				functions = append(functions, sym.name)
			}
			continue
		}
		offset := sym.value + uint64(e.Addend)
		if m.machine().abiForm(e.Type) == formPC {
			offset += 4 // it counts from the end of the field
		}
		if text, ok := m.stringAt(sym.section, offset); ok && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return functions, texts
}

// stringAt is the string at an offset of a section of data.
func (m *Module) stringAt(section elf.SectionIndex, offset uint64) (string, bool) {
	if int(section) >= len(m.Sections) {
		return "", false
	}
	s := m.Sections[section]
	if s.flags&elf.SHF_ALLOC == 0 || s.flags&elf.SHF_EXECINSTR != 0 || offset >= uint64(len(s.data)) {
		return "", false
	}
	text, _, ok := bytes.Cut(s.data[offset:], []byte{0})
	return string(text), ok && utf8.Valid(text)
}

// warningLevel is the least severe of the levels that say that something is
// wrong: KERN_WARNING, include/linux/kern_levels.h.
const warningLevel = '4'

// printkFormat reads a format of printk: a string with a level, or one that ends
// a line. Both are removed. One that warns is for when something is wrong.
func printkFormat(s string) (text string, ok, warns bool) {
	if len(s) > 2 && s[0] == '\x01' { // KERN_SOH
		warns = s[1] >= '0' && s[1] <= warningLevel
		return strings.TrimSuffix(s[2:], "\n"), !warns, warns
	}
	text, ok = strings.CutSuffix(s, "\n")
	return text, ok, false
}

var conversion = regexp.MustCompile(`%(?:%|[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?(?:hh|h|ll|l|z|t|L|j)?(?:p[A-Za-z0-9]*|[a-zA-Z]))`)

// formatRegexp turns a format of printk into an expression for its lines. A
// format that says next to nothing is not one.
func formatRegexp(format string) (re string, ok bool) {
	// Of several lines each is one; the first that says something is enough.
	for line := range strings.SplitSeq(format, "\n") {
		var b strings.Builder
		said := 0
		conversions := conversion.FindAllString(line, -1)
		for i, text := range conversion.Split(line, -1) {
			said += len(strings.TrimSpace(text))
			b.WriteString(regexp.QuoteMeta(text))
			if i < len(conversions) && conversions[i] == "%%" {
				b.WriteString("%")
			} else if i < len(conversions) {
				b.WriteString(".*")
			}
		}
		if said >= leastText {
			return b.String(), true
		}
	}
	return "", false
}

// leastText is how many characters a format must have of its own.
const leastText = 3
