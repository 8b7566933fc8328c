package harness_test

import "umlab/harness"

// initSandbox lets the test binary be the init of its own sandboxes.
func initSandbox() { harness.Init() }
