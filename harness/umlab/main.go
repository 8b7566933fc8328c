// Command umlab reproduces kernel bugs in User-Mode Linux, from any directory; see README.md. It imports harness and
// harness/cli, and does nothing itself.
package main

import (
	"os"

	"umlab/harness"
	"umlab/harness/cli"
)

func main() {
	harness.Init()
	os.Exit(cli.New(cli.Installed).Main(os.Args[1:]))
}
