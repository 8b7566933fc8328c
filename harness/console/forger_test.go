package console

import (
	"regexp"
	"testing"
	"time"
)

// TestModulesCannotForge: what a module prints of the protocol without the token
// moves nothing, and each session has a token of its own.
func TestModulesCannotForge(t *testing.T) {
	token := regexp.MustCompile(`umlab\[1\.([0-9a-f]{16})\]: begin`)
	var seen []string
	for range 2 {
		g, master := start(t, "module-forger")
		s, err := Open(t.Context(), master, g, patient())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if r, err := s.Do(t.Context(), "insmod", "m", "true"); err != nil || r != (Reply{}) {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if err := s.Halt(t.Context()); err != nil {
			t.Error(err)
		}
		tr, err := s.Close()
		if err != nil || tr.End.Kind != Halted {
			t.Errorf("%+v, %v", tr.End, err)
		}
		m := token.FindSubmatch(tr.Bytes)
		if m == nil {
			t.Fatalf("no token in %q", tr.Bytes)
		}
		seen = append(seen, string(m[1]))
	}
	if seen[0] == seen[1] {
		t.Errorf("both sessions have the token %s", seen[0])
	}
}

// TestProcessesCannotPanic: a line that reads like a panic ends a session only where the
// guest does not go on.
func TestProcessesCannotPanic(t *testing.T) {
	for mode, want := range map[string]Kind{"says-panic": Halted, "panic": Panicked, "panic-hang": Panicked} {
		g, master := start(t, mode)
		l := patient()
		if mode == "panic-hang" {
			l.Halt = 50 * time.Millisecond
		}
		s, err := Open(t.Context(), master, g, l)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err = s.Do(t.Context(), "step", "a", "true"); err == nil {
			err = s.Halt(t.Context())
		}
		tr, closed := s.Close()
		if closed != nil || tr.End.Kind != want || (err == nil) != (want == Halted) {
			t.Errorf("%s: %+v, %v, %v", mode, tr.End, err, closed)
		}
	}
}
