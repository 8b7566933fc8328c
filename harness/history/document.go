package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"umlab/harness/outcome"
	"umlab/harness/result"
)

// document is one umlab.results/v1, ready to be recorded.
type document struct {
	text    []byte // compact JSON, as it came
	results *result.Results
	asked   asked  // of results
	digest  string // of the content: what stays the same when the same is seen again
}

// parseDocument reads a document and checks what a history needs of it.
func parseDocument(text []byte) (*document, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	var r result.Results
	if err := decode(text, &r); err != nil {
		return nil, err
	}
	if r.Schema != result.Schema && r.Schema != result.SchemaV2 {
		return nil, foreign(r.Schema)
	}
	for _, part := range []struct{ name, value string }{
		{"scenario.name", r.Scenario.Name}, {"tree.name", r.Tree.Name}, {"toolchain.name", r.Toolchain.Name},
	} {
		if part.value == "" {
			return nil, fmt.Errorf("it has no %s", part.name)
		}
	}
	if r.Started.IsZero() {
		return nil, errors.New("it does not say when it started")
	}
	ids := map[string]bool{}
	for i, c := range r.Cells {
		switch {
		case c.ID == "":
			return nil, fmt.Errorf("cells[%d] has no id", i)
		case ids[c.ID]:
			return nil, fmt.Errorf("cells[%d]: a second %q", i, c.ID)
		case !slices.Contains(result.Verdicts(), c.Verdict):
			return nil, fmt.Errorf("cells[%d], %s: %q is no verdict", i, c.ID, c.Verdict)
		}
		ids[c.ID] = true
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, err
	}
	digest, err := contentDigest(&r)
	return &document{text: compact.Bytes(), results: &r, digest: digest, asked: askedOf(&r)}, err
}

// contentDigest is the sha256 (hex) of all that r says about the kernel: not
// when it was asked, how, how long it took, what came from the store, nor where
// that store lies. An empty list and none are the same.
func contentDigest(r *result.Results) (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var c result.Results // of its own: what follows changes it
	if err := json.Unmarshal(text, &c); err != nil {
		return "", err
	}
	c.Started, c.Seconds, c.Command, c.Next, c.Config.Resolved, c.Totals.Cached = time.Time{}, 0, "", "", "", 0
	for i := range c.Cells {
		cell := &c.Cells[i]
		cell.Build.Seconds, cell.Build.Cached, cell.Build.Log = 0, false, storeless(cell.Build.Log)
		steady(cell.Placements)
		for j := range cell.Thresholds {
			steady(cell.Thresholds[j].Probes)
		}
	}
	if text, err = json.Marshal(&c); err != nil {
		return "", err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return "", err
	}
	withoutEmpty(tree)
	if text, err = json.Marshal(tree); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func steady(placements []result.Placement) {
	for i := range placements {
		for j := range placements[i].Runs {
			run := &placements[i].Runs[j]
			run.Seconds, run.Cached, run.Transcript = 0, false, storeless(run.Transcript)
		}
	}
}

// storeless is the digest that a path of the store ends in.
func storeless(path string) string {
	_, name := filepath.Split(path)
	return name
}

// withoutEmpty takes what is empty out of v, and reports whether nothing is left.
func withoutEmpty(v any) (empty bool) {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, x any) bool { return withoutEmpty(x) })
		return len(v) == 0
	case []any:
		for _, x := range v {
			withoutEmpty(x)
		}
		return len(v) == 0
	}
	return false
}

// proved reports whether what a cell showed may be compared.
func proved(r *result.Results, c result.Cell) bool {
	if o := c.Build.Outcome; o != nil && (o.Kind == outcome.Infra || o.Kind == outcome.ConfigDropped) {
		return false
	}
	return r.Proves() && c.Verdict != result.Unknown
}

// cached reports whether all of r was known before.
func cached(r *result.Results) bool {
	for _, c := range r.Cells {
		for _, p := range c.Booted() {
			if slices.ContainsFunc(p.Runs, func(run result.Run) bool { return !run.Cached }) {
				return false
			}
		}
	}
	return true
}

// rustc is the number in what rustc says of itself.
func number(identity string) string {
	for f := range strings.FieldsSeq(identity) {
		if digit(f[0]) {
			return strings.TrimRight(f, ",")
		}
	}
	return identity
}

func column(t result.Toolchain) result.HistoryColumn {
	return result.HistoryColumn{Toolchain: t.Name, Compiler: t.Compiler,
		Rustc: number(t.Identity["rustc"]), LLVM: number(t.Identity["rustc-llvm"])}
}

func compress(text []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.EncodeAll(text, nil), nil
}

// largest is more than any document takes, in bytes.
const largest = 1 << 30

// uncompress reads back what compress made; the frame has a checksum.
func uncompress(blob []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(largest))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(blob, nil)
}
