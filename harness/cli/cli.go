// Package cli is umlab's command line: its targets, arguments and flags, each described once, for the program umlab and for
// Mage. It imports harness and what names the choices there are; it never builds, boots or judges.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"umlab/harness"
	"umlab/harness/report/doc"
	"umlab/harness/result"
	"umlab/harness/usage"
)

// Face is one way in which umlab is called.
type Face struct {
	Program   string // as it is typed: "umlab", "go tool mage"
	List      string // what lists the targets
	Developer bool   // it stands in umlab's checkout: with the targets of who works on umlab, and without a kernel tree around it
}

// The faces that there are.
var (
	Installed = Face{Program: "umlab", List: "umlab -h"}
	Mage      = Face{Program: "go tool mage", List: "go tool mage -l", Developer: true}
)

// App is the command line with what it works on.
type App struct {
	Face
	Project        fs.FS               // configs/, scenarios/, rootfs/
	Getenv         func(string) string // os.Getenv
	Dir            string              // that it was called in
	Stdin          *os.File
	Stdout, Stderr *os.File
	Engine         *harness.Engine // nil: another program has it, see becomeFleet

	args           []string // as they were given
	joined         string   // of -join=
	joining        string   // the queue that the target works with
	cpus           int      // that -jobs= says; 0: all
	quiet, verbose bool
	say            []string // that progress begins with
	added          []string // flags that nobody typed and that repeat what was found
	choices        *harness.Choices
	described      map[*pflag.Flag]flag
	scenario       string // whose cells are completed
}

// New is the command line of this process.
func New(f Face) *App {
	dir, err := os.Getwd()
	if err != nil {
		dir = "." // whoever needs it, fails then
	}
	return &App{Face: f, Project: project, Getenv: os.Getenv, Dir: dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		described: map[*pflag.Flag]flag{}}
}

// leave is how long what runs may take to end in good order.
const leave = 10 * time.Second

// Main runs a command line and returns its exit code, see ExitCodes. An interrupt ends what runs, so that it can go on
// later; a second one ends this process at once.
func (a *App) Main(args []string) (code int) {
	defer func() {
		if wrong := recover(); wrong != nil { // else the runtime exits with 2, the code of the user's own mistakes
			fmt.Fprintf(a.Stderr, "Error: umlab itself failed, please report it with what follows: %v\n%s", wrong, debug.Stack())
			code = result.ExitInfra
		}
	}()
	debug.SetTraceback("crash") // what the runtime itself ends umlab with, or a goroutine's panic, is a signal: else it has that code, too
	if err := room(); err != nil {
		return a.tell(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// A reader that left is an error of writing, which has an exit code; a signal has none.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		cancel()
		select {
		case <-signals:
		case <-time.After(leave): // something waits that hears of no context, as for standard input
		}
		os.Exit(a.tell(context.Canceled))
	}()
	return a.tell(a.run(ctx, args))
}

// run runs a command line.
func (a *App) run(ctx context.Context, args []string) error {
	root := a.root()
	a.args = args
	if completes(args) {
		return a.complete(ctx, root, args)
	}
	args, err := a.arrange(root, args)
	if err != nil {
		return err
	}
	root.SetArgs(args)
	out := &harness.Checked{To: a.Stdout}
	root.SetOut(out)
	if err := root.ExecuteContext(ctx); err != nil {
		return err
	}
	return out.Err()
}

// tell prints what went wrong, each mistake by itself, and returns the exit code.
func (a *App) tell(err error) int {
	code := harness.ExitCode(err)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stderr, "Error: "+harness.Interrupted)
	default:
		for _, one := range usage.Flatten(err) {
			fmt.Fprintln(a.Stderr, "Error: "+clean(one.Error()))
		}
	}
	return code
}

// clean is a text of several lines, each as doc.Clean has it: it may name what a build left or a server said.
func clean(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = doc.Clean(l)
	}
	return strings.Join(lines, "\n")
}

