package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// leastMemory is the address space below which Go's runtime, in umlab or in the init of its sandboxes, ends programs with a
// trace and exit code 2. Compilers and kernels need more.
const leastMemory = 2 << 30

// room says where this process may have too little memory for anything that umlab does.
func room() error {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &most); err != nil || most.Cur >= leastMemory {
		return nil // what nobody knows is no limit
	}
	return fmt.Errorf("this shell gives umlab %s of memory (ulimit -v %d), which is too little to run in: raise it to %d or more",
		humanize.IBytes(most.Cur), most.Cur>>10, leastMemory>>10)
}
