package outcome

import "regexp"

const maxErrno = 4095 // MAX_ERRNO, include/linux/err.h

var (
	// The loader's pr_fmt is its object's name: subarch on UML, module on x86.
	unknownRE  = regexp.MustCompile(`^((?:\w+: |module )?)([\w.-]+): Unknown (rela )?relocation: (\d{1,10})$`)
	bareRelaRE = regexp.MustCompile(`^[\w.-]+: Unknown rela relocation: `)
	overflowRE = regexp.MustCompile(`^(?:[\w/]+: )?overflow in relocation type (\d{1,10}) val ([0-9a-f]{1,16})` +
		`(?: sec (\d{1,9}) idx (\d{1,9}))?$`)
	companionRE  = regexp.MustCompile("^(?:[\\w/]+: )?[`'‘\"]([\\w.-]+)['’\"] likely not compiled with -mcmodel=kernel$")
	suspiciousRE = regexp.MustCompile(`^(?:do_init_module: '([\w.-]+)'->|([\w.-]+): )init suspiciously returned (\d+)`)
	initcallRE   = regexp.MustCompile(`^initcall \S+ \[([\w.-]+)\] returned (-?\d{1,10}) after `)
)
