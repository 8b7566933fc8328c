package outcome

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Errnos that the classifier reasons about.
const (
	ePERM      = int(syscall.EPERM)
	eNOENT     = int(syscall.ENOENT)
	eSRCH      = int(syscall.ESRCH)
	eNXIO      = int(syscall.ENXIO)
	eNOEXEC    = int(syscall.ENOEXEC)
	eEXIST     = int(syscall.EEXIST)
	eNODEV     = int(syscall.ENODEV)
	eINVAL     = int(syscall.EINVAL)
	eNOSYS     = int(syscall.ENOSYS)
	eOPNOTSUPP = int(syscall.EOPNOTSUPP)
	eTIMEDOUT  = int(syscall.ETIMEDOUT)
	maxErrno   = 4095 // MAX_ERRNO, include/linux/err.h
)

// moduleErrors are the words for an errno that only module tools use: moderror
// of busybox (modutils/modutils.c) and mod_strerror of kmod (tools/insmod.c).
func moduleErrors(text string) int {
	switch strings.ToLower(text) {
	case "invalid module format":
		return eNOEXEC
	case "unknown symbol in module, or unknown parameter", "unknown symbol in module", "unknown symbol in module, or unknown parameter (see dmesg)":
		return eNOENT
	case "module has wrong symbol version":
		return eSRCH
	case "kernel does not support requested operation":
		return eNOSYS
	case "invalid parameters":
		return eINVAL
	case "no such module":
		return ePERM
	}
	return 0
}

var unknownErrnoRE = regexp.MustCompile(`^Unknown error (\d{1,4})$`)

// errnoOf is the errno that a tool's words mean, or 0. The C library's words
// are those of package syscall but for the case of the first letter.
func errnoOf(text string) int {
	text = strings.Trim(text, " ().")
	if n := moduleErrors(text); n != 0 {
		return n
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
	switch n {
	case eNODEV, eNXIO, eTIMEDOUT, eOPNOTSUPP:
		return true
	}
	return false
}
