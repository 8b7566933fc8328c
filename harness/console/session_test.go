package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patient limits are never reached by a guest that works; the tests judge by type, not by time.
func patient() Limits {
	return Limits{Boot: time.Minute, Command: time.Minute, Silence: time.Minute, Halt: time.Minute, Total: 2 * time.Minute}
}

func begin(t *testing.T, mode string, l Limits) *Session {
	t.Helper()
	g, master := start(t, mode)
	s, err := open(t.Context(), master, g, l, 5*time.Second, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Close() })
	return s
}

func TestTranscriptIsByteExact(t *testing.T) {
	s := begin(t, "good", patient())
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Do(t.Context(), "insmod", "rust_minimal", "insmod /modules/rust_minimal.ko")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Halt(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Close()
	if err != nil {
		t.Fatal(err)
	}
	want := "Linux version 0.0\numlab: ready\n" +
		"\numlab[1]: begin insmod rust_minimal\nran <insmod /modules/rust_minimal.ko>\n\numlab[1]: end insmod rust_minimal status=0\n" +
		"\numlab[2]: begin halt\nreboot: Power down\n"
	if d := cmp.Diff(want, string(got.Bytes)); d != "" {
		t.Errorf("transcript: %s", d)
	}
	if got.End != (End{Kind: Halted}) {
		t.Errorf("end = %+v", got.End)
	}
	if r != (Reply{}) {
		t.Errorf("reply = %+v", r)
	}
}

// output is what stands between the begin and the end line of a step.
func output(t *testing.T, transcript []byte, number int) string {
	t.Helper()
	_, rest, begun := strings.Cut(string(transcript), fmt.Sprintf("\numlab[%d]: begin insmod m\n", number))
	text, _, ended := strings.Cut(rest, fmt.Sprintf("umlab[%d]: end insmod m status=0\n", number))
	if !begun || !ended {
		t.Errorf("step %d is not in %.500q", number, transcript)
	}
	return text
}

func TestStepsThatWork(t *testing.T) {
	for _, tc := range []struct {
		mode   string
		output func(string) bool
		oops   string
	}{
		{mode: "byte-by-byte", output: func(o string) bool { return o == "out\n\n" }},
		{mode: "forger", output: func(o string) bool { return strings.Count(o, "status=7") == 5 }},
		{mode: "deaf-once", output: func(o string) bool { return o == "ran <true>\n\n" }},
		{mode: "stuck", output: func(o string) bool { return o == "\n" }},
		{mode: "oops", output: func(o string) bool { return strings.Contains(o, "page fault") }, oops: "<4>BUG: unable to handle page fault"},
		{mode: "ten-megabytes", output: func(o string) bool { return len(o) == 10<<20+1 }},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			s := begin(t, tc.mode, patient())
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			steps := 2
			if tc.mode == "ten-megabytes" {
				steps = 1 // two would be a flood
			}
			for i := range steps {
				r, err := s.Do(t.Context(), "insmod", "m", "true")
				if err != nil {
					t.Fatalf("step %d: %v", i+1, err)
				}
				if want := (Reply{Oops: tc.oops}); r != want {
					t.Errorf("step %d: %+v, want %+v", i+1, r, want)
				}
			}
			if err := s.Halt(t.Context()); err != nil {
				t.Fatal(err)
			}
			tr, err := s.Close()
			if err != nil || tr.End.Kind != Halted {
				t.Errorf("close: %v, %+v", err, tr.End)
			}
			for i := range steps {
				if out := output(t, tr.Bytes, i+1); !tc.output(out) {
					t.Errorf("step %d: %.500q", i+1, out)
				}
			}
		})
	}
}

