package kbuild

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Prints matches the lines that the module's init prints when all is well; nil
// for a module that prints none.
func (m Module) Prints() (*regexp.Regexp, error) {
	if m.Output == "" {
		return nil, nil
	}
	return regexp.Compile(m.Output)
}

// readOutput reads from the module at path, called name, what its init prints:
// a regular expression, "" where it can be shown to print nothing when all is
// well.
//
// A module prints through functions of the kernel, so one that refers to none
// of them is silent. Of C modules the formats are in the file, with their level
// in front: those at error and warning are for when something is wrong, and
// those that only .exit.text refers to are not init's. Of Rust modules the
// kernel holds the formats, one symbol a level; their text begins with the
// module's name. What a driver prints of its devices says nothing of its init:
// that is of its probe, which runs only where there is such a device.
func readOutput(path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return moduleOutput(f, name)
}

func moduleOutput(r io.ReaderAt, name string) (string, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return "", err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return "", fmt.Errorf("read its symbols: %w", err)
	}
	found := references(f, symbols)
	var alternatives []string
	add := func(re string) {
		if !slices.Contains(alternatives, re) {
			alternatives = append(alternatives, re)
		}
	}
	prints := func(re *regexp.Regexp) bool { return slices.ContainsFunc(found.functions, re.MatchString) }
	if prints(registersDriver) {
		found.functions = slices.DeleteFunc(found.functions, func(name string) bool {
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
		for _, s := range found.strings {
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
	return strings.Join(alternatives, "|"), nil
}

// anyLine stands for every line that is not the loader's.
const anyLine = "."

var (
	cPrinter = regexp.MustCompile(`^(_printk|_printk_deferred|vprintk\w*|_dev_(notice|info|printk)|dev_v?printk\w*|netdev_(notice|info|printk)|__dynamic_\w+|print_hex_dump\w*)$`)
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

// referred is what code refers to.
type referred struct {
	functions []string // undefined symbols
	strings   []string // of read-only data
}

// references returns what the module's code, but not that of its exit alone,
// refers to.
func references(f *elf.File, symbols []elf.Symbol) referred {
	var found referred
	contents := map[elf.SectionIndex][]byte{}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) >= len(f.Sections) {
			continue
		}
		code := f.Sections[s.Info]
		if code.Flags&elf.SHF_EXECINSTR == 0 || code.Name == exitText {
			continue
		}
		data, err := s.Data()
		if err != nil {
			continue
		}
		for ; len(data) >= 24; data = data[24:] { // Elf64_Rela
			info := f.ByteOrder.Uint64(data[8:])
			n := info >> 32
			if n == 0 || n > uint64(len(symbols)) {
				continue
			}
			sym := symbols[n-1]
			if sym.Section == elf.SHN_UNDEF {
				if !slices.Contains(found.functions, sym.Name) {
					found.functions = append(found.functions, sym.Name)
				}
				continue
			}
			offset := sym.Value + f.ByteOrder.Uint64(data[16:])
			if t := elf.R_X86_64(info & 0xffffffff); t == elf.R_X86_64_PC32 || t == elf.R_X86_64_PLT32 {
				offset += 4 // it counts from the end of the field
			}
			if text, ok := stringAt(f, contents, sym.Section, offset); ok && !slices.Contains(found.strings, text) {
				found.strings = append(found.strings, text)
			}
		}
	}
	return found
}

// stringAt is the string at an offset of a section of data.
func stringAt(f *elf.File, contents map[elf.SectionIndex][]byte, section elf.SectionIndex, offset uint64) (string, bool) {
	if int(section) >= len(f.Sections) {
		return "", false
	}
	s := f.Sections[section]
	if s.Flags&elf.SHF_ALLOC == 0 || s.Flags&elf.SHF_EXECINSTR != 0 || s.Type == elf.SHT_NOBITS {
		return "", false
	}
	data, ok := contents[section]
	if !ok {
		data, _ = s.Data() // a section that cannot be read has no strings
		contents[section] = data
	}
	if offset >= uint64(len(data)) {
		return "", false
	}
	text, _, ok := bytes.Cut(data[offset:], []byte{0})
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
		rest := line
		for {
			loc := conversion.FindStringIndex(rest)
			if loc == nil {
				break
			}
			said += len(strings.TrimSpace(rest[:loc[0]]))
			b.WriteString(regexp.QuoteMeta(rest[:loc[0]]))
			if rest[loc[0]:loc[1]] == "%%" {
				b.WriteString("%")
			} else {
				b.WriteString(".*")
			}
			rest = rest[loc[1]:]
		}
		said += len(strings.TrimSpace(rest))
		b.WriteString(regexp.QuoteMeta(rest))
		if said >= leastText {
			return b.String(), true
		}
	}
	return "", false
}

// leastText is how many characters a format must have of its own.
const leastText = 3
