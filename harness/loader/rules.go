package loader

// RulesFile is where the relocation switches of x86 stand in every tree.
const RulesFile = "arch/x86/kernel/module.c"

// Rules is what apply_relocate_add (of i386: apply_relocate) of one tree does with each relocation type.
// readRules makes it; the zero value handles nothing.
type Rules struct {
	File     string          // RulesFile
	Function string          // that holds the switch: "__write_relocate_add"
	First    int             // its first line, 1-based
	Last     int             // its last line
	types    map[uint32]rule // by relocation type; the loader has no case for any other
	unknown  failure         // what the default case does
	machine  *machine
}

// check is a test of the computed value that the loader makes before it writes.
type check string

// The checks that the switch can hold.
const (
	checkNone  check = ""              // the value is cut to the width without a look
	checkZero  check = "zero-extended" // fails unless 0 <= val < 2^32
	checkSign  check = "sign-extended" // fails unless -2^31 <= val < 2^31
	checkClear check = "destination"   // fails unless the destination is zero
)

// rule is what the loader does with one relocation type, in source order.
type rule struct {
	Line       int      // of its case label
	Skip       bool     // nothing is written (R_X86_64_NONE)
	Refuse     *failure // the case refuses the type by itself
	Width      int      // bytes written
	PCRelative bool     // the location is subtracted
	Overflow   check    // checkNone, checkZero or checkSign
	Steps      []step   // what is evaluated
}

// op is one step of a rule.
type op uint8

// The steps.
const (
	opSubtract op = iota // val -= location
	opCheck              // Check fails: Failure
	opWrite              // Width bytes of val to the location
)

// step is one step of a rule.
type step struct {
	Op    op
	Check check
	Width int     // opWrite, checkClear: bytes
	Fail  failure // opCheck
}

// failure is how the loader refuses: the lines that it prints, then an errno.
type failure struct {
	Messages []message
	Errno    int // positive
	Line     int // of the first message
}

// message is a printk of the loader.
type message struct {
	Prefix []string // of pr_fmt: literals and "KBUILD_MODNAME"
	Format string   // as in the source, without its newline
	Args   []string // C expressions in normal form
	Line   int
}
