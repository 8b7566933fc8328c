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
	From    string `json:"from"`
	PatchID string `json:"patch_id"` // git patch-id --stable
	Digest  string `json:"digest"`   // sha256
}

// Pair is the same cells before and after the patches, with one toolchain.
type Pair struct {
	Before *Results `json:"before"`
	After  *Results `json:"after"`
}

// Finding is what a checker of the tree said; it never changes the conclusion.
type Finding struct {
	Tool   string   `json:"tool"` // "checkpatch.pl", "get_maintainer.pl"
	Lines  []string `json:"lines"`
	Failed string   `json:"failed,omitempty"` // why it could not be run
}

// Verification is a patch with its proof.
type Verification struct {
	Schema     string     `json:"schema"`
	Patches    []Patch    `json:"patches"`
	Pairs      []Pair     `json:"pairs"`
	Conclusion Conclusion `json:"conclusion"`
	Reason     string     `json:"reason"`   // one sentence
	Untested   []string   `json:"untested"` // what the evidence does not speak of
	Findings   []Finding  `json:"findings"`
	TestedBy   string     `json:"tested_by"` // "Name <mail>"; empty where git knows no identity
	Command    string     `json:"command"`
	Seconds    float64    `json:"seconds"`
	Notes      []string   `json:"notes"`
	Exit       int        `json:"exit"`
}
