package bisect_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"umlab/harness/bisect"
)

func TestNoList(t *testing.T) {
	for _, list := range [][]string{nil, {"a"}, {"a", "b", "a"}, {"a", ""}} {
		s := bisect.Search{Chooser: &bisect.List{Names: list}, Probe: func(context.Context, bisect.Point) (bisect.Answer, error) {
			t.Error("asked")
			return bisect.Answer{}, nil
		}}
		if _, err := s.Run(t.Context()); err == nil {
			t.Errorf("%q can be searched", list)
		}
	}
}

// What a probe says while it is being cancelled is not to be believed, and not
// to be written down.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user has seen enough")
	var log strings.Builder
	asked := 0
	s := bisect.Search{Chooser: &bisect.List{Names: []string{"a", "b"}}, Log: &log, Probe: func(context.Context, bisect.Point) (bisect.Answer, error) {
		asked++
		cancel(why)
		return bisect.Answer{Verdict: bisect.Good}, nil
	}}
	if _, err := s.Run(ctx); !errors.Is(err, why) || asked != 1 || log.Len() > 0 {
		t.Errorf("error %v, asked %d times, log %q", err, asked, log.String())
	}
}

// A verdict that is none is a fault.
func TestForeignVerdict(t *testing.T) {
	s := bisect.Search{Chooser: &bisect.List{Names: []string{"a", "b"}}, Probe: func(context.Context, bisect.Point) (bisect.Answer, error) {
		return bisect.Answer{}, nil
	}}
	var fault *bisect.FaultError
	if _, err := s.Run(t.Context()); !errors.As(err, &fault) || fault.Attempts != retries+1 {
		t.Errorf("error %v", err)
	}
}

