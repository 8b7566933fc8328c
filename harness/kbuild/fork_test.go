package kbuild

import (
	"fmt"
	"runtime"
	"testing"
)

// A build that has all CPUs to itself has those that its user gave.
func TestJobs(t *testing.T) {
	for _, tt := range []struct {
		cpus, jobs int
		want       string
	}{{2, 0, "-j2"}, {2, 1, "-j1"}, {0, 1, "-j1"}, {0, 0, fmt.Sprintf("-j%d", runtime.NumCPU()+1)}} {
		if got := (&Builder{CPUs: tt.cpus}).jobs(Request{Jobs: tt.jobs}); got != tt.want {
			t.Errorf("%d CPUs, %d jobs: %s, want %s", tt.cpus, tt.jobs, got, tt.want)
		}
	}
}
