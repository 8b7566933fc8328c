package kmsg

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const maxErrno = 4095 // MAX_ERRNO, include/linux/err.h

// words are those for an errno that module tools use (moderror of busybox, mod_strerror of kmod),
// and those of the C libraries that are not glibc.
var words = map[string]syscall.Errno{
	"invalid module format":                          syscall.ENOEXEC,
	"unknown symbol in module, or unknown parameter": syscall.ENOENT,
	"unknown symbol in module":                       syscall.ENOENT,
	"module has wrong symbol version":                syscall.ESRCH,
	"kernel does not support requested operation":    syscall.ENOSYS,
	"invalid parameters":                             syscall.EINVAL,
	"invalid parameter":                              syscall.EINVAL,
	"no such module":                                 syscall.EPERM,
	"out of memory":                                  syscall.ENOMEM,
	"resource busy":                                  syscall.EBUSY,
	"operation timed out":                            syscall.ETIMEDOUT,
	"not supported":                                  syscall.EOPNOTSUPP,
	"i/o error":                                      syscall.EIO,
	"try again":                                      syscall.EAGAIN,
	"invalid executable":                             syscall.ENOEXEC,
}

// errnoOf is the errno that a tool's words mean, or 0. The C library's words
// are those of package syscall but for the case of the first letter.
func errnoOf(text string) int {
	m := number.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0
	}
	text = strings.Trim(m[2], " ().")
	if n, ok := words[strings.ToLower(text)]; ok {
		return int(n)
	}
	for _, unknown := range []string{"unknown error ", "error ", "errno "} {
		if len(text) > len(unknown) && strings.EqualFold(text[:len(unknown)], unknown) {
			n, _ := strconv.Atoi(text[len(unknown):]) // 0 is no errno
			return positiveErrno(max(n, -n))
		}
	}
	for n := 1; n < 134; n++ {
		if strings.EqualFold(text, syscall.Errno(n).Error()) {
			return n
		}
	}
	n, _ := strconv.Atoi(m[3]) // "" where there is none
	return positiveErrno(n)
}

func positiveErrno(n int) int {
	if n < 1 || n > maxErrno {
		return 0
	}
	return n
}

// OnlyInit reports whether the loader itself never fails with n: no path of
// load_module (kernel/module, kernel/params.c; 6.12 and 7.3) returns it.
// Modules do when they miss their hardware.
func OnlyInit(n int) bool {
	return slices.Contains([]syscall.Errno{syscall.ENODEV, syscall.ENXIO, syscall.ETIMEDOUT, syscall.EOPNOTSUPP}, syscall.Errno(n)) || n == 517
}
