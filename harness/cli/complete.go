package cli

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"umlab/harness"
	"umlab/harness/usage"
)

// names are the choices that the configuration gives. One that cannot be read has none here; whatever is run says why.
func (a *App) names() harness.Choices {
	if a.choices == nil {
		c, _ := harness.NewChoices(a.Project, a.own())
		a.choices = &c
	}
	return *a.choices
}

func (a *App) subarches() []string { return a.names().Subarches }

func (a *App) trees() ([]string, string) { return a.names().Trees, strings.Join(a.names().Trees, ", ") }
func (a *App) series() ([]string, string) {
	return a.names().Series, strings.Join(a.names().Series, ", ")
}
func (a *App) scenarios() ([]string, string) {
	return a.names().Scenarios, strings.Join(a.names().Scenarios, ", ")
}

// toolchains offers the members of series by the name of it: who they are, only the network tells.
func (a *App) toolchains() ([]string, string) {
	c := a.names()
	offers := append([]string{}, c.Toolchains...)
	return append(offers, c.Series...), strings.Join(c.Toolchains, ", ") + "; series " + strings.Join(c.Series, ", ")
}

// of are the choices of a scenario: of the usual one where the flag -scenario= is not there, or is wrong.
func (a *App) of(scenario string) (cells, placements, modules []string) {
	cells, placements, modules, err := harness.ScenarioChoices(a.Project, a.own(), scenario)
	if err != nil {
		cells, placements, modules, _ = harness.ScenarioChoices(a.Project, a.own(), "")
	}
	return cells, placements, modules
}

func (a *App) cells() ([]string, string) {
	cells, _, _ := a.of(a.scenario)
	return cells, ""
}

func (a *App) placements() ([]string, string) {
	_, places, _ := a.of(a.scenario)
	return places, strings.Join(places, ", ")
}

func (a *App) modules() ([]string, string) {
	_, _, modules := a.of(a.scenario)
	return append(modules, "all"), ""
}

// completeFlag completes the value of a flag: the last name of a list, or a file.
func (a *App) completeFlag(f flag) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if s := c.Flags().Lookup("scenario"); s != nil {
			a.scenario = s.Value.String()
		}
		var names []string
		switch {
		case f.choices != nil:
			names = f.choices()
		case f.offers != nil:
			names, _ = f.offers()
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if f.path {
			directive = cobra.ShellCompDirectiveDefault
		}
		before := ""
		if at := strings.LastIndex(typed, ","); at >= 0 && strings.HasSuffix(f.takes, ",…") {
			before = typed[:at+1]
		}
		var list []cobra.Completion
		for _, n := range names {
			if strings.HasPrefix(before+n, typed) {
				list = append(list, before+n)
			}
		}
		return list, directive
	}
}

// completeCell completes the name of a cell, and behind a colon that of a placement.
func (a *App) completeCell(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cells, places, _ := a.of(c.Flags().Lookup("scenario").Value.String())
	if cell, _, ok := strings.Cut(typed, ":"); ok {
		cells = nil
		for _, p := range places {
			cells = append(cells, cell+":"+p)
		}
	}
	return cells, cobra.ShellCompDirectiveNoFileComp
}

// completes reports whether a shell asks for completions.
func completes(args []string) bool {
	return len(args) > 1 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// complete answers a shell that asks for completions of the last of args.
func (a *App) complete(ctx context.Context, root *cobra.Command, args []string) error {
	before, typed := args[1:len(args)-1], args[len(args)-1]
	flagOf := ""
	if n := len(before); n > 0 && isValue(typed) { // typed may be the value of the word before it
		if name, given := parted(before[n-1]); len(name) > 1 && !given {
			if f := anywhere(root, name); f != nil && f.NoOptDefVal == "" {
				flagOf, before = "--"+name, before[:n-1]
			}
		}
	}
	line, err := a.arrange(root, before)
	if err != nil {
		return nil // nothing completes what is wrong already
	}
	line = append([]string{args[0]}, line...)
	if line[len(line)-1] == "--" {
		line = line[:len(line)-1]
	} else { // arguments stand behind it
		for i, w := range line {
			if w == "--" {
				line = append(line[:i:i], line[i+1:]...)
				break
			}
		}
	}
	one := isOne(typed)
	if one {
		typed = "-" + typed
	}
	if flagOf != "" {
		line = append(line, flagOf)
	}
	var out bytes.Buffer
	root.SetArgs(append(line, typed))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(ctx); err != nil {
		return &usage.Error{Err: err}
	}
	for l := range strings.Lines(out.String()) {
		if one && strings.HasPrefix(l, "--") {
			l = l[1:]
		}
		if _, err := io.WriteString(a.Stdout, l); err != nil {
			return err
		}
	}
	return nil
}

// isOne reports whether a flag begins with one hyphen.
func isOne(typed string) bool {
	return strings.HasPrefix(typed, "-") && !strings.HasPrefix(typed, "--") && len(typed) > 1
}

// completionTarget prints what a shell needs to complete umlab's command line.
func (a *App) completionTarget(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	t := a.newTarget("completion", "bash|zsh|fish", "prints what a shell needs to complete targets, flags and names",
		"bash, with its package bash-completion: source <(umlab completion bash). zsh: umlab completion zsh >DIRECTORY-OF-$fpath/_umlab. "+
			"fish: umlab completion fish >~/.config/fish/completions/umlab.fish.", exactly("the name of your shell"))
	t.ValidArgsFunction = cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp)
	t.RunE = func(c *cobra.Command, args []string) error {
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(c.OutOrStdout(), true)
		case "zsh":
			return root.GenZshCompletion(c.OutOrStdout())
		case "fish":
			return root.GenFishCompletion(c.OutOrStdout(), true)
		}
		return usage.Errorf("completion knows %s, not %q%s", strings.Join(shells, ", "), args[0], usage.Meant(args[0], shells))
	}
	return t.Command
}