func TestGuestsThatFail(t *testing.T) {
	short := func(set func(*Limits)) Limits {
		l := patient()
		set(&l)
		return l
	}
	const step = "insmod m"
	itself := Exit{Code: -1, Signal: 15}
	killed := Exit{Code: -1, Signal: 9}
	for _, tc := range []struct {
		mode   string
		name   string // of the test, where mode is not enough
		limits Limits
		want   End // but for Err
		last   string
	}{
		{mode: "never-ready", limits: short(func(l *Limits) { l.Silence = 50 * time.Millisecond }),
			want: End{Silent, StageBoot, "", killed, nil}},
		{mode: "never-ready-chatter", limits: short(func(l *Limits) { l.Boot = 200 * time.Millisecond }),
			want: End{TimedOut, StageBoot, "", killed, nil}},
		{mode: "never-ready-chatter", name: "total", limits: short(func(l *Limits) { l.Total = 200 * time.Millisecond }),
			want: End{TimedOut, StageBoot, "", killed, nil}},
		{mode: "boot-panic", limits: short(func(l *Limits) { l.Halt = 50 * time.Millisecond }),
			want: End{Panicked, StageBoot, "", killed, nil}},
		{mode: "boot-exit", want: End{Exited, StageBoot, "", Exit{Code: 3}, nil}},
		{mode: "flood", limits: short(func(l *Limits) { l.Bytes = 100_000 }),
			want: End{Flooded, StageBoot, "", killed, nil}},
		{mode: "silent", limits: short(func(l *Limits) { l.Silence = 2 * time.Second }),
			want: End{Silent, StageCommand, step, killed, nil}, last: "umlab[1]: begin insmod m\n"},
		{mode: "chatter", limits: short(func(l *Limits) { l.Command = 300 * time.Millisecond }),
			want: End{TimedOut, StageCommand, step, killed, nil}},
		{mode: "step-exit", want: End{Exited, StageCommand, step, Exit{Code: 3}, nil}},
		{mode: "panic", want: End{Panicked, StageCommand, step, itself, nil}, last: " [<60>] ? die+0x0/0x0\n"},
		{mode: "panic-hang", limits: short(func(l *Limits) { l.Halt = 50 * time.Millisecond }),
			want: End{Panicked, StageCommand, step, killed, nil}, last: "after\n"},
		{mode: "halt-hang", limits: short(func(l *Limits) { l.Halt = 300 * time.Millisecond }),
			want: End{TimedOut, StageHalt, "", killed, nil}},
		{mode: "halt-crash", want: End{Exited, StageHalt, "", Exit{Code: 139}, nil}},
	} {
		t.Run(tc.mode+tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.limits == (Limits{}) {
				tc.limits = patient()
			}
			s := begin(t, tc.mode, tc.limits)
			err := s.Ready(t.Context())
			if tc.want.Stage == StageBoot == (err == nil) {
				t.Fatalf("Ready: %v", err)
			}
			if err == nil {
				_, err = s.Do(t.Context(), "insmod", "m", "true")
				if tc.want.Stage == StageCommand == (err == nil) {
					t.Fatalf("Do: %v", err)
				}
			}
			if err == nil {
				err = s.Halt(t.Context())
			} else if _, again := s.Do(t.Context(), "rmmod", "m", "true"); again != err {
				t.Errorf("a step after %v: %v", err, again)
			}
			tr, closeErr := s.Close()
			if closeErr != nil {
				t.Fatalf("Close: %v", closeErr)
			}
			for _, err := range []error{err, tr.End.Err} {
				if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Kind != tc.want.Kind) {
					t.Errorf("error of another kind than %s: %v", tc.want.Kind, err)
				}
			}
			if tr.End.Err == nil {
				t.Error("the end has no error")
			}
			tr.End.Err = nil
			if d := cmp.Diff(tc.want, tr.End); d != "" {
				t.Errorf("end: %s", d)
			}
			if !strings.HasSuffix(string(tr.Bytes), tc.last) {
				t.Errorf("transcript ends with %.100q, want %q", tr.Bytes[max(0, len(tr.Bytes)-100):], tc.last)
			}
			if tc.mode == "flood" && len(tr.Bytes) != 100_000 {
				t.Errorf("kept %d bytes", len(tr.Bytes))
			}
		})
	}
}

func TestCancelKills(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g, master := start(t, "chatter")
	s, err := Open(ctx, master, g, patient())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	go cancel()
	_, err = s.Do(ctx, "insmod", "m", "true")
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Killed || !errors.Is(err, context.Canceled) {
		t.Errorf("Do: %v", err)
	}
	tr, err := s.Close()
	if err != nil || tr.End.Kind != Killed || tr.End.Exit.Signal != 9 {
		t.Errorf("Close: %v, %+v", err, tr.End)
	}
}

