// Package uml runs one boot of a User-Mode Linux kernel: the command line of `linux`, the guest's root directory, and
// the process in its sandbox with umlab at its console. It may import sandbox, console and shell. It never builds
// anything, never says what a transcript means, and never tries a module in a guest whose kernel has faulted.
package uml

import "strconv"

// Options decide the command line of `linux`, see Documentation/virt/uml in a kernel tree.
type Options struct {
	Mem     int64    // bytes of physical memory
	RootDir string   // the guest's root directory, as the process sees it: an absolute path without spaces
	Extra   []string // further parameters of the kernel, after all others, so that they win

	// Interactive gives a person a shell on the console, instead of taking commands from umlab.
	Interactive bool
}

// Cmdline returns the arguments of `linux`, without the program itself.
func (o Options) Cmdline() []string {
	args := []string{
		"mem=" + formatMem(o.Mem),
		// The guest has no use for writing to the host.
		"root=/dev/root", "rootfstype=hostfs", "rootflags=" + o.RootDir, "ro", "init=/init",
		// The console is what the process has as standard input and output, and there is no other.
		"con=null", "con0=fd:0,fd:1",
		// Every message of the kernel counts. They go to con0 alone, which also prints what came before it stood:
		// with stderr=1 that would appear twice.
		"loglevel=8",
	}
	if o.Interactive {
		args = append(args, "umlab_shell=1")
	}
	return append(args, o.Extra...)
}

// formatMem writes an amount of memory in the largest unit that leaves a whole number: "64M", "1536M", "1G".
func formatMem(bytes int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}} {
		if bytes != 0 && bytes%u.size == 0 {
			return strconv.FormatInt(bytes/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10)
}
