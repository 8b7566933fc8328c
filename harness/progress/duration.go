package progress

import (
	"fmt"
	"time"
)

// Duration is d as people read it: "0.41 s", "18.3 s", "4 min 32 s", "1 h 05 min".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0.0 s"
	case d < 995*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute-50*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
}
