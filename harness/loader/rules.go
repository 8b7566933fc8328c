package loader

// RulesFile is where the x86-64 relocation switch stands in every tree.
const RulesFile = "arch/x86/kernel/module.c"

// Rules is what apply_relocate_add of one tree does with each relocation type.
// readRules makes it; the zero value handles nothing.
type Rules struct {
	File     string          // RulesFile
	Function string          // that holds the switch: "__write_relocate_add"
	First    int             // its first line, 1-based
	Last     int             // its last line
	Types    map[uint32]Rule // by relocation type; the loader has no case for any other
	Unknown  Failure         // what the default case does
}

// Check is a test of the computed value that the loader makes before it writes.
type Check string

// The checks that the switch can hold.
const (
	CheckNone  Check = ""              // the value is cut to the width without a look
	CheckZero  Check = "zero-extended" // fails unless 0 <= val < 2^32
	CheckSign  Check = "sign-extended" // fails unless -2^31 <= val < 2^31
	CheckClear Check = "destination"   // fails unless the destination is zero
)

// Rule is what the loader does with one relocation type, in source order.
type Rule struct {
	Line       int      // of its case label
	Skip       bool     // nothing is written (R_X86_64_NONE)
	Refuse     *Failure // the case refuses the type by itself
	Width      int      // bytes written
	PCRelative bool     // the location is subtracted
	Overflow   Check    // CheckNone, CheckZero or CheckSign
	Steps      []Step   // what is evaluated
}

// Op is one step of a rule.
type Op uint8

// The steps.
const (
	OpSubtract Op = iota // val -= location
	OpCheck              // Check fails: Failure
	OpWrite              // Width bytes of val to the location
)

// Step is one step of a rule.
type Step struct {
	Op    Op
	Check Check
	Width int     // OpWrite, CheckClear: bytes
	Fail  Failure // OpCheck
	Line  int
}

// Failure is how the loader refuses: the lines that it prints, then an errno.
type Failure struct {
	Messages []Message
	Errno    int // positive
	Line     int // of the first message
}

// Message is a printk of the loader.
type Message struct {
	Prefix []string // of pr_fmt: literals and "KBUILD_MODNAME"
	Format string   // as in the source, without its newline
	Args   []string // C expressions in normal form
	Line   int
}
