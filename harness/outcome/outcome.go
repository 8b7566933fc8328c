// Package outcome turns a console transcript into typed outcomes with evidence.
// It is pure: bytes in, values out. It imports what reads a single line (prefix, kmsg)
// and a mail (mail), never boots, never reads a file, and never guesses: what no line proves
// is not an outcome.
package outcome

import (
	"debug/elf"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"umlab/harness/kmsg"
)

// Kind is the closed list of what one run can show for one module.
type Kind string

// The kinds. Only those for which Kernel reports true say something about the
// kernel; Infra and ConfigDropped never count in a comparison or a bisection.
const (
	Loaded             Kind = "loaded"              // init's output where it can be told, Live, and rmmod works if it has an exit
	RelocationUnknown  Kind = "relocation-unknown"  // "Unknown rela relocation: %llu"
	RelocationOverflow Kind = "relocation-overflow" // "overflow in relocation type %d val %Lx"
	LoadedCorrupt      Kind = "loaded-corrupt"      // loaded, but an unchecked PC-relative relocation was truncated
	InitFailed         Kind = "init-failed"         // the module's init returned an errno
	InsmodFailed       Kind = "insmod-failed"       // insmod failed for another reason than a relocation
	Oops               Kind = "oops"                // the kernel faulted while the module was handled
	BootFailed         Kind = "boot-failed"         // the guest never came to its prompt
	Built              Kind = "built"               // the goal of a scenario about the build was made
	BuildFailed        Kind = "build-failed"        // no binary to boot or no module to load
	ConfigDropped      Kind = "config-dropped"      // the build is not the one that was asked for
	Timeout            Kind = "timeout"             // a stage deadline or the no-output deadline passed
	Infra              Kind = "infra"               // umlab or its host failed; says nothing about the kernel
	Passed             Kind = "passed"              // a step showed what was wanted of it
	Failed             Kind = "failed"              // a step came to its end and did not
)

// Kinds lists every Kind.
func Kinds() []Kind {
	return []Kind{Loaded, RelocationUnknown, RelocationOverflow, LoadedCorrupt, InitFailed, InsmodFailed, Oops,
		BootFailed, Built, BuildFailed, ConfigDropped, Timeout, Infra, Passed, Failed}
}

// Steps reports whether k is what only a step of a scenario shows.
func (k Kind) Steps() bool { return k == Passed || k == Failed }

// Good reports whether k is a module that loaded, or a step that passed.
func (k Kind) Good() bool { return k == Loaded || k == Passed }

// Kernel reports whether k says what the kernel did.
func (k Kind) Kernel() bool { return k != "" && k != Infra && k != ConfigDropped && k != Timeout }

// Relocation is an ELF relocation type of x86-64 or i386, as number and as name.
type Relocation struct {
	Type uint32 `json:"type"`                                                       // of r_info, see the psABI of the machine
	Name string `json:"name" jsonschema:"pattern=^R_(X86_64|386)_" v1:"^R_X86_64_"` // "R_X86_64_GOTPCREL", "R_386_GOTPC"
}

// NewRelocation is a type of x86-64.
func NewRelocation(t uint32) *Relocation { return RelocationOf(elf.EM_X86_64, t) }

// RelocationOf names type t after the psABI of a machine, x86-64 or i386; an unassigned number gets the
// name "R_X86_64_<t>".
func RelocationOf(m elf.Machine, t uint32) *Relocation {
	name, prefix := elf.R_X86_64(t).String(), x8664
	if m == elf.EM_386 {
		name, prefix = elf.R_386(t).String(), i386
	}
	if !strings.HasPrefix(name, prefix) || strings.Contains(name, "+") {
		name = fmt.Sprintf("%s<%d>", prefix, t)
	}
	return &Relocation{Type: t, Name: name}
}

// What the names of a machine's types begin with.
const x8664, i386 = "R_X86_64_", "R_386_"

// Bare is the name without what all of its machine begin with: "GOTPCREL", "32".
func (r *Relocation) Bare() string { return bare(r.Name) }

func bare(name string) string { return strings.TrimPrefix(strings.TrimPrefix(name, x8664), i386) }

// Short is the name of a relocation type without its prefix, "GOTPCREL"; where
// that would be a number, as of R_X86_64_32, it is the whole.
func Short(name string) string {
	if short := bare(name); strings.Trim(short, "0123456789") != "" {
		return short
	}
	return name
}

// Missing is what a step was to show and did not.
type Missing string

// What can be missing.
const (
	MissingStatus Missing = "status 0"    // the command's exit status was to be another than 0, and was 0
	MissingOutput Missing = "output"      // no line that the command printed matches
	MissingKernel Missing = "kernel line" // no line that the kernel printed meanwhile matches
	MissingTest   Missing = "test"        // KUnit ran no such test, or not all that it planned
)

// Missings lists every Missing.
func Missings() []Missing { return []Missing{MissingStatus, MissingOutput, MissingKernel, MissingTest} }

