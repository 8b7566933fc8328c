package result

import (
	"fmt"
	"slices"
	"strings"

	"umlab/harness/outcome"
)

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

// change is one module at one placement with one toolchain, before and after.
type change struct {
	cell, where string // "stock", "trixie, high: rust_print"
	before      []outcome.Outcome
	after       []outcome.Outcome
}

// loaded reports whether every run loaded the module.
func loaded(o []outcome.Outcome) bool {
	return len(o) > 0 && !slices.ContainsFunc(o, func(x outcome.Outcome) bool { return x.Kind != outcome.Loaded })
}

// clean reports whether every run loaded the module or had it rejected in good
// order, leaving the kernel as it was.
func clean(o []outcome.Outcome) bool {
	return len(o) > 0 && !slices.ContainsFunc(o, func(x outcome.Outcome) bool {
		switch x.Kind {
		case outcome.Loaded, outcome.RelocationUnknown, outcome.RelocationOverflow, outcome.InsmodFailed:
			return false
		}
		return true
	})
}

// better reports whether more runs loaded the module than before.
func (c change) better() bool { return loads(c.after) > loads(c.before) }

func loads(o []outcome.Outcome) (n int) {
	for _, x := range o {
		if x.Kind == outcome.Loaded {
			n++
		}
	}
	return n
}

// worse reports whether what was in order before is not any more.
func (c change) worse() bool {
	return clean(c.before) && !clean(c.after) || loads(c.after) < loads(c.before)
}

func (c change) String() string {
	return fmt.Sprintf("%s: %s before, %s after", c.where, summary(c.before), summary(c.after))
}

// summary lists the distinct outcomes.
func summary(o []outcome.Outcome) string {
	var s []string
	for _, x := range o {
		if t := x.String(); !slices.Contains(s, t) {
			s = append(s, t)
		}
	}
	if len(s) == 0 {
		return "not run"
	}
	return strings.Join(s, " or ")
}

// Conclude draws the conclusion from the pairs, with the reason in one sentence.
// The first rule that applies decides: no conclusion from a run that proves
// nothing; build-failed; not-reproduced, judged by the stock cell of every
// toolchain; no-effect; regressed; fixed; not-fixed; partly-fixed.
func Conclude(pairs []Pair) (Conclusion, string) {
	if len(pairs) == 0 {
		return NoConclusion, "nothing was run"
	}
	var changes, stock []change
	same := true
	for _, p := range pairs {
		name := p.Before.Toolchain.Name
		for _, r := range []*Results{p.Before, p.After} {
			if r.Infra != "" {
				return NoConclusion, name + ": " + r.Infra
			}
		}
		for _, c := range p.Before.Cells {
			if o := c.Build.Outcome; o != nil {
				return NotReproduced, fmt.Sprintf("%s: %s of the base has no binary: %s", name, c.ID, o.Evidence)
			}
		}
		for _, c := range p.After.Cells {
			if o := c.Build.Outcome; o != nil {
				return PatchBroken, fmt.Sprintf("%s: %s: %s", name, c.ID, o.Evidence)
			}
		}
		for i, c := range p.Before.Cells {
			after := p.After.Cells[i]
			same = same && sameBinaries(c, after)
			list := changesOf(name, c, after)
			changes = append(changes, list...)
			if c.ID == "stock" {
				stock = append(stock, list...)
			}
		}
	}
	for _, c := range changes {
		if len(c.before) == 0 || len(c.after) == 0 || slices.ContainsFunc(append(slices.Clone(c.before), c.after...), func(o outcome.Outcome) bool { return !o.Kind.Kernel() && o.Kind != outcome.Timeout }) {
			return NoConclusion, c.String()
		}
	}
	if !slices.ContainsFunc(stock, func(c change) bool { return !loaded(c.before) }) {
		return NotReproduced, "every module of the base loads at every placement: the base does not show the bug"
	}
	if same {
		return NoEffect, "kernel and modules are the same, byte for byte of what is loaded"
	}
	if i := slices.IndexFunc(changes, change.worse); i >= 0 {
		return Regressed, changes[i].String()
	}
	fails := slices.DeleteFunc(slices.Clone(stock), func(c change) bool { return loaded(c.after) })
	if len(fails) == 0 {
		return Fixed, fmt.Sprintf("all %d module loads succeed, %d of which failed before", len(stock), count(stock, func(c change) bool { return !loaded(c.before) }))
	}
	improved := count(stock, change.better)
	if improved == 0 {
		return NotFixed, "the binaries changed, but no module loads that did not: " + fails[0].String()
	}
	return PartlyFixed, fmt.Sprintf("%d of %d failing loads succeed now, but not %s%s", improved,
		count(stock, func(c change) bool { return !loaded(c.before) }), fails[0].String(), threshold(pairs))
}

func count(list []change, is func(change) bool) (n int) {
	for _, c := range list {
		if is(c) {
			n++
		}
	}
	return n
}

// threshold is the address at which the patched cells stop loading, as far as it
// was found.
func threshold(pairs []Pair) string {
	for _, p := range pairs {
		for _, c := range p.After.Cells {
			for _, t := range c.Thresholds {
				if c.ID == "stock" {
					return fmt.Sprintf("; it fails from mem=%s on, where modules begin at %s", t.Mem, t.Base)
				}
			}
		}
	}
	return ""
}

func sameBinaries(a, b Cell) bool {
	if len(a.Build.Signature) != len(b.Build.Signature) || len(a.Build.Signature) == 0 {
		return false
	}
	for name, sum := range a.Build.Signature {
		if sum == "" || b.Build.Signature[name] != sum {
			return false
		}
	}
	return true
}

func changesOf(toolchain string, before, after Cell) (list []change) {
	for i, p := range before.Placements {
		for _, m := range modulesOf(p) {
			c := change{cell: before.ID, where: fmt.Sprintf("%s %s, %s at %s", toolchain, before.ID, m, p.Name), before: outcomesOf(p, m)}
			if i < len(after.Placements) {
				c.after = outcomesOf(after.Placements[i], m)
			}
			list = append(list, c)
		}
	}
	return list
}

func modulesOf(p Placement) (names []string) {
	for _, r := range p.Runs {
		for _, m := range r.Modules {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

func outcomesOf(p Placement, module string) (o []outcome.Outcome) {
	for _, r := range p.Runs {
		for _, m := range r.Modules {
			if m.Name == module {
				o = append(o, m.Outcome)
			}
		}
	}
	return o
}
