package progress

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{-1: "0.0 s", 0: "0.00 s", 410 * time.Millisecond: "0.41 s", 996 * time.Millisecond: "1.0 s",
		18310 * time.Millisecond: "18.3 s", 59960 * time.Millisecond: "1 min 00 s", 272 * time.Second: "4 min 32 s",
		3599600 * time.Millisecond: "1 h 00 min", 65 * time.Minute: "1 h 05 min"} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}
