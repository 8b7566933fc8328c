package result

// Question is what a run was asked, but for the tree and the toolchain, which its results name. Results of two questions are
// never compared, nor shown as one another's.
type Question struct {
	// over all that decides what its cells ask: kernel options, modules with the content of the user's directories and what
	// they print, placements and how often each is booted; not which cells were run
	Digest string `json:"digest"`
	// what is not the scenario's own choice, in words: "modules hello (as of 0a1b2c3d4e5f)"; empty for the scenario's own
	// question
	Own []string `json:"own"`
}