func TestLogErrors(t *testing.T) {
	head := "umlab.bisect.log/v1\nquestion \"q\"\ncandidate \"a\"\ncandidate \"b\"\n"
	for _, c := range []struct{ text, want string }{
		{"", "f:1: this is no log of a bisection: it is empty"},
		{"git bisect start\n", "f:1: this is no log"},
		{head + "question \"r\"\n", "f:5: question stands behind"},
		{head + "probe \"a\" first good 1 \"x\"\ncandidate \"c\"\n", "f:6: candidate stands behind"},
		{head + "candidate c\n", "f:5: candidate: expected a quoted string"},
		{head + "probe a first good 1 \"x\"\n", "f:5: probe: expected a quoted string"},
		{head + "probe \"a\" later good 1 \"x\"\n", "f:5: probe: expected first or fresh, not \"later\""},
		{head + "probe \"a\" first fine 1 \"x\"\n", "f:5: probe: expected good, bad or skip, not \"fine\""},
		{head + "probe \"a\" first good NaN \"x\"\n", "f:5: probe: \"NaN\" is no number"},
		{head + "probe \"a\" first good 1 \"x\" y\n", "f:5: probe: expected a quoted string"},
		{head + "probe \"a\" first good 1 \"x\" \"y\" z\n", "f:5: probe: there is more"},
		{head + "probe \"a\" first good\n", "f:5: probe: expected first or fresh, a verdict"},
		{head + "probe \"a\" first good 1 \"x\"\nprobe \"a\" first bad 1 \"x\"\n", "f:6: probe: \"a\" is answered twice; remove the file"},
		{head + "fault a\n", "f:5: fault: expected"},
		{head + "guess\n", "f:5: expected question, candidate, probe or fault"},
	} {
		_, _, err := bisect.ParseLog("f", []byte(c.text))
		var bad *bisect.LogError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestLogOfAnother(t *testing.T) {
	l, _, err := bisect.ParseLog("f", []byte("umlab.bisect.log/v1\nquestion \"cell stock\"\nquestion \"until oops\"\ncandidate \"a\"\ncandidate \"b\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ question, names, want string }{
		{"cell stock,until oops", "a,b", ""},
		{"cell static-small@module,until oops", "a,b", "f:2: "},
		{"cell stock,until loaded", "a,b", "f:3: "},
		{"cell stock", "a,b", "f:3: "},
		{"cell stock,until oops,more", "a,b", "f:4: "},
		{"cell stock,until oops", "a,c", "f:5: "},
		{"cell stock,until oops", "a", "f:5: "},
		{"cell stock,until oops", "a,b,c", "f:5: "},
	} {
		got := l.Check(strings.Split(c.question, ","), strings.Split(c.names, ","), true)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.HasPrefix(got.Error(), c.want)) {
			t.Errorf("%s of %s: %v, want %q", c.question, c.names, got, c.want)
		}
	}
}

// A log that answers for what is not on the list was edited, or is another's.
func TestLogOfForeignProbe(t *testing.T) {
	text := "umlab.bisect.log/v1\nquestion \"q\"\ncandidate \"a\"\ncandidate \"b\"\nprobe \"a\" first good 1 \"x\"\nprobe \"c\" first good 1 \"x\"\n"
	l, _, err := bisect.ParseLog("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Check([]string{"q"}, []string{"a", "b"}, true); err == nil || !strings.HasPrefix(err.Error(), `f:6: probe: "c" is none of the candidates`) {
		t.Errorf("%v", err)
	}
	if err := l.Check([]string{"q"}, []string{"a", "b"}, false); err != nil {
		t.Errorf("of a list that is not known: %v", err)
	}
}

// What a log is damaged by may be long; a message shows its beginning, and what
// to do.
func TestLogErrorIsShort(t *testing.T) {
	for _, line := range []string{"%s", "question %s", "probe %s", "probe \"a\" %s good 1 \"x\"", "probe \"a\" first good 1 \"x\" \"y\" %s", "fault %s"} {
		text := "umlab.bisect.log/v1\nquestion \"q\"\n" + strings.Replace(line, "%s", strings.Repeat("é", 4000), 1) + "\n"
		_, _, err := bisect.ParseLog("f", []byte(text))
		if err == nil || len([]rune(err.Error())) > 200 || !strings.Contains(err.Error(), strings.Repeat("é", 30)) || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A side that a log answered for is named by its place there.
func TestFlakyOfLog(t *testing.T) {
	text := "umlab.bisect.log/v1\ncandidate \"a\"\ncandidate \"b\"\nprobe \"a\" first good 1 \"x\"\nprobe \"b\" first bad 1 \"y\"\nprobe \"b\" fresh good 1 \"z\"\n"
	for probed, want := range map[string]string{"good": "b is flaky: it was bad at first (y, by f:5), and good when it was asked again (z, by f:6)", "bad": "a is flaky: it was good at first (x, by f:4), and bad when it was asked again (seen): there"} {
		l, _, err := bisect.ParseLog("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s := bisect.Search{Chooser: &bisect.List{Names: []string{"a", "b"}}, Replay: l, Probe: func(context.Context, bisect.Point) (bisect.Answer, error) {
			return bisect.Answer{Verdict: bisect.Verdict(probed), Reason: "seen"}, nil
		}}
		_, err = s.Run(t.Context())
		var flaky *bisect.FlakyError
		if !errors.As(err, &flaky) || !flaky.Replayed() || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What lasts is not tried again.
func TestLasting(t *testing.T) {
	asked := 0
	s := bisect.Search{Chooser: &bisect.List{Names: []string{"a", "b"}},
		Lasts: func(err error) bool { return errors.Is(err, errFault) },
		Probe: func(context.Context, bisect.Point) (bisect.Answer, error) {
			asked++
			return bisect.Answer{}, errFault
		},
	}
	if _, err := s.Run(t.Context()); !errors.Is(err, errFault) || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// whereRead leaves out the lines that records were read from.
var whereRead = cmpopts.IgnoreUnexported(bisect.Record{})

// What is written is read again.
func TestLogRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &bisect.Log{Question: rapid.SliceOf(rapid.String()).Draw(t, "question"), Names: rapid.SliceOf(rapid.String()).Draw(t, "names")}
		text := l.Head()
		for i, name := range rapid.SliceOfDistinct(rapid.String(), rapid.ID).Draw(t, "probed") {
			r := bisect.Record{Name: name, Fresh: rapid.Bool().Draw(t, "fresh"), Seconds: float64(i) / 8,
				Answer: bisect.Answer{Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict"), Reason: rapid.String().Draw(t, "reason"), Data: rapid.String().Draw(t, "data")}}
			l.Records = append(l.Records, r)
			text += r.Line()
		}
		got, whole, err := bisect.ParseLog("f", []byte(text))
		if err != nil || whole != len(text) {
			t.Fatalf("%d of %d bytes: %v\n%s", whole, len(text), err, text)
		}
		if !slices.Equal(got.Question, l.Question) || !slices.Equal(got.Names, l.Names) || !cmp.Equal(got.Records, l.Records, cmpopts.EquateEmpty(), whereRead) {
			t.Fatalf("read %+v, wrote %+v", got, l)
		}
		if err := got.Check(l.Question, l.Names, false); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseLog(f *testing.F) {
	f.Add([]byte("umlab.bisect.log/v1\nquestion \"q\"\ncandidate \"a\"\nprobe \"a\" first good 1.500 \"loaded\"\nfault \"a\" 1 \"x\"\nprobe \"a\" fre"))
	f.Add([]byte("umlab.bisect.log/v1\ncandidate `a`\nprobe 'a' fresh skip 0x1p-2 \"\\xff\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, whole, err := bisect.ParseLog("f", data)
		if err != nil {
			return
		}
		if whole > len(data) || whole > 0 && data[whole-1] != '\n' {
			t.Fatalf("%d of %d bytes are whole", whole, len(data))
		}
		text := l.Head()
		for _, r := range l.Records {
			text += r.Line()
		}
		again, _, err := bisect.ParseLog("f", []byte(text))
		if err != nil {
			t.Fatalf("what was read of %q is not read again: %v", data, err)
		}
		for i := range again.Records {
			if d := again.Records[i].Seconds - l.Records[i].Seconds; d > 0.001 || d < -0.001 {
				t.Fatalf("%v s became %v s", l.Records[i].Seconds, again.Records[i].Seconds)
			}
			again.Records[i].Seconds = l.Records[i].Seconds
		}
		if diff := cmp.Diff(l.Records, again.Records, whereRead); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDurations(t *testing.T) {
	for seconds, want := range map[float64]string{0.04: "0.0 s", 9.94: "9.9 s", 9.96: "10 s", 119.4: "119 s", 119.6: "2 min", 7170: "2 h 0 min", 9000: "2 h 30 min"} {
		e := bisect.Event{Kind: bisect.Stepped, Step: bisect.Step{Seconds: seconds, Answer: bisect.Answer{Verdict: bisect.Good}}}
		if got := bisect.Trace(e); !strings.HasSuffix(got, ": good, "+want) {
			t.Errorf("%v s: %s, want %s", seconds, got, want)
		}
	}
}

// The time left is what the steps so far took, by the injected clock.
func TestWait(t *testing.T) {
	clock := time.Unix(0, 0)
	var waits []float64
	s := bisect.Search{Chooser: &bisect.List{Names: []string{"a", "b"}},
		Now: func() time.Time { return clock },
		Probe: func(_ context.Context, p bisect.Point) (bisect.Answer, error) {
			if p.Name == "a" {
				clock = clock.Add(time.Minute)
				return bisect.Answer{Verdict: bisect.Good}, nil
			}
			clock = clock.Add(2 * time.Minute)
			return bisect.Answer{Verdict: bisect.Bad}, nil
		},
		On: func(e bisect.Event) {
			if e.Kind == bisect.Stepped {
				waits = append(waits, e.Step.Wait)
			}
		},
	}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{180, 180, 80, 0}, waits); diff != "" {
		t.Errorf("-want +got seconds left:\n%s", diff)
	}
}
