// Package kcidb writes results as KernelCI's database takes them. It may import outcome,
// result and report/doc, and nothing else of umlab. It submits nothing itself, and
// names no file of this machine.
package kcidb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// DefaultOrigin is who submits where the user does not say.
const DefaultOrigin = "umlab"

// The version of KCIDB's schema that Write writes: the newest that is published,
// and the one that KernelCI asks submitters for (kcidb_io/schema/v05_03.py).
const major, minor = 5, 3

var originPattern = regexp.MustCompile(`^[a-z0-9_]+$`)

// CheckOrigin says why KCIDB would not take origin for the name of a
// submitter.
func CheckOrigin(origin string) error {
	if !originPattern.MatchString(origin) {
		return fmt.Errorf("%q is no origin that KCIDB takes: give lower-case letters, digits and underscores, "+
			"the name that KernelCI knows you by", origin)
	}
	return nil
}

// Write writes results as one submission to KernelCI's KCIDB: a checkout a tree,
// a build a variant and toolchain, a test a module load. Its status is the
// kernel's, whatever the scenario expects: PASS is loaded, FAIL is what the
// kernel did wrong, and what says nothing about the kernel is ERROR, as is all of
// a run that proves nothing.
//
// An object's id is a digest of what the object says, so that one result
// submitted twice is one object. No path of this machine is in it. It returns
// the error of w, of CheckOrigin, or that of a number which JSON cannot
// hold.
func Write(w io.Writer, origin string, results ...*result.Results) error {
	if err := CheckOrigin(origin); err != nil {
		return err
	}
	s := newSubmission(origin)
	for _, r := range results {
		s.add(r)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("write KCIDB submission: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// submission is the document; every object of it is there once.
type submission struct {
	Version   version    `json:"version"`
	Checkouts []checkout `json:"checkouts"`
	Builds    []build    `json:"builds"`
	Tests     []test     `json:"tests"`

	origin string
	seen   map[string]bool // ids
}

type version struct {
	Major int `json:"major"`
	Minor int `json:"minor"`
}

type checkout struct {
	ID           string       `json:"id"`
	Origin       string       `json:"origin"`
	TreeName     string       `json:"tree_name,omitempty"`
	Repository   string       `json:"git_repository_url,omitempty"`
	Commit       string       `json:"git_commit_hash,omitempty"`
	PatchsetHash *string      `json:"patchset_hash,omitempty"` // "" says that there are no patches, absent that nobody knows
	Comment      string       `json:"comment,omitempty"`
	Started      *time.Time   `json:"start_time,omitempty"`
	Valid        bool         `json:"valid"`
	Misc         checkoutMisc `json:"misc"`
}

type checkoutMisc struct {
	Version string   `json:"kernel_version,omitempty"`
	Package string   `json:"package,omitempty"`
	Digest  string   `json:"tree_digest,omitempty"`
	Patches []string `json:"patches,omitempty"` // sha256 of each
}

type build struct {
	ID           string     `json:"id"`
	Origin       string     `json:"origin"`
	Checkout     string     `json:"checkout_id"`
	Comment      string     `json:"comment,omitempty"`
	Started      *time.Time `json:"start_time,omitempty"`
	Seconds      float64    `json:"duration,omitempty"`
	Architecture string     `json:"architecture"`
	Command      string     `json:"command,omitempty"`
	Compiler     string     `json:"compiler,omitempty"`
	Config       string     `json:"config_name,omitempty"`
	Log          string     `json:"log_excerpt,omitempty"`
	Status       status     `json:"status"`
	Misc         buildMisc  `json:"misc"`
}

type buildMisc struct {
	Scenario   string            `json:"scenario"`
	Cell       string            `json:"cell"`
	Variant    result.Variant    `json:"variant"`
	Flags      []string          `json:"flags"`
	Verdict    result.Verdict    `json:"verdict,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Expected   string            `json:"expected,omitempty"`
	AsExpected bool              `json:"as_expected"`
	Signature  map[string]string `json:"signature,omitempty"`
	Toolchain  result.Toolchain  `json:"toolchain"`
	Config     string            `json:"config_digest,omitempty"`
	Outcome    *outcome.Outcome  `json:"outcome,omitempty"`
	Infra      string            `json:"infra,omitempty"`
}

type test struct {
	ID          string      `json:"id"`
	Origin      string      `json:"origin"`
	Build       string      `json:"build_id"`
	Environment environment `json:"environment"`
	Path        string      `json:"path"`
	Comment     string      `json:"comment,omitempty"`
	Log         string      `json:"log_excerpt,omitempty"`
	Status      status      `json:"status"`
	Started     *time.Time  `json:"start_time,omitempty"`
	Seconds     float64     `json:"duration,omitempty"`
	Misc        testMisc    `json:"misc"`
}

type environment struct {
	Comment string          `json:"comment"`
	Misc    environmentMisc `json:"misc"`
}

type environmentMisc struct {
	Platform string `json:"platform"`
	Mem      string `json:"mem,omitempty"`
	ASLR     bool   `json:"aslr"`
	Command  string `json:"kernel_command_line,omitempty"`
}

type testMisc struct {
	Scenario  string           `json:"scenario"`
	Cell      string           `json:"cell"`
	Placement string           `json:"placement"`
	Module    string           `json:"module"`
	Run       int              `json:"run"` // of Runs, from 1
	Runs      int              `json:"runs"`
	Outcome   outcome.Outcome  `json:"outcome"`
	Predicted *outcome.Outcome `json:"predicted,omitempty"`
	Agrees    *bool            `json:"agrees,omitempty"`
	Kernel    string           `json:"kernel,omitempty"`
	Infra     string           `json:"infra,omitempty"`
}

// status is one of those that umlab gives, of KCIDB's closed list.
type status string

const (
	pass    status = "PASS"
	fail    status = "FAIL"
	errored status = "ERROR"
)

// statusOf judges what a build or a load came to, in a run that proves something or
// is void. A timeout is no FAIL: the test did not come to its end, and a slow host does
// the same.
func statusOf(void bool, o outcome.Outcome) status {
	switch {
	case void || !o.Kind.Kernel() || !slices.Contains(outcome.Kinds(), o.Kind):
		return errored
	case o.Kind == outcome.Loaded, o.Kind == outcome.Built, o.Kind == outcome.Passed:
		return pass
	}
	return fail
}
