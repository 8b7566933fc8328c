package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/usage"
)

// What says that a fleet is meant, where no flag does.
const (
	joinVariable  = "UMLAB_JOIN"
	cacheVariable = "UMLAB_CACHE"
)

// join adds the flag of a target whose work others can do.
func (t *target) join() {
	t.text(&t.app.joined, flag{name: "join", takes: "URL", once: true, offers: fixed(harness.Local),
		means: "workers do it, which take it from the queue of this server, nats://HOST; local is this process alone; " +
			"default: UMLAB_JOIN, else this machine does it"})
}

func (a *App) worker() *target {
	var o harness.WorkerOptions
	t := a.newTarget("worker", "", "takes cells from the queue of a fleet, builds and boots them, and answers, until it is ended",
		"Ctrl-C gives back what it has. NATS_CREDS names a file of credentials, NATS_CA, NATS_CERT and NATS_KEY files for tls://.", exactly())
	t.join()
	t.jobs(&o.Jobs)
	t.RunE = func(c *cobra.Command, _ []string) error {
		switch a.joining {
		case "":
			return usage.Errorf("worker needs the address of a queue: -join=nats://HOST, or %s", joinVariable)
		case harness.Local:
			return usage.Errorf("-join=%s has its workers itself: give -join=nats://HOST, or %[1]s to the target that plans", harness.Local)
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Work(ctx, o) })
	}
	return t
}

func (a *App) queue() *target {
	var empty bool
	t := a.newTarget("queue", "", "shows what waits in the queue of a fleet, who works, and what was answered in two ways", "", exactly())
	t.join()
	t.toggle(&empty, flag{name: "empty", means: "take all tasks out of it; answers stay, and what is being done is finished"})
	t.RunE = func(c *cobra.Command, _ []string) error {
		if a.joining == "" {
			return usage.Errorf("queue needs its address: -join=nats://HOST, -join=%s, or %s", harness.Local, joinVariable)
		}
		return a.in(c.Context(), func(ctx context.Context, l *harness.Lab) error { return l.Queue(ctx, empty) })
	}
	return t
}

// watchAlone refuses -watch with workers.
func (a *App) watchAlone() error {
	return usage.Errorf("-watch is of this machine, and not for workers of %s: leave -join= out, and unset %s", a.joining, joinVariable)
}

// joins is the address of the queue that a target works with; "" for none.
func (a *App) joins(c *cobra.Command) string {
	switch {
	case c.Flags().Lookup("join") == nil:
		return ""
	case a.joined != "":
		return a.joined
	}
	return a.Getenv(joinVariable)
}

// cached are the targets that make use of a cache.
var cached = []string{"matrix", "explain", "boot", "verify", "bisect", "minimise", "zoo", "nightly", "new", "fetch", "worker", "cache"}

// needsEngine says why a target needs what only umlab-fleet has; "" where it does not.
func (a *App) needsEngine(c *cobra.Command) string {
	switch {
	case slices.Contains([]string{"worker", "queue", "cache"}, c.Name()):
		return c.Name()
	case a.joins(c) != "" && a.joined != "":
		return "-join=" + a.joined
	case a.joins(c) != "":
		return joinVariable
	case a.Getenv(cacheVariable) != "" && slices.Contains(cached, c.Name()):
		return cacheVariable
	}
	return ""
}

// FleetProgram is what the program with the engine is called.
const FleetProgram = "umlab-fleet"

// FaceOf is the face that a program was started with as another one's: it stands where its name would.
func FaceOf(name string) Face {
	if name == Mage.Program {
		return Mage
	}
	return Installed
}

// becomeFleet goes on in the program that has the engine, with the same arguments, terminal and face. It returns only what went wrong.
func (a *App) becomeFleet(ctx context.Context, why string) error {
	program, err := a.fleetProgram(ctx, why)
	if err != nil {
		return err
	}
	err = syscall.Exec(program, append([]string{a.Program}, a.args...), os.Environ())
	return fmt.Errorf("start %s: %w", program, err)
}

// fleetProgram is the program that has the engine: it lies beside this one, or Go makes it in umlab's checkout.
func (a *App) fleetProgram(ctx context.Context, why string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	beside := filepath.Join(filepath.Dir(self), FleetProgram)
	if info, err := os.Stat(beside); !a.Developer && err == nil && info.Mode().IsRegular() {
		return beside, nil
	}
	if !a.Developer && !checkout(a.Dir) {
		return "", usage.Errorf("%s needs %s, which is not beside %s: `go tool mage install` puts both where Go installs programs",
			why, FleetProgram, self)
	}
	slow := time.AfterFunc(2*time.Second, func() {
		fmt.Fprintf(a.Stderr, "%s needs %s, which is compiled now: a minute or two the first time\n", why, FleetProgram)
	})
	defer slow.Stop()
	c := exec.CommandContext(ctx, "go", "tool", "-n", FleetProgram)
	c.Dir, c.Stderr = a.Dir, a.Stderr
	said, err := c.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("compile %s: go tool -n %[1]s: %w", FleetProgram, err)
	}
	return strings.TrimSpace(string(said)), nil
}

// checkout reports whether a directory is of umlab's checkout.
func checkout(dir string) bool {
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		switch {
		case err == nil:
			return strings.HasPrefix(string(text), "module umlab\n")
		case !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir):
			return false
		}
		dir = filepath.Dir(dir)
	}
}
