package report

import (
	"fmt"
	"io"

	"umlab/harness/report/doc"
)

// Intro is what a person must know who is about to sit at a guest's console.
type Intro struct {
	Cell, Tree, Version, Toolchain string
	Mem                            string
	ASLR                           bool
	Kernel                         string   // path of `linux`
	Insmod, Steps                  []string // commands for the guest
}

// Introduce writes what to type. It returns the error of w.
func Introduce(w io.Writer, i Intro) error {
	aslr := "address randomisation off"
	if i.ASLR {
		aslr = "address randomisation on"
	}
	insmod := ""
	for _, c := range append(i.Insmod, i.Steps...) {
		insmod += "  " + doc.Clean(c) + "\n"
	}
	_, err := fmt.Fprintf(w, `%s of %s (%s), %s, mem=%s, %s
%s

In the guest, type:
%s  cat /proc/modules; dmesg | tail; rmmod NAME
  poweroff -f

Ctrl-C goes to the guest; Ctrl-] ends a guest that hangs.

`, doc.Clean(i.Cell), doc.Clean(i.Tree), doc.Clean(i.Version), doc.Clean(i.Toolchain), doc.Clean(i.Mem), aslr, doc.Clean(i.Kernel), insmod)
	return err
}
