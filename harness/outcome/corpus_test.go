package outcome

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the classifier says into the corpus; review it by hand")

// sample is a file of the corpus: lines "# key: value", a line "---", and then
// the transcript to the last byte. See testdata/corpus/README.md.
type sample struct {
	path       string
	head       []string // without the wants
	want       []string
	transcript []byte
	in         Input
}

func readSample(path string) (*sample, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	head, transcript, ok := bytes.Cut(data, []byte("\n---\n"))
	if !ok {
		return nil, fmt.Errorf("%s: no line --- between header and transcript", path)
	}
	s := &sample{path: path, transcript: transcript}
	s.in = Input{Transcript: transcript, Silent: map[string]bool{}, Output: map[string]*regexp.Regexp{}}
	for _, l := range strings.Split(string(head), "\n") {
		key, value, ok := strings.Cut(strings.TrimPrefix(l, "# "), ": ")
		if !ok || !strings.HasPrefix(l, "# ") {
			return nil, fmt.Errorf("%s: header line %q is not of the form # key: value", path, l)
		}
		switch key {
		case "want":
			s.want = append(s.want, value)
			continue
		case "kernel", "scenario", "made":
		case "modules":
			s.in.Modules = strings.Fields(value)
		case "end":
			s.in.End.Kind = EndKind(value)
		case "stage":
			s.in.End.Stage = value
		case "status":
			s.in.End.Status = value
		case "silent":
			s.in.Silent[value] = true
		case "output":
			name, re, _ := strings.Cut(value, " ")
			if s.in.Output[name], err = regexp.Compile(re); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		default:
			return nil, fmt.Errorf("%s: unknown key %q", path, key)
		}
		s.head = append(s.head, l)
	}
	return s, nil
}

func samples(t testing.TB, dir string) []*sample {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples in testdata/%s: %v", dir, err)
	}
	var all []*sample
	for _, p := range paths {
		s, err := readSample(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// wants renders a result as the lines that a header holds.
func wants(boot Boot, modules []ModuleOutcome) []string {
	l := "boot kernel=" + boot.Kernel
	if boot.Gap != nil {
		l += " gap=" + strconv.FormatInt(*boot.Gap, 10)
	}
	if boot.Ready {
		l += " ready"
	}
	all := []string{l}
	for _, m := range modules {
		name := m.Name
		if name == "" {
			name = "(no module)"
		}
		o := m.Outcome
		l := name + " " + o.String()
		if o.Kind == Unproved {
			l = name + " unproved"
		}
		if o.Errno != 0 && !strings.Contains(l, " errno ") {
			l += fmt.Sprintf(" errno=%d", o.Errno)
		}
		for _, f := range []struct{ key, value string }{{"value", o.Value}, {"address", o.Address}} {
			if f.value != "" {
				l += " " + f.key + "=" + f.value
			}
		}
		if o.Section != nil && o.Index != nil {
			l += fmt.Sprintf(" sec=%d idx=%d", *o.Section, *o.Index)
		}
		if !m.Reached {
			l += " not-reached"
		}
		all = append(all, l)
		if o.Evidence != "" {
			all = append(all, fmt.Sprintf("  %d %q", o.Offset, o.Evidence))
		}
		if o.Detail != "" {
			all = append(all, "  "+o.Detail)
		}
	}
	return all
}

func (s *sample) check(t *testing.T, got []string) {
	t.Helper()
	if *update {
		var b bytes.Buffer
		for _, l := range s.head {
			fmt.Fprintln(&b, l)
		}
		for _, w := range got {
			fmt.Fprintln(&b, "# want: "+w)
		}
		fmt.Fprintln(&b, "---")
		b.Write(s.transcript)
		if err := os.WriteFile(s.path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if g, w := strings.Join(got, "\n"), strings.Join(s.want, "\n"); g != w {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", s.path, g, w)
	}
}

// TestCorpus classifies real transcripts.
func TestCorpus(t *testing.T) {
	all := samples(t, "corpus")
	if len(all) < 34 {
		t.Errorf("the corpus holds %d transcripts, want 34 or more", len(all))
	}
	kinds := map[Kind]bool{}
	for _, s := range all {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			res := Classify(s.in)
			checkResult(t, s.transcript, res.Modules)
			if len(res.Modules) != len(s.in.Modules) {
				t.Errorf("%d outcomes for %d modules", len(res.Modules), len(s.in.Modules))
			}
			s.check(t, wants(res.Boot, res.Modules))
			for _, m := range res.Modules {
				kinds[m.Outcome.Kind] = true
			}
		})
	}
	for _, k := range []Kind{Unproved, Loaded, RelocationUnknown, RelocationOverflow, InitFailed, InsmodFailed, Oops, BootFailed, Timeout, Infra} {
		if !kinds[k] {
			t.Errorf("no transcript of the corpus shows %q", k)
		}
	}
}

// TestLogs classifies what ClassifyLog is for.
func TestLogs(t *testing.T) {
	for _, s := range samples(t, "logs") {
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			modules, boot := ClassifyLog(s.transcript)
			checkResult(t, s.transcript, modules)
			s.check(t, wants(boot, modules))
		})
	}
}

