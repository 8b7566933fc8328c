package outcome

import "umlab/harness/pattern"

const maxErrno = 4095 // MAX_ERRNO, include/linux/err.h

var (
	// The loader's pr_fmt is its object's name: subarch on UML, module on x86.
	unknownRE  = pattern.New(`^((?:\w+: |module )?)([\w.-]+): Unknown (rela )?relocation: (\d{1,10})$`)
	bareRelaRE = pattern.New(`^[\w.-]+: Unknown rela relocation: `)
	overflowRE = pattern.New(`^(?:[\w/]+: )?overflow in relocation type (\d{1,10}) val ([0-9a-f]{1,16})` +
		`(?: sec (\d{1,9}) idx (\d{1,9}))?$`)
	companionRE  = pattern.New("^(?:[\\w/]+: )?[`'‘\"]([\\w.-]+)['’\"] likely not compiled with -mcmodel=kernel$")
	suspiciousRE = pattern.New(`^(?:do_init_module: '([\w.-]+)'->|([\w.-]+): )init suspiciously returned (\d+)`)
	initcallRE   = pattern.New(`^initcall \S+ \[([\w.-]+)\] returned (-?\d{1,10}) after `)
)
