package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"umlab/harness/usage"
)

// flag describes one flag of a target: all that help, completion and the test of README know of it.
type flag struct {
	name, short string
	also        string // the same in singular or plural; "" for none
	takes       string // what stands for the value in help: "NAME"; "" for a switch
	means       string // and what holds without it
	path        bool   // of a file, so that ~/ is the home directory
	once        bool   // it is of this run and not of what it finds: a command that finds it again leaves it out

	choices func() []string           // that a value is one of; nil where others are possible
	offers  func() ([]string, string) // that completion offers, besides files, and that help names; nil for none
}

// value is a flag's value: text that set takes.
type value struct {
	set    func(text string) error
	text   string
	every  []string // of a flag that may be given again: all of its values
	isBool bool
}

// Set takes the value that was given.
func (v *value) Set(text string) error {
	if text == "" {
		return errEmpty
	}
	return v.set(text)
}

// String is the value as it can be given again.
func (v *value) String() string { return v.text }

// Type is what pflag calls the kind of the value.
func (v *value) Type() string {
	if v.isBool {
		return "bool"
	}
	return "string"
}

// target is a command with its flags.
type target struct {
	*cobra.Command
	app        *App
	persistent bool // its flags are those of the targets below it
}

func (t *target) set() *pflag.FlagSet {
	if t.persistent {
		return t.PersistentFlags()
	}
	return t.Flags()
}

// add adds a flag; pflag panics where two have one name.
func (t *target) add(f flag, v *value) {
	t.set().SortFlags = false
	p := t.set().VarPF(v, f.name, f.short, f.means)
	t.app.described[p] = f
	if v.isBool {
		p.NoOptDefVal = "true"
	}
	names := []string{f.name}
	if f.also != "" {
		also := t.set().VarPF(v, f.also, "", f.means)
		also.Hidden = true
		t.app.described[also] = f
		names = append(names, f.also)
	}
	for _, name := range names {
		if err := t.RegisterFlagCompletionFunc(name, t.app.completeFlag(f)); err != nil {
			panic(err) // the flag was added above
		}
	}
}

// takeText is the value of a flag with one text.
func (t *target) takeText(to *string, f flag) *value {
	v := &value{}
	v.set = func(text string) error {
		if f.path {
			text = t.app.expand(text)
		}
		if f.choices != nil && !slices.Contains(f.choices(), text) {
			return fmt.Errorf("give one of %s%s", strings.Join(f.choices(), ", "), usage.Meant(text, f.choices()))
		}
		v.text, *to = text, text
		return nil
	}
	return v
}

func (t *target) text(to *string, f flag) { t.add(f, t.takeText(to, f)) }

// output adds a flag for a file that a result is written to, which changes nothing of the result.
func (t *target) output(to *string, f flag) {
	f.path, f.once = true, true
	t.add(f, t.takeText(to, f))
}

// one adds a flag with a name of which there may be only one; where a list could be meant elsewhere, it says so.
func (t *target) one(to *string, f flag) {
	v := t.takeText(to, f)
	take := v.set
	v.set = func(text string) error {
		if strings.Contains(text, ",") && !exists(t.app.expand(text)) {
			return fmt.Errorf("%s takes one %s, and these are several", t.Name(), strings.ToLower(strings.SplitN(f.takes, ",", 2)[0]))
		}
		return take(text)
	}
	t.add(f, v)
}

// list adds a flag with names between commas; given again, it adds more.
func (t *target) list(to *[]string, f flag) {
	v := &value{}
	v.set = func(text string) error {
		names := []string{text}
		if !f.path || !exists(t.app.expand(text)) { // else the comma is of the path
			names = strings.Split(text, ",")
		}
		for _, name := range names {
			if name == "" {
				return errors.New("a name between its commas is empty")
			}
			if f.path {
				name = t.app.expand(name)
			}
			*to = append(*to, name)
		}
		v.text = strings.Join(*to, ",")
		return nil
	}
	t.add(f, v)
}

// texts adds a flag that may be given again, each time with one text.
func (t *target) texts(to *[]string, f flag) {
	v := &value{}
	v.set = func(text string) error {
		*to = append(*to, text)
		v.text, v.every = text, *to
		return nil
	}
	t.add(f, v)
}

// number adds a flag with a whole number of at least least.
func (t *target) number(to *int, least int, f flag) {
	v := &value{}
	v.set = func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least {
			return fmt.Errorf("give a number, %d or more", least)
		}
		v.text, *to = text, n
		return nil
	}
	t.add(f, v)
}

// toggle adds a flag that is on where it stands.
func (t *target) toggle(to *bool, f flag) {
	v := &value{isBool: true}
	v.set = func(text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("it is a switch: give it without a value")
		}
		v.text, *to = strconv.FormatBool(on), on
		return nil
	}
	t.add(f, v)
}

// expand puts the home directory where a path begins with ~/: shells do not do that behind an equals sign.
func (a *App) expand(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if home := a.Getenv("HOME"); ok && home != "" && (rest == "" || rest[0] == '/') {
		return filepath.Join(home, rest)
	}
	return path
}

func exists(path string) bool {
	path, _, _ = strings.Cut(path, "#")
	_, err := os.Lstat(path)
	return err == nil
}

// flagError says what is wrong with a flag, in the form that README uses.
func (a *App) flagError(c *cobra.Command, err error) error {
	var none *pflag.NotExistError
	var lacks *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &none):
		given := none.GetSpecifiedName()
		if s := none.GetSpecifiedShortnames(); s != "" {
			given = s
		}
		hint := ""
		if n := usage.Nearest(given, flagNames(c)); n != "" {
			hint = "; did you mean -" + n + "?"
		}
		return usage.Errorf("%s has no flag -%s%s (%s -h lists them)", c.Name(), given, hint, c.CommandPath())
	case errors.As(err, &lacks):
		return usage.Errorf("-%s needs a value: -%[1]s=%s", lacks.GetSpecifiedName(), a.described[lacks.GetFlag()].takes)
	case errors.As(err, &bad):
		return usage.Errorf("-%s=%s: %w", bad.GetFlag().Name, bad.GetValue(), errors.Unwrap(bad))
	}
	return &usage.Error{Err: err}
}

// flagNames are all names of flags that a command takes.
func flagNames(c *cobra.Command) (names []string) {
	visit := func(f *pflag.Flag) { names = append(names, f.Name) }
	c.LocalFlags().VisitAll(visit)
	c.InheritedFlags().VisitAll(visit)
	return names
}