func TestCloseWithoutHaltKills(t *testing.T) {
	s := begin(t, "good", patient())
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	tr, err := s.Close()
	if err != nil || tr.End.Kind != Killed || tr.End.Stage != StageIdle {
		t.Errorf("Close: %v, %+v", err, tr.End)
	}
	again, err := s.Close()
	if err != nil || string(again.Bytes) != string(tr.Bytes) {
		t.Errorf("second Close: %v, %+v", err, again.End)
	}
	if err := s.Halt(t.Context()); err == nil {
		t.Error("Halt after Close succeeds")
	}
}

func TestSomethingElseHoldsTheConsole(t *testing.T) {
	g, master := start(t, "halt-leaves-child")
	s, err := open(t.Context(), master, g, patient(), 100*time.Millisecond, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Halt(t.Context()); err != nil {
		t.Fatal(err)
	}
	tr, err := s.Close()
	if err != nil || tr.End.Kind != Halted {
		t.Errorf("Close: %v, %+v", err, tr.End)
	}
}

func TestUnknownExitIsInfra(t *testing.T) {
	g, master := start(t, "boot-exit")
	g.waitErr = os.ErrPermission
	s, err := Open(t.Context(), master, g, patient())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err == nil {
		t.Error("Ready succeeds")
	}
	tr, err := s.Close()
	if h, ok := errors.AsType[*Error](err); !ok || h.Kind != Infra || !errors.Is(err, os.ErrPermission) || tr.End.Kind != Infra {
		t.Errorf("Close: %v, %+v", err, tr.End)
	}
}

func TestBadArgumentsAreNotSent(t *testing.T) {
	s := begin(t, "good", patient())
	if _, err := s.Do(t.Context(), "insmod", "m", "true"); err == nil {
		t.Error("a step before Ready succeeds")
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range [][3]string{
		{"", "m", "true"}, {"in smod", "m", "true"}, {"insmod", "-", "true"}, {"insmod", "a b", "true"}, {"insmod", "a;b", "true"},
		{"insmod", "m", "true\n2 halt - poweroff"}, {"insmod", "m", "\x04"}, {"insmod", "m", strings.Repeat("x", 3000)},
	} {
		if _, err := s.Do(t.Context(), tc[0], tc[1], tc[2]); err == nil {
			t.Errorf("%.40q is sent", tc)
		}
	}
	if _, err := s.Do(t.Context(), "modules", "", "cat /proc/modules"); err != nil {
		t.Errorf("a step after bad ones: %v", err)
	}
	tr, err := s.Close()
	if err != nil || !strings.Contains(string(tr.Bytes), "ran <cat /proc/modules>") {
		t.Errorf("a step after bad ones: %v, %q", err, tr.Bytes)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&Error{Kind: TimedOut, Stage: StageBoot, After: time.Second}, "guest: no ready line (boot) within 1s; raise the deadline if the machine is that slow"},
		{&Error{Kind: TimedOut, Stage: StageCommand, Step: "insmod m", After: time.Second, Total: true},
			`guest: session of 1s is over while waiting for end of step "insmod m"; raise the deadline if the machine is that slow`},
		{&Error{Kind: Silent, Stage: StageHalt, After: time.Second},
			"guest: printed nothing for 1s while waiting for end of the console (halt): it hangs, or the machine is very slow"},
		{&Error{Kind: Exited, Stage: StageIdle, Exit: Exit{Code: -1, Signal: 6}}, "guest: ended with signal 6 while waiting for next step; the transcript's last lines say why"},
		{&Error{Kind: Exited, Stage: StageBoot, Exit: Exit{Code: 1}}, "guest: ended with exit status 1 while waiting for ready line (boot); the transcript's last lines say why"},
		{&Error{Kind: Panicked, Stage: StageBoot, Panic: "Kernel panic - not syncing: x"}, "guest: Kernel panic - not syncing: x, while waiting for ready line (boot)"},
		{&Error{Kind: Flooded, Stage: StageBoot, Limit: 5}, "guest: printed more than 5 bytes while waiting for ready line (boot) and was stopped"},
		{&Error{Kind: Killed}, "guest: killed: the session was closed before the guest was halted"},
		{&Error{Kind: Infra, Doing: "read", Err: os.ErrClosed}, "console: read: file already closed"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
