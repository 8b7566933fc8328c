// Package sandbox runs one command in its own user, mount, PID, IPC, UTS and network namespaces, rooted in a sysroot,
// with nothing of the host visible but what the Command names. It imports only the standard library,
// golang.org/x/sys/unix, moby/sys and store. It never writes to a sysroot, never leaves a mount or a process behind, never
// assumes cgroups, and knows nothing of kernels, builds or consoles.
//
// The program that uses it calls [Init] before anything else: [Start] executes the running binary again, and Init is
// where that second copy becomes PID 1 of the sandbox.
//
// # What the command sees
//
//   - / is a read-only tmpfs that holds read-only binds of the sysroot's top-level entries. Mount points that the
//     sysroot lacks are made on that tmpfs; deeper ones on a read-only overlay. The sysroot itself is never touched.
//   - /proc is fresh and read-only, /dev holds null zero full random urandom tty, pts, ptmx and shm; /tmp, /run and
//     /dev/shm are tmpfs, and nothing in /run can be executed. A Command may put something else on the last three.
//   - The network namespace has a loopback device that is down, and nothing else; with Command.Network it is the machine's.
//   - The command is UID 0 of a user namespace in which 0 is the caller; it has no capabilities, cannot gain any, and
//     cannot make further user namespaces. Files that other users own can be used only as far as their mode allows
//     to anybody, also when the caller is root.
//
// # Why /proc is read-only
//
// When root is the caller, UID 0 inside is UID 0 of the host, and most of /proc/sys asks for that UID, not for a
// capability. A writable /proc would let the command set kernel.core_pattern of the host.
package sandbox
