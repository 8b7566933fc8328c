package outcome

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func FuzzClassify(f *testing.F) {
	for _, s := range samples(f, "corpus") {
		f.Add(s.transcript, strings.Join(s.in.Modules, " "), string(s.in.End.Kind), s.in.End.Stage, s.in.End.Status)
	}
	f.Add([]byte(ready+insertM+showM+removeM+halt), "m n m", "exited", "", "signal 11")
	f.Fuzz(func(t *testing.T, transcript []byte, modules, end, stage, status string) {
		in := Input{Transcript: transcript, Modules: strings.Fields(modules), End: End{EndKind(end), stage, status}}
		before := bytes.Clone(transcript)
		res := Classify(in)
		checkResult(t, transcript, res.Modules)
		if len(res.Modules) != len(in.Modules) {
			t.Errorf("%d outcomes for %d modules", len(res.Modules), len(in.Modules))
		}
		if again := Classify(in); !reflect.DeepEqual(res, again) {
			t.Errorf("twice the same input: %+v and %+v", res, again)
		}
		if !bytes.Equal(before, transcript) {
			t.Error("the transcript was changed")
		}
		for _, m := range res.Modules {
			// What stands for a proof must be in the transcript.
			if m.Outcome.Kind == Loaded && !bytes.Contains(transcript, []byte(" Live 0x")) || m.Reached && !res.Boot.Ready {
				t.Errorf("%+v", m)
			}
		}
	})
}

func FuzzClassifyLog(f *testing.F) {
	for _, dir := range []string{"logs", "corpus"} {
		for _, s := range samples(f, dir) {
			f.Add(s.transcript)
		}
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		modules, boot := ClassifyLog(log)
		checkResult(t, log, modules)
		seen := map[string]bool{}
		for _, m := range modules {
			if seen[m.Name] {
				t.Errorf("%q stands twice", m.Name)
			}
			seen[m.Name] = true
			if m.Outcome.Kind == Timeout {
				t.Errorf("a log does not know of deadlines: %+v", m)
			}
		}
		again, boot2 := ClassifyLog(log)
		if !reflect.DeepEqual(modules, again) || !reflect.DeepEqual(boot, boot2) {
			t.Errorf("twice the same log: %+v and %+v", modules, again)
		}
	})
}

func FuzzProcModule(f *testing.F) {
	f.Add("c_base 12288 1 c_dep, Live 0x0000000064807000 (O)")
	f.Add("x 4096 -1 - Unloading 0xc0000000")
	f.Fuzz(func(t *testing.T, line string) {
		m, ok := parseProcModule(line)
		if !ok {
			return
		}
		address, err := strconv.ParseUint(strings.TrimPrefix(m.address, "0x"), 16, 64)
		if (m.address == "") != (err != nil) || m.address != "" && m.address != fmt.Sprintf("0x%x", address) {
			t.Errorf("%q: address %q", line, m.address)
		}
		if !strings.HasPrefix(line, m.name+" ") || !strings.Contains(line, " "+m.state+" 0x") {
			t.Errorf("%q: %+v", line, m)
		}
	})
}

// BenchmarkFlood is the transcript of a guest that printed for ever.
func BenchmarkFlood(b *testing.B) {
	flood := []byte(ready + "umlab[1]: begin insmod m\n" + strings.Repeat("m: line 1234 of a very long story\n", 16<<20/34))
	in := Input{Transcript: flood, Modules: []string{"m"}, End: End{Kind: EndFlood}}
	b.Run("Classify", func(b *testing.B) {
		b.SetBytes(int64(len(flood)))
		for b.Loop() {
			Classify(in)
		}
	})
	b.Run("ClassifyLog", func(b *testing.B) {
		b.SetBytes(int64(len(flood)))
		for b.Loop() {
			ClassifyLog(flood)
		}
	})
}
