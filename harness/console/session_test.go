package console

import (
	"context"
	"errors"
	"os"
	"reflect"
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
	s, err := open(t.Context(), master, g, l, 5*time.Second)
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
	if got.End != (End{Kind: Halted}) || got.Oops != nil || got.Panic != nil {
		t.Errorf("end = %+v, oops %v, panic %v", got.End, got.Oops, got.Panic)
	}
	if string(r.Output) != "ran <insmod /modules/rust_minimal.ko>\n\n" || r.Status != 0 || r.Oops != nil {
		t.Errorf("reply = %+v", r)
	}
	if span := want[r.Begin:r.End]; !strings.HasPrefix(span, "umlab[1]: begin") || !strings.HasSuffix(span, "status=0\n") {
		t.Errorf("reply spans %q", span)
	}
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
		{mode: "oops", output: func(o string) bool { return strings.Contains(o, "page fault") }, oops: "<4>BUG: unable to handle page fault"},
		{mode: "ten-megabytes", output: func(o string) bool { return len(o) == 10<<20+1 }},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			s := begin(t, tc.mode, patient())
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				r, err := s.Do(t.Context(), "insmod", "m", "true")
				if err != nil {
					t.Fatalf("step %d: %v", i+1, err)
				}
				ok := tc.output(string(r.Output))
				if tc.mode == "ten-megabytes" {
					r.Output = nil
				}
				if !ok || r.Status != 0 {
					t.Errorf("step %d: %.500q, status %d", i+1, r.Output, r.Status)
				}
				if (r.Oops != nil) != (tc.oops != "") || (r.Oops != nil && r.Oops.Line != tc.oops) {
					t.Errorf("step %d: oops = %+v, want %q", i+1, r.Oops, tc.oops)
				}
				if tc.mode == "ten-megabytes" {
					break // two would be a flood
				}
			}
			if err := s.Halt(t.Context()); err != nil {
				t.Fatal(err)
			}
			tr, err := s.Close()
			if err != nil || tr.End.Kind != Halted {
				t.Errorf("close: %v, %+v", err, tr.End)
			}
			if (tr.Oops != nil) != (tc.oops != "") {
				t.Errorf("oops = %+v", tr.Oops)
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
		want   End // Err: only its type counts
		last   string
	}{
		{mode: "never-ready", limits: short(func(l *Limits) { l.Silence = 50 * time.Millisecond }),
			want: End{Silent, StageBoot, "", killed, &SilenceError{}}},
		{mode: "never-ready-chatter", limits: short(func(l *Limits) { l.Boot = 200 * time.Millisecond }),
			want: End{TimedOut, StageBoot, "", killed, &TimeoutError{}}},
		{mode: "never-ready-chatter", name: "total", limits: short(func(l *Limits) { l.Total = 200 * time.Millisecond }),
			want: End{TimedOut, StageBoot, "", killed, &TimeoutError{}}},
		{mode: "boot-panic", limits: short(func(l *Limits) { l.Halt = 50 * time.Millisecond }),
			want: End{Panicked, StageBoot, "", killed, &PanicError{}}},
		{mode: "boot-exit", want: End{Exited, StageBoot, "", Exit{Code: 3}, &ExitError{}}},
		{mode: "flood", limits: short(func(l *Limits) { l.Bytes = 100_000 }),
			want: End{Flooded, StageBoot, "", killed, &FloodError{}}},
		{mode: "silent", limits: short(func(l *Limits) { l.Silence = 2 * time.Second }),
			want: End{Silent, StageCommand, step, killed, &SilenceError{}}, last: "umlab[1]: begin insmod m\n"},
		{mode: "chatter", limits: short(func(l *Limits) { l.Command = 300 * time.Millisecond }),
			want: End{TimedOut, StageCommand, step, killed, &TimeoutError{}}},
		{mode: "step-exit", want: End{Exited, StageCommand, step, Exit{Code: 3}, &ExitError{}}},
		{mode: "panic", want: End{Panicked, StageCommand, step, itself, &PanicError{}}, last: " [<60>] ? die+0x0/0x0\n"},
		{mode: "panic-hang", limits: short(func(l *Limits) { l.Halt = 50 * time.Millisecond }),
			want: End{Panicked, StageCommand, step, killed, &PanicError{}}, last: "after\n"},
		{mode: "halt-hang", limits: short(func(l *Limits) { l.Halt = 300 * time.Millisecond }),
			want: End{TimedOut, StageHalt, "", killed, &TimeoutError{}}},
		{mode: "halt-crash", want: End{Exited, StageHalt, "", Exit{Code: 139}, &ExitError{}}},
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
			if err != nil && reflect.TypeOf(err) != reflect.TypeOf(tc.want.Err) {
				t.Errorf("error is a %T, want a %T: %v", err, tc.want.Err, err)
			}
			if reflect.TypeOf(tr.End.Err) != reflect.TypeOf(tc.want.Err) {
				t.Errorf("end is a %T, want a %T: %v", tr.End.Err, tc.want.Err, tr.End.Err)
			}
			tr.End.Err, tc.want.Err = nil, nil
			if d := cmp.Diff(tc.want, tr.End); d != "" {
				t.Errorf("end: %s", d)
			}
			if !strings.HasSuffix(string(tr.Bytes), tc.last) {
				t.Errorf("transcript ends with %.100q, want %q", tr.Bytes[max(0, len(tr.Bytes)-100):], tc.last)
			}
			if (tr.Panic != nil) != (tr.End.Kind == Panicked) {
				t.Errorf("panic = %+v", tr.Panic)
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
	var k *KilledError
	if !errors.As(err, &k) || !errors.Is(err, context.Canceled) {
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
	s, err := open(t.Context(), master, g, patient(), 100*time.Millisecond)
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
	var h *HostError
	if !errors.As(err, &h) || !errors.Is(err, os.ErrPermission) || tr.End.Kind != Infra {
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
	r, err := s.Do(t.Context(), "modules", "", "cat /proc/modules")
	if err != nil || !strings.Contains(string(r.Output), "ran <cat /proc/modules>") {
		t.Errorf("a step after bad ones: %v, %q", err, r.Output)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{&TimeoutError{Stage: StageBoot, After: time.Second}, "guest: no ready line (boot) within 1s; raise the deadline if the machine is that slow"},
		{&TimeoutError{Stage: StageCommand, Step: "insmod m", After: time.Second, Total: true},
			`guest: session of 1s is over while waiting for end of step "insmod m"; raise the deadline if the machine is that slow`},
		{&SilenceError{Stage: StageHalt, After: time.Second},
			"guest: printed nothing for 1s while waiting for end of the console (halt): it hangs, or the machine is very slow"},
		{&ExitError{Stage: StageIdle, Exit: Exit{Code: -1, Signal: 6}}, "guest: ended with signal 6 while waiting for next step; the transcript's last lines say why"},
		{&ExitError{Stage: StageBoot, Exit: Exit{Code: 1}}, "guest: ended with exit status 1 while waiting for ready line (boot); the transcript's last lines say why"},
		{&PanicError{Stage: StageBoot, Event: Event{Line: "Kernel panic - not syncing: x"}}, "guest: Kernel panic - not syncing: x, while waiting for ready line (boot)"},
		{&FloodError{Stage: StageBoot, Limit: 5}, "guest: printed more than 5 bytes while waiting for ready line (boot) and was stopped"},
		{&KilledError{}, "guest: killed: the session was closed before the guest was halted"},
		{&HostError{Doing: "read", Err: os.ErrClosed}, "console: read: file already closed"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%T says %q, want %q", tc.err, got, tc.want)
		}
	}
}
