package toolchain

import (
	"os"
	"testing"

	"umlab/harness/sandbox"
)

// TestMain lets the test binary be the init of its own sandboxes.
func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}
