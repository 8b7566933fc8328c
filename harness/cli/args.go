package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"umlab/harness/usage"
)

// arrange brings a command line into the one form that is parsed: the target first, then its flags as --name or
// --name=value, then its arguments. A flag may have one hyphen or two, its value behind an equals sign or as the next
// word, and may stand anywhere.
func (a *App) arrange(root *cobra.Command, args []string) ([]string, error) {
	target := root
	if at := targetAt(root, args); at >= 0 {
		if target, _, _ = root.Find(args[at : at+1]); target == root || target == nil {
			return nil, a.unknownTarget(root, args[at])
		}
		args = slices.Delete(slices.Clone(args), at, at+1)
	}
	var flags, rest []string
	if target != root {
		flags = append(flags, target.Name())
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		long, given := parted(arg)
		if long == "" {
			rest = append(rest, arg)
			continue
		}
		f := lookup(target, long)
		switch {
		case len(long) == 1:
			flags = append(flags, arg)
		case given || f == nil || f.NoOptDefVal != "":
			flags = append(flags, "--"+strings.TrimLeft(arg, "-"))
		case i+1 < len(args) && isValue(args[i+1]):
			i++
			flags = append(flags, "--"+long+"="+args[i])
		default:
			return nil, usage.Errorf("-%s needs a value: -%[1]s=%s", long, a.described[f].takes)
		}
	}
	return slices.Concat(flags, []string{"--"}, rest), nil
}

// parted is the name of the flag that a word is, "" where it is none, and whether it has a value.
func parted(arg string) (name string, given bool) {
	if len(arg) < 2 || arg[0] != '-' || arg[1] >= '0' && arg[1] <= '9' {
		return "", false
	}
	name, _, given = strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	return name, given
}

// isValue reports whether the word behind a flag is its value, and not another flag.
func isValue(arg string) bool {
	name, _ := parted(arg)
	return name == ""
}

// targetAt is where in args the first word stands that is neither a flag nor the value of one; -1 for nowhere.
func targetAt(root *cobra.Command, args []string) int {
	for i := 0; i < len(args); i++ {
		name, given := parted(args[i])
		switch {
		case args[i] == "--":
			return -1
		case name == "":
			return i
		case given || len(name) == 1:
		default:
			if f := anywhere(root, name); f != nil && f.NoOptDefVal == "" {
				i++
			}
		}
	}
	return -1
}

// lookup is the flag of that name that a command takes, or nil.
func lookup(c *cobra.Command, name string) *pflag.Flag {
	if f := c.Flags().Lookup(name); f != nil {
		return f
	}
	return c.Root().PersistentFlags().Lookup(name)
}

// anywhere is the flag of that name that some target takes, one with a value before a switch; nil for none.
func anywhere(root *cobra.Command, name string) (found *pflag.Flag) {
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if f := lookup(c, name); f != nil && (found == nil || f.NoOptDefVal == "") {
			found = f
		}
	}
	return found
}
