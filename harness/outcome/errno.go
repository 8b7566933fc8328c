package outcome

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const maxErrno = 4095 // MAX_ERRNO, include/linux/err.h

// moduleErrors are the words for an errno that only module tools use: moderror
// of busybox (modutils/modutils.c) and mod_strerror of kmod (tools/insmod.c).
func moduleErrors(text string) syscall.Errno {
	switch strings.ToLower(text) {
	case "invalid module format":
		return syscall.ENOEXEC
	case "unknown symbol in module, or unknown parameter", "unknown symbol in module", "unknown symbol in module, or unknown " +
		"parameter (see dmesg)":
		return syscall.ENOENT
	case "module has wrong symbol version":
		return syscall.ESRCH
	case "kernel does not support requested operation":
		return syscall.ENOSYS
	case "invalid parameters":
		return syscall.EINVAL
	case "no such module":
		return syscall.EPERM
	}
	return 0
}

var unknownErrnoRE = regexp.MustCompile(`^Unknown error (\d{1,4})$`)

// errnoOf is the errno that a tool's words mean, or 0. The C library's words
// are those of package syscall but for the case of the first letter.
func errnoOf(text string) int {
	text = strings.Trim(text, " ().")
	if n := moduleErrors(text); n != 0 {
		return int(n)
	}
	if m := unknownErrnoRE.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // the expression admits nothing that does not fit
		return positiveErrno(n)
	}
	for n := 1; n < 134; n++ {
		if strings.EqualFold(text, syscall.Errno(n).Error()) {
			return n
		}
	}
	return 0
}

func positiveErrno(n int) int {
	if n < 1 || n > maxErrno {
		return 0
	}
	return n
}

// onlyInit reports whether the loader itself never fails with n: no path of
// load_module (kernel/module, kernel/params.c; 6.12 and 7.3) returns it.
// Modules do when they miss their hardware.
func onlyInit(n int) bool {
	return slices.Contains([]syscall.Errno{syscall.ENODEV, syscall.ENXIO, syscall.ETIMEDOUT, syscall.EOPNOTSUPP}, syscall.Errno(n))
}
