package result

// Exit codes of the targets, as results hold them.
const (
	ExitExpected = 0 // all as was hoped for
	ExitDiffers  = 1
	ExitUsage    = 2 // nothing was done: something cannot be meant
	ExitInfra    = 3 // nothing is proved: the machine or the network is at fault

	ExitInterrupted = 130 // as of a shell's
)
