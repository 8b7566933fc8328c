package harness

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"umlab/harness/conclude"
	"umlab/harness/fleet"
	"umlab/harness/result"
	"umlab/harness/scenario"
	"umlab/harness/store"
	"umlab/harness/toolchain"
	"umlab/harness/tree"
	"umlab/harness/usage"
)

// reply is what the answer of a piece says.
type reply struct {
	Results *result.Results   `json:",omitempty"` // see conclude.Part; paths of files that the store has are relative to it
	Seen    int               `json:",omitempty"`
	Fault   string            `json:",omitempty"`
	Wide    [][]result.Chance `json:",omitempty"`
	Facts   *conclude.Facts   `json:",omitempty"`
	Pair    *pair             `json:",omitempty"` // of a pair, in place of Results
	Failed  *failure          `json:",omitempty"` // in place of all that
	Files   []byte            `json:",omitempty"` // the contents of those paths, by path, as gzipped JSON
	Sent    bool              `json:",omitempty"` // they are in the cache, see sendFiles
}

// failure is an error of a plan that is none of the machine's.
type failure struct {
	Text    string
	Unfit   *toolchain.UnfitError `json:",omitempty"`
	Foreign *foreign              `json:",omitempty"`
	Not     *tree.NotKernelError  `json:",omitempty"`
}

// foreign is a *scenario.TreeError, whose own error is text.
type foreign struct{ Scenario, Tree, Version, Range, Err string }

// failureOf is err as others are told it; nil where the machine is at fault.
func failureOf(err error) *failure {
	if ExitCode(err) == result.ExitInfra || ExitCode(err) == result.ExitInterrupted {
		return nil
	}
	f := &failure{Text: err.Error()}
	if unfit, ok := errors.AsType[*toolchain.UnfitError](err); ok {
		f.Unfit = unfit
	}
	if not, ok := errors.AsType[*tree.NotKernelError](err); ok {
		f.Not = not
	}
	if t, ok := errors.AsType[*scenario.TreeError](err); ok {
		f.Foreign = &foreign{Scenario: t.Scenario, Tree: t.Tree, Version: t.Version, Range: t.Range}
		if t.Err != nil {
			f.Foreign.Err = t.Err.Error()
		}
	}
	return f
}

// away is an error of another machine.
type away struct {
	text string
	is   error
}

func (e *away) Error() string { return e.text }
func (e *away) Unwrap() error { return e.is }

// err is the error that f was made of, as far as anybody asks.
func (f *failure) err() error {
	e := &away{text: f.Text}
	switch {
	case f.Unfit != nil:
		e.is = f.Unfit
	case f.Not != nil:
		e.is = f.Not
	case f.Foreign != nil:
		t := &scenario.TreeError{Scenario: f.Foreign.Scenario, Tree: f.Foreign.Tree, Version: f.Foreign.Version, Range: f.Foreign.Range}
		if f.Foreign.Err != "" {
			t.Err = errors.New(f.Foreign.Err)
		}
		e.is = t
	default:
		e.is = &usage.Error{Err: errors.New(f.Text)}
	}
	return e
}

// eachPath visits the paths of files of a store that results name.
func eachPath(r *result.Results, visit func(path *string)) {
	visit(&r.Config.Resolved)
	placement := func(p *result.Placement) {
		for i := range p.Runs {
			run := &p.Runs[i]
			visit(&run.Transcript)
			for n := range run.Discarded {
				visit(&run.Discarded[n].Transcript)
			}
		}
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		visit(&c.Build.Log)
		if c.Base != nil {
			visit(&c.Base.Config.Resolved)
		}
		for n := range c.Placements {
			placement(&c.Placements[n])
		}
		for n := range c.Thresholds {
			for m := range c.Thresholds[n].Probes {
				placement(&c.Thresholds[n].Probes[m])
			}
		}
	}
}

// leaving makes the paths of results relative to the store, and adds the contents of the files.
func leaving(st *store.Store, r *result.Results, files map[string][]byte) {
	eachPath(r, func(path *string) {
		rel, below := strings.CutPrefix(*path, st.Root()+"/")
		if !below {
			return
		}
		if text, err := os.ReadFile(*path); err == nil { // what is gone is told by who looks for it
			files[rel] = text
		}
		*path = rel
	})
}

// arriving puts the files into the store, and makes the paths of results those of there.
func arriving(ctx context.Context, st *store.Store, r *result.Results, files map[string][]byte) (err error) {
	at := map[string]string{}
	eachPath(r, func(path *string) {
		rel := *path
		if rel == "" || filepath.IsAbs(rel) || err != nil {
			return
		}
		if at[rel] == "" {
			at[rel] = filepath.Join(st.Root(), rel)
			if text, there := files[rel]; there {
				at[rel], err = st.Bytes(ctx, text)
			}
		}
		*path = at[rel]
	})
	return err
}

// pack is the body of the answer of a piece. Files that make it larger than most bytes are not in it.
func (r *reply) pack(files map[string][]byte, most int) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil || len(files) == 0 {
		return text, err
	}
	packed, err := json.Marshal(files)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err = w.Write(packed)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	if out.Len()+out.Len()/2+len(text)/2 > most {
		return text, nil
	}
	r.Files = out.Bytes()
	return json.Marshal(r)
}

// mostUnpacked bounds the files that come with an answer.
const mostUnpacked = 256 << 20

// open reads the answer of a piece, whose files come into the store.
func open(ctx context.Context, l *Lab, a fleet.Answer) (r *reply, err error) {
	if err := json.Unmarshal(a.Body, &r); err != nil || r == nil {
		return nil, fmt.Errorf("the answer of %s cannot be read: %w", a.Worker, err)
	}
	if r.Failed == nil && r.Results == nil && (r.Pair == nil || r.Pair.Before == nil || r.Pair.After == nil) {
		return nil, fmt.Errorf("the answer of %s says nothing", a.Worker)
	}
	files := map[string][]byte{}
	if len(r.Files) > 0 {
		z, err := gzip.NewReader(bytes.NewReader(r.Files))
		if err == nil {
			err = json.NewDecoder(io.LimitReader(z, mostUnpacked)).Decode(&files)
		}
		if err != nil {
			return nil, fmt.Errorf("the files of the answer of %s cannot be read: %w", a.Worker, err)
		}
		r.Files = nil
	}
	if r.Sent {
		if files, err = l.receiveFiles(ctx, a); err != nil { // which takes nothing from the result
			l.sink.Note(fmt.Sprintf("the transcripts of an answer of %s are not here: %v", a.Worker, err))
		}
	}
	for _, one := range r.all() {
		if err := arriving(ctx, l.store, one, files); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// all are the results that a reply has.
func (r *reply) all() (list []*result.Results) {
	if r.Results != nil {
		list = append(list, r.Results)
	}
	if r.Pair != nil {
		list = append(list, r.Pair.Before, r.Pair.After)
	}
	return list
}

// verdict is the digest of what of a reply has to be the same whoever answers.
func (r *reply) verdict() string {
	if r.Failed != nil {
		return store.Key("failed", r.Failed.Text)
	}
	var parts []string
	for _, one := range r.all() {
		parts = append(parts, one.Tree.Digest, one.Toolchain.Digest, one.Config.Digest)
		for _, c := range one.Cells {
			parts = append(parts, c.ID, string(c.Verdict))
		}
		for _, c := range one.Controls {
			parts = append(parts, c.Name, fmt.Sprint(c.Holds))
		}
	}
	return store.Key(parts...)
}