// Outcome is what one run showed for one module or step, or what a prediction says it will.
type Outcome struct {
	Kind Kind `json:"kind"`
	// of relocation-unknown, relocation-overflow, loaded-corrupt
	Relocation *Relocation `json:"relocation,omitempty"`
	Errno      int         `json:"errno,omitempty" jsonschema:"minimum=1,maximum=4095"` // positive Linux errno, where one was seen
	Stage      string      `json:"stage,omitempty"`                                     // of timeout: the stage whose deadline passed
	// of failed: the command's exit status, where another one was wanted
	Status int `json:"status,omitempty" jsonschema:"minimum=1,maximum=255" since:"v2"`
	// of failed: what was wanted and not seen
	Missing Missing `json:"missing,omitempty" since:"v2"`
	// of relocation-overflow: val as printed, "0x80804010"
	Value string `json:"value,omitempty" jsonschema:"pattern=^(0x)?[0-9a-f]+$"`
	// of relocation-overflow, Linux 7.3 and later: index of the RELA section
	Section *int `json:"section,omitempty"`
	// of relocation-overflow, Linux 7.3 and later: index of the entry in that section
	Index *int `json:"index,omitempty"`
	// where the module lay, from /proc/modules: "0x62804000"
	Address string `json:"address,omitempty" jsonschema:"pattern=^(0x)?[0-9a-f]+$"`
	// the line that proves it, verbatim without its line end; of a prediction the first line that
	// the loader will print
	Evidence string `json:"evidence"`
	Offset   int64  `json:"offset"`           // of the evidence in the transcript, bytes
	Detail   string `json:"detail,omitempty"` // one sentence where the line alone does not say enough
	// of build-failed: what the tools said, whole, with the names that the user has for the files
	Frame []string `json:"frame,omitempty"`
	Stays bool     `json:"stays,omitempty"` // the guest had it, and rmmod did not remove it
	// of build-failed: the first error of the step that failed
	Diagnostic *Diagnostic `json:"diagnostic,omitempty" since:"v2"`
	// of built: what tools warned of, and files that are not those of the stock cell
	Warnings []Diagnostic `json:"warnings,omitempty" since:"v2"`
	Differs  []string     `json:"differs,omitempty" since:"v2"`
	// of built and build-failed: what the scenario describes, which this is; absent where it is another
	Known string `json:"known,omitempty" since:"v2"`
	// of build-failed: the scenario describes a failure, and this is another one
	Other bool `json:"other,omitempty" since:"v2"`
}

// VersionMagic reports whether the loader refused the module because it was built
// for another kernel: it has looked at nothing else of it then.
func (o Outcome) VersionMagic() bool {
	return o.Kind == InsmodFailed && strings.Contains(o.Evidence, ": "+kmsg.VersionMagic)
}

// WhileHandled reports whether a Timeout came in one of the steps that handle the
// module, and not before or between them.
func (o Outcome) WhileHandled() bool {
	verb, _, _ := strings.Cut(o.Stage, " ")
	return o.Kind == Timeout && (verb == "insmod" || verb == "modules" || verb == "rmmod")
}

// String is the short form that tables use: "relocation-unknown 9 GOTPCREL".
func (o Outcome) String() string {
	switch {
	case o.Relocation != nil:
		return fmt.Sprintf("%s %d %s", o.Kind, o.Relocation.Type, o.Relocation.Bare())
	case o.Kind == Timeout && o.Stage != "":
		return fmt.Sprintf("%s %s", o.Kind, o.Stage)
	case o.Errno != 0:
		return fmt.Sprintf("%s errno %d", o.Kind, o.Errno)
	case o.Diagnostic != nil && o.Diagnostic.Step != "":
		return fmt.Sprintf("%s in %s", o.Kind, o.Diagnostic.Step)
	case o.Status != 0:
		return fmt.Sprintf("%s status %d", o.Kind, o.Status)
	case o.Missing == MissingStatus:
		return string(o.Kind) + " " + string(o.Missing)
	case o.Missing != "":
		return fmt.Sprintf("%s no %s", o.Kind, o.Missing)
	case o.Kind == Loaded && o.Stays:
		return string(o.Kind) + ", cannot be removed"
	}
	return string(o.Kind)
}

// Brief is as String, without what a table says of relocations already, and with the
// names of errnos: "unknown 9 GOTPCREL", "overflow 11 32S", "init-failed 22 EINVAL".
func (o Outcome) Brief() string {
	if o.Relocation == nil && o.Kind != Timeout && o.Errno != 0 {
		return fmt.Sprintf("%s %d %s", o.Kind, o.Errno, unix.ErrnoName(unix.Errno(o.Errno)))
	}
	return strings.TrimPrefix(o.String(), "relocation-")
}

// Same reports whether two outcomes are the same event for a verdict: the same
// kind, relocation type, errno, stage, status and what was missing, and of builds that failed the
// same error. Addresses, values and where in a file differ between runs and do not count.
func (o Outcome) Same(p Outcome) bool {
	if (o.Relocation == nil) != (p.Relocation == nil) {
		return false
	}
	if o.Relocation != nil && o.Relocation.Type != p.Relocation.Type {
		return false
	}
	if o.Kind == BuildFailed && p.Kind == BuildFailed && !o.sameFailure(p) {
		return false
	}
	return o.Kind == p.Kind && o.Errno == p.Errno && o.Stage == p.Stage && o.Status == p.Status && o.Missing == p.Missing &&
		o.Known == p.Known
}