// root is the whole command line.
func (a *App) root() *cobra.Command {
	cobra.EnableCommandSorting = false // it is cobra's only way to keep the order of targets
	root := &cobra.Command{
		Use: a.Program, Short: "umlab reproduces a kernel bug end to end in User-Mode Linux",
		SilenceErrors: true, SilenceUsage: true, Version: "x", DisableFlagsInUseLine: true,
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: a.Program},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(c *cobra.Command, _ []string) error { return a.printHelp(c) },
	}
	root.PersistentFlags().SortFlags = false
	t := &target{app: a, Command: root}
	t.persistent = true
	t.toggle(&a.quiet, flag{name: "quiet", short: "q", once: true, means: "no progress: results and errors alone"})
	t.toggle(&a.verbose, flag{name: "verbose", short: "v", once: true,
		means: "progress also shows each command that is run, and where its output lies"})
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if a.quiet && a.verbose {
			return usage.Errorf("-q shows no progress and -v more of it: give one of them")
		}
		a.joining = a.joins(c)
		if jobs := c.Flags().Lookup("jobs"); jobs != nil {
			a.cpus, _ = strconv.Atoi(jobs.Value.String()) // it is none where it was not given
		}
		if why := a.needsEngine(c); why != "" && a.Engine == nil {
			return a.becomeFleet(c.Context(), why)
		}
		return nil
	}
	root.SetVersionTemplate(a.version())
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { _ = a.printHelp(c) })
	root.SetUsageFunc(a.printHelp)
	for _, c := range a.targets() {
		root.AddCommand(c.Command)
	}
	root.SetHelpCommand(a.helpTarget(root))
	root.InitDefaultHelpCmd()
	root.AddCommand(a.completionTarget(root))
	root.SetErr(a.Stderr)
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	return root
}

// targets are all targets, in the order of help.
func (a *App) targets() []*target {
	list := []*target{
		a.matrix(), a.explain(), a.boot(), a.verify(), a.bisect(), a.minimise(), a.runs(), a.report(), a.history(),
		a.zoo(), a.nightly(), a.classify(), a.new(), a.fetch(), a.doctor(), a.clean(), a.fsck(), a.worker(), a.queue(), a.cache(),
	}
	if a.Developer {
		list = append(list, a.install(), a.test(), a.bench(), a.lint())
	}
	return list
}

func (a *App) unknownTarget(root *cobra.Command, name string) error {
	return usage.Errorf("unknown target %q%s (%s lists them)", name, usage.Meant(name, targetNames(root)), a.List)
}

// targetNames are the targets, without those that are not shown.
func targetNames(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// options are those of the lab that a target works in.
func (a *App) options() harness.Options {
	return harness.Options{
		Project: a.Project, Getenv: a.Getenv, Stdout: a.Stdout, Stderr: a.Stderr, Program: a.Program, Quiet: a.quiet,
		Verbose: a.verbose || a.Developer && a.Getenv("MAGEFILE_VERBOSE") == "1", Say: a.say, Own: a.own(),
		Engine: a.Engine, Join: a.joining, CPUs: a.cpus,
	}
}

// in runs a flow in a lab of its own, for as long as Mage's -t= allows.
func (a *App) in(ctx context.Context, flow func(context.Context, *harness.Lab) error) error {
	ctx, cancel, err := a.within(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return harness.Run(a.options(), func(l *harness.Lab) error {
		defer l.Share(ctx)
		return flow(l.Trace(ctx), l)
	})
}

// within is a context that ends when Mage's -t= wants it.
func (a *App) within(ctx context.Context) (context.Context, context.CancelFunc, error) {
	limit := a.Getenv("MAGEFILE_TIMEOUT")
	if !a.Developer || limit == "" {
		return ctx, func() {}, nil
	}
	d, err := time.ParseDuration(limit)
	if err != nil {
		return nil, nil, usage.Errorf("-t=%s: %w", limit, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("the time that -t=%s gives has run out", limit))
	return ctx, cancel, nil
}

// words joins what is not empty.
func words(list ...string) string {
	var out []string
	for _, w := range list {
		if w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

var errEmpty = errors.New("it is empty: give a value, or leave the flag out")
