package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"umlab/harness/progress/display"
	"umlab/harness/usage"
)

// printHelp prints the help of a target, or of all.
func (a *App) printHelp(c *cobra.Command) error {
	_, err := io.WriteString(c.OutOrStdout(), a.help(c, a.width()))
	return err
}

// width is how wide lines of help may be.
func (a *App) width() int {
	_, _, width := display.Terminal(a.Stdout, a.Getenv)
	return min(max(width, 60), 110)
}

// help is the help of a target, or of all.
func (a *App) help(c *cobra.Command, width int) string {
	var b bytes.Buffer
	if c.HasParent() {
		fmt.Fprintf(&b, "%s %s %s\n\n", a.Program, c.Name(), c.Short)
		form, flags := "", a.flagHelp(c, width)
		if flags != "" {
			form, flags = " [flags]", "\nFlags:\n"+flags
		}
		fmt.Fprintf(&b, "Usage: %s%s\n", c.UseLine(), form)
		b.WriteString(fold("", c.Long, width))
		b.WriteString(flags)
		return b.String()
	}
	fmt.Fprintf(&b, "%s.\n\nUsage: %s TARGET [arguments] [flags]; %[2]s TARGET -h shows those of one\n\n", c.Short, a.Program)
	for _, t := range c.Commands() {
		if !t.Hidden {
			b.WriteString(fold(pad("  "+t.Name(), 14), t.Short, width))
		}
	}
	b.WriteString("\nFlags of all targets:\n")
	for _, line := range everywhere {
		b.WriteString(fold(pad("  "+line[0], 17), line[1], width))
	}
	b.WriteString("\nA flag is -name=value, --name=value or --name value, before or behind the arguments.\n\n" + exitHelp(width))
	return b.String()
}

// everywhere are the flags that each target has.
var everywhere = [][2]string{
	{"-h, --help", "what a target does, and its flags"},
	{"-q, --quiet", "no progress: results and errors alone"},
	{"-v, --verbose", "progress also shows each command that is run, and where its output lies"},
	{"--version", "revision, Go, and the schemas of what -json= writes"},
}

// flagHelp has one entry a flag of a target's own: its form, meaning, default and choices.
func (a *App) flagHelp(c *cobra.Command, width int) (entries string) {
	const column = 24
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		d, ok := a.described[f]
		if f.Hidden || !ok || c.Root().PersistentFlags().Lookup(f.Name) != nil {
			return
		}
		form := "  -" + f.Name
		if d.takes != "" {
			form += "=" + d.takes
		}
		means := d.means
		if d.offers != nil {
			if _, names := d.offers(); names != "" {
				means += " (" + names + ")"
			}
		}
		entries += fold(pad(form, column), means, width)
	})
	return entries
}

// fold writes text behind a head, the lines after the first under the first.
func fold(head, text string, width int) string {
	if text == "" {
		return ""
	}
	indent := strings.Repeat(" ", utf8.RuneCountInString(head))
	line, out := head, ""
	for i, w := range strings.Fields(text) {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			out += line + "\n"
			line = indent + w
			continue
		}
		if i > 0 {
			line += " "
		}
		line += w
	}
	return out + line + "\n"
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(1, n-utf8.RuneCountInString(s)))
}

// helpTarget is the target help.
func (a *App) helpTarget(root *cobra.Command) *cobra.Command {
	t := a.newTarget("help", "[TARGET | exit-codes]", "shows the targets, one of them, or what exit codes mean", "", cobra.MaximumNArgs(1))
	topics := func() []string { return append(targetNames(root), "exit-codes") }
	t.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return topics(), cobra.ShellCompDirectiveNoFileComp
	}
	t.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return a.printHelp(root)
		}
		if args[0] == "exit-codes" {
			_, err := io.WriteString(c.OutOrStdout(), exitHelp(a.width()))
			return err
		}
		about, _, err := root.Find(args)
		if err != nil || about == root {
			return usage.Errorf("help knows no %q%s", args[0], usage.Meant(args[0], topics()))
		}
		return a.printHelp(about)
	}
	return t.Command
}
