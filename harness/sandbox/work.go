package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockWork makes the upper and work directories of all overlays ready, and takes a lock on each for the lifetime of
// the sandbox: what two overlays make of one upper directory is undefined.
func lockWork(s *spec) (locks []*os.File, err error) {
	defer func() {
		if err != nil {
			unlock(locks)
		}
	}()
	for _, l := range s.Layers {
		if l.Upper == "" {
			continue
		}
		for _, dir := range []string{l.Upper, l.Work} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return locks, &stageError{stage: stageOverlay, path: l.Target, err: err}
			}
		}
		f, err := os.Open(l.Work)
		if err != nil {
			return locks, &stageError{stage: stageOverlay, path: l.Target, err: err}
		}
		locks = append(locks, f)
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return locks, &stageError{stage: stageOverlay, path: l.Target, err: unix.EBUSY,
				hint: "another sandbox is using " + l.Work + ": wait for it, or give this one directories of its own"}
		}
	}
	return locks, nil
}

func unlock(locks []*os.File) {
	for _, f := range locks {
		f.Close()
	}
}
