// Command umlab-fleet is umlab with the engine of a fleet: the queue between machines, and the cache that they share. umlab starts it
// where that is asked for, see package cli. It imports harness, harness/cli and the engine, and does nothing itself.
package main

import (
	"context"
	"os"

	"umlab/harness"
	"umlab/harness/cache/oci"
	"umlab/harness/cli"
	"umlab/harness/fleet"
	"umlab/harness/fleet/jetstream"
)

func main() {
	harness.Init()
	a := cli.New(cli.FaceOf(os.Args[0]))
	a.Engine = &harness.Engine{Queue: queue, Registry: oci.Open}
	os.Exit(a.Main(os.Args[1:]))
}

func queue(ctx context.Context, at harness.QueueAt) (fleet.Queue, error) {
	o, err := jetstream.Options{Where: at.Address, Store: at.Store, Say: at.Note, Name: cli.FleetProgram}.Env(at.Getenv)
	if err != nil {
		return nil, err
	}
	return jetstream.Open(ctx, o)
}
