package report

import "io"

// Intro is what a person must know who is about to sit at a guest's console.
type Intro struct {
	Cell, Tree, Version, Toolchain string
	Mem                            string
	ASLR                           bool
	Kernel                         string   // path of `linux`
	Insmod                         []string // commands for the guest
}

// Introduce writes what to type. It returns the error of w.
func Introduce(w io.Writer, i Intro) error {
	_, err := io.WriteString(w, msgIntro(i))
	return err
}

// Ended says how an interactive boot ended; status is "" where the user ended it.
func Ended(status string) string { return msgEnded(status) }
