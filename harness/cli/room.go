package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// leastMemory is the address space below which Go's runtime, in umlab or in the init of its sandboxes, ends programs with a
// trace and exit code 2. Compilers and kernels need more.
const leastMemory = 2 << 30

// leastProcesses is how many processes and threads a user must be allowed: Go's runtime ends a program that gets no thread, and a
// compiler says of a thread that it does not get what it likes. Root is not held to any number.
const leastProcesses = 128

// room says where this process may have too little for anything that umlab does. What nobody knows is no limit.
func room() error {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &most); err == nil && most.Cur < leastMemory {
		return fmt.Errorf("this shell gives umlab %s of memory (ulimit -v %d), which is too little to run in: raise it to %d or more",
			humanize.IBytes(most.Cur), most.Cur>>10, leastMemory>>10)
	}
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &most); err == nil && most.Cur < leastProcesses && unix.Geteuid() != 0 {
		return fmt.Errorf("this shell lets its user have %d processes and threads at a time (ulimit -u), which are too few for a compiler: "+
			"raise that to %d or more", most.Cur, 4*leastProcesses)
	}
	return nil
}