// TestLogAgrees checks that a saved transcript of umlab's own says the same
// through ClassifyLog as through Classify, but for what only the session knows.
func TestLogAgrees(t *testing.T) {
	compared := 0
	for _, s := range samples(t, "corpus") {
		if len(s.in.Silent)+len(s.in.Output) > 0 {
			continue
		}
		modules, _ := ClassifyLog(s.transcript)
		got := map[string]Outcome{}
		for _, m := range modules {
			got[m.Name] = m.Outcome
		}
		for i, m := range Classify(s.in).Modules {
			if k := m.Outcome.Kind; k == Timeout || k == Infra || !m.Reached || i > 0 && s.in.Modules[i-1] == m.Name {
				continue
			}
			compared++
			if g := got[m.Name]; g.Kind != m.Outcome.Kind || g.Offset != m.Outcome.Offset || !g.Same(m.Outcome) {
				t.Errorf("%s: %s: as a log %+v, as a transcript %+v", s.path, m.Name, g, m.Outcome)
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d outcomes compared", compared)
	}
}

// checkResult holds what is true of every result.
func checkResult(t testing.TB, transcript []byte, modules []ModuleOutcome) {
	t.Helper()
	quoted := func(what, evidence string, offset int64) {
		t.Helper()
		if offset < 0 || offset > int64(len(transcript)) || !bytes.HasPrefix(transcript[offset:], []byte(evidence)) {
			t.Errorf("%s: evidence %q does not stand at %d", what, evidence, offset)
		}
		if strings.ContainsAny(evidence, "\n") || strings.HasSuffix(evidence, "\r") || len(evidence) > maxEvidence {
			t.Errorf("%s: evidence %q is not one line", what, evidence)
		}
	}
	known := map[Kind]bool{Unproved: true}
	for _, k := range Kinds() {
		known[k] = true
	}
	for _, m := range modules {
		o := m.Outcome
		quoted(m.Name, o.Evidence, o.Offset)
		if !known[o.Kind] {
			t.Errorf("%s: kind %q is not in the list", m.Name, o.Kind)
		}
		if rel := o.Kind == RelocationUnknown || o.Kind == RelocationOverflow; rel != (o.Relocation != nil) {
			t.Errorf("%s: %s with relocation %v", m.Name, o.Kind, o.Relocation)
		}
		if (o.Kind == Timeout) != (o.Stage != "") {
			t.Errorf("%s: %s with stage %q", m.Name, o.Kind, o.Stage)
		}
		if o.Errno < 0 || o.Errno > maxErrno {
			t.Errorf("%s: errno %d", m.Name, o.Errno)
		}
	}
}
