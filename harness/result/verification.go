package result

// VerificationSchema is the version of the JSON that Verification marshals to.
const VerificationSchema = "umlab.verification/v1"

// Conclusion is what the cells before and after a patch say of it.
type Conclusion string

// The conclusions.
const (
	Fixed         Conclusion = "fixed"          // the bug shows before, and everything loads after
	PartlyFixed   Conclusion = "partly-fixed"   // better at some placements, modules or toolchains, not at all
	NotFixed      Conclusion = "not-fixed"      // other binaries, the same outcomes
	NoEffect      Conclusion = "no-effect"      // the same binaries
	Regressed     Conclusion = "regressed"      // what loaded or was cleanly rejected now breaks
	PatchBroken   Conclusion = "build-failed"   // the patched tree does not build
	NotReproduced Conclusion = "not-reproduced" // the base does not show the bug: the patch proves nothing
	NoConclusion  Conclusion = "infra"          // umlab or its host failed; says nothing of the patch
)

// Conclusions lists every Conclusion.
func Conclusions() []Conclusion {
	return []Conclusion{Fixed, PartlyFixed, NotFixed, NoEffect, Regressed, PatchBroken, NotReproduced, NoConclusion}
}

// Patch names one patch of a verification.
type Patch struct {
	Subject string `json:"subject"`
	From    string `json:"from"` // author, as the patch says
	// git patch-id --stable; empty where the patch has none
	PatchID string `json:"patch_id" jsonschema:"pattern=^([0-9a-f]{40}|[0-9a-f]{64})?$"`
	Digest  string `json:"digest"` // sha256 of the patch
	Diff    string `json:"diff,omitempty"`
}

// Pair is the same cells before and after the patches, with one toolchain.
type Pair struct {
	Before *Results `json:"before"`
	After  *Results `json:"after"`
}

// Finding is what a checker of the tree said; it never changes the conclusion.
type Finding struct {
	Tool   string   `json:"tool" jsonschema:"minLength=1"` // "checkpatch.pl", "get_maintainer.pl"
	Lines  []string `json:"lines"`
	Failed string   `json:"failed,omitempty" jsonschema:"minLength=1"` // why it could not be run
}

// Verification is patches with their proof: the same cells before and after them.
type Verification struct {
	Schema     string     `json:"schema"`
	Patches    []Patch    `json:"patches"` // in the order in which they are applied
	Pairs      []Pair     `json:"pairs"`   // one a toolchain
	Conclusion Conclusion `json:"conclusion"`
	Reason     string     `json:"reason"`   // one sentence
	Untested   []string   `json:"untested"` // what the evidence does not speak of
	Findings   []Finding  `json:"findings"`
	TestedBy   string     `json:"tested_by"` // "Name <mail>"; empty where git knows no identity
	Command    string     `json:"command"`   // the command that repeats it
	Seconds    float64    `json:"seconds"`   // wall time of this invocation
	// what proved it: "umlab 1a2b3c4d5e6f"; missing in what an umlab wrote that did not record it
	Umlab string   `json:"umlab,omitempty"`
	Notes []string `json:"notes"` // what a reader must know: a frozen mirror, a dirty tree
	// 0 only where the conclusion is fixed, 1 another conclusion, 2 usage, 3 infrastructure
	Exit int `json:"exit" jsonschema:"enum=0,enum=1,enum=2,enum=3"`
}
